"""Tools without a model: what an agent has, and one call of one of them, for people and programs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...pipeline import Graph, In, Out, Plan, Processor, ToolCallFrame, ToolCancelFrame, ToolResultFrame
from ...pipeline.events import ToolFinished, Transcript
from ...pipeline.frames import Media
from .router import ToolRouter

__all__ = ["HandOutcome", "call_tool", "list_tools", "tools_alone"]

_HAND = "hand"


@dataclass(frozen=True, slots=True)
class HandOutcome:
    """What came of one call."""

    result: dict[str, Any]
    media: tuple[Media, ...]
    how: str
    """See ``ToolFinished.outcome``."""
    failed: bool
    duration_ns: int
    attempts: int


class _Hand(Processor):
    """Asks in the place of a model."""

    results: In[ToolResultFrame] = In(feedback=True, required=False)
    calls: Out[ToolCallFrame | ToolCancelFrame]

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.answers: asyncio.Queue[ToolResultFrame] = asyncio.Queue(64)

    async def run(self) -> None:
        await self.over.wait()

    def on_results(self, frame: ToolResultFrame) -> None:
        if not frame.will_continue:
            self.answers.put_nowait(frame)


def tools_alone(graph: Graph) -> Graph:
    """The tool routers of ``graph``, with somebody who asks; empty where there are none."""
    alone = Graph(graph.name)
    routers = [node for node in graph.nodes.values() if issubclass(node.processor, ToolRouter)]
    if routers:
        alone.add(_HAND, _Hand)
    for node in routers:
        alone.insert(replace(node, path=()))
        alone.connect(_HAND, node.name)
        alone.connect(node.name, _HAND)
    return alone


async def list_tools(plan: Plan, *, identity: str = "") -> list[dict[str, Any]]:
    """The tools of a plan that ``tools_alone`` made, as a model sees them, each with its kind."""
    call = plan.call(identity=identity)
    async with call:
        found: list[dict[str, Any]] = []
        for name in plan.nodes:
            if name == _HAND:
                continue
            router = call.processor(name, ToolRouter)
            for tool, personas in router.offered:
                settings = tool.settings
                service = f"service {settings.service}" if settings.service else ""
                whose = f"for {' and '.join(personas)}" if personas else ""
                said = ["confirm" if settings.confirm else "", service, whose]
                found.append(
                    {
                        "name": tool.spec.name,
                        "kind": tool.kind,
                        "node": name,
                        "personas": list(personas),
                        "said": ", ".join(filter(None, said)),
                        "description": tool.spec.description,
                        "parameters": dict(tool.spec.parameters),
                    }
                )
        return found


async def call_tool(
    plan: Plan, name: str, args: Mapping[str, Any], *, identity: str = "", confirmed: bool = False
) -> HandOutcome:
    """Call one tool of a plan that ``tools_alone`` made. Raises ``LookupError`` when there is no such tool."""
    call = plan.call(identity=identity)
    finished: list[ToolFinished] = []
    call.events.subscribe(ToolFinished, finished.append)
    async with call:
        hand = call.processor(_HAND, _Hand)
        routers = [call.processor(node, ToolRouter) for node in plan.nodes if node != _HAND]
        offered = {tool.spec.name: personas for router in routers for tool, personas in router.offered}
        if name not in offered:
            raise LookupError(f"there is no tool {name!r}; there is: {', '.join(offered) or 'none'}")
        persona = next(iter(offered[name]), "")
        hand.calls.emit(ToolCallFrame("1", name, dict(args), agent=persona))
        answer = await hand.answers.get()
        if confirmed and finished and finished[-1].outcome == "unconfirmed":
            now_ns = call.clock.now_ns()
            call.events.publish(
                Transcript(time_ns=now_ns, role="agent", utterance=0, text="Shall I?", final=True)
            )
            call.events.publish(Transcript(time_ns=now_ns, role="user", utterance=0, text="yes", final=True))
            hand.calls.emit(ToolCallFrame("2", name, dict(args), agent=persona))
            answer = await hand.answers.get()
        end = finished[-1]
        return HandOutcome(
            answer.result, answer.media, end.outcome, answer.failed, end.duration_ns, end.attempts
        )
