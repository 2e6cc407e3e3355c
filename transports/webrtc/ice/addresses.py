"""Where callers are told to find us: addresses, and candidates made of them (RFC 8839, section 5.1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["LOOPBACK", "PublicAddress", "candidates", "machine_addresses"]

LOOPBACK: Final = ("127.0.0.1", "::1")

_HOST_PREFERENCE: Final = 126
_TCP_PREFERENCE: Final = 90
"""Behind every way by UDP (RFC 6544, section 4.2)."""


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """An address at which the world reaches us, and the port if it is not the one we listen on."""

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> PublicAddress:
        """Read ``203.0.113.7``, ``203.0.113.7:40000``, ``2001:db8::7`` or ``[2001:db8::7]:40000``.

        Raises ``ValueError`` that says what is expected.
        """
        host, port = text.strip(), None
        if host.startswith("["):
            host, bracket, rest = host[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")):
                raise ValueError(_expected(text))
            port = rest[1:] or None if rest else None
            if rest == ":":
                raise ValueError(_expected(text))
        elif host.count(":") == 1:
            host, _, port = host.partition(":")
            if not port:
                raise ValueError(_expected(text))
        try:
            address = ipaddress.ip_address(host)
            number = None if port is None else int(port)
        except ValueError:
            raise ValueError(_expected(text)) from None
        if address.is_unspecified or address.is_multicast or (number is not None and not 0 < number < 65_536):
            raise ValueError(_expected(text))
        return cls(str(address), number)


def machine_addresses() -> tuple[str, ...]:
    """The addresses of this machine's network interfaces; those of loopback where there are no others."""
    import ifaddr

    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            # An IPv6 address is a triple; one with a scope means nothing to anybody else.
            text = ip.ip if isinstance(ip.ip, str) else "" if ip.ip[2] else ip.ip[0]
            if text and not ipaddress.ip_address(text).is_loopback and text not in found:
                found.append(text)
    return tuple(found) or LOOPBACK


def candidates(places: Iterable[tuple[str, int]], *, tcp: bool) -> tuple[str, ...]:
    """The values of ``a=candidate`` lines for addresses and ports, the first preferred.

    All are host candidates, the only kind that a lite agent has; with ``tcp`` each again as a passive one of RFC 6544.
    """
    listed: Sequence[tuple[str, int]] = list(dict.fromkeys(places))
    lines: list[str] = []
    for kind, preference in (("udp", _HOST_PREFERENCE), ("tcp", _TCP_PREFERENCE))[: 1 + tcp]:
        for number, (host, port) in enumerate(listed):
            local = 65_535 - number if kind == "udp" else (2 << 13) + 8_191 - number
            priority = (preference << 24) + (local << 8) + 255
            foundation = len(lines) + 1
            passive = " tcptype passive" if kind == "tcp" else ""
            lines.append(f"{foundation} 1 {kind} {priority} {host} {port} typ host{passive}")
    return tuple(lines)


def _expected(text: str) -> str:
    return (
        f"{text!r} is no public address: an IP address is, alone or with a port, "
        "as in 203.0.113.7, 203.0.113.7:40000 or [2001:db8::7]:40000"
    )
