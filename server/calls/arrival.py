"""A call before it begins: what an application may add to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...pipeline.events import Event
from ..access.grant import Grant
from .page_messages import PageMessages

__all__ = ["Arrival", "OnCall"]

E = TypeVar("E", bound=Event)


@dataclass(slots=True)
class Arrival:
    """One caller that was let in, and whose call is about to be made.

    ``inputs`` and ``resources`` may be changed: an input that the application sets counts more than what the caller
    said, and resources are what boxes and tools find by ``call.resource(Kind)``.
    """

    agent: str
    grant: Grant
    inputs: dict[str, Any]
    resources: dict[type, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else the caller's page has sent along: Pipecat's ``requestData``, or ``data`` of an offer."""
    page: PageMessages = field(default_factory=PageMessages)
    """What it asks the program, and is told by it, while the call runs."""
    _observers: list[tuple[type[Event], Callable[[Any], None]]] = field(default_factory=list, repr=False)

    @property
    def identity(self) -> str:
        """Who calls."""
        return self.grant.identity

    def subscribe(self, kind: type[E], observer: Callable[[E], None]) -> None:
        """Call ``observer`` for every event of this kind in the call, from its start."""
        self._observers.append((kind, observer))


OnCall = Callable[[Any, Arrival], Any]
"""``on_call(request, call)``, plain or ``async``: before each call.

The request is Starlette's ``Request``, or ``WebSocket`` where the caller came by one; ``None`` where the program itself
takes the call. ``Refusal`` refuses the call.
"""
