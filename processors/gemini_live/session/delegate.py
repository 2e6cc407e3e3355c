"""Whom a session asks and reports to."""

from __future__ import annotations

from typing import Literal, Protocol

from ....liveapi import ServerMessage, WireError

__all__ = ["Change", "SessionDelegate"]

Change = Literal["connected", "lost", "renewing", "resumed", "renewed", "closed"]


class SessionDelegate(Protocol):
    """Whom a session reports to. Everything here returns at once."""

    def handle(self) -> str:
        """The handle to resume by; empty for none."""
        ...

    def able(self) -> tuple[bool, bool]:
        """Whether the server can take the session up again as it is now, and whether it ever may."""
        ...

    @property
    def quiet_since_ns(self) -> int | None:
        """Since when nobody speaks and nothing is under way; ``None`` when something is."""
        ...

    @property
    def user_may_speak(self) -> bool:
        """Whether the user may be saying something: nobody says that they are silent."""
        ...

    def received(self, message: ServerMessage) -> None:
        """The server said something."""
        ...

    def unreadable(self, error: WireError) -> None:
        """The server said something that is no message."""
        ...

    def afresh(self) -> None:
        """The old session cannot be had any more: the next connection begins a new one."""
        ...

    def changed(self, change: Change, detail: str) -> None:
        """A connection was made, lost or replaced; ``renewed``: by one to a new session."""
        ...
