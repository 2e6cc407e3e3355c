"""What a caller sends on its data channel hurts nobody: bad packets are dropped, what it makes us hold is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from aiortc.rtcsctptransport import crc32c
from hypothesis import given
from hypothesis import strategies as st

from livegraph.transports.webrtc import sctp as module
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.sctp import is_sound_packet
from support.webrtc import Caller

STEERING = {0, 3, 6, 7, 8, 14, 130, 192}
"""DATA, SACK, ABORT, SHUTDOWN and its answers, RE-CONFIG, FORWARD-TSN: with any numbers in them they say something, and
what a caller does to its own channel by them is its own affair."""


def chunk(kind: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack("!BBH", kind, flags, len(body) + 4) + body + bytes(-len(body) % 4)


def parameter(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value) + 4) + value + bytes(-len(value) % 4)


def data_chunk(
    tsn: int, data: bytes, *, stream: int = 1, sequence: int = 0, protocol: int = 51, flags: int = 7
) -> bytes:
    return chunk(0, struct.pack("!LHHL", tsn % 2**32, stream, sequence, protocol) + data, flags)


def opening(label: bytes, *, length: int | None = None, kind: int = 3) -> bytes:
    """DATA_CHANNEL_OPEN (RFC 8832, section 5.1)."""
    return struct.pack("!BBHLHH", kind, 0, 0, 0, len(label) if length is None else length, 0) + label


class Rude:
    """A caller that can put anything into its association."""

    def __init__(self, caller: Caller, peer: Peer) -> None:
        self.caller, self.peer = caller, peer
        self.sctp: Any = caller.pc.sctp
        self.link = peer._link
        deliver = self.sctp._data_channel_receive

        async def trusting(*message: Any) -> None:
            # aiortc's own side breaks when something is confirmed that it has not asked for.
            with contextlib.suppress(AssertionError):
                await deliver(*message)

        self.sctp._data_channel_receive = trusting

    @property
    def held(self) -> int:
        """Pieces that the server holds of messages that are not whole."""
        assert self.link is not None and self.link._association is not None
        streams = self.link._association._sctp._inbound_streams
        return sum(len(stream.reassembly) for stream in streams.values())

    async def send(self, *chunks: bytes) -> None:
        head = struct.pack("!HHL", 5_000, 5_000, self.sctp._remote_verification_tag)
        body = b"".join(chunks)
        checksum = struct.pack("<L", crc32c(head + bytes(4) + body))
        await self.sctp.transport._send_data(head + checksum + body)

    def tsn(self) -> int:
        """The next one."""
        number: int = self.sctp._local_tsn
        self.sctp._local_tsn = (number + 1) % 2**32
        return number

    async def is_well(self, text: str = "still there") -> None:
        """The call goes on, and its channel carries messages both ways."""
        heard: list[dict[str, Any]] = []
        stop = self.peer.on_message(heard.append)
        self.caller.say(type="text", text=text)
        self.peer.send({"type": "answer", "text": text})
        async with asyncio.timeout(10):
            while not heard or not any(each.get("text") == text for each in self.caller.messages):
                await asyncio.sleep(0.01)
        stop()
        assert heard[0]["text"] == text and self.peer.state == "connected"


@asynccontextmanager
async def rude() -> AsyncIterator[Rude]:
    # This caller sends more than it reads, so answers to its checks come late: it is not to give up for that.
    with patch("aioice.ice.CONSENT_FAILURES", 1_000):
        caller = Caller()
        peer = await caller.call()
        try:
            yield Rude(caller, peer)
        finally:
            await peer.close()
            await caller.hang_up()


def test_malformed_openings_are_dropped() -> None:
    """Labels that are longer than the message, that are no text, on a channel that there is, of unknown kind."""

    async def main() -> None:
        async with rude() as caller:
            bad = [
                opening(b"x", length=60_000),
                opening(b"\xff\xfe"),
                opening(b"again"),
                opening(b"x" * 300),
                opening(b"x")[:11],
                b"\x03",
                b"\x02",
                b"\x09nonsense",
            ]
            for number, data in enumerate(bad):
                stream = 1 if data == opening(b"again") else 101 + 2 * number
                for _ in range(2):
                    await caller.send(
                        data_chunk(caller.tsn(), data, stream=stream, protocol=50, sequence=number)
                    )
            await caller.is_well()
            assert caller.peer.dropped()["opening"] >= len(bad)

    asyncio.run(main())


def test_channels_and_streams_are_bounded() -> None:
    async def main() -> None:
        async with rude() as caller:
            for number in range(200):
                await caller.send(data_chunk(caller.tsn(), opening(b"x"), stream=3 + 2 * number, protocol=50))
                if number == 20:
                    await asyncio.sleep(0.1)
            await asyncio.sleep(0.3)
            assert caller.link is not None and caller.link._association is not None
            sctp = caller.link._association._sctp
            assert len(sctp._data_channels) <= 16 and len(sctp._inbound_streams) <= 64
            assert caller.peer.state == "connected"

    asyncio.run(main())


@pytest.mark.timeout(240)
def test_pieces_without_an_end_are_bounded() -> None:
    """Six thousand of them, of one byte each, in order and with gaps."""

    async def main() -> None:
        async with rude() as caller:
            for number in range(6_000):
                await caller.send(
                    data_chunk(caller.tsn() + (number if number % 3 else 0), b"x", stream=9, flags=2)
                )
                await asyncio.sleep(0)
            async with asyncio.timeout(20):
                while caller.peer.dropped().get("bound", 0) <= 1_000:
                    await asyncio.sleep(0.05)
            assert caller.held <= module._MOST_PIECES
            assert caller.peer.state == "connected"

    asyncio.run(main())


def test_ten_megabytes_without_an_end_cost_what_ten_megabytes_cost() -> None:
    """What is held stays small, and the last piece costs as little as the first: nothing is gone through each time."""
    piece, count, look = bytes(1_000), 10_000, 1_000

    async def main() -> None:
        async with rude() as caller:
            spent: list[float] = []
            for first in range(0, count, look):
                began = time.process_time()
                for _ in range(look):
                    await caller.send(data_chunk(caller.tsn(), piece, stream=9, flags=2))
                    await asyncio.sleep(0)
                spent.append(time.process_time() - began)
                assert caller.held * len(piece) <= 2_048 * len(piece), first
            assert caller.peer.state == "connected"
            assert min(spent[-3:]) < 3 * max(spent[:3])

    asyncio.run(main())


def test_half_an_emoji_does_no_harm() -> None:
    """Neither as an escape in JSON nor as bytes that are no text."""

    async def main() -> None:
        async with rude() as caller:
            heard: list[dict[str, Any]] = []
            caller.peer.on_message(heard.append)
            caller.caller.channel.send('{"type":"text","text":"a\\ud800b","\\udfff":["\\ud83d\\ude00"]}')
            await caller.send(
                data_chunk(caller.tsn(), b'{"type":"text","text":"\xff\xed\xa0\x80"}', stream=1, sequence=1)
            )
            async with asyncio.timeout(30):
                while len(heard) < 2:
                    await asyncio.sleep(0.01)
            assert {"type": "text", "text": "a\ufffdb", "\ufffd": ["\U0001f600"]} in heard
            for message in heard:
                json.dumps(message, ensure_ascii=False).encode()
            assert caller.peer.state == "connected"

    asyncio.run(main())


@pytest.mark.parametrize(
    "bad",
    [
        chunk(3, struct.pack("!LLHH", 1, 1, 1, 0)),
        chunk(3, struct.pack("!LLHHHH", 1, 1, 1, 0, 5, 2)),
        chunk(3, struct.pack("!LLHH", 1, 1, 2, 0) + struct.pack("!4H", 1, 60_000, 1, 60_000)),
        chunk(4, struct.pack("!HH", 1, 0)),
        chunk(130, struct.pack("!HH", 13, 0)),
        chunk(130, parameter(13, bytes(4))),
        chunk(130, parameter(13, bytes(13))),
        chunk(130, parameter(16, bytes(3))),
        chunk(192, bytes(3)),
        chunk(192, bytes(6)),
        chunk(0, bytes(12)),
        chunk(1, bytes(15)),
        chunk(1, bytes(16) + struct.pack("!HH", 9, 2)),
        b"\x00\x00\x00\x03",
        b"\x00\x00\xff\xff",
    ],
)
def test_chunks_that_are_too_short_are_dropped(bad: bytes) -> None:
    """Lengths of zero would make aiortc loop for ever, others make it fail."""
    assert not is_sound_packet(bytes(12) + bad)


@pytest.mark.parametrize(
    "good",
    [
        data_chunk(1, b"x"),
        chunk(3, struct.pack("!LLHH", 1, 1, 0, 0)),
        chunk(3, struct.pack("!LLHH", 1, 1, 2, 1) + struct.pack("!4HL", 1, 2, 5, 5, 9)),
        chunk(1, bytes(16) + parameter(0xC000, b"") + parameter(0x8008, b"\xc0\x82")),
        chunk(130, parameter(13, bytes(14))),
        chunk(192, bytes(8)),
        chunk(10, bytes(24)),
        chunk(11, b""),
        chunk(0x7F, b"anything"),
    ],
)
def test_chunks_as_others_send_them_pass(good: bytes) -> None:
    assert is_sound_packet(bytes(12) + good)
    assert is_sound_packet(bytes(12) + good + data_chunk(2, b"more"))


@given(st.binary(max_size=120))
def test_any_bytes_are_sound_or_are_not(data: bytes) -> None:
    is_sound_packet(data)
    is_sound_packet(bytes(12) + data)


def test_chunks_of_every_type_with_any_content_end_no_call() -> None:
    """Authentic packets with the right checksum: each of the 256 types, whole, cut and with lengths that lie."""

    async def main() -> None:
        async with rude() as caller:
            random = Random(4)
            for kind in range(256):
                if kind in STEERING:
                    continue
                for _ in range(4):
                    body = random.randbytes(random.choice((0, 1, 4, 12, 16, 40, 200)))
                    made = bytearray(chunk(kind, body, random.randrange(256)))
                    if random.random() < 0.5:
                        made[2:4] = struct.pack("!H", random.choice((0, 3, 4, 5, len(made) + 4, 0xFFFF)))
                    await caller.send(bytes(made[: random.choice((len(made), len(made), 3, 5))]))
            await caller.is_well()

    asyncio.run(main())
