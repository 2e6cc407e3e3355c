"""A server that searches its own way (`--ice full`) has open ports: nothing of a stranger's reaches a call."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from livegraph.transports.webrtc.ice import guard
from livegraph.transports.webrtc.ice.full import FullRoute
from livegraph.transports.webrtc.network import Network
from livegraph.transports.webrtc.peer import Peer
from support.raw_caller import check
from support.webrtc import Caller

SHORT = struct.pack("!HHI", 1, 8, 0x2112A442) + bytes(12) + struct.pack("!HHI", 0x0024, 2, 7 << 16)
"""A check whose priority has two bytes."""
ALERT = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"
"""A fatal alert of DTLS, as it may come before anything is encrypted: the handshake has failed."""


def route_of(peer: Peer) -> FullRoute:
    link: Any = peer._links.newest
    route: FullRoute = link._route
    return route


def ports_of(peer: Peer) -> list[tuple[str, int]]:
    """Where the server listens for this caller, by IPv4."""
    found = [one for one in route_of(peer)._connection.local_candidates if ":" not in one.host]
    return [(one.host, one.port) for one in found]


def counts_of(peer: Peer) -> dict[str, int]:
    route = route_of(peer)
    return dict(route._guards[route._connection].counts)


async def goes_on(peer: Peer) -> None:
    """The caller is heard."""
    before = peer.statistics().received_packets
    async with asyncio.timeout(20):
        while peer.statistics().received_packets < before + 10:
            await asyncio.sleep(0.02)
    assert peer.state == "connected"


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_what_strangers_send_is_dropped_and_not_answered(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Checks that are malformed or nobody's, DTLS and media of somebody else, nothing at all; then the call goes on."""

    async def main() -> None:
        async with Network(ice="full") as network:
            caller = Caller(440)
            peer = await caller.call(network=network)
            peer.audio_in.listen(16_000)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.setblocking(False)
                ports = ports_of(peer)
                assert ports
                sent = (
                    SHORT,
                    check("nobody", "x" * 32),
                    ALERT,
                    b"\x80" + bytes(40),
                    b"",
                    b"\x00",
                    b"\x01" * 3_000,
                )
                for place in ports:
                    for data in sent:
                        stranger.sendto(data, place)
                await until(lambda: sum(counts_of(peer).values()) >= len(ports) * (len(sent) - 1))
                with pytest.raises(BlockingIOError):
                    stranger.recv(2_000)
            assert counts_of(peer)["stranger"] >= 3 and counts_of(peer)["malformed"] >= 3
            await goes_on(peer)
            assert peer.dropped().get("rtp", 0) == peer.dropped().get("dtls", 0) == 0
            await peer.close()
            await caller.hang_up()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


def test_a_forged_alert_ends_no_handshake() -> None:
    """From anybody who knows the port, at any moment of it: aioice would hand it on."""

    async def main() -> None:
        async with Network(ice="full") as network:
            caller = Caller(440)
            peer = await Peer.accept(await caller.offer(), network=network)
            peer.audio_in.listen(16_000)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

                async def alert() -> None:
                    while True:
                        for place in ports_of(peer):
                            stranger.sendto(ALERT, place)
                        await asyncio.sleep(0.002)

                alerting = asyncio.create_task(alert())
                await caller.answered(peer)
                async with asyncio.timeout(20):
                    await peer.connected()
                alerting.cancel()
            await goes_on(peer)
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


def test_mutated_checks_by_the_thousand_disturb_nobody() -> None:
    """Of the caller's own kind, with the right name, cut, lengthened and changed."""
    chance = random.Random(4)

    async def main() -> None:
        async with Network(ice="full") as network:
            caller = Caller(440)
            peer = await caller.call(network=network)
            peer.audio_in.listen(16_000)
            ours = route_of(peer).credentials
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.setblocking(False)
                place = ports_of(peer)[0]
                for number in range(4_000):
                    data = bytearray(check(ours.ufrag, "guessed" * 5, controlled=bool(number % 2)))
                    for _ in range(chance.randint(1, 4)):
                        data[chance.randrange(len(data))] = chance.randrange(256)
                    if number % 3 == 0:
                        del data[chance.randrange(20, len(data)) :]
                        data[2:4] = (len(data) - 20).to_bytes(2)
                    stranger.sendto(data, place)
                    if not number % 50:
                        await asyncio.sleep(0)
                with pytest.raises(BlockingIOError):
                    stranger.recv(2_000)
            await goes_on(peer)
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


def test_a_caller_from_everywhere_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that knows the password checks from a hundred ports, and once without a priority: few are remembered."""
    monkeypatch.setattr(guard, "_MOST_CANDIDATES", 20)

    async def main() -> None:
        async with Network(ice="full") as network:
            caller = Caller(440)
            peer = await caller.call(network=network)
            peer.audio_in.listen(16_000)
            route, place = route_of(peer), ports_of(peer)[0]
            theirs: Any = route._connection
            ours, name = route.credentials, theirs.remote_username
            for number in range(100):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
                    port.sendto(check(ours.ufrag, ours.pwd, remote=name, nominate=False), place)
                    if not number % 20:
                        await asyncio.sleep(0.01)
            await until(lambda: counts_of(peer).get("crowd", 0) >= 60)
            route._guards[theirs]._check(SimpleNamespace(attributes={}), ("127.0.0.1", 9), object())
            assert counts_of(peer)["malformed"] == 1
            assert len(theirs._remote_candidates) <= 20
            assert len(route._guards[theirs]._proved) <= 16
            await goes_on(peer)
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())
