"""What subscribers to events are told of the calls of one router's tools."""

from __future__ import annotations

from typing import Any

from ...pipeline.events import (
    Confirmed,
    ToolCalled,
    ToolCancelled,
    ToolFinished,
    ToolServiceChanged,
)
from ...pipeline.frames import ToolCallFrame
from ...pipeline.running.context import CallContext
from .outcome import Outcome
from .seam import Tool
from .shared import ServiceState

__all__ = ["ToolReports"]


class ToolReports:
    """Publishes for the router ``node``, at the call's time."""

    def __init__(self, node: str, call: CallContext) -> None:
        self._node = node
        self._clock, self._events = call.clock, call.events

    def called(self, frame: ToolCallFrame, tool: Tool) -> None:
        """The model asks for ``tool``."""
        if self._events.wants(ToolCalled):
            called = ToolCalled(
                time_ns=self._clock.now_ns(), id=frame.id, name=frame.name, args=frame.args, kind=tool.kind
            )
            self._events.publish(called)

    def cancelled(self, frame: ToolCallFrame) -> None:
        """The model does not ask for it any more."""
        if self._events.wants(ToolCancelled):
            self._events.publish(ToolCancelled(time_ns=self._clock.now_ns(), id=frame.id, name=frame.name))

    def finished(self, frame: ToolCallFrame, tool: Tool, outcome: Outcome, duration_ns: int) -> None:
        """The call has its result."""
        if self._events.wants(ToolFinished):
            finished = ToolFinished(
                time_ns=self._clock.now_ns(),
                id=frame.id,
                name=frame.name,
                ok=not outcome.failed,
                result=outcome.result.body,
                duration_ns=duration_ns,
                outcome=outcome.how,
                kind=tool.kind,
                service=tool.settings.service,
                attempts=outcome.attempts,
                cost_usd=tool.settings.cost_usd * outcome.attempts,
                fault=outcome.fault,
            )
            self._events.publish(finished)

    def confirmed(self, name: str, args: dict[str, Any], *, agreed: bool, said: str, time_ns: int) -> None:
        """The caller has answered the question whether it is to be done."""
        self._events.publish(Confirmed(time_ns=time_ns, name=name, args=args, agreed=agreed, said=said))

    def service(self, state: ServiceState) -> None:
        """Something that tools depend on came or went."""
        changed = ToolServiceChanged(
            time_ns=self._clock.now_ns(),
            service=state.service,
            kind=state.kind,
            state=state.state,
            why=state.why,
            node=self._node,
        )
        self._events.publish(changed)
