"""WebRTC in: the caller's microphone, camera and keyboard as a source; a caller by WebSocket or telephone as well.

Ports: ``audio`` out (the voice, mono), ``text`` out (what is typed into the page), ``keys`` out (keys of a telephone),
``video`` out (pictures of the camera or the screen, as often as whoever takes them wants to look).

Example:
    webrtc_in: {resume_within: 30s}
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ...audio import Pcm
from ...pipeline.end_reason import EndReason
from ...pipeline.events import Event, KeyPressed
from ...pipeline.frames import AudioFrame, DtmfFrame, TextFrame, VideoFrame
from ...pipeline.options import Doc, Duration, Range
from ...pipeline.ports import Out
from ...pipeline.processor import Processor
from ...pipeline.units import MS, SECOND
from .measured import MediaMeasured
from .over import end_of
from .webrtc_out import LOUDSPEAKER

if TYPE_CHECKING:
    from .rtp.picture import Pixels

__all__ = ["WebRTCIn"]

_MOST_TEXT_CHARS = 8_000
_MOST_KEYS = 64
_KEYS = frozenset("0123456789*#ABCD")
_KEY_HELD_MS = 100
"""Of a key on a screen."""
_LOOKS_EVERY_NS = SECOND
_MEASURE_EVERY_S = 5.0
_AWAY_NS = SECOND // 2
"""What comes later than that is no drift: the caller was away, and its sound goes on now."""
_DRIFT = 64
"""In so many pieces the media clock follows the call's, when packets come later and later."""


class WebRTCIn(Processor):
    """What a caller in a browser says, shows and types. The call ends when the caller hangs up or is gone.

    Callers that come by a WebSocket or a telephone are heard by it as well; they show no pictures.

    Sound comes without gaps: what the network lost is given back or concealed, and pauses are silence.

    A caller that is lost (a tunnel, a reloaded page, a telephone that slept) may come back to the running call; the
    agent waits in silence meanwhile.

    Example:
        webrtc_in: {resume_within: 30s}
    """

    kind = "source"
    emits: ClassVar[tuple[type[Event], ...]] = (MediaMeasured, KeyPressed)
    ages = True
    at_once = True
    uses: ClassVar[str] = "webrtc_in"
    """Its name in agent files."""

    audio: Out[AudioFrame] = Out(
        rate=(48_000, 24_000, 16_000, 12_000, 8_000), channels=1, doc="the caller's voice"
    )
    text: Out[TextFrame] = Out(doc="what the caller types")
    keys: Out[DtmfFrame] = Out(doc="keys that the caller presses on a telephone (RFC 4733)")
    video: Out[VideoFrame] = Out(
        named=True,
        doc="the caller's camera or screen, one picture a second unless who takes it wants another rate; "
        "joined only where the graph says so",
    )

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
        self._anchor_ns: int | None = None
        """What the call's clock showed when media time was 0, by the quickest packets."""
        self._source = 0

    async def start(self) -> None:
        """Find the caller that this call is for."""
        from .callers import caller_of
        from .rtp.receiver import MODEL_WAIT_NS, SPEAKER_WAIT_NS

        self._caller = caller_of(self, self.uses)
        self._caller.resume_within(self._resume_within_ns)
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        loudspeaker = LOUDSPEAKER in self.audio.peers_advertise()
        # A model is better served at once; an ear is better served without gaps.
        most_wait_ns = SPEAKER_WAIT_NS if loudspeaker else MODEL_WAIT_NS
        voice = self._caller.voice
        voice.listen(self.audio.format.rate, most_wait_ns=most_wait_ns)
        over = self._caller.on_over(lambda reason: self.call.end(end_of(reason), reason))
        self._undo = [voice.ignore, over]

    async def stop(self) -> None:
        """Listen no more; the peer belongs to whoever brought it along."""
        for undo in self._undo:
            undo()

    async def run(self) -> None:
        """Pass on what comes, in the step in which it comes."""
        caller = self._caller
        # Not before: what was written while the call began is given to the first who listens.
        self._undo.append(caller.on_message(self._on_message))
        caller.voice.hand_to(self._hear)
        if self.keys.connected:
            self._undo.append(caller.on_key(self._guarded(self._press)))
        if self.video.connected:
            wanted = [every for every in self.video.peers_advertise() if isinstance(every, int)]
            self._undo.append(caller.see(self._guarded(self._see), min(wanted, default=_LOOKS_EVERY_NS)))
        closed = asyncio.ensure_future(self._caller.closed())
        either: set[asyncio.Future[Any]] = {closed, self._failed}
        try:
            while not any(one.done() for one in either):
                await asyncio.wait(either, timeout=_MEASURE_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                self._tell_numbers()
        finally:
            closed.cancel()
            self._tell_numbers()
        if self._failed.done():
            self._failed.result()

    def _tell_numbers(self) -> None:
        events = self.call.events
        if events.wants(MediaMeasured):
            statistics = self._caller.statistics()
            if statistics is not None:
                events.publish(MediaMeasured(time_ns=self.call.clock.now_ns(), statistics=statistics))

    def _guarded(self, take: Callable[..., None]) -> Callable[..., None]:
        """What ``take`` raises is a fault of this node, and not of whoever reads the network."""

        def guarded(*given: Any) -> None:
            try:
                take(*given)
            except Exception as error:
                self._fail(error)

        return guarded

    def _fail(self, error: Exception) -> None:
        """It is raised where the engine looks for it."""
        if not self._failed.done():
            self._failed.set_exception(error)

    def _hear(self, samples: Pcm, media_ns: int) -> None:
        try:  # as ``_guarded`` does, for one call less on the way of every packet
            rate = self.audio.format.rate
            # The last sample was captured at most now; what the quickest packet took nobody can tell.
            ended_ns = media_ns + len(samples) * SECOND // rate
            anchor_ns = self.call.clock.now_ns() - ended_ns
            if self._source != self._caller.voice.sources:
                # Over another connection, or by another microphone: however short the gap was, it is no drift.
                self._source, self._anchor_ns = self._caller.voice.sources, None
            if self._anchor_ns is not None and 0 < anchor_ns - self._anchor_ns < _AWAY_NS:
                anchor_ns = self._anchor_ns + (anchor_ns - self._anchor_ns) // _DRIFT
            self._anchor_ns = anchor_ns
            self.audio.emit(AudioFrame(samples, rate, time_ns=anchor_ns + media_ns))
        except Exception as error:
            self._fail(error)

    def _see(self, pixels: "Pixels", at_ns: int) -> None:
        self.video.emit(VideoFrame(pixels, time_ns=self.call.clock.now_ns()))

    def _press(self, key: str, held_ms: int) -> None:
        self.call.conversation.pressed(key)
        self.keys.emit(DtmfFrame(key, time_ns=self.call.clock.now_ns(), held_ns=held_ms * MS))

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["type"] == "hangup":
            dismissed = message.get("dismissed") is True
            self.call.end(EndReason.GOODBYE if dismissed else EndReason.HUNG_UP)
        elif message["type"] == "text" and isinstance(text := message.get("text"), str) and text.strip():
            now_ns, reply = self.call.clock.now_ns(), message.get("reply") is not False
            self.text.emit(TextFrame(text.strip()[:_MOST_TEXT_CHARS], reply, time_ns=now_ns))
        elif message["type"] == "keys" and isinstance(keys := message.get("keys"), str):
            for key in keys[:_MOST_KEYS]:
                if key in _KEYS:
                    self._press(key, _KEY_HELD_MS)
        elif message["type"] == "mute" and isinstance(muted := message.get("muted"), bool):
            self.call.muted_by_caller(muted)
