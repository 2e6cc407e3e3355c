"""The answering half of ICE (RFC 8445, section 2.5): a lite agent, which never sends a check of its own. Sans-IO.

The caller's browser checks, we answer. A check that knows our password proves its sender and the way that it came;
one that nominates chooses the way for what we send. So a caller that changes its network moves the call by one
datagram, and nothing is ever sent to where a candidate merely points.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .stun import Address, BindingRequest, refusal, success, verified

__all__ = ["Credentials", "LiteAgent", "Verdict"]

Way = TypeVar("Way", bound=Hashable)

_MOST_WAYS = 16
_SEEN_BITS = 17


@dataclass(frozen=True, slots=True)
class Credentials:
    """The name and the password by which one side's checks are known (RFC 8445, section 5.3)."""

    ufrag: str
    pwd: str

    @classmethod
    def fresh(cls) -> Credentials:
        """New ones, unguessable: 12 and 32 characters, of which ICE has those of base64 (RFC 8839, section 5.4)."""
        return cls(b64encode(secrets.token_bytes(9)).decode(), b64encode(secrets.token_bytes(24)).decode())

    def __repr__(self) -> str:
        # The password is a secret.
        return f"Credentials({self.ufrag!r})"


@dataclass(frozen=True, slots=True)
class Verdict(Generic[Way]):
    """What became of one check."""

    reply: bytes
    """To be sent back the way the check came."""
    good: bool
    """Whether the sender has proved itself; otherwise ``reply`` says what it has wrong."""
    moved: bool
    """Whether what we send takes another way from now on."""
    fresh: bool = True
    """Whether it is not the repetition of one that came before: those are answered, and prove nothing."""
    forgotten: tuple[Way, ...] = ()
    """Ways that have proved themselves once and made room for this one."""


class LiteAgent(Generic[Way]):
    """One caller's checks. A way is whatever the owner tells two apart by, such as a socket and an address."""

    def __init__(self) -> None:
        self.credentials = Credentials.fresh()
        """Those of the last answer."""
        self.selected: Way | None = None
        """The way that the caller nominated last, ours takes the same; before that the first that has proved itself."""
        self._former: Credentials | None = None
        self._seen = {self.credentials.ufrag: _Seen()}
        self._ways: dict[Way, None] = {}

    @property
    def ufrags(self) -> tuple[str, ...]:
        """The names that checks for this agent carry."""
        former = () if self._former is None else (self._former.ufrag,)
        return (self.credentials.ufrag, *former)

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways that have proved themselves, the latest last; at most 16."""
        return tuple(self._ways)

    def restart(self) -> Credentials:
        """Begin anew with other credentials (RFC 8445, section 9).

        The ways there are go on, and so do checks with the credentials of before, until the caller nominates with
        the new ones.
        """
        self._former = self.credentials
        self.credentials = Credentials.fresh()
        self._seen = {
            known.ufrag: self._seen.get(known.ufrag, _Seen()) for known in (self._former, self.credentials)
        }
        return self.credentials

    def check(self, request: BindingRequest, way: Way, source: Address) -> Verdict[Way] | None:
        """Judge one check that came by ``way`` from ``source``; ``None`` when it is none of ours."""
        credentials = self._credentials(request.local)
        if credentials is None:
            return None
        password = credentials.pwd.encode()
        if not verified(request, password):
            return None
        if request.unknown:
            return Verdict(refusal(request, 420, password), good=False, moved=False)
        if request.controlled:
            # Only a full agent controls: the caller has to (RFC 8445, section 6.1.1).
            return Verdict(refusal(request, 487, password), good=False, moved=False)
        if self._seen[credentials.ufrag].add(request.transaction):
            # A browser may repeat a check the way that it went; any other way it is somebody's who overheard it.
            if way not in self._ways:
                return None
            return Verdict(success(request, source, password), good=True, moved=False, fresh=False)
        forgotten = self._prove(way)
        moved = False
        if request.use_candidate:
            current = credentials is self.credentials
            if current:
                self._former = None
            moved = way != self.selected
            if moved:
                self.selected = way
        elif self.selected is None:
            # A browser nominates with its second check, 50 ms later: until then the first way that has proved itself
            # is as good as any.
            self.selected, moved = way, True
        return Verdict(success(request, source, password), True, moved, forgotten=forgotten)

    def forget(self, way: Way) -> None:
        """A way is gone for good, such as a TCP connection that was closed."""
        self._ways.pop(way, None)
        if self.selected == way:
            self.selected = None

    def _credentials(self, ufrag: str) -> Credentials | None:
        if ufrag == self.credentials.ufrag:
            return self.credentials
        if self._former is not None and ufrag == self._former.ufrag:
            return self._former
        return None

    def _prove(self, way: Way) -> tuple[Way, ...]:
        self._ways.pop(way, None)
        self._ways[way] = None
        if len(self._ways) <= _MOST_WAYS:
            return ()
        oldest = next(known for known in self._ways if known != self.selected)
        del self._ways[oldest]
        return (oldest,)


class _Seen:
    """Which checks there were with one password, in 16 KiB: a Bloom filter.

    It never takes an old one for a new one. After 20,000 checks, a day of them, it takes one new one in twenty for
    old: the browser sends another.
    """

    def __init__(self) -> None:
        self._bits = bytearray(1 << _SEEN_BITS - 3)

    def add(self, transaction: bytes) -> bool:
        """Note a transaction, 12 random bytes; whether it was there before."""
        number = int.from_bytes(transaction)
        known = True
        for _ in range(4):
            at, bit = number >> 3 & (1 << _SEEN_BITS - 3) - 1, 1 << (number & 7)
            if not self._bits[at] & bit:
                known = False
                self._bits[at] |= bit
            number >>= 24
        return known
