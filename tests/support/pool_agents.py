"""Agents for pools whose workers may be other processes: each worker opens ``source`` by its name."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from livegraph.pipeline import Graph, In, Processor, TextFrame
from livegraph.pipeline.errors import ConfigError, Problem
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server.calls import ServedAgent
from livegraph.server.tracing import Tracing
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut

__all__ = ["SOURCE", "agents", "source"]

SOURCE = "support.pool_agents:source"

_eaten: list[bytearray] = []


class Mischief(Processor):
    """Does to its process what a caller types: ``hold 3`` (seconds), ``eat 300`` (MB), ``exit``."""

    text: In[TextFrame] = In()

    def on_text(self, frame: TextFrame) -> None:
        """Do it."""
        what, _, much = frame.text.partition(" ")
        match what:
            case "hold":
                time.sleep(float(much))
            case "eat":
                _eaten.append(bytearray(b"x") * (int(much) * 1_000_000))
            case "exit":
                os._exit(3)


def agents(title: str = "Echo") -> list[ServedAgent]:
    """``echo`` gives back what it hears, and does mischief when it is asked to."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.add("mischief", Mischief)
    graph.connect("mic.audio", "ear")
    graph.connect("mic.text", "mischief")
    plan = make_plan(graph, inputs={"name": InputSpec(type="text", default="")})
    return [ServedAgent("echo", plan, title, "Says back what you say.", "no model")]


class _Source:
    """``title_file`` holds the title of the agent; one that is empty makes it faulty. ``hang_s`` holds the loop, as an
    import does that does not return."""

    tracing: Tracing | None = None

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._file = options.get("title_file")
        self._hang_s = float(options.get("hang_s", 0))

    async def load(self, options: Mapping[str, Any] | None = None) -> Sequence[ServedAgent]:
        """The agents."""
        time.sleep(self._hang_s)  # noqa: ASYNC251  # as an import that does not return
        if self._file is None:
            return agents()
        title = (await asyncio.to_thread(Path(self._file).read_text)).strip()
        if not title:
            raise ConfigError([Problem("X1", "it has no title")])
        return agents(title)


@asynccontextmanager
async def source(options: Mapping[str, Any]) -> AsyncIterator[_Source]:
    """See ``AgentSource``."""
    yield _Source(options)
