"""The ends of a graph for ``livegraph chat``: somebody who types, and reads what others would hear.

Ports of ``Keyboard``: ``text`` out, and those of a caller's end that stay silent: ``audio``, ``keys``, ``video``. Of
``Reader``: ``audio`` in.
"""

import asyncio
from typing import ClassVar

from ..audio import ns_to_samples
from ..pipeline.events import Event, StateChanged
from ..pipeline.frames import AudioFrame, DtmfFrame, Marker, TextFrame, VideoFrame
from ..pipeline.ports import In, Out
from ..pipeline.processor import Processor
from ..pipeline.units import MS
from ..transports.speaker import Speaker

__all__ = ["Keyboard", "Reader"]

_RATES = (48_000, 24_000, 16_000, 12_000, 8_000)
_TICK_NS = 20 * MS
_FASTER = 8
"""People read faster than others speak: so many seconds of speech pass in one."""


class Keyboard(Processor):
    """What the caller types."""

    kind = "source"

    audio: Out[AudioFrame] = Out(rate=_RATES, channels=1, doc="nothing: nobody speaks")
    text: Out[TextFrame] = Out(doc="what is typed")
    keys: Out[DtmfFrame] = Out(doc="nothing")
    video: Out[VideoFrame] = Out(named=True, doc="nothing")

    def __init__(self) -> None:
        self._over = asyncio.Event()

    async def type(self, text: str) -> None:
        """Type a line; waits while the queue behind is full."""
        await self.text.send(TextFrame(text, time_ns=self.call.clock.now_ns()))

    def end(self) -> None:
        """Nothing more is typed: the call goes on until all is answered."""
        self._over.set()

    async def run(self) -> None:
        """Until nothing more comes."""
        await self._over.wait()


class Reader(Processor):
    """What the caller would hear passes faster than it is spoken, and is read as it does."""

    kind = "sink"
    emits: ClassVar[tuple[type[Event], ...]] = (StateChanged,)

    audio: In[AudioFrame] = In(rate=_RATES, channels=1, doc="what the caller would hear")

    async def start(self) -> None:
        """Take part in the conversation as its loudspeaker."""
        self._speaker = Speaker(self.call.conversation, self.audio.format.rate)

    async def on_audio(self, frame: AudioFrame) -> None:
        """Queue it; what does not fit waits in the edge in front."""
        await self._speaker.play(frame)

    def on_marker(self, port: str, frame: Marker) -> None:
        """Turns end when their sound has passed."""
        self._speaker.mark(frame)

    def on_end(self) -> None:
        """What is queued still passes."""
        self._speaker.finish()

    async def run(self) -> None:
        """Pull the sound."""
        clock, due_ns = self.call.clock, self.call.clock.now_ns()
        samples = ns_to_samples(_FASTER * _TICK_NS, self.audio.format.rate)
        while not self._speaker.drained:
            due_ns += _TICK_NS
            await clock.sleep_until_ns(due_ns)
            self._speaker.take(samples)
