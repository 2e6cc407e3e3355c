"""The server for browsers: signalling over HTTP, admission, metrics, and the page.

::

    app = make_app([ServedAgent("echo", plan)])      # an ASGI application, for any ASGI server
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import make_app
    from .calls import CallDesk, ServedAgent

__all__ = ["CallDesk", "ServedAgent", "make_app"]


def __getattr__(name: str) -> Any:
    # What describes events is used without a server, and loads without one.
    if name == "make_app":
        from .app import make_app

        return make_app
    if name in ("CallDesk", "ServedAgent"):
        from . import calls

        return getattr(calls, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
