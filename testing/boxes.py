"""The boxes that stand at the ends of an agent under test: microphones, loudspeakers, probes.

They write what they see into the ``Timeline`` that the call brings along.
"""

import asyncio
from collections import deque
from typing import Annotated, Any

import numpy as np

from ..audio import Pcm, ns_to_samples, samples_to_ns
from ..pipeline.events import StateChanged
from ..pipeline.frames import AudioFrame, Frame, Marker, TextFrame
from ..pipeline.options import Doc
from ..pipeline.ports import FromOption, In, Out
from ..pipeline.processor import Processor
from ..pipeline.units import MS
from ..transports.speaker import Speaker
from .sound_log import SoundLog
from .timeline import Entry, Timeline

__all__ = [
    "RATES",
    "Announcer",
    "AppMicrophone",
    "CallerMicrophone",
    "Feeder",
    "Loudspeaker",
    "Microphone",
    "Probe",
]

RATES = (48_000, 24_000, 16_000, 12_000, 8_000)
"""What the ends can do when nothing else decides: as a browser's."""

_FRAME_NS = 20 * MS
_PHASE_NS = 10 * MS
_PATIENT_NS = 40 * MS


def _timeline(box: Processor) -> Timeline:
    timeline = box.call.resource(Timeline)
    assert timeline is not None
    return timeline


class Microphone(Processor):
    """A room with a microphone: silence, and whatever is played into it, added up."""

    kind = "source"

    audio: Out[AudioFrame] = Out(rate=FromOption("rates"), channels=1, doc="what the microphone hears")

    def __init__(self, *, rates: Annotated[Any, Doc("rates that it can do")] = RATES) -> None:
        self._sounds: deque[tuple[int, Pcm]] = deque()
        self._ended = asyncio.Event()

    def play(self, pcm: Pcm) -> int:
        """Play ``pcm``, mono at the rate of the port, from now on; returns the time of its first sample in ns."""
        rate = self.audio.format.rate
        start = ns_to_samples(self.call.clock.now_ns() - self._origin_ns, rate)
        self._sounds.append((start, pcm))
        return self._origin_ns + samples_to_ns(start, rate)

    def end(self) -> None:
        """The caller hangs up."""
        self._ended.set()

    async def start(self) -> None:
        """The room is silent."""
        self._origin_ns = self.call.clock.now_ns()

    async def run(self) -> None:
        """Hear, a frame at a time."""
        rate, clock = self.audio.format.rate, self.call.clock
        at = ns_to_samples(clock.now_ns() - self._origin_ns, rate)
        while not self._ended.is_set():
            start_ns = self._origin_ns + samples_to_ns(at, rate)
            await clock.sleep_until_ns(start_ns + _FRAME_NS)
            length = ns_to_samples(clock.now_ns() - self._origin_ns, rate) - at
            frame = AudioFrame(time_ns=start_ns, samples=self._heard(at, length), rate=rate)
            at += length
            await self.audio.send(frame)

    def _heard(self, at: int, length: int) -> Pcm:
        mixed = np.zeros(length, np.int32)
        for start, pcm in self._sounds:
            first, last = max(at, start), min(at + length, start + len(pcm))
            if first < last:
                mixed[first - at : last - at] += pcm[first - start : last - start]
        self._sounds = deque(sound for sound in self._sounds if sound[0] + len(sound[1]) > at + length)
        return np.clip(mixed, -32_768, 32_767).astype(np.int16)


class CallerMicrophone(Microphone):
    """In the place of a browser: its sound is live, and it has a keyboard, at which nobody sits."""

    ages = True

    text: Out[TextFrame] = Out(doc="nothing: what a test types is fed to the box that takes it")


class AppMicrophone(Microphone):
    """In the place of a program."""

    frames: Out[Frame] = Out(doc="nothing: what a test sends is fed to the box that takes it")


class Loudspeaker(Processor):
    """Plays as a file that is written or a browser would, and notes when there is sound."""

    kind = "sink"
    paced = True
    emits = (StateChanged,)

    audio: In[AudioFrame] = In(rate=FromOption("rates"), doc="the sound to play")

    def __init__(self, *, rates: Annotated[Any, Doc("rates that it can do")] = None) -> None:
        self._speaker: Speaker | None = None

    async def start(self) -> None:
        """Be ready to play."""
        audio = self.audio.format
        self._speaker = Speaker(self.call.conversation, audio.rate, audio.channels, cushion_ns=_PATIENT_NS)

    async def on_audio(self, frame: AudioFrame) -> None:
        """Queue it; what does not fit waits in the edge in front."""
        assert self._speaker is not None
        await self._speaker.play(frame)

    def on_marker(self, port: str, frame: Marker) -> None:
        """Turns end when their sound has."""
        if self._speaker is not None:
            self._speaker.mark(frame)

    def on_end(self) -> None:
        """What is queued is still played."""
        if self._speaker is not None:
            self._speaker.finish()

    async def run(self) -> None:
        """Play, until the input has ended and all is played."""
        assert self._speaker is not None
        clock, timeline, rate = self.call.clock, _timeline(self), self.audio.format.rate
        # Between two frames of a source that keeps the same time, so that it never races with them.
        origin_ns = clock.now_ns() + _PHASE_NS
        log = SoundLog(self.name, rate, origin_ns)
        played = 0
        while not self._speaker.drained:
            await clock.sleep_until_ns(origin_ns + samples_to_ns(played, rate))
            due = ns_to_samples(clock.now_ns() - origin_ns + _FRAME_NS, rate) - played
            pcm = self._speaker.take(due)
            for entry in log.feed(pcm, due, self._speaker.turn):
                timeline.add(entry)
            played += due


class Feeder(Processor):
    """Puts frames into one input of the agent."""

    kind = "source"

    frames: Out[Frame] = Out(doc="what the test feeds")

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    async def send(self, frame: Frame) -> None:
        """Put ``frame`` in; waits while the queue behind is full."""
        await self.frames.send(frame)

    def end(self) -> None:
        """Nothing follows."""
        self._ended.set()

    async def run(self) -> None:
        """Wait for the end."""
        await self._ended.wait()


class Probe(Processor):
    """Notes every frame that passes an output, under each of ``places``."""

    kind = "sink"

    frames: In[Frame] = In(doc="what passes")

    def __init__(
        self, *, places: Annotated[Any, Doc("place and the classes of frames that go there")]
    ) -> None:
        self._places: tuple[tuple[str, tuple[type[Frame], ...]], ...] = places

    def on_frames(self, frame: Frame) -> None:
        """Write it down."""
        now_ns = self.call.clock.now_ns()
        for place, kinds in self._places:
            if frame.marker or isinstance(frame, kinds):
                _timeline(self).add(Entry.of_frame(frame, place, now_ns))

    def on_marker(self, port: str, frame: Marker) -> None:
        """Markers pass as well."""
        self.on_frames(frame)


class Announcer(Processor):
    """Has said what a recorder would have said, and keeps nothing."""

    def __init__(
        self,
        *,
        announce: Annotated[str, Doc("what is said before the greeting")] = "",
        ask: Annotated[str, Doc("what is said after it")] = "",
    ) -> None:
        self._announce, self._ask = announce, ask

    async def start(self) -> None:
        """Have it said."""
        opening = self.call.opening
        opening.before += [self._announce] if self._announce else []
        opening.after += [self._ask] if self._ask else []
