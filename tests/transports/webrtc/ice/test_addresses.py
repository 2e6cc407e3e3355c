"""Where callers are told to find the server."""

from __future__ import annotations

import asyncio

import pytest

from livegraph.transports.webrtc.ice.addresses import PublicAddress, candidates, machine_addresses
from livegraph.transports.webrtc.network import LOOPBACK, Network


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("203.0.113.7", "203.0.113.7", None),
        ("203.0.113.7:40000", "203.0.113.7", 40_000),
        ("2001:DB8::7", "2001:db8::7", None),
        ("[2001:db8::7]:40000", "2001:db8::7", 40_000),
        ("[2001:db8::7]", "2001:db8::7", None),
    ],
)
def test_public_addresses_are_read(text: str, host: str, port: int | None) -> None:
    assert PublicAddress.parse(text) == PublicAddress(host, port)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "example.org",
            "203.0.113.7:",
            "203.0.113.7:0",
            "203.0.113.7:65536",
            "203.0.113.7:x",
            "1.2.3.4:5:6",
        ),
        *("[2001:db8::7]:", "[2001:db8::7", "[2001:db8::7]4", "0.0.0.0", "::", "224.0.0.1", "1.2.3.4:-5"),
    ],
)
def test_what_is_no_public_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"203\.0\.113\.7"):
        PublicAddress.parse(text)


def test_udp_is_preferred_to_tcp_and_the_first_to_the_second() -> None:
    lines = candidates([("192.0.2.1", 5), ("2001:db8::1", 5), ("192.0.2.1", 5)], tcp=True)
    assert [line.split()[2:6] for line in lines] == sorted(
        (line.split()[2:6] for line in lines), key=lambda parts: -int(parts[1])
    )
    assert [line.split()[2] for line in lines] == ["udp", "udp", "tcp", "tcp"]
    assert all(line.endswith("typ host tcptype passive") for line in lines[2:])
    assert len({line.split()[0] for line in lines}) == 4


class Nobody:
    def on_datagram(self, data: bytes) -> None: ...

    def on_check(self) -> None: ...

    def on_nominated(self) -> None: ...

    def on_lost(self, reason: str) -> None: ...


def offered(network: Network) -> set[str]:
    async def main() -> set[str]:
        async with network:
            route = await network.route(Nobody())
            return {":".join(candidate.split()[4:6]) for candidate in route.candidates}

    return asyncio.run(main())


def test_callers_are_told_the_public_addresses_and_no_others() -> None:
    public = [PublicAddress("203.0.113.7"), PublicAddress("2001:db8::7", 40_000)]
    network = Network(hosts=LOOPBACK, public_addresses=public)
    found = offered(network)
    assert len(found) == 2 and "2001:db8::7:40000" in found
    assert all(address.startswith(("203.0.113.7:", "2001:db8::7:")) for address in found)


def test_on_every_address_callers_are_told_those_of_the_machine() -> None:
    hosts = {address.rpartition(":")[0] for address in offered(Network())}
    assert hosts and hosts <= set(machine_addresses())


def test_a_port_that_is_taken_is_told() -> None:
    async def main() -> None:
        async with Network(hosts=LOOPBACK) as network:
            port = network.port
            assert 0 < port < 65_536
            with pytest.raises(OSError):
                await Network(udp_port=port, hosts=LOOPBACK).hold()
        async with Network(udp_port=port, hosts=LOOPBACK) as again:
            assert again.port == port
        assert again.port == 0

    asyncio.run(main())


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="no port"):
        Network(udp_port=port)
