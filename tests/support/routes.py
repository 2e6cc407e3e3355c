"""Every route of an application, found by looking, so that a new one is met by what is done to all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

__all__ = ["Way", "ways_of"]

_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Way:
    """One address with the methods that it takes; none for a WebSocket."""

    pattern: str
    methods: frozenset[str]

    @property
    def is_websocket(self) -> bool:
        """Whether it is one."""
        return not self.methods

    @property
    def takes_body(self) -> bool:
        """Whether requests with a body are for it."""
        return bool(self.methods & {"POST", "PUT", "PATCH"})

    def path(self, value: str = "x") -> str:
        """The address with ``value`` in the place of every parameter."""
        return _PARAMETER.sub(lambda _: value, self.pattern)

    @property
    def has_parameters(self) -> bool:
        """Whether a part of it is the caller's to choose."""
        return "{" in self.pattern

    def __str__(self) -> str:
        return f"{'/'.join(sorted(self.methods)) or 'WS'} {self.pattern}"


def ways_of(app: Starlette) -> list[Way]:
    """All of them; files that are mounted are one, ``/{file}``."""
    return list(_walk(app.routes, ""))


def _walk(routes: Iterable[BaseRoute], prefix: str) -> Iterator[Way]:
    for route in routes:
        match route:
            case Mount(routes=inner) if inner:
                yield from _walk(inner, prefix + route.path)
            case Mount():
                yield Way(f"{prefix}{route.path}/{{file}}", frozenset({"GET", "HEAD"}))
            case Route():
                yield Way(prefix + route.path, frozenset(route.methods or ()))
            case WebSocketRoute():
                yield Way(prefix + route.path, frozenset())
            case _:
                raise AssertionError(f"a kind of route that nothing is known of: {route!r}")
