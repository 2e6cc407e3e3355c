"""Real sockets under the mux: UDP and TCP on one port number, and nothing that a stranger sends is kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from livegraph.transports.webrtc.ice import sockets
from livegraph.transports.webrtc.ice.mux import Mux, Seat
from livegraph.transports.webrtc.ice.sockets import Sockets, open_sockets
from support.raw_caller import check

from .test_mux import knock, seated


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Mux, Sockets]]:
    mux = Mux()
    opened = await open_sockets(mux, ("127.0.0.1",))
    try:
        yield mux, opened
    finally:
        await opened.close()


def framed(data: bytes) -> bytes:
    """RFC 4571."""
    return len(data).to_bytes(2) + data


async def until(true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def proved(port: int, seat: Seat) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose first frame was a good check, and its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(framed(knock(seat)))
    size = int.from_bytes(await reader.readexactly(2))
    assert (await reader.readexactly(size))[:2] == b"\x01\x01"
    return reader, writer


def test_udp_goes_both_ways() -> None:
    async def main() -> None:
        async with listening() as (mux, opened):
            seat, ears = seated(mux)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
                caller.setblocking(False)
                caller.connect(("127.0.0.1", opened.port))
                loop = asyncio.get_running_loop()
                caller.send(knock(seat))
                assert (await loop.sock_recv(caller, 2_000))[:2] == b"\x01\x01"
                for data in (b"", b"\x80hello"):
                    caller.send(data)
                await until(lambda: ears.heard == [b"\x80hello"])
                seat.send(b"\x80you")
                assert await loop.sock_recv(caller, 2_000) == b"\x80you"
                assert mux.counts["empty"] == 1

    asyncio.run(main())


def test_tcp_carries_the_same_in_frames_however_they_are_cut() -> None:
    async def main() -> None:
        async with listening() as (mux, opened):
            assert opened.tcp
            seat, ears = seated(mux)
            reader, writer = await proved(opened.port, seat)
            assert ears.nominated == 1
            for byte in framed(b"\x80slow") + framed(b"") + framed(b"\x80more"):
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            await until(lambda: ears.heard == [b"\x80slow", b"\x80more"])
            seat.send(b"\x80back")
            assert await reader.readexactly(7) == framed(b"\x80back")
            writer.close()
            await until(lambda: seat.remote_address == "")
            seat.send(b"nobody is there")
            assert mux.seated == {}

    asyncio.run(main())


@pytest.mark.parametrize(
    "rude",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        framed(b"\x80" * 40),
        framed(b""),
        framed(check("nobody", "x" * 32)),
        b"\xff\xff" + b"x" * 99,
    ],
    ids=["http", "srtp", "empty", "nobodys check", "length"],
)
def test_a_stranger_by_tcp_is_hung_up_on_without_a_word(rude: bytes) -> None:
    async def main() -> None:
        async with listening() as (_, opened):
            reader, writer = await asyncio.open_connection("127.0.0.1", opened.port)
            writer.write(rude)
            async with asyncio.timeout(30):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await reader.readexactly(1)
            writer.close()

    asyncio.run(main())


def test_who_proves_nothing_makes_room_and_has_to_go_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred silent connections: the oldest are closed for new ones, the rest when their time is up."""
    monkeypatch.setattr(sockets, "_PROVE_WITHIN_S", 1.0)

    async def main() -> None:
        async with listening() as (mux, opened):
            seat, _ = seated(mux)
            silent = [await asyncio.open_connection("127.0.0.1", opened.port) for _ in range(100)]
            _, caller = await proved(opened.port, seat)
            channel = next(channel for channel in opened._channels if isinstance(channel, sockets._Tcp))
            await until(lambda: len(channel.connections) <= sockets._MOST_UNPROVED + 1)
            await until(lambda: len(channel.connections) == 1)
            assert seat.remote_address
            for _, writer in [*silent, (None, caller)]:
                writer.close()

    asyncio.run(main())


def test_a_place_that_is_left_closes_its_connection() -> None:
    async def main() -> None:
        async with listening() as (mux, opened):
            seat, _ = seated(mux)
            reader, writer = await proved(opened.port, seat)
            await seat.close()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(1)
            writer.close()

    asyncio.run(main())


class FakeTransport:
    """A connection as the loop hands it over, from one port after another."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.aborted = self.paused = False
        self.written: list[bytes] = []

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.9", self.port) if name == "peername" else None

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def abort(self) -> None:
        self.aborted = True


def joined(channel: sockets._Tcp, port: int) -> tuple[sockets._Connection, FakeTransport]:
    connection, transport = sockets._Connection(channel), FakeTransport(port)
    connection.connection_made(transport)
    return connection, transport


def test_ten_thousand_silent_connections_in_one_turn_keep_nobody_out() -> None:
    """Before the loop tells of the end of any of them: 64 are kept, and a caller who proves itself comes in."""

    async def main() -> None:
        mux = Mux()
        channel = sockets._Tcp(mux)
        transports = [joined(channel, port)[1] for port in range(10_000)]
        assert len(channel.connections) <= sockets._MOST_UNPROVED
        assert sum(not transport.aborted for transport in transports) == len(channel.connections)
        seat, ears = seated(mux)
        caller, transport = joined(channel, 20_000)
        caller.data_received(framed(knock(seat)))
        assert ears.nominated == 1 and caller.proved
        for port in range(30_000, 31_000):
            joined(channel, port)
        assert not transport.aborted and seat.remote_address == "127.0.0.9:20000"
        channel.close()
        assert not channel.connections and not mux.seated

    asyncio.run(main())


def test_frames_of_nothing_leave_others_their_turn_and_all_come() -> None:
    """A hundred thousand in one piece, of a caller who has proved itself: 64 at a time, and nothing read meanwhile."""

    async def main() -> None:
        mux = Mux()
        channel = sockets._Tcp(mux)
        seat, ears = seated(mux)
        caller, transport = joined(channel, 1)
        caller.data_received(framed(knock(seat)))
        caller.data_received(framed(b"") * 1_000 + framed(b"\x80last"))
        assert mux.counts["empty"] == sockets._MOST_FRAMES_AT_ONCE and transport.paused
        turns = 0
        while not ears.heard:
            await asyncio.sleep(0)
            turns += 1
        assert ears.heard == [b"\x80last"] and mux.counts["empty"] == 1_000 and turns >= 15
        await asyncio.sleep(0)
        assert not transport.paused and not caller._held
        channel.close()

    asyncio.run(main())


def test_what_follows_an_end_is_not_read() -> None:
    """A frame that is too long ends a connection: those behind it in the same piece are nobody's, and half a frame
    that is never finished holds no more than its own length."""

    async def main() -> None:
        mux = Mux()
        channel = sockets._Tcp(mux)
        seat, ears = seated(mux)
        caller, transport = joined(channel, 1)
        caller.data_received(framed(knock(seat)))
        caller.data_received((2_000).to_bytes(2) + b"\x80half")
        assert len(caller._held) == 7
        caller.data_received(bytes(1_995) + b"\xff\xff" + framed(b"\x80later"))
        assert transport.aborted and len(ears.heard) == 1 and not channel.connections
        caller.data_received(framed(b"\x80later"))
        caller.connection_lost(None)
        assert len(ears.heard) == 1 and seat.remote_address == "" and not caller._held

    asyncio.run(main())
