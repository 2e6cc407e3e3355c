"""A caller's page runs functions for the agent: asked by ``run_tool``, answered by ``tool_answer``."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from ...pipeline.events import CallEnded
from ...pipeline.running.call import Call
from ...processors.tools.errors import ToolError
from ..protocol import FromCaller, RunTool, ToolAnswer
from .leg import Leg

__all__ = ["PageFunctions"]


class PageFunctions:
    """One caller's page; see ``CallersPage``. ``attach`` gives it its call."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._waiting: dict[str, asyncio.Future[ToolAnswer]] = {}
        self._listens = False

    def attach(self, call: Call) -> None:
        """Give up what is asked when ``call`` ends."""
        call.events.subscribe(CallEnded, lambda _: self._over())

    async def run(self, name: str, args: Mapping[str, Any], *, id: str = "") -> Any:
        """See ``CallersPage``."""
        if not self._listens:
            # Not before: what a caller says before its call runs is kept for the first who listens, and that is a box.
            self._leg.listen(self._heard)
            self._listens = True
        if not id or id in self._waiting:
            id = secrets.token_hex(8)
        answer = self._waiting[id] = asyncio.get_running_loop().create_future()
        try:
            self._leg.tell(RunTool(id=id, name=name, args=dict(args)))
            given = await answer
        finally:
            del self._waiting[id]
        if given.ok:
            return given.result
        why = given.result.get("error") if isinstance(given.result, dict) else given.result
        raise ToolError(f"the caller's page could not do it: {str(why)[:300]}")

    def _heard(self, message: FromCaller) -> None:
        if isinstance(message, ToolAnswer):
            waiting = self._waiting.get(message.id)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

    def _over(self) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ToolError("the caller has gone"))
