"""WebRTC in: the caller's microphone and keyboard as a source.

Ports: ``audio`` out (the voice, mono), ``text`` out (what is typed into the page).

Example:
    webrtc_in: {resume_within: 30s}
"""

from collections.abc import Callable
from typing import Annotated, Any

from ...pipeline.errors import StartError
from ...pipeline.frames import AudioFrame, TextFrame
from ...pipeline.options import Doc, Duration, Range
from ...pipeline.ports import Out
from ...pipeline.processor import Processor
from ...pipeline.units import SECOND

__all__ = ["WebRTCIn"]

_MOST_TEXT_CHARS = 8_000


class WebRTCIn(Processor):
    """What a caller in a browser says and types. The call ends when the caller hangs up or is gone.

    A caller that is lost (a tunnel, a reloaded page, a telephone that slept) may come back to the running call; the
    agent waits in silence meanwhile.

    Example:
        webrtc_in: {resume_within: 30s}
    """

    kind = "source"
    live = True

    audio: Out[AudioFrame] = Out(
        rate=(48_000, 24_000, 16_000, 12_000, 8_000), channels=1, doc="the caller's voice"
    )
    text: Out[TextFrame] = Out(doc="what the caller types")

    def __init__(
        self,
        *,
        resume_within: Annotated[
            Duration,
            Range(0, 600 * SECOND),
            Doc("how long the call waits for a caller who was lost; 0s ends it at once"),
        ] = 4 * SECOND,
    ) -> None:
        self._resume_within_ns = resume_within
        self._undo: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Find the caller that this call is for."""
        from .peer import Peer

        peer = self.call.resource(Peer)
        if peer is None:
            raise StartError(
                self.name,
                "there is no caller",
                remedy="webrtc_in runs in `livegraph run`, or in a call that was given a Peer as resource",
            )
        self._peer = peer
        peer.resume_within_ns = self._resume_within_ns
        peer.audio_in.listen(self.audio.format.rate)
        self._undo = [peer.audio_in.ignore, peer.on_over(self.call.end), peer.on_message(self._on_message)]

    async def stop(self) -> None:
        """Listen no more; the peer belongs to whoever brought it along."""
        for undo in self._undo:
            undo()

    async def run(self) -> None:
        """Pass the sound on as it comes."""
        rate = self.audio.format.rate
        clock = self.call.clock
        while (samples := await self._peer.audio_in.recv()) is not None:
            frame = AudioFrame(samples=samples, rate=rate)
            # The last sample was captured at most now; what the network took nobody can tell.
            self.audio.emit(
                AudioFrame(time_ns=clock.now_ns() - frame.duration_ns, samples=samples, rate=rate)
            )
        # Without a microphone one can still type.
        await self._peer.closed()

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["type"] == "hangup":
            self.call.end("hung up")
        elif message["type"] == "text" and isinstance(text := message.get("text"), str) and text.strip():
            self.text.emit(TextFrame(time_ns=self.call.clock.now_ns(), text=text.strip()[:_MOST_TEXT_CHARS]))
