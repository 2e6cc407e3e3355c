"""Tools that a test puts in the place of an agent's own: with their names and arguments, and other outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from ..pipeline.units import SECOND
from ..processors.tools.errors import ToolError
from ..processors.tools.stand_ins import StandIns
from .model import Mock, Outcome

__all__ = ["mocked"]

_FOR_EVER_S = 365 * 24 * 3600.0


def mocked(mocks: Iterable[Mock]) -> StandIns:
    """What answers in the place of the tools that ``mocks`` name, for one call."""
    return StandIns({(mock.node, mock.tool): _mock(mock.outcomes) for mock in mocks})


def _mock(outcomes: tuple[Outcome, ...]) -> Callable[[Mapping[str, Any]], Awaitable[Any]]:
    left = list(outcomes)

    async def call(_: Mapping[str, Any]) -> Any:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        await asyncio.sleep(_FOR_EVER_S if outcome.hang else outcome.delay_ns / SECOND)
        if outcome.error is not None:
            raise ToolError(outcome.error)
        return outcome.value

    return call
