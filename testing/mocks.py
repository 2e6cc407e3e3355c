"""Tools that a test puts in the place of an agent's own: with their names and arguments, and other outcomes."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..pipeline.units import SECOND
from ..processors.tools.function import ToolError
from ..processors.tools.loading import load_tools
from .model import Mock, Outcome

__all__ = ["mocked"]

_FOR_EVER_S = 365 * 24 * 3600.0


def mocked(sources: Iterable[str | Callable[..., Any]], mocks: Sequence[Mock]) -> list[Callable[..., Any]]:
    """The functions of ``sources``, those that ``mocks`` name exchanged.

    Raises ``ConfigError`` when the sources cannot be loaded.
    """
    outcomes = {mock.tool: mock.outcomes for mock in mocks}
    functions = {name: tool.function for name, tool in load_tools(sources).items()}
    return [
        _mock(function, outcomes[name]) if name in outcomes else function
        for name, function in functions.items()
    ]


def _mock(function: Callable[..., Any], outcomes: tuple[Outcome, ...]) -> Callable[..., Any]:
    left = list(outcomes)

    # What the model is told of a tool comes from its signature, its annotations and its docstring: all kept.
    @functools.wraps(function)
    async def call(**_: Any) -> Any:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        await asyncio.sleep(_FOR_EVER_S if outcome.hang else outcome.delay_ns / SECOND)
        if outcome.error is not None:
            raise ToolError(outcome.error)
        return outcome.value

    return call
