"""The ends of a graph for ``livegraph talk``: a microphone and a loudspeaker.

Ports of ``Microphone``: ``audio`` out, and those of a caller's end that stay silent: ``text``, ``keys``, ``video``. Of
``Loudspeaker``: ``audio`` in.
"""

import asyncio
from typing import ClassVar

from ...audio import Pcm
from ...pipeline.errors import StartError
from ...pipeline.events import Event, StateChanged
from ...pipeline.frames import AudioFrame, DtmfFrame, Marker, TextFrame, VideoFrame
from ...pipeline.ports import In, Out
from ...pipeline.processor import Processor
from ...pipeline.units import MS, SECOND
from ...transports.speaker import Speaker
from .card import RATE, SoundCard

__all__ = ["Loudspeaker", "Microphone"]

_LIMIT_NS = 300 * MS
_CUSHION_NS = 20 * MS


def _card(box: Processor) -> SoundCard:
    card = box.call.resource(SoundCard)
    if card is None:
        raise StartError(box.name, "there is no sound card", remedy="it runs in `livegraph talk`")
    return card


class Microphone(Processor):
    """What is said at this machine."""

    kind = "source"
    ages = True

    audio: Out[AudioFrame] = Out(rate=RATE, channels=1, doc="what is said")
    text: Out[TextFrame] = Out(doc="nothing: nobody types")
    keys: Out[DtmfFrame] = Out(doc="nothing")
    video: Out[VideoFrame] = Out(named=True, doc="nothing")

    async def start(self) -> None:
        """Find the sound card."""
        self._card = _card(self)
        self._over = asyncio.Event()

    async def stop(self) -> None:
        """The card belongs to whoever brought it along."""
        self._card.on_heard = lambda _: None

    def end(self) -> None:
        """Nobody speaks any more."""
        self._over.set()

    async def run(self) -> None:
        """Pass on what is heard, until nobody speaks any more."""
        self._card.on_heard = self._hear
        await self._over.wait()

    def _hear(self, samples: Pcm) -> None:
        time_ns = self.call.clock.now_ns() - len(samples) * SECOND // RATE
        self.audio.emit(AudioFrame(samples, RATE, time_ns=time_ns))


class Loudspeaker(Processor):
    """What is heard at this machine; it stops at once when somebody speaks over it."""

    kind = "sink"
    at_once = True
    emits: ClassVar[tuple[type[Event], ...]] = (StateChanged,)

    audio: In[AudioFrame] = In(rate=RATE, channels=1, doc="what is to be heard")

    async def start(self) -> None:
        """Take part in the conversation."""
        self._card = _card(self)
        self._speaker = Speaker(
            self.call.conversation, RATE, limit_ns=_LIMIT_NS, cushion_ns=_CUSHION_NS, heard=self._heard
        )
        self._speaker.heard_after_ns = self._card.latency_ns
        self._drained = asyncio.Event()

    async def stop(self) -> None:
        """The card plays silence from now on."""
        self._card.silence()

    async def on_audio(self, frame: AudioFrame) -> None:
        """Queue it; what does not fit waits in the edge in front."""
        await self._speaker.play(frame)

    def on_marker(self, port: str, frame: Marker) -> None:
        """Turns end when their sound has."""
        self._speaker.mark(frame)

    def on_end(self) -> None:
        """What is queued is still played."""
        self._speaker.finish()

    async def run(self) -> None:
        """The card asks for the sound, until there is no more."""
        self._card.pull = self._pull
        await self._drained.wait()

    def _pull(self, samples: int) -> Pcm:
        sound = self._speaker.pull(samples)
        if self._speaker.drained:
            self._drained.set()
        return sound

    def _heard(self, samples: Pcm) -> None:
        self.call.heard(samples, RATE, self.call.clock.now_ns() + self._speaker.heard_after_ns)
