"""What answers in the place of tools, for tests: given to a call as a resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

__all__ = ["StandIns"]

StandIn = Callable[[Mapping[str, Any]], Awaitable[Any]]
"""Takes the checked arguments; what it returns or raises counts as the tool's."""


class StandIns:
    """By node and the model's name of the tool; settings, arguments and schema stay the tool's own."""

    def __init__(self, stand_ins: Mapping[tuple[str, str], StandIn]) -> None:
        self._stand_ins = dict(stand_ins)

    def of(self, node: str, tool: str) -> StandIn | None:
        """What answers for a tool of this node."""
        return self._stand_ins.get((node, tool))
