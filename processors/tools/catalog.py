"""What a tool router tells the model that feeds it: which functions there are and what they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["FunctionSpec", "ToolCatalog"]


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function as a model sees it."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """JSON Schema of the arguments (``{"type": "object", ...}``, no ``$ref``); empty when it takes none."""
    blocking: bool | None = None
    """Whether the model waits for the result; ``None`` leaves it to the model's default."""


@dataclass(frozen=True, slots=True)
class ToolCatalog:
    """The functions of one router; advertised on its input ``calls``."""

    functions: tuple[FunctionSpec, ...] = ()
    lines: tuple[str, ...] = ()
    """Sentences that the router may want to have said at once: whoever speaks does well to have them ready."""
    agents: tuple[str, ...] = ()
    """The personas whose functions these are; empty: everybody's."""
    of: Callable[[str], tuple[FunctionSpec, ...]] | None = None
    """The functions of one persona, where they are not the same for each."""
    notes: Callable[[], str] | None = None
    """What the model is told with its instructions; asked whenever a connection is set up."""

    def for_persona(self, persona: str) -> ToolCatalog:
        """What ``persona`` is told of it."""
        return self if self.of is None else replace(self, functions=self.of(persona))
