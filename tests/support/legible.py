"""A voice whose sound can be read: what was heard, and what of its words came along, is known to the word.

Every word that is spoken has a number of its own, and its sound is that number in every sample. So a loudspeaker knows
which words it has played, and a tap on the wire which words have come, as sound and as text.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from livegraph.liveapi import decode_server
from livegraph.liveapi.link import Link
from livegraph.pipeline import SECOND, AudioFrame
from livegraph.processors.gemini_live.link_tap import LinkTap
from support.conversation import Loudspeaker

__all__ = ["FIRST", "Ear", "LegibleVoice", "Tap", "Unrepeated", "numbers"]

Pcm = npt.NDArray[np.int16]

RATE = 24_000
FIRST = 1_000
"""Numbers begin here: what is less is silence."""
_LETTER = RATE // 15
_SYLLABLES = ("ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu")


def numbers(samples: Pcm) -> Iterator[tuple[int, int]]:
    """The words in a piece of sound: the number of each, and at which sample it begins."""
    starts = np.flatnonzero(np.diff(samples, prepend=np.int16(0)))
    for at in starts.tolist():
        if samples[at] >= FIRST:
            yield int(samples[at]), at


class LegibleVoice:
    """Fifteen letters a second, whatever they are. ``words`` has each that it was asked for, by number."""

    def __init__(self) -> None:
        self.words: dict[int, str] = {}

    def warm_up(self) -> None:
        """There is nothing to load."""

    def speak(self, text: str, voice_name: str = "") -> Iterator[Pcm]:
        """See ``Voice.speak``."""
        yield self.speak_sentence(text)

    def speak_sentence(self, sentence: str, voice_name: str = "") -> Pcm:
        """See ``Voice.speak_sentence``."""
        pieces = []
        for word in sentence.split():
            number = FIRST + len(self.words)
            self.words[number] = word
            pieces.append(np.full(_LETTER * (len(word) + 1), number, np.int16))
        return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


class Unrepeated:
    """A template for answers of which no word was ever said before; it stands for one of a script's."""

    def __init__(self, count: Iterator[int], words: int) -> None:
        self._count = count
        self._words = words

    def fill(self, values: Mapping[str, object], instead: str | None = None) -> str:
        """Another answer, in sentences of up to seven words."""
        syllables = itertools.cycle(_SYLLABLES)
        left, spoken = self._words, []
        while left:
            made = [f"{next(syllables)}{next(self._count)}" for _ in range(min(left, 7))]
            spoken.append(" ".join(made).capitalize() + ".")
            left -= len(made)
        return " ".join(spoken)


class Ear(Loudspeaker):
    """Notes what was heard of each turn, and when it began to be."""

    def __init__(self, *, keeps: bool = False) -> None:
        super().__init__(keeps=keeps)
        self.heard: dict[int, list[int]] = {}
        """Of each turn the numbers of its words, in the order in which they were heard."""
        self.began_ns: dict[int, int] = {}
        self._flushed_ns = 0

    def flush(self, turn: int) -> None:
        """Nothing of it is heard from now on."""
        super().flush(turn)
        self._flushed_ns = self.call.clock.now_ns()

    async def on_sound(self, frame: AudioFrame) -> None:
        """Play it; what is cut off meanwhile was not heard."""
        began_ns = max(self.call.clock.now_ns(), self._until_ns)
        await super().on_sound(frame)
        until_ns = self._flushed_ns if frame.turn <= self._void else began_ns + frame.duration_ns
        said = self.heard.setdefault(int(frame.turn), [])
        self.began_ns.setdefault(int(frame.turn), began_ns)
        for number, at in numbers(frame.samples):
            if began_ns + at * SECOND // RATE < until_ns and (not said or said[-1] != number):
                said.append(number)


class _Tapped:
    """A link whose messages are looked at as they are taken."""

    def __init__(self, link: Any, tap: Tap) -> None:
        self._link = link
        self._tap = tap
        self._connection = tap.connections

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    async def recv(self) -> str | bytes:
        raw: str | bytes = await self._link.recv()
        self._tap.note(self._connection, raw)
        return raw


class Tap(LinkTap):
    """What has come over the wire, by connection."""

    def __init__(self) -> None:
        self.connections = 0
        self.written: dict[int, Counter[str]] = {}
        """Of each connection the words that came as text."""
        self.notes: list[str] = []
        """What the model wrote where it was to speak."""
        self.connection: dict[int, int] = {}
        """By which connection the sound of a word came, by its number."""

    def wrap(self, link: Link) -> Link:
        self.connections += 1
        self.written[self.connections] = Counter()
        wrapped: Any = _Tapped(link, self)
        return wrapped  # type: ignore[no-any-return]

    def note(self, connection: int, raw: str | bytes) -> None:
        """A message has come."""
        try:
            content = decode_server(raw).server_content
        except ValueError:
            return
        if content is None:
            return
        if content.output_transcription is not None:
            self.written[connection].update(content.output_transcription.text.split())
        for part in content.model_turn.parts if content.model_turn is not None else ():
            if part.text and not part.thought:
                self.notes.append(part.text)
            if part.inline_data is not None:
                for number, _ in numbers(np.frombuffer(part.inline_data.data, "<i2")):
                    self.connection.setdefault(number, connection)
