"""Who may call: what a caller is granted, and the ways to find out who it is.

::

    async def authorize(request: Request) -> Grant | None:      # None: not allowed
        user = await sessions.user(request.cookies.get("session"))
        return Grant(identity=user.id, inputs={"customer": user.number}) if user else None

    app = make_app(agents, authorize=authorize)
"""

from __future__ import annotations

from .grant import ANYBODY, Authorize, Grant, ReportLevel, bearer_of
from .ticket import TicketError, Tickets
from .ticket_store import SharedTickets, TicketStore
from .token_file import TokenFile, TokenFileError
from .turn import TurnService

__all__ = [
    "ANYBODY",
    "Authorize",
    "Grant",
    "ReportLevel",
    "SharedTickets",
    "TicketError",
    "TicketStore",
    "Tickets",
    "TokenFile",
    "TokenFileError",
    "TurnService",
    "bearer_of",
]
