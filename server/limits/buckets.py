"""Token buckets, one for each key: how often somebody may do something. Sans-IO: time is an argument."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from ...pipeline.units import SECOND

__all__ = ["Buckets", "Rate", "address_key"]


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` at once, and ``per_minute`` in the long run."""

    per_minute: float
    burst: int

    def __post_init__(self) -> None:
        if self.per_minute <= 0 or self.burst < 1:
            raise ValueError("a rate lets something through: more than 0 a minute, and a burst of 1 at least")


class Buckets:
    """Buckets of one rate by key, of which ``most`` are remembered.

    When there are more, the one that was used longest ago is forgotten: it has filled up most.
    """

    def __init__(self, rate: Rate, *, most: int = 20_000) -> None:
        self.rate = rate
        self._most = most
        self._each_ns = round(60 * SECOND / rate.per_minute)
        self._owed: OrderedDict[str, int] = OrderedDict()
        """Until when each bucket is not full again."""

    def __len__(self) -> int:
        return len(self._owed)

    def take(self, key: str, now_ns: int) -> int:
        """0 when it may go on, and one token is gone; else the nanoseconds until it may, and nothing has changed."""
        if wait_ns := self.look(key, now_ns):
            return wait_ns
        self._owed[key] = max(self._owed.get(key, 0), now_ns) + self._each_ns
        self._owed.move_to_end(key)
        if len(self._owed) > self._most:
            self._owed.popitem(last=False)
        return 0

    def look(self, key: str, now_ns: int) -> int:
        """What ``take`` would return; nothing changes."""
        full_at_ns = max(self._owed.get(key, 0), now_ns) + self._each_ns
        return max(0, full_at_ns - now_ns - self._each_ns * self.rate.burst)


def address_key(host: str) -> str:
    """By what an address is counted: IPv4 as it is, IPv6 by its /64, which is one household's."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
