"""The line that is spoken when there is no answer: a recording, or words that the model spoke beforehand."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ....audio import Pcm, read_wav
from ....audio.resample import Resampler
from ....liveapi import (
    ClientContent,
    ClientMessage,
    Content,
    RealtimeInput,
    WireError,
    decode_server,
    encode_client,
)
from ....liveapi.link import Link, LinkClosed
from ....pipeline.clock import Clock
from ....pipeline.errors import ServiceError
from ....pipeline.units import SECOND
from ..dialogue import outcomes as said
from ..session.connecting import Wire, drop

__all__ = ["FallbackLine", "load_recording"]

_RATE = 24_000
_WITHIN_NS = 20 * SECOND
_PAUSES_NS = (0, 5 * SECOND, 20 * SECOND, 60 * SECOND)
_PIECE = _RATE // 5
_RATE_OF = re.compile(r"rate=(\d{4,6})")
_MOST_LINES = 32
_lines: OrderedDict[tuple[str, str, str], Pcm] = OrderedDict()
"""Lines that were spoken once, by server, setup and text: they serve every call of the process."""


def load_recording(path: Path) -> Pcm:
    """A WAV file as 24 kHz mono. Raises ``OSError`` or ``ValueError``."""
    samples, rate = read_wav(path)
    return samples if rate == _RATE else Resampler(rate, _RATE).process(samples)


class FallbackLine:
    """One call's. Without a recording its sound is fetched from the service while the service is well.

    Args:
        text: the line, as it is told in the transcript.
        recording: 24 kHz mono, where there is one.
    """

    def __init__(self, text: str, recording: Pcm | None = None) -> None:
        self.text = text
        self.sound = recording

    @property
    def given(self) -> bool:
        """Whether there is anything to say, by now."""
        return self.sound is not None and len(self.sound) > 0

    def outcomes(self, turn: int) -> Iterator[said.Outcome]:
        """The line as a turn of the agent."""
        assert self.sound is not None
        length_ns = len(self.sound) * SECOND // _RATE
        yield said.StartTurn(turn)
        if self.text:
            yield said.Words(turn, self.text, 0)
        for at in range(0, len(self.sound), _PIECE):
            piece = self.sound[at : at + _PIECE]
            yield said.Audio(turn, piece.astype("<i2").tobytes(), _RATE, at * SECOND // _RATE)
        yield said.Generated(turn, length_ns)
        yield said.EndSound(turn)
        yield said.EndWords(turn, length_ns)
        yield said.TurnComplete(turn)

    async def fetch(self, wire: Wire, setup: str, clock: Clock, *, by_text: bool) -> None:
        """Have the service speak the line in a session of its own, until that has worked.

        ``by_text``: as realtime input, for a model that takes no other.
        """
        key = (wire.where, setup, self.text)
        tries = 0
        while self.sound is None:
            if key in _lines:
                self.sound = _lines[key]
                return
            await clock.sleep_until_ns(clock.now_ns() + _PAUSES_NS[min(tries, len(_PAUSES_NS) - 1)])
            tries += 1
            try:
                async with asyncio.timeout(_WITHIN_NS / SECOND):
                    spoken = await _spoken(wire, setup, self._request(by_text))
            except (TimeoutError, LinkClosed, ServiceError, WireError):
                # The call goes on without it, and it is tried again.
                continue
            if len(spoken):
                self.sound = _lines[key] = spoken
                while len(_lines) > _MOST_LINES:
                    _lines.popitem(last=False)

    def _request(self, by_text: bool) -> str:
        text = f'Say exactly: "{self.text}"'
        if by_text:
            return encode_client(ClientMessage(realtime_input=RealtimeInput(text=text))).decode()
        turns = [Content.of_text(text, "user")]
        return encode_client(ClientMessage(client_content=ClientContent(turns, True))).decode()


async def _spoken(wire: Wire, setup: str, request: str) -> Pcm:
    """All sound of the one turn that follows from ``request``."""
    link: Link = await wire.connect()
    try:
        await link.send(setup)
        pieces: list[Pcm] = []
        resampler: Resampler | None = None
        while True:
            message = decode_server(await link.recv())
            if message.setup_complete is not None:
                await link.send(request)
            content = message.server_content
            if content is None:
                continue
            for part in content.model_turn.parts if content.model_turn is not None else ():
                blob = part.inline_data
                if blob is None or part.thought or not blob.mime_type.startswith("audio/"):
                    continue
                samples = np.frombuffer(blob.data[: len(blob.data) // 2 * 2], "<i2")
                declared = _RATE_OF.search(blob.mime_type)
                rate = int(declared[1]) if declared else _RATE
                if rate != _RATE:
                    resampler = resampler or Resampler(rate, _RATE)
                    samples = resampler.process(samples)
                pieces.append(samples)
            if content.turn_complete:
                return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    finally:
        await drop(link)
