"""Who said what: pieces of text become utterances, told as frames and events and kept as history.

What the agent says is told when its sound is heard, and an utterance that was cut holds what was heard of it.
Transcript frames carry no turn number: what was said stays said when its turn is interrupted.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator

from ....pipeline.events import Transcript
from ....pipeline.frames import Role, TranscriptFrame
from ....pipeline.running.context import CallContext
from ....pipeline.units import SECOND
from .history import History, HistoryEntry
from .pacing import SpeakingRate, SpokenWords

__all__ = ["AgentTranscript", "UserTranscript"]

Emit = Callable[[TranscriptFrame], None]

_LONG = 2_000
_TOO_LONG = 4_000
"""Characters of an utterance that nobody ends: it ends with a sentence, or then in any case."""


class _Teller:
    """Tells of utterances of one role, which are numbered from 1 in each call, whoever tells of them."""

    def __init__(self, call: CallContext, emit: Emit, history: History, role: Role) -> None:
        self._call = call
        self._emit = emit
        self._history = history
        self._role: Role = role
        self._numbers: Iterator[int] = call.shelf.setdefault(("utterances", role), itertools.count(1))

    def number(self) -> int:
        return next(self._numbers)

    def piece(self, utterance: int, piece: str, whole: str, turn: int) -> None:
        self._emit(TranscriptFrame(self._role, piece, time_ns=self._call.clock.now_ns()))
        self.publish(utterance, whole, turn, final=False)

    def final(
        self, utterance: int, whole: str, turn: int, *, interrupted: bool = False, place: int | None = None
    ) -> None:
        """It is whole. ``place``: where in the history it belongs; ``None``: at its end."""
        whole = whole.strip()
        now_ns = self._call.clock.now_ns()
        self._emit(TranscriptFrame(self._role, whole, final=True, interrupted=interrupted, time_ns=now_ns))
        if whole:
            time_s = round(now_ns / SECOND, 3)
            entry = HistoryEntry(self._role, whole, interrupted, time_s=time_s)
            self._history.insert(self._history.place if place is None else place, entry)
        self.publish(utterance, whole, turn, final=True, interrupted=interrupted)

    def more(self, utterance: int, before: str, piece: str, turn: int) -> None:
        """Words of an utterance that was taken for whole, ``before``: they join it."""
        now_ns = self._call.clock.now_ns()
        whole = f"{before}{piece}".strip()
        self._emit(TranscriptFrame(self._role, piece, time_ns=now_ns))
        self._emit(TranscriptFrame(self._role, piece.strip(), final=True, time_ns=now_ns))
        self._history.amend(self._role, before.strip(), whole)
        self.publish(utterance, whole, turn, final=True)

    def publish(
        self, utterance: int, text: str, turn: int, *, final: bool, interrupted: bool = False
    ) -> None:
        if self._call.events.wants(Transcript):
            self._call.events.publish(
                Transcript(
                    time_ns=self._call.clock.now_ns(),
                    role=self._role,
                    utterance=utterance,
                    text=text.strip(),
                    final=final,
                    turn=turn,
                    interrupted=interrupted,
                )
            )


class UserTranscript:
    """What the user says and writes.

    ``whole``: the service tells utterances in one piece, not in fragments.
    """

    def __init__(
        self,
        call: CallContext,
        emit: Emit,
        history: History,
        *,
        whole: bool = False,
    ) -> None:
        self._teller = _Teller(call, emit, history, "user")
        self._whole = whole
        self._utterance = 0
        self._text = ""
        self._late = False
        self._history = history
        self._place = 0

    @property
    def under_way(self) -> list[HistoryEntry]:
        """What has been said of an utterance that is not whole."""
        return [HistoryEntry("user", self._text.strip())] if self._text.strip() else []

    def add(self, piece: str, *, late: bool = False) -> None:
        """A piece to append. ``late``: it came after the answer to it."""
        if not self._text and not piece.strip():
            return
        self._late = late if not self._text else self._late and late
        if self._text and self._apart(piece):
            piece = f" {piece}"
        self._text += piece
        self._teller.piece(self._number(), piece, self._text, 0)
        sentence = self._text.rstrip().endswith((".", "!", "?"))
        if len(self._text) > (_LONG if sentence else _TOO_LONG):
            self.end()

    def answering(self) -> None:
        """The model begins to answer: words that are told later were said before this."""
        self.end()
        self._place = self._history.place

    def preview(self, guess: str) -> None:
        """What the user may be saying beyond what is certain."""
        if guess.strip():
            self._teller.publish(self._number(), self._text + guess, 0, final=False)

    def end(self) -> None:
        """The utterance is whole. Without one this does nothing."""
        if self._text:
            self._teller.final(self._number(), self._text, 0, place=self._place if self._late else None)
            self._utterance, self._text = 0, ""

    def wrote(self, text: str) -> None:
        """An utterance of its own that came as text."""
        self.end()
        self._teller.final(self._number(), text, 0)
        self._utterance = 0

    def _apart(self, piece: str) -> bool:
        """Whether ``piece`` begins another utterance, though nothing had said that the one before was over."""
        if self._text[-1].isspace() or not piece[:1].isalnum():
            return False
        return self._whole or (self._text[-1] in ".!?" and piece[:1].isupper())

    def _number(self) -> int:
        # One that was only ever guessed at keeps its number for what was really said.
        self._utterance = self._utterance or self._teller.number()
        return self._utterance


class _Utterance:
    """What the agent says in one turn."""

    __slots__ = (
        *(
            "again",
            "broken",
            "ends_ns",
            "foreign",
            "heard",
            "number",
            "releasing",
            "said",
            "scheduled",
            "words",
        ),
    )

    def __init__(self, number: int, rate: SpeakingRate, *, foreign: bool = False) -> None:
        self.number = number
        self.said = ""
        self.heard = ""
        self.words = SpokenWords(rate)
        self.ends_ns: int | None = None
        """Length of the turn's sound, once no more words follow."""
        self.scheduled = self.releasing = self.again = False
        self.broken = False
        """Whether the model had more to say."""
        self.foreign = foreign
        """Whether its words so far may be the last ones of the turn before, which was cut."""

    def begins_with(self, piece: str) -> bool:
        """Whether ``piece`` is where its own words begin: nothing joins it to those before."""
        before = self.said[-1:]
        joined = not before or before.isspace() or not piece[:1].isalnum()
        return self.foreign and not joined and (piece[0].isupper() or before in ".!?")


class AgentTranscript:
    """What the agent says, as it is heard. ``changed`` is set when an utterance is over."""

    def __init__(
        self,
        call: CallContext,
        emit: Emit,
        history: History,
        changed: asyncio.Event | None = None,
    ) -> None:
        self._call = call
        self._changed = changed or asyncio.Event()
        self._teller = _Teller(call, emit, history, "agent")
        self._rate = SpeakingRate()
        self._open: dict[int, _Utterance] = {}
        self.broken_at = ""
        """What was said of the utterance that broke off last, up to its last sound."""
        self._last: tuple[int, int, str] = (0, 0, "")
        """Turn, number and text of the utterance that was whole last."""
        self._cut = False
        """Whether the newest one that is over was cut."""

    @property
    def unheard(self) -> bool:
        """Whether an utterance has not been heard to its end."""
        return bool(self._open)

    @property
    def under_way(self) -> list[HistoryEntry]:
        """What has been heard of utterances that are not whole."""
        heard = [utterance.heard.strip() for utterance in self._open.values()]
        return [HistoryEntry("agent", text, interrupted=True) for text in heard if text]

    def add(self, turn: int, piece: str, at_ns: int | None) -> None:
        """A piece that came when the sound of ``turn`` was ``at_ns`` long; ``None``: it has no sound."""
        utterance = self._open.get(turn)
        if utterance is None:
            # A turn's first words have no space in front of them; the last ones of another that come late do.
            foreign = self._cut and piece[:1].isspace()
            utterance = self._open[turn] = _Utterance(self._teller.number(), self._rate, foreign=foreign)
        elif utterance.begins_with(piece):
            # What came before was said in a turn that nobody hears any more.
            utterance.said = utterance.heard = ""
            utterance.words.restart()
            utterance.foreign = False
        if utterance.said[-1:] in (".", "!", "?") and piece[:1].isalnum():
            # Late words of the turn before, or of this one: two sentences never join without a space.
            piece = f" {piece}"
        utterance.said += piece
        if at_ns is None:
            self._heard(turn, utterance, piece)
            return
        utterance.words.add(piece, at_ns)
        self._schedule(turn, utterance)

    def late(self, turn: int, piece: str, at_ns: int) -> None:
        """The last words of a turn that is complete, and perhaps heard."""
        if turn in self._open:
            self.add(turn, piece, at_ns)
            return
        last, number, text = self._last
        if turn == last:
            if text[-1:] in (".", "!", "?") and piece[:1].isalnum():
                piece = f" {piece}"
            self._teller.more(number, text, piece, turn)
            self._last = (turn, number, text + piece)
        else:
            # It had no words before.
            self.add(turn, piece, at_ns)
            self.end(turn, at_ns)

    def generated(self, turn: int, sound_ns: int) -> None:
        """All of the turn is there: where its words are heard is known better from now on."""
        utterance = self._open.get(turn)
        if utterance is not None and sound_ns:
            utterance.words.whole(sound_ns, worded=False)

    def end(self, turn: int, at_ns: int, *, broken: bool = False) -> None:
        """The turn has no more words; it is whole when its sound, ``at_ns`` long, has been heard.

        ``broken``: the model had more to say, so that its words may run ahead of the last sound.
        """
        utterance = self._open.get(turn)
        if utterance is None:
            return
        utterance.broken = broken
        if at_ns and broken:
            dropped = utterance.words.broken(at_ns)
            self.broken_at = utterance.said.removesuffix(dropped)
            utterance.ends_ns = at_ns
            self._schedule(turn, utterance)
        elif at_ns:
            utterance.words.whole(at_ns)
            utterance.ends_ns = at_ns
            self._schedule(turn, utterance)
        else:
            # Nothing will be played of it: nobody would ever report it as heard.
            utterance.heard = utterance.said
            self._finish(turn)

    def cut(self, turn: int) -> None:
        """Turns up to ``turn`` are void: what was heard of them is all."""
        for number in [number for number in self._open if number <= turn]:
            self._finish(number, interrupted=True)

    def _schedule(self, turn: int, utterance: _Utterance) -> None:
        """Have the next word told when its sound is heard, or the end of the utterance."""
        place_ns = utterance.words.next_ns if utterance.words else utterance.ends_ns
        if place_ns is None or utterance.scheduled:
            return
        utterance.scheduled = True
        self._call.conversation.say(turn, place_ns, lambda: self._release(turn, utterance, place_ns))

    def _release(self, turn: int, utterance: _Utterance, place_ns: int) -> None:
        """The sound of ``turn`` has been heard up to ``place_ns``."""
        utterance.scheduled = False
        if utterance.releasing:
            # Called back at once, by the loop below.
            utterance.again = True
            return
        utterance.releasing = True
        while self._open.get(turn) is utterance:
            utterance.again = False
            words = utterance.words
            if not words:
                if utterance.ends_ns is not None:
                    self._finish(turn)
                break
            piece = words.pop()
            while words and (next_ns := words.next_ns) is not None and next_ns <= place_ns:
                piece += words.pop()
            self._heard(turn, utterance, piece)
            self._schedule(turn, utterance)
            if not utterance.again:
                break
        utterance.releasing = False

    def _heard(self, turn: int, utterance: _Utterance, piece: str) -> None:
        utterance.heard += piece
        self._teller.piece(utterance.number, piece, utterance.heard, turn)

    def _finish(self, turn: int, *, interrupted: bool = False) -> None:
        utterance = self._open.pop(turn, None)
        self._cut = interrupted
        self._changed.set()
        # Of an utterance that was cut before its first word, nobody needs to know.
        if utterance is not None and utterance.heard:
            self._last = (turn, utterance.number, utterance.heard)
            cut = interrupted or utterance.broken
            self._teller.final(utterance.number, utterance.heard, turn, interrupted=cut)
