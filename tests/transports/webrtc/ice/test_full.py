"""A server that searches its own way to the caller (`--ice full`): host candidates, STUN and TURN by aioice."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from aioice import stun, turn

from livegraph.pipeline.errors import TransportError
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.ice.full import FullRoute
from livegraph.transports.webrtc.network import Network
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.sdp import BadOffer
from support.webrtc import Caller


@pytest.mark.leaks
def test_it_searches_its_way_and_sound_and_messages_flow() -> None:
    async def main() -> None:
        async with no_tasks_left(), Network(ice="full") as network:
            caller = Caller(440)
            peer = await caller.call(network=network)
            assert "ice-lite" not in peer.answer.sdp and peer.remote_address
            peer.audio_in.listen(16_000)
            said = np.concatenate(
                [piece for _ in range(50) if (piece := await peer.audio_in.recv()) is not None]
            )
            assert np.abs(said[-4_000:]).max() > 4_000
            peer.send({"type": "hello"})
            async with asyncio.timeout(30):
                while not caller.messages:
                    await asyncio.sleep(0.01)
            # A check of the caller's is a sign of life here, too.
            assert peer.state == "connected"
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


def test_what_is_trickled_is_taken_and_names_cost_nothing() -> None:
    async def main() -> None:
        async with Network(ice="full") as network:
            caller = Caller()
            lines = (await caller.offer()).split("\r\n")
            found = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate:")]
            bare = "\r\n".join(line for line in lines if "candidate" not in line)
            peer = await Peer.accept(bare, network=network)
            local = "candidate:1 1 udp 2113937151 0b2f6d1e-6c1c-4a3c-9c57-5f1d1f8f0a11.local 50000 typ host"
            items = [{"candidate": text, "sdp_mid": "0"} for text in [local, *found, *found]]
            async with asyncio.timeout(1):
                await peer.add_candidates(items)
            await caller.answered(peer)
            await peer.connected()
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


FORGED = (
    *(
        "1 1 udp 1 192.0.2.7 99999 typ host",
        "1 1 udp 1 192.0.2.7 0 typ host",
        "1 1 udp 1 192.0.2.7 -1 typ host",
    ),
    f"1 1 udp 1 192.0.2.7 {'9' * 40} typ host",
    *(
        "1 1 udp 1 127.0.0.1 53 typ host",
        "1 1 udp 1 ::1 53 typ host",
        "1 1 udp 1 ::ffff:127.0.0.1 53 typ host",
    ),
    *(
        "1 1 udp 1 224.0.0.1 9 typ host",
        "1 1 udp 1 255.255.255.255 9 typ host",
        "1 1 udp 1 0.0.0.0 9 typ host",
    ),
    *("1 1 udp 1 fe80::1%eth0 9 typ host", "1 1 udp 1 fe80::1%evil.example 9 typ host"),
    *(
        "1 1 udp 1 evil.example 9 typ host",
        "1 1 udp 1 0b2f6d1e.local 9 typ host",
        "1 1 udp 1 [::1] 9 typ host",
    ),
    *(
        "1 1 udp 1 192.0.2.7 9 typ host rport x",
        "1 1 tcp 1 192.0.2.7 9 typ host",
        "1 2 udp 1 192.0.2.7 9 typ host",
    ),
    *("", "1 1 udp", "x" * 9_000, "1 1 udp 1 \U0001f4a9 9 typ host", "1 1 udp x 192.0.2.7 9 typ host"),
)


class Nobody:
    """Hears of nothing."""

    def on_datagram(self, data: bytes) -> None: ...
    def on_check(self) -> None: ...
    def on_nominated(self) -> None: ...
    def on_lost(self, reason: str) -> None: ...


def test_where_nobody_can_be_is_not_searched() -> None:
    """A candidate is where a check is sent to: what is no address of another machine's is let be, and is no fault."""

    async def main() -> None:
        route = await FullRoute.gather(Nobody(), [])
        for forged in FORGED:
            route.add_candidate(forged)
            assert route._next.remote_candidates == [], forged
        route.add_candidate("1 1 udp 1 192.0.2.7 9 typ host")
        assert [candidate.host for candidate in route._next.remote_candidates] == ["192.0.2.7"]
        await route.close()

    asyncio.run(main())


def test_a_caller_that_is_not_found_is_given_up() -> None:
    async def main() -> None:
        async with no_tasks_left(), Network(ice="full") as network:
            caller = Caller()
            peer = await Peer.accept(await caller.offer(), network=network, connect_within_ns=1_000_000_000)
            await caller.hang_up()
            with pytest.raises(TransportError, match="no connection within 1s"):
                await peer.connected()
            await peer.closed()
            with pytest.raises(BadOffer):
                await Peer.accept("v=0\r\n", network=network)

    asyncio.run(main())


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[int]:
    """Debian's coturn on loopback; its port."""
    turnserver = shutil.which("turnserver")
    if turnserver is None:
        pytest.skip("coturn is not installed (apt-get install coturn)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(turnserver, "-n", "--lt-cred-mech", "--user=ada:secret", "--realm=test", "--no-tls", "--no-dtls"),
        *("-L", "127.0.0.1", "-E", "127.0.0.1", "-p", str(port), "--allow-loopback-peers", "--no-cli"),
        *("--cli-password=x", f"--pidfile={tmp_path}/pid", f"--userdb={tmp_path}/db", "--log-file=stdout"),
        *("--min-port=49400", "--max-port=49500"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    yield port
    process.terminate()
    process.wait(10)


async def until_up(port: int) -> None:
    for _ in range(100):
        try:
            transport, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol, server_addr=("127.0.0.1", port), username="ada", password="secret"
            )
        except (stun.TransactionTimeout, ConnectionError):
            await asyncio.sleep(0.1)
            continue
        transport.close()
        await asyncio.sleep(0.1)
        return
    raise AssertionError("coturn does not answer")


def test_a_call_goes_through_a_real_relay_where_nothing_else_is_open(relay: int) -> None:
    """The server has no address of its own that anybody could reach: all sound passes the relay, both ways."""
    servers = [
        {"urls": f"stun:127.0.0.1:{relay}"},
        {"urls": f"turn:127.0.0.1:{relay}", "username": "ada", "credential": "secret"},
    ]

    async def main() -> None:
        await until_up(relay)
        async with Network(ice="full", ice_servers=lambda: servers) as network:
            caller = Caller(440)
            offer = await caller.offer()
            with patch("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: []):
                peer = await Peer.accept(offer, network=network)
            candidates = [line for line in peer.answer.sdp.splitlines() if line.startswith("a=candidate:")]
            assert candidates and all(" typ relay " in line for line in candidates)
            await caller.answered(peer)
            async with asyncio.timeout(20):
                await peer.connected()
            peer.audio_in.listen(16_000)
            async with asyncio.timeout(20):
                said = np.concatenate(
                    [piece for _ in range(50) if (piece := await peer.audio_in.recv()) is not None]
                )
            assert np.abs(said[-4_000:]).max() > 4_000
            peer.send({"type": "hello"})
            async with asyncio.timeout(10):
                while not caller.messages:
                    await asyncio.sleep(0.01)
            await peer.close()
            await caller.hang_up()

    asyncio.run(main())


def test_a_relay_that_refuses_or_is_not_there_leaves_the_other_ways(relay: int) -> None:
    """Wrong credentials, and a port on which nobody is: the call stands by the addresses of the machine."""

    async def main() -> None:
        await until_up(relay)
        for server in (
            {"urls": f"turn:127.0.0.1:{relay}", "username": "ada", "credential": "wrong"},
            {"urls": "turn:127.0.0.1:9", "username": "ada", "credential": "secret"},
        ):
            async with Network(ice="full", ice_servers=lambda server=server: [server]) as network:  # type: ignore[misc]
                caller = Caller(440)
                async with asyncio.timeout(30):
                    peer = await caller.call(network=network)
                assert peer.state == "connected" and " typ relay " not in peer.answer.sdp
                await peer.close()
                await caller.hang_up()

    asyncio.run(main())
