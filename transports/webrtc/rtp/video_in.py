"""The caller's camera or screen, as pictures now and then.

A model looks about once a second, so nothing but key frames is decoded, and one is asked for when a picture is
wanted and none has come by itself. Decoding happens in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ....pipeline.units import MS, SECOND
from ..sdp.terms import MID, ORIENTATION, Codec, Section
from .key_frames import KeyFrame, KeyFrames
from .packets import RtpPacket, read_extensions
from .picture import Pixels, decode_key_frame
from .redundancy import unwrap_rtx
from .rtcp import build_fir, build_nack, build_pli
from .video_payloads import READERS

__all__ = ["DeliverPicture", "VideoInput"]

DeliverPicture = Callable[[Pixels, int], None]
"""Takes a picture, uint8 RGB of shape ``(height, width, 3)``, and the clock's time at which it was complete."""

_ASK_AGAIN_NS = 500 * MS
_MOST_ASK_AGAIN_NS = 4 * SECOND
_MOST_SOURCES = 4
_SENDS_NS = 3 * SECOND
"""A section that sent something within this time is in use."""


class _Source:
    """One source of pictures."""

    def __init__(self, section: int) -> None:
        self.section = section
        self.frames = KeyFrames()
        self.heard_ns = 0
        self.codec = ""
        self.rotation = 0


class VideoInput:
    """The way from the caller's camera. Nothing is kept while nobody looks.

    Where the caller sends both a camera and a screen, the screen is looked at.

    Args:
        send_rtcp: takes requests for key frames and lost packets.
    """

    def __init__(self, send_rtcp: Callable[[bytes], None]) -> None:
        self.pictures = 0
        """Decoded and delivered."""
        self.requests = 0
        """Key frames asked for."""
        self.malformed = 0
        self._send_rtcp = send_rtcp
        self._sections: tuple[Section, ...] = ()
        self._types: dict[int, Codec] = {}
        self._rtx: dict[int, int] = {}
        self._sources: dict[int, _Source] = {}
        self._ssrc = 0
        self._deliver: DeliverPicture | None = None
        self._every_ns = SECOND
        self._wanted_ns = 0
        """When the next picture is wanted."""
        self._asked_ns = 0
        self._ask_again_ns = _ASK_AGAIN_NS
        self._fir = 0
        self._decoding: asyncio.Future[Pixels | None] | None = None

    def listen(self, deliver: DeliverPicture, every_ns: int = SECOND) -> None:
        """From now on hand over a picture each ``every_ns``, as far as the caller sends any."""
        self._deliver, self._every_ns = deliver, every_ns
        self._wanted_ns = 0
        self._ask_again_ns = _ASK_AGAIN_NS

    def ignore(self) -> None:
        """Look no more."""
        self._deliver = None
        self._sources.clear()

    def agree(self, sections: Sequence[Section], ssrc: int) -> None:
        """What the caller may send from now on, and our source in requests."""
        self._sections, self._ssrc = tuple(sections), ssrc
        self._types = {
            codec.payload_type: codec
            for section in sections
            for codec in section.codecs
            if codec.name in READERS
        }
        self._rtx = {again: kind for section in sections for again, kind in section.rtx.items()}
        self._sources.clear()

    def takes(self, payload_type: int) -> bool:
        """Whether a packet of this type is a picture's."""
        return payload_type in self._types or payload_type in self._rtx

    def receive(self, packet: RtpPacket, now_ns: int) -> None:
        """Take a packet of a type that it ``takes``."""
        if self._deliver is None:
            return
        if packet.payload_type in self._rtx:
            original = self._original(packet, now_ns)
            if original is None:
                return
            packet = original
        codec = self._types.get(packet.payload_type)
        reader = None if codec is None else READERS.get(codec.name)
        if codec is None or reader is None:
            return
        source = self._sources.get(packet.ssrc)
        if source is None:
            source = self._new_source(packet)
        source.heard_ns, source.codec = now_ns, codec.name
        if packet.extension:
            self._orient(source, packet)
        if not packet.payload:
            return  # padding by which a browser probes the line
        part = reader(packet.payload)
        if part is None:
            self.malformed += 1
            return
        frame = source.frames.add(packet, part, now_ns)
        if frame is not None:
            self._take(source, frame, now_ns)

    def poll(self, now_ns: int) -> None:
        """Time has passed: ask for what is missing, and for a key frame when a picture is wanted."""
        if self._deliver is None or not self._sources:
            return
        looked_at = self._looked_at(now_ns)
        if looked_at is None:
            return
        ssrc, source = looked_at
        missing = source.frames.missing(now_ns)
        if missing and self._feeds_back(source, "nack"):
            self._send_rtcp(build_nack(self._ssrc, ssrc, missing))
        if now_ns >= self._wanted_ns and now_ns - self._asked_ns >= self._ask_again_ns:
            self._asked_ns = now_ns
            self._ask_again_ns = min(_MOST_ASK_AGAIN_NS, 2 * self._ask_again_ns)
            self._ask(ssrc, source)

    # Inside ----------------------------------------------------------------------------------------

    def _original(self, packet: RtpPacket, now_ns: int) -> RtpPacket | None:
        """The packet that was sent again, by the source that it belongs to: the one that is looked at, as no other is
        asked to send anything again."""
        kind = self._rtx[packet.payload_type]
        codec, looked_at = self._types.get(kind), self._looked_at(now_ns)
        if codec is None or looked_at is None or looked_at[1].codec != codec.name:
            return None
        return unwrap_rtx(packet, kind, looked_at[0])

    def _new_source(self, packet: RtpPacket) -> _Source:
        while len(self._sources) >= _MOST_SOURCES:
            del self._sources[min(self._sources, key=lambda ssrc: self._sources[ssrc].heard_ns)]
        source = self._sources[packet.ssrc] = _Source(self._section_of(packet))
        return source

    def _section_of(self, packet: RtpPacket) -> int:
        for place, section in enumerate(self._sections):
            if packet.ssrc in section.ssrcs:
                return place
        values = read_extensions(packet.extension)
        for place, section in enumerate(self._sections):
            number = section.extensions.get(MID)
            if number is not None and values.get(number) == section.mid.encode():
                return place
        return 0

    def _orient(self, source: _Source, packet: RtpPacket) -> None:
        number = self._sections[source.section].extensions.get(ORIENTATION)
        if number is not None and (value := read_extensions(packet.extension).get(number)):
            source.rotation = value[0] & 3

    def _looked_at(self, now_ns: int) -> tuple[int, _Source] | None:
        live = [
            (source.section, source.heard_ns, ssrc)
            for ssrc, source in self._sources.items()
            if now_ns - source.heard_ns < _SENDS_NS
        ]
        if not live:
            return None
        ssrc = max(live)[2]
        return ssrc, self._sources[ssrc]

    def _take(self, source: _Source, frame: KeyFrame, now_ns: int) -> None:
        """A key frame is complete; decode it if it is time for one."""
        looked_at = self._looked_at(now_ns)
        busy = self._decoding is not None and not self._decoding.done()
        # Those that come by themselves at the rate that is wanted are taken a little early rather than asked for.
        if (
            busy
            or looked_at is None
            or looked_at[1] is not source
            or now_ns < self._wanted_ns - self._every_ns // 4
        ):
            return
        self._wanted_ns = now_ns + self._every_ns
        self._ask_again_ns = _ASK_AGAIN_NS
        loop = asyncio.get_running_loop()
        self._decoding = loop.run_in_executor(
            None, decode_key_frame, source.codec, frame.data, source.rotation
        )
        self._decoding.add_done_callback(lambda decoded: self._show(decoded, now_ns))

    def _show(self, decoded: asyncio.Future[Pixels | None], now_ns: int) -> None:
        pixels = None if decoded.cancelled() else decoded.result()
        if pixels is None:
            self.malformed += 1
        elif self._deliver is not None:
            self.pictures += 1
            self._deliver(pixels, now_ns)

    def _feeds_back(self, source: _Source, kind: str) -> bool:
        return any(kind in codec.feedback for codec in self._types.values() if codec.name == source.codec)

    def _ask(self, ssrc: int, source: _Source) -> None:
        if self._feeds_back(source, "nack pli"):
            self._send_rtcp(build_pli(self._ssrc, ssrc))
        elif self._feeds_back(source, "ccm fir"):
            self._fir += 1
            self._send_rtcp(build_fir(self._ssrc, ssrc, self._fir))
        else:
            return
        self.requests += 1
