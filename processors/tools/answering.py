"""For boxes that offer functions of their own to a model: a call is told as an event, done, and answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...pipeline.events import ToolCalled, ToolFinished
from ...pipeline.frames import ToolCallFrame, ToolResultFrame
from ...pipeline.running.context import CallContext

__all__ = ["answer_call"]


async def answer_call(
    call: CallContext, frame: ToolCallFrame, run: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
) -> ToolResultFrame:
    """The result of ``run`` for the arguments of ``frame``; a result with ``error`` has failed."""
    began_ns = call.clock.now_ns()
    if call.events.wants(ToolCalled):
        call.events.publish(ToolCalled(time_ns=began_ns, id=frame.id, name=frame.name, args=frame.args))
    call.conversation.tool_started()
    try:
        result = await run(frame.args)
    finally:
        call.conversation.tool_finished()
    failed, now_ns = "error" in result, call.clock.now_ns()
    if call.events.wants(ToolFinished):
        event = ToolFinished(
            time_ns=now_ns,
            id=frame.id,
            name=frame.name,
            ok=not failed,
            result=result,
            duration_ns=now_ns - began_ns,
        )
        call.events.publish(event)
    return ToolResultFrame(frame.id, frame.name, result, failed=failed, time_ns=now_ns)
