"""Functions of the call itself: the model is offered them beside those of routers, and they are answered here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.events import ToolCalled, ToolFinished
from ...pipeline.frames import ToolResultFrame
from ...pipeline.running.context import CallContext
from ..tools.catalog import FunctionSpec, ToolCatalog

__all__ = ["OwnFunctions"]


class OwnFunctions:
    """Those of one call."""

    def __init__(self, call: CallContext) -> None:
        self._call = call
        self._by_name = {function.name: function for function in call.functions}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @property
    def catalogs(self) -> list[ToolCatalog]:
        """What the model is told of them; nothing where there are none."""
        specs = tuple(
            FunctionSpec(one.name, one.description, one.parameters) for one in self._by_name.values()
        )
        return [ToolCatalog(specs)] if specs else []

    def answer(self, call_id: str, name: str, args: Mapping[str, Any]) -> ToolResultFrame:
        """Do it, and tell whoever watches."""
        function, events, now_ns = self._by_name[name], self._call.events, self._call.clock.now_ns()
        if events.wants(ToolCalled):
            events.publish(ToolCalled(time_ns=now_ns, id=call_id, name=name, args=dict(args)))
        result = function.run(args)
        failed = "error" in result
        if events.wants(ToolFinished):
            events.publish(
                ToolFinished(
                    time_ns=now_ns, id=call_id, name=name, ok=not failed, result=result, duration_ns=0
                )
            )
        scheduling = "SILENT" if function.silent and not failed else ""
        return ToolResultFrame(call_id, name, result, failed=failed, scheduling=scheduling, time_ns=now_ns)
