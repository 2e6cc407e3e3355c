"""What a peer sees of ICE, whichever side does the searching: a way to the caller, and facts about it."""

from __future__ import annotations

from typing import Protocol

from .lite import Credentials

__all__ = ["Route", "RouteListener"]


class RouteListener(Protocol):
    """Who wants to know what comes. None of these may raise or wait."""

    def on_datagram(self, data: bytes) -> None:
        """A datagram that is no STUN came by a way that has proved itself. It is never empty."""
        ...

    def on_check(self) -> None:
        """The caller has shown that it is there: one of its checks came, and is authentic."""
        ...

    def on_nominated(self) -> None:
        """There is a way to send by now, or another than before."""
        ...

    def on_lost(self, reason: str) -> None:
        """There is no way any more, and nothing will change that without a new offer."""
        ...


class Route(Protocol):
    """The way to one caller. Nothing can be sent before the listener's ``on_nominated``: it is dropped."""

    @property
    def lite(self) -> bool:
        """Whether it only answers checks (``a=ice-lite``)."""
        ...

    @property
    def credentials(self) -> Credentials:
        """For the answer."""
        ...

    @property
    def candidates(self) -> tuple[str, ...]:
        """For the answer: the values of its ``a=candidate`` lines, all there will be."""
        ...

    @property
    def remote_address(self) -> str:
        """Where what is sent goes, for people; empty while there is no such place."""
        ...

    def send(self, data: bytes) -> None:
        """Send one datagram. Never waits; what cannot go out is dropped."""
        ...

    def add_candidate(self, candidate: str) -> None:
        """Where the caller may be, as the text after ``candidate:``. A route that does not search ignores it."""
        ...

    def connect(self, remote: Credentials) -> None:
        """The caller's own name and password are known: a route that searches begins."""
        ...

    async def restart(self) -> Credentials:
        """New credentials for a new answer; the call goes on over the old way until the caller has found another."""
        ...

    async def close(self) -> None:
        """No more datagrams either way."""
        ...
