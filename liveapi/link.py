"""The seam between a Live session and what carries its messages: a WebSocket, or a pair joined in memory.

The pair in memory is how whole calls run on the virtual clock: no kernel holds bytes that the clock cannot see.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol, runtime_checkable

__all__ = ["EagerLink", "Link", "LinkClosed", "ReceiptLink", "memory_link_pair"]


class LinkClosed(Exception):
    """The other side, or this one, closed the link: a WebSocket close code and its reason (1006: lost)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}".strip())
        self.code = code
        self.reason = reason


class Link(Protocol):
    """A connection that carries whole messages both ways, in order."""

    async def send(self, message: str | bytes) -> None:
        """Hand over one message; waits while the other side is slow. Raises ``LinkClosed``."""
        ...

    async def recv(self) -> str | bytes:
        """The next message. Raises ``LinkClosed`` once nothing is left of a closed link."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in an orderly way; what was sent before still arrives. Closing twice does nothing."""
        ...

    def abort(self) -> None:
        """Drop the connection as a lost network does: both sides see 1006, what was under way is lost."""
        ...


@runtime_checkable
class EagerLink(Link, Protocol):
    """A link that can often send without anybody having to wait."""

    def send_now(self, message: str) -> bool:
        """Send in this very step; ``False``: nothing of it was sent, and ``send`` is to be asked."""
        ...

    async def probe_along(self) -> None:
        """As ``ReceiptLink.probe``, but the question goes along with the next message, if one follows soon."""
        ...


@runtime_checkable
class ReceiptLink(Link, Protocol):
    """A link that knows what has arrived: who sends over it can tell what a lost connection has lost."""

    exact: bool
    """Whether ``received`` is right at any moment; else it was when the last probe was answered."""

    @property
    def received(self) -> int:
        """How many of the messages sent from here the other side has received, as far as is known."""
        ...

    async def probe(self) -> None:
        """Return when the other side has received all that was sent so far. Raises ``LinkClosed``.

        It has no deadline of its own: who waits for too long has found a connection that is none.
        """
        ...


class _Probe:
    """A mark between messages: reached when the other side has read up to it."""

    __slots__ = ("reached",)

    def __init__(self) -> None:
        self.reached = False


class _Direction:
    """Messages under way in one direction, and how that direction ended."""

    def __init__(self, limit: int) -> None:
        self.messages: deque[str | bytes | _Probe] = deque()
        self.limit = limit
        self.taken = 0
        self.held = False
        """Whether nothing is taken out, though somebody waits."""
        self.probes_wait_s = 0.0
        """How late probes are answered."""
        self.closed: LinkClosed | None = None
        self.changed = asyncio.Event()

    def change(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class _MemoryLink:
    """One end of a pair."""

    exact = True

    def __init__(self, outgoing: _Direction, incoming: _Direction) -> None:
        self._out = outgoing
        self._in = incoming

    async def send(self, message: str | bytes) -> None:
        while self._out.closed is None and len(self._out.messages) >= self._out.limit:
            await self._out.changed.wait()
        if self._out.closed is not None:
            raise LinkClosed(self._out.closed.code, self._out.closed.reason)
        self._out.messages.append(message)
        self._out.change()

    async def recv(self) -> str | bytes:
        while True:
            while self._in.held or not self._in.messages:
                if self._in.closed is not None:
                    raise LinkClosed(self._in.closed.code, self._in.closed.reason)
                await self._in.changed.wait()
            message = self._in.messages.popleft()
            if isinstance(message, _Probe):
                self._answer(message)
                continue
            self._in.taken += 1
            self._in.change()
            return message

    def _answer(self, probe: _Probe) -> None:
        """Tell the other side that all before the probe has arrived."""

        def reached() -> None:
            probe.reached = True
            self._in.change()

        if self._in.probes_wait_s:
            asyncio.get_running_loop().call_later(self._in.probes_wait_s, reached)
        else:
            reached()

    @property
    def received(self) -> int:
        return self._out.taken

    async def probe(self) -> None:
        probe = _Probe()
        self._out.messages.append(probe)
        self._out.change()
        while not probe.reached:
            if self._out.closed is not None:
                raise LinkClosed(self._out.closed.code, self._out.closed.reason)
            await self._out.changed.wait()

    def hold(self, held: bool) -> None:
        """Take nothing any more, as a program does that hangs; or take it again."""
        self._in.held = held
        self._in.change()

    def answer_probes_after(self, seconds: float) -> None:
        """Answer the other side's probes so much later, as a service does that is busy."""
        self._in.probes_wait_s = seconds

    async def close(self, code: int = 1000, reason: str = "") -> None:
        for direction in (self._out, self._in):
            direction.closed = direction.closed or LinkClosed(code, reason)
            direction.change()

    def abort(self) -> None:
        for direction in (self._out, self._in):
            direction.messages.clear()
            direction.closed = direction.closed or LinkClosed(1006, "")
            direction.change()


def memory_link_pair(limit: int = 256) -> tuple[ReceiptLink, ReceiptLink]:
    """Two joined ends; each direction holds at most ``limit`` messages."""
    there, back = _Direction(limit), _Direction(limit)
    return _MemoryLink(there, back), _MemoryLink(back, there)
