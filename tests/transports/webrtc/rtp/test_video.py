"""Pictures: packets of real encoders become the pictures that went in, and only as many as are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.clock import clock_of_loop, run_virtual
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.rtp.key_frames import KeyFrames
from livegraph.transports.webrtc.rtp.packets import RtpPacket, build_rtp, pack_extensions
from livegraph.transports.webrtc.rtp.picture import Pixels, decode_key_frame
from livegraph.transports.webrtc.rtp.rtcp import Nack, PictureLoss, parse_rtcp
from livegraph.transports.webrtc.rtp.session import MediaSession
from livegraph.transports.webrtc.rtp.video_payloads import READERS, VideoPart
from livegraph.transports.webrtc.sdp.terms import MID, ORIENTATION, Codec, Section, Terms

WIDTH, HEIGHT = 320, 240
TYPES = {"vp8": 96, "vp9": 98, "h264": 102}
FEEDBACK = frozenset({"nack", "nack pli"})


def picture(shade: int) -> Pixels:
    """Left half of one shade, right half of another."""
    pixels = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
    pixels[:, WIDTH // 2 :] = 255 - shade
    return pixels


class Vp9Encoder:
    """libvpx by PyAV, packetised as RFC 9628 says, without layers."""

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("libvpx-vp9", "w")
        self._codec.width, self._codec.height, self._codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        self._codec.time_base = Fraction(1, 10)
        self._codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        self._count = 0

    def encode(self, frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        frame.pict_type = av.video.frame.PictureType.I if force_keyframe else av.video.frame.PictureType.NONE
        frame.pts, frame.time_base = self._count, Fraction(1, 10)
        self._count += 1
        payloads = []
        for packet in self._codec.encode(frame):
            data = bytes(packet)
            pieces = [data[at : at + 400] for at in range(0, len(data), 400)]
            for place, piece in enumerate(pieces):
                bits = 0x80 | (0 if packet.is_keyframe else 0x40)
                bits |= (0x08 if place == 0 else 0) | (0x04 if place == len(pieces) - 1 else 0)
                payloads.append(bytes((bits, 0x80 | self._count >> 8, self._count & 0xFF)) + piece)
        return payloads, 0


ENCODERS: dict[str, Callable[[], Any]] = {"vp8": Vp8Encoder, "vp9": Vp9Encoder, "h264": H264Encoder}


class Camera:
    """Ten pictures a second through an encoder into a session; what the session asks for is obeyed."""

    def __init__(self, codec: str, *, mid: str = "1", ssrc: int = 50, named: bool = False) -> None:
        self.codec, self.mid, self.ssrc = codec, mid, ssrc
        self.section = Section(
            mid,
            "video",
            (Codec(TYPES[codec], codec, 90_000, feedback=FEEDBACK),),
            extensions={ORIENTATION: 5, MID: 6},
            ssrcs=() if named else (ssrc,),
            rtx={TYPES[codec] + 1: TYPES[codec]},
        )
        self.rotation: int | None = None
        self.history: dict[int, bytes] = {}
        self.key_frames = 0
        self.wants_key = False
        self._encoder = ENCODERS[codec]()
        self._sequence = 60_000

    def packets(self, number: int, shade: int) -> list[bytes]:
        frame = av.VideoFrame.from_ndarray(picture(shade), format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number * 9_000, Fraction(1, 90_000)
        key = self.wants_key or number == 0
        self.key_frames += key
        self.wants_key = False
        payloads, _ = self._encoder.encode(frame, force_keyframe=key)
        values = {6: self.mid.encode()}
        if self.rotation is not None:
            values[5] = bytes((self.rotation,))
        packets = []
        for place, payload in enumerate(payloads):
            self._sequence = self._sequence + 1 & 0xFFFF
            data = build_rtp(
                TYPES[self.codec],
                self._sequence,
                number * 9_000 & 0xFFFFFFFF,
                self.ssrc,
                payload,
                marker=place == len(payloads) - 1,
                extension=pack_extensions(values),
            )
            self.history[self._sequence] = payload
            packets.append(data)
        return packets


class Scene:
    """A session that looks at cameras."""

    def __init__(self, *cameras: Camera, every_ns: int = SECOND) -> None:
        self.clock = clock_of_loop()
        self.cameras = cameras
        self.seen: list[tuple[int, Pixels]] = []
        self.session = MediaSession(clock=self.clock, send_rtp=lambda data: None, send_rtcp=self._asked)
        self.session.attach(Terms(video=tuple(c.section for c in cameras), audio_ssrc=1), self.clock.now_ns())
        self.session.video_in.listen(lambda pixels, at_ns: self.seen.append((at_ns, pixels)), every_ns)

    def _asked(self, data: bytes) -> None:
        for report in parse_rtcp(data)[0]:
            for camera in self.cameras:
                if isinstance(report, PictureLoss) and report.ssrc == camera.ssrc:
                    camera.wants_key = True
                if isinstance(report, Nack) and report.ssrc == camera.ssrc:
                    asyncio.get_running_loop().call_soon(self._again, camera, report.sequences)

    def _again(self, camera: Camera, sequences: tuple[int, ...]) -> None:
        for sequence in sequences:
            if sequence in camera.history:
                payload = sequence.to_bytes(2, "big") + camera.history[sequence]
                data = build_rtp(TYPES[camera.codec] + 1, sequence, 0, 77, payload)
                # A retransmission carries the timestamp of what it repeats.
                self.session.receive_rtp(data[:4] + self.stamps[sequence] + data[8:], self.clock.now_ns())

    async def play(self, pictures: int, drops: Callable[[int], bool] = lambda count: False) -> None:
        self.stamps: dict[int, bytes] = {}
        count = 0
        for number in range(pictures):
            for camera in self.cameras:
                for data in camera.packets(number, 40 + number % 100):
                    self.stamps[int.from_bytes(data[2:4], "big")] = data[4:8]
                    count += 1
                    if not drops(count):
                        self.session.receive_rtp(data, self.clock.now_ns())
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264"])
def test_pictures_come_at_the_rate_that_is_asked_for(codec: str) -> None:
    """One a second, though the camera sends ten; each is the one that was before it."""

    async def main() -> None:
        camera = Camera(codec)
        scene = Scene(camera)
        await scene.play(50)
        times = [at_ns for at_ns, _ in scene.seen]
        assert 4 <= len(times) <= 6
        assert all(900 * MS <= b - a <= 1_300 * MS for a, b in pairwise(times))
        for at_ns, pixels in scene.seen:
            assert pixels.shape == (HEIGHT, WIDTH, 3)
            shade = 40 + at_ns // (100 * MS) % 100
            assert abs(int(pixels[100, 40].mean()) - shade) <= 6
            assert abs(int(pixels[100, 280].mean()) - (255 - shade)) <= 6
        numbers = scene.session.statistics(scene.clock.now_ns())
        assert numbers.video_frames == len(times)
        assert numbers.video_requests <= 8
        scene.session.close()

    run_virtual(main())


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264"])
def test_lost_packets_are_asked_for_again_or_another_picture_is(codec: str) -> None:
    """With a packet in eight lost pictures still come, whole ones."""

    async def main() -> None:
        camera = Camera(codec)
        scene = Scene(camera)
        await scene.play(60, drops=lambda count: count % 8 == 3)
        assert len(scene.seen) >= 3
        for _, pixels in scene.seen:
            assert pixels[:, :150].astype(int).std() < 4
        scene.session.close()

    run_virtual(main())


def test_nobody_looks_nothing_is_done() -> None:
    """Packets of pictures are dropped, and nothing is asked for."""

    async def main() -> None:
        camera = Camera("vp8")
        scene = Scene(camera)
        scene.session.video_in.ignore()
        await scene.play(20)
        assert camera.key_frames == 1
        assert scene.seen == []
        scene.session.close()

    run_virtual(main())


def test_the_screen_is_looked_at_while_it_is_shared() -> None:
    """Of two sections with the same payload types, told apart by their source or by the name in the packet."""

    async def main() -> None:
        camera, screen = Camera("vp8", ssrc=50), Camera("vp8", mid="2", ssrc=60, named=True)
        scene = Scene(camera, screen)
        await scene.play(30)
        assert screen.key_frames >= 3
        assert camera.key_frames <= 2
        scene.session.close()

    run_virtual(main())


def test_what_comes_again_belongs_to_the_picture_that_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Camera and screen count alike and both lose packets; no other key frame can be had, and the screen is seen."""

    def noisy(shade: int) -> Pixels:
        return np.random.default_rng(shade).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)

    async def main() -> None:
        camera, screen = Camera("vp8", ssrc=50), Camera("vp8", mid="2", ssrc=60)
        for each in (camera, screen):
            codec = replace(each.section.codecs[0], feedback=frozenset({"nack"}))
            each.section = replace(each.section, codecs=(codec,))
        scene = Scene(camera, screen)
        await scene.play(6, drops=lambda count: count % 4 == 3)
        assert camera.key_frames == screen.key_frames == 1
        assert len(scene.seen) == 1
        scene.session.close()

    monkeypatch.setitem(globals(), "picture", noisy)
    run_virtual(main())


def test_pictures_without_an_end_are_bounded() -> None:
    """Four megabytes of one source, whatever is open; and a hole of any size is asked for in pieces."""
    frames = KeyFrames()
    for number in range(20_000):
        packet = RtpPacket(96, False, number & 0xFFFF, number // 1_500, 7, b"")
        frames.add(packet, VideoPart(number % 1_500 == 0, True, bytes(1_100)), 0)
    assert sum(each.size for each in frames._open.values()) <= 4 << 20
    for sequence in (0, 40_000, 40_001):  # the sender begins anew in the middle of a picture
        frames.add(RtpPacket(96, False, sequence, 99, 7, b""), VideoPart(sequence == 0, True, b"x"), 0)
    assert 0 < len(frames.missing(SECOND)) <= 64


@pytest.mark.parametrize("rotation", [0, 1, 2, 3])
def test_a_turned_telephone_shows_upright_pictures(rotation: int) -> None:
    """By the orientation that the packets tell."""

    async def main() -> None:
        camera = Camera("vp8")
        camera.rotation = rotation
        scene = Scene(camera)
        await scene.play(5)
        _, pixels = scene.seen[0]
        assert pixels.shape == ((HEIGHT, WIDTH, 3) if rotation % 2 == 0 else (WIDTH, HEIGHT, 3))
        dark = {0: (120, 20), 1: (20, 120), 2: (120, 300), 3: (300, 120)}[rotation]
        assert pixels[dark].mean() < 80
        scene.session.close()

    run_virtual(main())


@given(st.binary(min_size=1, max_size=60), st.sampled_from(["vp8", "vp9", "h264"]))
def test_no_payload_makes_a_reader_raise(payload: bytes, codec: str) -> None:
    """What is malformed is ``None``."""
    READERS[codec](payload)


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264"])
def test_what_is_no_picture_or_a_huge_one_is_none(codec: str) -> None:
    """Noise, nothing, and a header that claims 16,383 by 16,383 pixels."""
    for data in (b"", b"\0", bytes(range(256)) * 4):
        assert decode_key_frame(codec, data) is None
    if codec == "vp8":
        assert decode_key_frame(codec, b"\x10\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(5_000)) is None
