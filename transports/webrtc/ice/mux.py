"""All callers of a process behind few sockets: whose is this datagram? Sans-IO.

A caller is known by the name in its checks until one of them proves where it is, then by that address. From strangers
nothing is kept and nothing is answered.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from .lite import Credentials, LiteAgent
from .route import RouteListener
from .stun import Address, is_stun, read_request

__all__ = ["LAST_STUN", "Channel", "Mux", "Seat"]

LAST_STUN = 3
"""What the first byte of a check is at most (RFC 7983)."""

Source = tuple[str, int] | tuple[str, int, int, int]
"""An address as sockets give it; of IPv6 with flow and scope."""


class Channel(Protocol):
    """A socket."""

    def send(self, data: bytes, to: Source) -> None:
        """Send one datagram, or drop it. Never waits, never raises."""
        ...

    def drop(self, source: Source) -> None:
        """Nobody listens to ``source`` any more: a connection to it can be closed."""
        ...


class Seat:
    """One caller's place at the mux: a ``Route`` of the lite kind."""

    lite = True

    def __init__(self, mux: Mux, listener: RouteListener, candidates: tuple[str, ...]) -> None:
        self.agent: LiteAgent[tuple[Channel, Source]] = LiteAgent()
        self.listener = listener
        self.candidates = candidates
        self._mux = mux

    @property
    def credentials(self) -> Credentials:
        """For the answer."""
        return self.agent.credentials

    @property
    def remote_address(self) -> str:
        """Where what is sent goes, for people; empty while there is no such place."""
        selected = self.agent.selected
        return "" if selected is None else f"{selected[1][0]}:{selected[1][1]}"

    def send(self, data: bytes) -> None:
        """Send one datagram the way that the caller has nominated."""
        selected = self.agent.selected
        if selected is not None:
            selected[0].send(data, selected[1])

    def add_candidate(self, candidate: str) -> None:
        """The caller finds us; where it may be says nothing."""

    def connect(self, remote: Credentials) -> None:
        """The caller checks, not we."""

    async def restart(self) -> Credentials:
        """New credentials; see ``LiteAgent.restart``."""
        self._mux.unname(self)
        self.agent.restart()
        self._mux.name(self)
        return self.agent.credentials

    async def close(self) -> None:
        """Leave the mux; again is fine."""
        self._mux.leave(self)


class Mux:
    """Sends each datagram to its caller."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """Datagrams that were for nobody, by why: ``empty``, ``stranger``, ``malformed``, ``unproved``."""
        self._named: dict[str, Seat] = {}
        self.seated: dict[tuple[Channel, Source], Seat] = {}
        """Who has proved to be where."""

    def __len__(self) -> int:
        return len(set(self._named.values()))

    def join(self, listener: RouteListener, candidates: tuple[str, ...]) -> Seat:
        """A place for a caller, who is to be given ``candidates`` in the answer."""
        seat = Seat(self, listener, candidates)
        self.name(seat)
        return seat

    def leave(self, seat: Seat) -> None:
        """Free a place."""
        self.unname(seat)
        for way in seat.agent.ways:
            self._free(seat, way)

    def name(self, seat: Seat) -> None:
        """Let checks that name the seat find it."""
        for ufrag in seat.agent.ufrags:
            self._named[ufrag] = seat

    def unname(self, seat: Seat) -> None:
        """Forget the names of the seat."""
        for ufrag in seat.agent.ufrags:
            self._named.pop(ufrag, None)

    def receive(self, channel: Channel, source: Source, data: bytes) -> bool:
        """One datagram came. Returns whether it was for anybody."""
        if not data:
            self.counts["empty"] += 1
            return False
        if data[0] <= LAST_STUN:
            return self._check(channel, source, data)
        seat = self.seated.get((channel, source))
        if seat is None:
            self.counts["stranger"] += 1
            return False
        seat.listener.on_datagram(data)
        return True

    def lose(self, channel: Channel, source: Source) -> None:
        """A connection was closed: nothing can be sent to ``source``."""
        way = (channel, source)
        seat = self.seated.pop(way, None)
        if seat is not None:
            seat.agent.forget(way)

    def _check(self, channel: Channel, source: Source, data: bytes) -> bool:
        request = read_request(data)
        if request is None:
            self.counts["malformed" if is_stun(data) else "stranger"] += 1
            return False
        seat = self._named.get(request.local)
        if seat is None:
            self.counts["stranger"] += 1
            return False
        way = (channel, source)
        former = seat.agent.ufrags
        address: Address = (source[0], source[1])
        verdict = seat.agent.check(request, way, address)
        if verdict is None:
            self.counts["unproved"] += 1
            return False
        channel.send(verdict.reply, source)
        if verdict.good and verdict.fresh:
            for ufrag in former[len(seat.agent.ufrags) :]:
                self._named.pop(ufrag, None)
            self._seat(seat, way)
            for old in verdict.forgotten:
                self._free(seat, old)
            seat.listener.on_check()
            if verdict.moved:
                seat.listener.on_nominated()
        return True

    def _seat(self, seat: Seat, way: tuple[Channel, Source]) -> None:
        before = self.seated.get(way)
        if before is seat:
            return
        if before is not None:
            # The address has another user now: a port behind NAT was given away.
            before.agent.forget(way)
        self.seated[way] = seat

    def _free(self, seat: Seat, way: tuple[Channel, Source]) -> None:
        if self.seated.get(way) is seat:
            del self.seated[way]
            channel, source = way
            channel.drop(source)
