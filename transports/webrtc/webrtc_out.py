"""WebRTC out: the caller's ear as a sink; a caller's by WebSocket or telephone as well.

Ports: ``audio`` in (mono, at one of the rates that Opus takes).

Example:
    webrtc_out: {}
"""

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
import numpy as np

from ...audio import Pcm
from ...pipeline.events import SpeechChanged, StateChanged
from ...pipeline.frames import AudioFrame, Marker
from ...pipeline.ports import In
from ...pipeline.processor import Processor
from ...pipeline.units import MS
from .over import end_of

__all__ = ["LOUDSPEAKER", "WebRTCOut"]

LOUDSPEAKER = "loudspeaker"
"""What an input advertises whose sound is heard at once, as it comes."""

_MOST_DELAY_MS = 2_000


class WebRTCOut(Processor):
    """What the caller in a browser hears. It stops at once when the caller speaks over it.

    Example:
        webrtc_out: {}
    """

    kind = "sink"
    at_once = True
    paced = True
    uses: ClassVar[str] = "webrtc_out"
    """Its name in agent files."""
    emits = (StateChanged,)

    audio: In[AudioFrame] = In(
        rate=(48_000, 24_000, 16_000, 12_000, 8_000), channels=1, doc="what the caller is to hear"
    )

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._aloud = True
        """Whether the agent is to be heard; otherwise its words pass in silence, for who wants to read them only."""

    async def start(self) -> None:
        """Find the caller that this call is for."""
        from .callers import caller_of

        self._caller = caller_of(self, self.uses)
        self.audio.advertised = LOUDSPEAKER
        self._speaker = self._caller.loudspeaker(self.call.conversation, self.audio.format.rate, self._heard)
        self._undo = [
            self._caller.on_over(lambda reason: self.call.end(end_of(reason), reason)),
            self._caller.listen_beside(self._on_message),
            self.call.events.subscribe(SpeechChanged, self._spoken),
        ]

    async def stop(self) -> None:
        """The peer belongs to whoever brought it along."""
        for undo in self._undo:
            undo()

    async def on_audio(self, frame: AudioFrame) -> None:
        """Queue it; what does not fit waits in the edge in front."""
        if not self._aloud:
            frame = msgspec.structs.replace(frame, samples=np.zeros_like(frame.samples))
        await self._speaker.play(frame)

    def on_marker(self, port: str, frame: Marker) -> None:
        """Turns end when their sound has."""
        self._speaker.mark(frame)

    def on_end(self) -> None:
        """What is queued is still played."""
        self._speaker.finish()

    async def run(self) -> None:
        """Send the sound, 20 ms every 20 ms."""
        await self._caller.play()

    def _spoken(self, event: SpeechChanged) -> None:
        if event.speaking:
            self._aloud = True

    def _heard(self, samples: Pcm, rate: int, in_ns: int) -> None:
        if self.call.ears.count:
            self.call.heard(samples, rate, self.call.clock.now_ns() + in_ns)

    def _on_message(self, message: dict[str, Any]) -> None:
        delay_ms = message.get("delay_ms")
        if message["type"] == "text":
            # Until the caller says or writes something else, the agent's words are to be read only.
            self._aloud = message.get("aloud") is not False
        elif (
            message["type"] == "playout"
            and isinstance(delay_ms, int | float)
            and 0 <= delay_ms <= _MOST_DELAY_MS
        ):
            self._caller.delay(round(delay_ms * MS))
