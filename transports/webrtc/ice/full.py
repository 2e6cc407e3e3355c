"""A route that searches: aioice's agent, for a server behind a NAT that nobody can open (STUN and TURN).

It binds ports of its own for each call and takes as long as its servers do to answer. Where callers can reach the
server, the lite agent is better in every way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import aioice
from aiortc import RTCIceServer
from aiortc.rtcicetransport import connection_kwargs

from .guard import Guard
from .lite import Credentials
from .route import RouteListener

__all__ = ["FullRoute"]

logger = logging.getLogger("livegraph.webrtc")

_MOST_CANDIDATES = 128


class FullRoute:
    """A ``Route`` of the full kind; the caller controls. Made by ``gather``."""

    lite = False

    def __init__(self, listener: RouteListener, servers: Sequence[Mapping[str, Any]]) -> None:
        self._listener = listener
        self._servers = servers
        self._guards: dict[aioice.Connection, Guard] = {}
        self._next = self._connection = self._make()
        self._taken = 0
        self._remote: list[aioice.Candidate] = []
        self._connecting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @classmethod
    async def gather(cls, listener: RouteListener, servers: Sequence[Mapping[str, Any]]) -> FullRoute:
        """A route with its candidates. ``servers`` are as in a browser; of each kind the first is used."""
        route = cls(listener, servers)
        try:
            await route._gather(route._connection)
        except BaseException:
            await route.close()
            raise
        return route

    @property
    def credentials(self) -> Credentials:
        """For the answer."""
        return Credentials(self._next.local_username, self._next.local_password)

    @property
    def candidates(self) -> tuple[str, ...]:
        """For the answer."""
        return tuple(candidate.to_sdp() for candidate in self._next.local_candidates)

    @property
    def remote_address(self) -> str:
        """Where what is sent goes, for people."""
        pair = self._connection._nominated.get(1)
        return "" if pair is None else f"{pair.remote_addr[0]}:{pair.remote_addr[1]}"

    def send(self, data: bytes) -> None:
        """Send one datagram over the nominated pair."""
        pair = self._connection._nominated.get(1)
        if pair is not None:
            with contextlib.suppress(OSError):
                pair.protocol.transport.sendto(data, pair.remote_addr)

    def add_candidate(self, candidate: str) -> None:
        """Where the caller may be. Names are not looked up: the caller's own checks find us."""
        if self._taken >= _MOST_CANDIDATES:
            return
        self._taken += 1
        try:
            parsed = aioice.Candidate.from_sdp(candidate)
        except (ValueError, IndexError):
            return
        if (
            parsed.component == 1
            and parsed.transport.lower() == "udp"
            and _may_be_at(parsed.host, parsed.port)
        ):
            self._next._add_remote_candidate(parsed, parsed.host)

    def connect(self, remote: Credentials) -> None:
        """Begin to search."""
        connection = self._next
        connection.remote_username, connection.remote_password = remote.ufrag, remote.pwd
        if self._connecting is not None:
            self._connecting.cancel()
        self._connecting = asyncio.create_task(self._connect(connection), name="ICE")

    async def restart(self) -> Credentials:
        """Gather anew; the call stays on the old pair until a new one stands."""
        fresh = self._make()
        await self._gather(fresh)
        if self._next is not self._connection:
            self._put_away(self._next)
        self._next = fresh
        self._taken = 0
        return self.credentials

    async def close(self) -> None:
        """Let go of all sockets; again is fine."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        for connection in {self._connection, self._next}:
            self._put_away(connection)
        if self._closing:
            await asyncio.wait(self._closing)

    def _make(self) -> aioice.Connection:
        options = connection_kwargs([RTCIceServer(**dict(server)) for server in self._servers])
        connection = aioice.Connection(ice_controlling=False, **options)
        self._guards[connection] = Guard(connection, self._listener.on_datagram, self._listener.on_check)
        return connection

    async def _gather(self, connection: aioice.Connection) -> None:
        await connection.gather_candidates()
        self._guards[connection].watch()

    async def _connect(self, connection: aioice.Connection) -> None:
        try:
            await connection.connect()
        except ConnectionError:
            # With an old pair that still works nothing is lost; without one the deadline of the peer decides.
            logger.debug("ICE found no way to the caller")
            return
        if connection is not self._connection:
            self._put_away(self._connection)
            self._connection = connection
        self._listener.on_nominated()
        await connection.get_event()
        if connection is self._connection:
            self._listener.on_lost("the connection failed")

    def _put_away(self, connection: aioice.Connection) -> None:
        self._guards.pop(connection, None)
        task = asyncio.create_task(connection.close(), name="ICE closes")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _may_be_at(host: str, port: int) -> bool:
    """Whether a caller can be there, who is sent a check: not by a name or a zone, on this machine, or as a group."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    nowhere = address.is_loopback or address.is_multicast or address.is_unspecified or address.is_reserved
    return 0 < port < 65_536 and "%" not in host and not nowhere
