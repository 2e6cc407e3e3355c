"""A node as it is written, whatever the form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.graph.declarations import OnError

__all__ = ["WrittenNode"]


@dataclass(slots=True)
class WrittenNode:
    """A node as it was written."""

    name: str
    use: str
    given: dict[str, Any]
    """Its options."""
    path: Steps
    use_path: Steps
    """Where the name of its processor stands."""
    sources: list[tuple[str, Steps]] = field(default_factory=list)
    targets: list[tuple[str, Steps]] = field(default_factory=list)
    explicit: tuple[bool, bool] = (False, False)
    """Whether it says itself where its inputs come from, and where its outputs go."""
    on_error: OnError = "end_call"
