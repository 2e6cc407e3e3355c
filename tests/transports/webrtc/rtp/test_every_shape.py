"""Whatever an authentic caller writes into a packet: no exception, nothing kept, and the voice is heard after it."""

from __future__ import annotations

import asyncio
import struct
from random import Random

from livegraph.pipeline.clock import clock_of_loop, run_virtual
from livegraph.transports.webrtc.rtp.packets import build_rtp
from livegraph.transports.webrtc.rtp.session import MediaSession
from livegraph.transports.webrtc.sdp.terms import (
    AUDIO_LEVEL,
    MID,
    ORIENTATION,
    TRANSPORT_WIDE,
    Codec,
    Section,
    Terms,
)
from support.rtp_line import encoded, tone

EXTENSIONS = {MID: 1, AUDIO_LEVEL: 2, TRANSPORT_WIDE: 3, ORIENTATION: 4}
CODECS = (Codec(96, "vp8", 90_000, 1), Codec(97, "h264", 90_000, 1), Codec(98, "vp9", 90_000, 1))


class Heard:
    """A session whose microphone is listened to."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.clock = clock_of_loop()
        self.session = MediaSession(clock=self.clock, send_rtp=self.sent.append, send_rtcp=self.sent.append)
        audio = Section("0", "audio", (Codec(111, "opus", 48_000, 2),), ssrcs=(7,), extensions=EXTENSIONS)
        video = Section("1", "video", CODECS, rtx={99: 96}, extensions=EXTENSIONS)
        self.session.attach(
            Terms(audio=audio, video=(video,), dtmf={126: 8_000}, red=63, audio_ssrc=1, cname="test"),
            self.clock.now_ns(),
        )
        self.session.audio_in.listen(16_000)
        self.session.video_in.listen(lambda pixels, at_ns: None)
        self.samples = 0
        self.session.audio_in.hand_to(self.count)
        self.payloads = encoded(tone(400, 16_000, 440), 16_000)
        self.number = 0

    def count(self, samples: object, media_ns: int) -> None:
        self.samples += len(samples)  # type: ignore[arg-type]

    def rtp(self, data: bytes) -> None:
        self.session.receive_rtp(data, self.clock.now_ns())

    async def hears(self) -> None:
        """Twenty packets of the voice, of which each is heard."""
        before = self.samples
        for _ in range(20):
            payload = self.payloads[self.number % len(self.payloads)]
            self.rtp(build_rtp(111, self.number & 0xFFFF, 960 * self.number, 7, payload))
            self.number += 1
            await asyncio.sleep(0.02)
        assert self.samples - before >= 20 * 320 - 960

    async def close(self) -> None:
        self.session.close()
        await asyncio.sleep(0.1)


def test_rtcp_of_every_type_count_and_length() -> None:
    """Each of the 32 types on the port, with any count and up to eight words, one by one and in compounds."""

    async def main() -> None:
        heard, random = Heard(), Random(1)
        await heard.hears()
        for kind in range(192, 224):
            for count in range(32):
                for words in range(9):
                    body = random.choice(
                        (bytes(4 * words), random.randbytes(4 * words), b"\xff" * (4 * words))
                    )
                    said = random.choice((words, words, 0, words + 1, 0xFFFF))
                    packet = struct.pack("!BBH", 0x80 | count | random.choice((0, 0x20)), kind, said) + body
                    if random.random() < 0.2:
                        packet = struct.pack("!BBHL", 0x80, 201, 1, 7) + packet
                    heard.session.receive_rtcp(packet, heard.clock.now_ns())
        # One of them may have been a goodbye in the name of the voice: the next packet takes it up again.
        await heard.hears()
        assert heard.session.statistics(heard.clock.now_ns()).malformed_packets > 1_000
        await heard.close()

    run_virtual(main())


def test_header_extensions_of_every_form_and_length() -> None:
    """Both forms, unknown profiles, lengths that lie, values of 0 to 255 bytes, on packets of voice, keys and video."""

    async def main() -> None:
        heard, random = Heard(), Random(2)
        await heard.hears()
        for profile in (0xBEDE, 0x1000, 0x100F, 0x0000, 0xFFFF):
            for words in range(66):
                for kind, ssrc in (
                    (111, 7),
                    (63, 7),
                    (126, 7),
                    (96, 9),
                    (97, 10),
                    (98, 11),
                    (99, 12),
                    (5, 13),
                ):
                    body = bytearray(random.randbytes(4 * words))
                    if body:
                        number, size = random.choice((1, 2, 3, 4, 15)), random.randrange(256)
                        body[: 2 if profile != 0xBEDE else 1] = (
                            bytes((number << 4 | size & 15,)) if profile == 0xBEDE else bytes((number, size))
                        )
                    said = random.choice((words, words, words, words + 1, 0xFFFF))
                    head = struct.pack(
                        "!BBHLL", 0x90, kind, random.getrandbits(16), random.getrandbits(32), ssrc
                    )
                    extension = struct.pack("!HH", profile, said) + bytes(body)
                    heard.rtp(head + extension + random.randbytes(random.choice((0, 1, 2, 40))))
        heard.number += 5_000
        await asyncio.sleep(0.3)
        await heard.hears()
        await heard.hears()
        await heard.close()

    run_virtual(main())


def test_payloads_of_every_first_two_bytes() -> None:
    """As Opus, RED, keys and each video codec: what is no such thing is counted, and time goes on."""

    async def main() -> None:
        heard, random = Heard(), Random(3)
        await heard.hears()
        for kind, ssrc in ((111, 7), (63, 7), (126, 7), (96, 9), (97, 10), (98, 11), (99, 9)):
            for first in range(256):
                payload = bytes((first, random.randrange(256))) + random.randbytes(random.randrange(60))
                for cut in (payload, payload[:1], payload[:2]):
                    heard.number += 1
                    heard.rtp(build_rtp(kind, heard.number & 0xFFFF, 960 * heard.number, ssrc, cut))
        await asyncio.sleep(0.3)
        await heard.hears()
        counted = heard.session.statistics(heard.clock.now_ns())
        assert counted.malformed_packets > 0
        await heard.close()

    run_virtual(main())
