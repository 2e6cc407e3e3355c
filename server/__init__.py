"""The server for browsers: signalling over HTTP, who may call, limits, metrics, and the page.

::

    app = make_app([load_agent("desk.yaml")])      # an ASGI application: serve it, or mount it in yours

``docs/embedding.md`` shows it inside of other applications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import when_used

if TYPE_CHECKING:
    from .access import Grant, SharedTickets, Tickets, TurnService, bearer_of
    from .admin import make_admin_app
    from .app import make_app
    from .calls import (
        Answered,
        Arrival,
        CallDesk,
        CallRequest,
        Desk,
        Leg,
        LegNumbers,
        PageMessages,
        ServedAgent,
    )
    from .gate import by_tokens
    from .limits import CallerLimits
    from .protocol import EndReason
    from .refusals import Refusal
    from .tracing import Tracing
else:
    # What describes events is used without a server, and loads without one.
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "access": ("Grant", "SharedTickets", "Tickets", "TurnService", "bearer_of"),
            "admin": ("make_admin_app",),
            "app": ("make_app",),
            "calls": (
                "Answered",
                "Arrival",
                "CallDesk",
                "CallRequest",
                "Desk",
                "Leg",
                "LegNumbers",
                "PageMessages",
                "ServedAgent",
            ),
            "gate": ("by_tokens",),
            "limits": ("CallerLimits",),
            "protocol": ("EndReason",),
            "refusals": ("Refusal",),
            "tracing": ("Tracing",),
        },
    )

__all__ = [
    "Answered",
    "Arrival",
    "CallDesk",
    "CallRequest",
    "CallerLimits",
    "Desk",
    "EndReason",
    "Grant",
    "Leg",
    "LegNumbers",
    "PageMessages",
    "Refusal",
    "ServedAgent",
    "SharedTickets",
    "Tickets",
    "Tracing",
    "TurnService",
    "bearer_of",
    "by_tokens",
    "make_admin_app",
    "make_app",
]
