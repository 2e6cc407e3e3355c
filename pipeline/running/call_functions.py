"""Functions that belong to the call itself, which every model in it is offered beside those of tools: ``end_call``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["CallFunction"]


@dataclass(frozen=True, slots=True)
class CallFunction:
    """One of them. ``run`` takes the arguments and returns the result, both JSON objects, at once.

    ``parameters`` is the JSON Schema of the arguments. ``silent``: the model need not speak of the result.
    """

    name: str
    description: str
    run: Callable[[Mapping[str, Any]], dict[str, Any]]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    silent: bool = False
