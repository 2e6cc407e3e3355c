"""The local simulator inside the command: one for all agents, each with its own script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from .brains import brain_of
from .terminal import Terminal

if TYPE_CHECKING:
    from ..pipeline.config import Agent
    from ..simulator.server import Simulator

__all__ = ["agent_url", "simulator_for"]


@asynccontextmanager
async def simulator_for(
    agents: Sequence[Agent], terminal: Terminal, *, max_sessions: int = 64
) -> AsyncIterator[Simulator]:
    """A simulator that hears and speaks, while the block runs.

    Raises ``ConfigError`` for a faulty script of an agent.
    """
    from ..simulator.server import Simulator

    scripts = {agent.name: script for agent in agents if (script := brain_of(agent)) is not None}
    async with Simulator(scripts=scripts, max_sessions=max_sessions) as simulator:
        with terminal.progress("Loading the simulator's ears and voice"):
            await simulator.warm_up()
        yield simulator


def agent_url(base: str, agent: Agent) -> str:
    """Where a simulator at ``base`` plays ``agent``."""
    return f"{base}/agents/{quote(agent.name, safe='')}"
