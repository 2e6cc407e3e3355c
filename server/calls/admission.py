"""Who is let in, and who must wait: rates and caps. Sans-IO: time is an argument."""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from dataclasses import dataclass

from ...pipeline.units import SECOND
from ..access.grant import ANYBODY, Grant
from ..limits.buckets import Buckets, Rate, address_key
from ..limits.caller import CallerLimits
from ..refusals import Refusal

__all__ = ["Admission", "Caller", "Entry"]

_PENDING_RETRY_S = 15
_BUSY_RETRY_S = 10
_LEAST_BURST = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as it is known."""

    grant: Grant = ANYBODY
    address: str = ""
    """Where it asks from; empty where nobody knows (a program's own call), and then nothing is counted by it."""
    known: bool = True
    """Whether it was asked who it is."""

    @property
    def counted_by(self) -> str:
        """The address as limits count it."""
        return address_key(self.address) if self.address else ""

    @property
    def calls_counted_by(self) -> str:
        """By what its calls are counted: who it is, or else where it is.

        Nothing on this machine itself, which is where everybody is behind a proxy that was not named.
        """
        if self.grant.identity:
            return f"identity {self.grant.identity}"
        try:
            elsewhere = not ipaddress.ip_address(self.address.partition("%")[0]).is_loopback
        except ValueError:
            elsewhere = False
        return f"address {self.counted_by}" if elsewhere and self.known else ""


@dataclass(eq=False, slots=True)
class Entry:
    """One place that is taken: by an offer that is answered, then by its call."""

    caller: Caller
    pending: bool = True
    """Whether the caller has not yet shown that it is where it says."""


class Admission:
    """The places of one server.

    Args:
        max_calls: how many at a time, offers that are answered included.
        max_pending: how many of them may be offers whose callers have not connected.
        limits: of one caller, where its grant says nothing else.
    """

    def __init__(self, *, max_calls: int, max_pending: int, limits: CallerLimits) -> None:
        self.max_calls = max_calls
        self.max_pending = max_pending
        self.limits = limits
        self._entries: set[Entry] = set()
        self._calls: Counter[str] = Counter()
        self._pending_by_address: Counter[str] = Counter()
        self._buckets: dict[float, Buckets] = {}

    @property
    def taken(self) -> int:
        """How many places are."""
        return len(self._entries)

    @property
    def pending(self) -> int:
        """How many of them wait for their callers."""
        return sum(entry.pending for entry in self._entries)

    def limits_of(self, grant: Grant) -> CallerLimits:
        """Those that count for this caller."""
        return grant.limits or self.limits

    def count_request(self, caller: Caller, now_ns: int) -> None:
        """Count one offer, good or bad. Raises ``Refusal`` (429) when there were too many of late."""
        per_minute = self.limits_of(caller.grant).offers_per_minute
        if per_minute is None:
            return
        buckets = self._buckets.get(per_minute)
        if buckets is None:
            rate = Rate(per_minute, max(_LEAST_BURST, math.ceil(per_minute / 2)))
            buckets = self._buckets[per_minute] = Buckets(rate)
        keys = [f"address {caller.counted_by}"] if caller.address else []
        keys += [f"identity {caller.grant.identity}"] if caller.grant.identity else []
        for key in keys:
            if wait_ns := buckets.take(key, now_ns):
                raise _wait(
                    429,
                    "too_often",
                    "There were too many calls from here in a short time.",
                    -(-wait_ns // SECOND),
                )

    def enter(self, caller: Caller) -> Entry:
        """Take a place. Raises ``Refusal`` when there is none for this caller (429) or for anybody (503)."""
        limits, address = self.limits_of(caller.grant), caller.counted_by
        self._check_calls(caller)
        if address and limits.pending is not None and self._pending_by_address[address] >= limits.pending:
            raise _wait(
                429, "too_many_pending", "Calls from here were begun and not taken up.", _PENDING_RETRY_S
            )
        if self.taken >= self.max_calls:
            calls = "1 call" if self.max_calls == 1 else f"{self.max_calls} calls"
            raise _wait(
                503,
                "full",
                f"All lines are busy: {calls} at a time is the limit here.",
                _BUSY_RETRY_S,
                "A line is free as soon as another call ends.",
            )
        if self.pending >= self.max_pending:
            raise _wait(503, "full", "Too many calls are being set up.", _PENDING_RETRY_S)
        entry = Entry(caller)
        self._entries.add(entry)
        self._count(caller)
        if address:
            self._pending_by_address[address] += 1
        return entry

    def identify(self, entry: Entry, grant: Grant) -> None:
        """It has turned out who has this place, which stays taken. Raises ``Refusal`` (429) when that is too many."""
        caller = Caller(grant, entry.caller.address)
        self._check_calls(caller)
        _less(self._calls, entry.caller.calls_counted_by)
        entry.caller = caller
        self._count(caller)

    def _count(self, caller: Caller) -> None:
        if key := caller.calls_counted_by:
            self._calls[key] += 1

    def _check_calls(self, caller: Caller) -> None:
        most, key = self.limits_of(caller.grant).calls, caller.calls_counted_by
        if key and most is not None and self._calls[key] >= most:
            calls = "1 call" if most == 1 else f"{most} calls"
            whose = "of yours" if caller.grant.identity else "from here"
            raise _wait(429, "too_many_calls", f"There are {calls} {whose} already.", _BUSY_RETRY_S)

    def connected(self, entry: Entry) -> None:
        """The caller is there: its place is no longer a pending one."""
        if entry.pending:
            entry.pending = False
            _less(self._pending_by_address, entry.caller.counted_by)

    def leave(self, entry: Entry) -> None:
        """Give the place back; again is fine."""
        if entry in self._entries:
            self._entries.remove(entry)
            self.connected(entry)
            _less(self._calls, entry.caller.calls_counted_by)


def _wait(status: int, code: str, message: str, seconds: int, remedy: str = "") -> Refusal:
    remedy = remedy or f"Try again in {seconds} second{'' if seconds == 1 else 's'}."
    return Refusal(status, code, message, remedy, {"Retry-After": str(max(1, seconds))})


def _less(counter: Counter[str], key: str) -> None:
    if key:
        counter[key] -= 1
        if counter[key] <= 0:
            del counter[key]
