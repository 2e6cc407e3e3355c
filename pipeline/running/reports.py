"""What the nodes of a call tell the call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ProcessorError

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["Reports"]


class Reports(Protocol):
    """Whom a node tells what became of it."""

    def failed(self, node: NodeRuntime, error: ProcessorError, *, skippable: bool) -> None:
        """``error`` happened; ``skippable`` when there is a frame to skip."""
        ...

    def ended(self, node: NodeRuntime) -> None:
        """Nothing more comes from it."""
        ...

    def idle(self, node: NodeRuntime) -> None:
        """It has nothing to do at the moment."""
        ...

    def spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> Callable[[], object]:
        """Run ``body`` for it, supervised: it ends with the node at the latest. Returns what cancels it."""
        ...

    def in_a_loop(self, node: NodeRuntime, then: Callable[[], None]) -> None:
        """Its inputs have ended, but frames may still come round to it: call ``then`` when they have."""
        ...
