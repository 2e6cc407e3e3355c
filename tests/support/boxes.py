"""Small processors that engine tests build graphs of."""

import asyncio
from collections.abc import Iterable

import numpy as np

from livegraph.pipeline import (
    MS,
    AudioFrame,
    Frame,
    FromOption,
    Hertz,
    In,
    InterruptFrame,
    Out,
    Processor,
    TextFrame,
)
from livegraph.pipeline.frames import Marker, TurnEndFrame


class Words(Processor):
    """A source of texts, one every ``gap_ms``; ``turn`` marks them all."""

    kind = "source"
    out: Out[TextFrame]

    def __init__(self, *, words: list[str], gap_ms: int = 0, turn: int = 0, mark_end: bool = False) -> None:
        self.words, self.gap_ms, self.turn, self.mark_end = words, gap_ms, turn, mark_end

    async def run(self) -> None:
        for word in self.words:
            await self.out.send(TextFrame(word, turn=self.turn, time_ns=self.call.clock.now_ns()))
            if self.gap_ms:
                await self.call.clock.sleep_until_ns(self.call.clock.now_ns() + self.gap_ms * MS)
        if self.mark_end:
            self.out.emit(TurnEndFrame(turn=self.turn))  # type: ignore[arg-type]  # markers pass any port


class Tone(Processor):
    """A source of 20 ms frames of audio at ``rate``."""

    kind = "source"
    ages = True
    out: Out[AudioFrame] = Out(rate=FromOption("rate"), channels=1)

    def __init__(self, *, rate: Hertz | None = 16_000, frames: int = 3) -> None:
        self.frames = frames

    async def run(self) -> None:
        rate = self.out.format.rate
        for index in range(self.frames):
            await self.out.send(
                AudioFrame(np.full(rate // 50, index, np.int16), rate, time_ns=index * 20 * MS)
            )


class Upper(Processor):
    """Upper case, inside the sender's step."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def on_text(self, frame: TextFrame) -> TextFrame:
        return TextFrame(frame.text.upper(), turn=frame.turn)


class SlowUpper(Processor):
    """Upper case in a task of its own, ``delay_ms`` a word; ``flush_at_end`` says a last word."""

    text: In[TextFrame]
    out: Out[TextFrame]

    def __init__(self, *, delay_ms: int = 0, last: str = "") -> None:
        self.delay_ms, self.last = delay_ms, last
        self.interrupts: list[int] = []

    async def on_text(self, frame: TextFrame) -> TextFrame:
        await asyncio.sleep(self.delay_ms / 1000)
        return TextFrame(frame.text.upper(), turn=frame.turn)

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self.interrupts.append(frame.turn)

    def on_end(self) -> Iterable[Frame] | None:
        return [TextFrame(self.last)] if self.last else None


class Keep(Processor):
    """A sink that keeps every frame, of whatever class."""

    kind = "sink"
    any: In[Frame]

    def __init__(self) -> None:
        self.kept: list[Frame] = []

    def on_any(self, frame: Frame) -> None:
        self.kept.append(frame)


class Collect(Processor):
    """A sink that keeps what it gets, with the time; ``fail_at`` raises at that many frames."""

    kind = "sink"
    text: In[TextFrame]

    def __init__(self, *, fail_at: int = 0, into: list[str] | None = None) -> None:
        self.fail_at = fail_at
        self.seen = into if into is not None else []
        self.markers: list[Marker] = []
        self.times_ms: list[int] = []
        self.count = 0

    def on_text(self, frame: TextFrame) -> None:
        self.count += 1
        if self.count == self.fail_at:
            raise RuntimeError(f"no room for {frame.text}")
        self.seen.append(frame.text)
        self.times_ms.append(self.call.clock.now_ns() // MS)

    def on_marker(self, port: str, frame: Marker) -> None:
        self.markers.append(frame)


class Hear(Processor):
    """A sink of audio at a fixed rate."""

    kind = "sink"
    audio: In[AudioFrame] = In(rate=FromOption("rate"), channels=1)

    def __init__(self, *, rate: Hertz | None = None) -> None:
        self.frames: list[AudioFrame] = []

    def on_audio(self, frame: AudioFrame) -> None:
        self.frames.append(frame)
