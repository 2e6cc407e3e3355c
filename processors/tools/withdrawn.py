"""Calls that were withdrawn and cannot be stopped: what they did is done, so that asking again does not do it twice."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from ...pipeline.frames import ToolCallFrame
from .outcome import Outcome
from .seam import Tool

__all__ = ["Running", "WithdrawnCalls"]

_MOST = 64


@dataclass(slots=True, eq=False)
class Running:
    """A function at work for ``frame``: another one, when the same is asked for again."""

    frame: ToolCallFrame
    tool: Tool
    task: asyncio.Task[None] | None = None
    began_ns: int = 0
    joined: str = ""
    """The id of the call whose result is this one's too."""


class WithdrawnCalls:
    """Of one router: those that go on, and what others gave after they were withdrawn, each for one call."""

    def __init__(self) -> None:
        self._going_on: dict[str, Running] = {}
        self._ended: OrderedDict[str, Outcome] = OrderedDict()

    def keep(self, running: Running) -> None:
        """It was withdrawn, and goes on."""
        self._going_on[_key(running.frame)] = running

    def ended(self, running: Running, outcome: Outcome) -> None:
        """It has come to its end."""
        if self._going_on.get(_key(running.frame)) is not running:
            return
        del self._going_on[_key(running.frame)]
        if not outcome.failed:
            self._ended[_key(running.frame)] = outcome
            while len(self._ended) > _MOST:
                self._ended.popitem(last=False)

    def again(self, frame: ToolCallFrame) -> Running | Outcome | None:
        """What there is of the same call: the function at work, or what it gave; ``None``: nothing."""
        key = _key(frame)
        return self._going_on.pop(key, None) or self._ended.pop(key, None)

    def going_on(self) -> Iterable[Running]:
        """Those that have not come to an end."""
        return list(self._going_on.values())


def _key(frame: ToolCallFrame) -> str:
    """The same for the same wish: who asks says so, or name and arguments do."""
    same = [frame.name, frame.args]
    return frame.idempotency_key or json.dumps(same, sort_keys=True, default=str)
