"""The server's end of a connection: a `Link` that can also go wrong in all the ways that connections do."""

from __future__ import annotations

from typing import Protocol

from ..liveapi.link import Link

__all__ = ["MemoryServerLink", "ServerLink"]


class ServerLink(Link, Protocol):
    """What a scenario needs of a connection, besides what everybody does."""

    async def send_half(self, data: bytes) -> None:
        """Send the beginning of a message of which no more comes. Raises ``LinkClosed``."""
        ...

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes that belong to no message. Raises ``LinkClosed``."""
        ...

    def stop_reading(self, stop: bool) -> None:
        """Take nothing from the network any more, not even pings; or take it again."""
        ...

    def hang_up(self) -> None:
        """End the connection without a word, as a program does that dies; what was sent still arrives."""
        ...

    def answer_pings_after(self, delay_ns: int) -> None:
        """From now on answer pings so much later than they come."""
        ...


class MemoryServerLink:
    """A link in memory as such a connection.

    There are no bytes in it, only messages: half of one never arrives, and bytes outside of them break the
    connection at once.
    """

    def __init__(self, link: Link) -> None:
        self._link = link

    async def send(self, message: str | bytes) -> None:
        """See `Link.send`."""
        await self._link.send(message)

    async def recv(self) -> str | bytes:
        """See `Link.recv`."""
        return await self._link.recv()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """See `Link.close`."""
        await self._link.close(code, reason)

    def abort(self) -> None:
        """See `Link.abort`."""
        self._link.abort()

    async def send_half(self, data: bytes) -> None:
        """See `ServerLink.send_half`."""

    async def send_bytes(self, data: bytes) -> None:
        """See `ServerLink.send_bytes`."""
        self._link.abort()

    def stop_reading(self, stop: bool) -> None:
        """See `ServerLink.stop_reading`: what comes stays where it is, so that the client knows it did not arrive."""
        hold = getattr(self._link, "hold", None)
        if hold is not None:
            hold(stop)

    def hang_up(self) -> None:
        """See `ServerLink.hang_up`; in memory this is the same as a reset."""
        self._link.abort()

    def answer_pings_after(self, delay_ns: int) -> None:
        """See `ServerLink.answer_pings_after`: what a ping is in memory is answered late."""
        delay = getattr(self._link, "answer_probes_after", None)
        if delay is not None:
            delay(delay_ns / 1_000_000_000)
