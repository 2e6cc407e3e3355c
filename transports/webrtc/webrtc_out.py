"""WebRTC out: the caller's ear as a sink.

Ports: ``audio`` in (mono, at one of the rates that Opus takes).

Example:
    webrtc_out: {}
"""

from collections.abc import Callable
from typing import Any

from ...audio import Pcm
from ...pipeline.errors import StartError
from ...pipeline.events import StateChanged
from ...pipeline.frames import AudioFrame, Marker
from ...pipeline.ports import In
from ...pipeline.processor import Processor
from ...pipeline.units import MS
from ..speaker import Speaker
from .over import end_of

__all__ = ["LOUDSPEAKER", "WebRTCOut"]

LOUDSPEAKER = "loudspeaker"
"""What an input advertises whose sound is heard at once, as it comes."""

_LIMIT_NS = 300 * MS
_MOST_DELAY_MS = 2_000
# Two packets: sound that comes as it is spoken does not stutter for one that is late.
_CUSHION_NS = 40 * MS


class WebRTCOut(Processor):
    """What the caller in a browser hears. It stops at once when the caller speaks over it.

    Example:
        webrtc_out: {}
    """

    kind = "sink"
    at_once = True
    emits = (StateChanged,)

    audio: In[AudioFrame] = In(
        rate=(48_000, 24_000, 16_000, 12_000, 8_000), channels=1, doc="what the caller is to hear"
    )

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Find the caller that this call is for."""
        from .peer import Peer

        peer = self.call.resource(Peer)
        if peer is None:
            raise StartError(
                self.name,
                "there is no caller",
                remedy="webrtc_out runs in `livegraph run`, or in a call that was given a Peer as resource",
            )
        self._peer = peer
        self.audio.advertised = LOUDSPEAKER
        rate = self.audio.format.rate
        self._speaker = Speaker(
            self.call.turns, rate, limit_ns=_LIMIT_NS, cushion_ns=_CUSHION_NS, heard=self._heard
        )
        self._undo = [
            peer.on_over(lambda reason: self.call.end(end_of(reason), reason)),
            peer.on_message(self._on_message),
        ]

    async def stop(self) -> None:
        """The peer belongs to whoever brought it along."""
        for undo in self._undo:
            undo()

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
        """Send the sound, 20 ms every 20 ms."""
        await self._peer.audio_out.play(self._speaker, self.audio.format.rate)

    def _heard(self, samples: Pcm) -> None:
        at_ns = self.call.clock.now_ns() + self._speaker.heard_after_ns
        self.call.heard(samples, self.audio.format.rate, at_ns)

    def _on_message(self, message: dict[str, Any]) -> None:
        delay_ms = message.get("delay_ms")
        if (
            message["type"] == "playout"
            and isinstance(delay_ms, int | float)
            and 0 <= delay_ms <= _MOST_DELAY_MS
        ):
            self._speaker.heard_after_ns = round(delay_ms * MS)
