"""The server for browsers: signalling over HTTP, who may call, limits, metrics, and the page.

::

    app = make_app([load_agent("desk.yaml")])      # an ASGI application: serve it, or mount it in yours

``docs/embedding.md`` shows it inside of other applications.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import when_used

if TYPE_CHECKING:
    from .access import Grant, Tickets, TurnService, bearer_of
    from .admin import make_admin_app
    from .app import make_app
    from .arrival import Arrival
    from .calls import CallDesk, ServedAgent
    from .gate import by_tokens
    from .limits import CallerLimits
    from .refusals import Refusal
    from .served import Answered
    from .tracing import Tracing
else:
    # What describes events is used without a server, and loads without one.
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "access": ("Grant", "Tickets", "TurnService", "bearer_of"),
            "admin": ("make_admin_app",),
            "app": ("make_app",),
            "arrival": ("Arrival",),
            "calls": ("CallDesk", "ServedAgent"),
            "gate": ("by_tokens",),
            "limits": ("CallerLimits",),
            "refusals": ("Refusal",),
            "served": ("Answered",),
            "tracing": ("Tracing",),
        },
    )

__all__ = [
    "Answered",
    "Arrival",
    "CallDesk",
    "CallerLimits",
    "Grant",
    "Refusal",
    "ServedAgent",
    "Tickets",
    "Tracing",
    "TurnService",
    "bearer_of",
    "by_tokens",
    "make_admin_app",
    "make_app",
]
