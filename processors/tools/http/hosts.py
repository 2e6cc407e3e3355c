"""Which hosts and addresses a tool may call. Pure: a decision on texts, no look-up.

A host must be named. An address that is not of the public Internet must be named too, whatever host has it, and however
it is written (mapped into IPv6, by NAT64, 6to4 or Teredo).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

__all__ = ["HostPolicy", "is_private", "read_networks"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """What may be called.

    Args:
        hosts: names of hosts; ``*.example.com`` is every host below it.
        private: addresses and networks outside the public Internet that may be called all the same, and names of hosts
            that may have such.
    """

    hosts: tuple[str, ...]
    private: tuple[str, ...] = ()

    def refuse_url(self, url: str) -> str:
        """Why ``url`` is not called; empty when nothing speaks against it so far."""
        try:
            parts = urlsplit(url)
            host, port = _host(parts), parts.port
        except ValueError:
            return "it is no address"
        del port
        if parts.scheme not in ("http", "https"):
            return f"its scheme is {parts.scheme or 'missing'}: only http and https are called"
        if "@" in parts.netloc:
            return "it has a name or a password in it"
        if not host:
            return "it names no host"
        if why := self.refuse_host(host):
            return why
        address = _literal(host)
        return self.refuse_address(str(address), host) if address is not None else ""

    def refuse_host(self, host: str) -> str:
        """Why a host is not connected to, whatever its address; empty when it is named."""
        plain = _ascii(host.lower().rstrip("."))
        if any(fnmatchcase(plain, _ascii(pattern.lower().rstrip("."))) for pattern in self.hosts):
            return ""
        return f"{host} is not among the allowed hosts"

    def refuse_address(self, address: str, host: str) -> str:
        """Why the address that ``host`` was found to have is not connected to; empty when it may be."""
        found = _literal(address)
        if found is None:
            return f"{address} is no address"
        inner = _unwrapped(found)
        if not any(map(is_private, inner)):
            return ""
        if host.lower().rstrip(".") in self.private:
            return ""
        networks = read_networks(self.private)
        if all(not is_private(one) or any(one in network for network in networks) for one in inner):
            return ""
        where = host if host == address else f"{host} is at {address}, which"
        return f"{where} is not of the public Internet, and not named in `private`"


def is_private(address: _Address) -> bool:
    """Whether an address is not of the public Internet: private, local, of this link, shared, reserved, multicast."""
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return True
    return not address.is_global or address.is_multicast or address.is_reserved


def read_networks(texts: Iterable[str]) -> tuple[_Network, ...]:
    """The networks among ``texts``; names of hosts are left out."""
    found: list[_Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    return tuple(found)


def _ascii(host: str) -> str:
    """A name as it is looked up: other letters in the form of IDNA. A leading ``*.`` stays."""
    if host.isascii():
        return host
    import idna

    star, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    try:
        return star + idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return host


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").lower().rstrip(".")


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.IPv4Address("127.0.0.1")
    # What a C library reads as an address as well: 127.1, 0x7f000001, 2130706433.
    parts = host.split(".")
    try:
        numbers = [
            int(part, 0) if not (part.startswith("0") and part.isdigit()) else int(part, 8) for part in parts
        ]
    except ValueError:
        return None
    *first, last = numbers
    if (
        len(numbers) > 4
        or any(not 0 <= one < 256 for one in first)
        or not 0 <= last < 256 ** (5 - len(numbers))
    ):
        return None
    value = last
    for place, one in enumerate(first):
        value += one << (24 - 8 * place)
    return ipaddress.IPv4Address(value)


def _unwrapped(address: _Address) -> list[_Address]:
    """The address, or those of version 4 that it carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    return [address]
