"""Handshakes that nobody means to finish, from addresses that have proved themselves: bounded, no harm to others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import TransportError
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.secure import _MOST_OF_HANDSHAKE
from support.raw_caller import MemoryNetwork, RawCaller

OTHER = ("198.51.100.8", 5_001)


def record(
    number: int, kind: int, body: bytes, *, whole: int | None = None, at: int = 0, message: int = 0
) -> bytes:
    """A record with one piece of a handshake message, in the clear (RFC 6347, section 4.2.2)."""
    size = len(body) if whole is None else whole
    head = bytes([kind]) + size.to_bytes(3) + message.to_bytes(2) + at.to_bytes(3) + len(body).to_bytes(3)
    return b"\x16\xfe\xfd\x00\x00" + number.to_bytes(6) + len(head + body).to_bytes(2) + head + body


HELLO = b"\xfe\xfd" + bytes(32) + b"\x00\x00" + b"\x00\x04\xc0\x2b\xc0\x2f" + b"\x01\x00"
"""A ClientHello without extensions."""


def endless_greetings(number: int) -> bytes:
    return record(number, 1, HELLO, message=number & 0xFFFF)


def endless_cookies(number: int) -> bytes:
    """Each asks for the greeting again, with another cookie."""
    return record(number, 3, b"\xfe\xff\x14" + number.to_bytes(20), message=number)


def fragments_without_an_end(number: int) -> bytes:
    return record(number, 2, bytes(1_000), whole=90_000, at=1_000 * (number % 80), message=number % 8)


FLOODS = [endless_greetings, endless_cookies, fragments_without_an_end]


@pytest.mark.parametrize("setup", ["actpass", "active"])
@pytest.mark.parametrize("flood", FLOODS)
def test_a_handshake_takes_so_many_datagrams_and_no_more(flood: Any, setup: str) -> None:
    """Of 5,000 some reach OpenSSL, whichever side begins it; we answer no more than those; the call ends in its time,
    another is connected and heard meanwhile."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            caller = RawCaller(network)
            peer = await Peer.accept(caller.offer().replace("actpass", setup), network=network)
            caller.answered(peer.answer.sdp)
            caller.check()
            await peer.reached()
            link: Any = peer._link
            handed = 0
            write = link._secure._records.put

            def counted(data: bytes) -> None:
                nonlocal handed
                handed += 1
                write(data)

            link._secure._records.put = counted
            before = len(network.sent)
            for number in range(5_000):
                caller.transmit(flood(number))
                if not number % 20:
                    await asyncio.sleep(0.001)
            assert handed <= _MOST_OF_HANDSHAKE
            assert len(network.sent) - before <= 2 * _MOST_OF_HANDSHAKE
            assert link.over or peer.dropped()["dtls"] >= 5_000 - _MOST_OF_HANDSHAKE
            other = RawCaller(network, OTHER)
            second = await Peer.accept(other.offer(), network=network)
            await other.connect(second)
            assert second.state == "connected"
            with pytest.raises(TransportError):
                await peer.connected()
            await peer.closed()
            await second.close()
            await other.close()
            await caller.close()

    run_virtual(main())


def test_a_handshake_that_stands_still_ends_with_its_caller() -> None:
    """Fifty callers who prove where they are and then say nothing: after 15 s nothing is left of them."""

    async def main() -> None:
        async with no_tasks_left():
            network = MemoryNetwork()
            callers, peers = [], []
            for number in range(50):
                caller = RawCaller(network, ("198.51.100.9", 6_000 + number))
                peer = await Peer.accept(caller.offer(), network=network)
                caller.answered(peer.answer.sdp)
                caller.check()
                callers.append(caller)
                peers.append(peer)
            for peer in peers:
                assert "no connection within 15s" in await peer.closed()
            assert len(network.mux) == 0 and not network.mux.seated
            for caller in callers:
                await caller.close()

    run_virtual(main())
