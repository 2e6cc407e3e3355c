"""The server for browsers: signalling over HTTP, who may call, limits, metrics, and the page.

::

    app = make_app([load_agent("desk.yaml")])      # an ASGI application: serve it, or mount it in yours

``docs/embedding.md`` shows it inside of other applications.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_WHERE = {
    **dict.fromkeys(("Grant", "Tickets", "TurnService", "bearer_of"), "access"),
    **dict.fromkeys(("Answered", "ServedAgent"), "served"),
    "Arrival": "arrival",
    "CallDesk": "calls",
    "CallerLimits": "limits",
    "Refusal": "refusals",
    "Tracing": "tracing",
    "by_tokens": "gate",
    "make_admin_app": "admin",
    "make_app": "app",
}


def __getattr__(name: str) -> Any:
    # What describes events is used without a server, and loads without one.
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
