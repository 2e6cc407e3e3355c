"""The sockets under the mux: one for UDP and one for TCP of each IP version, all on the same port number.

This is the only module of the media plane that knows a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

from .mux import LAST_STUN, Mux, Source

__all__ = ["Sockets", "open_sockets"]

logger = logging.getLogger("livegraph.webrtc")

_BUFFER_BYTES = 4 << 20
"""For all calls of a process: what the kernel holds while the loop is held up. It gives less where that is the rule."""
_MOST_QUEUED_BYTES = 1 << 20
_MOST_TCP_QUEUED_BYTES = 64 << 10
"""Sound that is so far behind is of no use to anybody."""
_MOST_FRAME_BYTES = 2_048
_MOST_FRAMES_AT_ONCE = 64
"""Of one connection, before others have their turn: a piece of what TCP delivers may hold 100,000 frames of nothing."""
_PROVE_WITHIN_S = 5.0
_MOST_UNPROVED = 64
_MOST_CONNECTIONS = 1_024
_TRIES = 16


class _Udp(asyncio.DatagramProtocol):
    """A ``Channel`` on one UDP socket."""

    def __init__(self, mux: Mux) -> None:
        self._receive, self._seated = mux.receive, mux.seated
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def datagram_received(self, data: bytes, addr: Any) -> None:
        seat = self._seated.get((self, addr))
        if seat is not None and data and data[0] > LAST_STUN:
            # Of a caller, and no check: most of what comes, and what `Mux.receive` would do with it.
            seat.listener.on_datagram(data)
        else:
            self._receive(self, addr, data)

    def error_received(self, exc: Exception) -> None:
        # An ICMP message, perhaps about a caller who is gone: his silence tells as much, and nobody can forge that.
        pass

    def send(self, data: bytes, to: Source) -> None:
        transport = self._transport
        if transport is None or transport.get_write_buffer_size() > _MOST_QUEUED_BYTES:
            return
        try:  # noqa: SIM105  # on the way of every packet, and twice as quick as contextlib.suppress
            transport.sendto(data, to)
        except OSError:
            # The kernel refuses addresses that it has no way to. It is as if the packet were lost.
            pass

    def drop(self, source: Source) -> None:
        pass

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Tcp:
    """A ``Channel`` on one listening TCP socket (RFC 6544, passive); datagrams are framed as in RFC 4571."""

    def __init__(self, mux: Mux) -> None:
        self.mux = mux
        self.server: asyncio.Server | None = None
        self.connections: dict[Source, _Connection] = {}

    def send(self, data: bytes, to: Source) -> None:
        connection = self.connections.get(to)
        if connection is not None:
            connection.send(data)

    def drop(self, source: Source) -> None:
        connection = self.connections.get(source)
        if connection is not None:
            connection.close()

    def admit(self, connection: _Connection) -> bool:
        """Make room for a new connection; who has proved nothing yet has to go first."""
        unproved = [each for each in self.connections.values() if not each.proved]
        if len(unproved) >= _MOST_UNPROVED:
            unproved[0].close()
        if len(self.connections) >= _MOST_CONNECTIONS:
            return False
        self.connections[connection.source] = connection
        return True

    def forget(self, connection: _Connection) -> None:
        """Nothing comes by ``connection`` any more, and nothing goes."""
        if self.connections.get(connection.source) is connection:
            del self.connections[connection.source]
            self.mux.lose(self, connection.source)

    def close(self) -> None:
        if self.server is not None:
            self.server.close()
        for connection in list(self.connections.values()):
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, channel: _Tcp) -> None:
        self.source: Source = ("", 0)
        self.proved = False
        self._channel = channel
        self._held = bytearray()
        self._goes_on = False
        """Whether the rest of what is held is taken in the loop's next turn."""
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.source = transport.get_extra_info("peername") or ("", 0)
        if not self._channel.admit(self):
            self._transport = None
            transport.abort()
            return
        self._deadline = asyncio.get_running_loop().call_later(_PROVE_WITHIN_S, self.close)

    def data_received(self, data: bytes) -> None:
        self._held += data
        if not self._goes_on:
            self._take_frames()

    def _take_frames(self) -> None:
        self._goes_on = False
        for _ in range(_MOST_FRAMES_AT_ONCE):
            if len(self._held) < 2 or self._transport is None:
                return
            size = int.from_bytes(self._held[:2])
            if size > _MOST_FRAME_BYTES:
                self.close()
                return
            if len(self._held) < 2 + size:
                return
            datagram = bytes(self._held[2 : 2 + size])
            del self._held[: 2 + size]
            # The first has to be a check that proves the caller; what a proven caller sends is judged by the datagram.
            if self._channel.mux.receive(self._channel, self.source, datagram):
                self.proved = True
                if self._deadline is not None:
                    self._deadline.cancel()
            elif not self.proved:
                self.close()
                return
        if self._transport is not None and self._held:
            # Nothing more is read meanwhile: what is held stays as small as it is.
            self._goes_on = True
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._take_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def send(self, data: bytes) -> None:
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size() <= _MOST_TCP_QUEUED_BYTES:
            transport.write(len(data).to_bytes(2) + data)

    def close(self) -> None:
        # At once: until the transport says so itself, others that come would find no room.
        transport = self._transport
        self._leave()
        if transport is not None:
            transport.abort()

    def _leave(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._transport = None
        self._held.clear()
        self._channel.forget(self)


class Sockets:
    """What ``open_sockets`` opened."""

    def __init__(self, port: int, hosts: tuple[str, ...], channels: Sequence[_Udp | _Tcp]) -> None:
        self.port = port
        """The port number, the same for all."""
        self.hosts = hosts
        """Addresses that are listened on; ``0.0.0.0`` and ``::`` for all of this machine."""
        self._channels = channels

    @property
    def tcp(self) -> bool:
        """Whether it listens on TCP as well."""
        return any(isinstance(channel, _Tcp) for channel in self._channels)

    async def close(self) -> None:
        """Close them all."""
        for channel in self._channels:
            channel.close()
        # One turn of the loop, in which the transports take their leave.
        await asyncio.sleep(0)


async def open_sockets(mux: Mux, hosts: Sequence[str], port: int = 0) -> Sockets:
    """Listen on ``hosts`` for ``mux``, on ``port`` or on one that is free.

    Of several hosts, those of an IP version that this machine does not have are left out. Raises ``OSError`` when
    nothing is left, or when the port is taken.
    """
    for attempt in range(_TRIES):
        try:
            return await _open(mux, hosts, port)
        except OSError as error:
            # A port that is free for one of them need not be so for all.
            if port or error.errno != errno.EADDRINUSE or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def _open(mux: Mux, hosts: Sequence[str], port: int) -> Sockets:
    loop = asyncio.get_running_loop()
    opened: list[_Udp | _Tcp] = []
    bound: list[str] = []
    missing: OSError | None = None
    try:
        for host in hosts:
            try:
                udp = _bound(socket.SOCK_DGRAM, host, port)
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    missing = error
                    continue
                raise
            port = udp.getsockname()[1]
            bound.append(host)
            opened.append(await _listen_udp(loop, mux, udp))
            opened.append(await _listen_tcp(loop, mux, host, port))
        if not bound:
            raise missing or OSError(errno.EADDRNOTAVAIL, "no address to listen on")
    except BaseException:
        for channel in opened:
            channel.close()
        raise
    return Sockets(port, tuple(bound), opened)


def _bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, kind)
    try:
        opened.setblocking(False)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                with contextlib.suppress(OSError):
                    opened.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        opened.bind((host, port))
    except BaseException:
        opened.close()
        raise
    return opened


async def _listen_udp(loop: asyncio.AbstractEventLoop, mux: Mux, opened: socket.socket) -> _Udp:
    _, channel = await loop.create_datagram_endpoint(lambda: _Udp(mux), sock=opened)
    return channel


async def _listen_tcp(loop: asyncio.AbstractEventLoop, mux: Mux, host: str, port: int) -> _Tcp:
    channel = _Tcp(mux)
    make: Callable[[], _Connection] = lambda: _Connection(channel)  # noqa: E731
    listening = _bound(socket.SOCK_STREAM, host, port)
    try:
        channel.server = await loop.create_server(make, sock=listening, backlog=64)
    except BaseException:
        listening.close()
        raise
    return channel
