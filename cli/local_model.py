"""The local simulator inside the command: one for all agents, each with its own script."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..testing.brains import brain_of
from .terminal import Terminal

if TYPE_CHECKING:
    from ..language import Agent
    from ..simulator.brain_script import Script
    from ..simulator.server import Simulator
    from .routes import Route

__all__ = ["LocalModel", "model_beside", "simulator_for"]


@asynccontextmanager
async def simulator_for(
    agents: Sequence[Agent], terminal: Terminal, *, max_sessions: int = 64, spoken: bool = True
) -> AsyncIterator[Simulator]:
    """A simulator that hears and speaks, while the block runs; not ``spoken``, it takes text and makes tones.

    Raises ``ConfigError`` for a faulty script of an agent.
    """
    from ..simulator.ears import NoEars
    from ..simulator.server import Simulator
    from ..simulator.voice import TonesVoice

    scripts = {agent.name: script for agent in agents if (script := brain_of(agent)) is not None}
    # Real ones take seconds to load.
    senses: dict[str, Any] = {} if spoken else {"ears": NoEars(), "voice": TonesVoice()}
    async with Simulator(scripts=scripts, max_sessions=max_sessions, **senses) as simulator:
        with terminal.progress("Loading the simulator's ears and voice"):
            await simulator.warm_up()
        yield simulator


@asynccontextmanager
async def model_beside(
    agent: Agent, route: Route, terminal: Terminal, *, spoken: bool = True
) -> AsyncIterator[dict[type, Any]]:
    """What a call of this command brings along for its model: where the route is local the simulator, joined in memory.

    A socket would take part in no virtual time. Where nobody speaks or listens nothing is loaded for it, and nothing is
    told of what the simulator lacks. Raises as ``simulator_for``.
    """
    if route.kind != "local":
        yield {}
        return
    from ..processors.gemini_live import LiveConnector

    async with simulator_for([agent], terminal, spoken=spoken) as simulator:
        for note in simulator.notes if spoken else ():
            terminal.warn(note)
        yield {LiveConnector: simulator.connector(agent.name)}


class LocalModel:
    """A simulator on a socket of this machine: starts when the first agent needs it, and ends with ``stack``."""

    def __init__(self, stack: AsyncExitStack, terminal: Terminal, *, max_sessions: int) -> None:
        self.notes: list[str] = []
        """What is missing for real speech, once it runs."""
        self._stack = stack
        self._terminal = terminal
        self._max_sessions = max_sessions
        self._simulator: Simulator | None = None
        self._base = ""
        self._scripts: dict[str, list[Script | None]] = {}

    async def url(self, name: str, script: Script | None) -> str:
        """Where the agent ``name`` is played, by its own script or the simulator's.

        Another script has another address: who was given the first is played by the first for good.
        """
        if self._simulator is None:
            simulating = simulator_for([], self._terminal, max_sessions=self._max_sessions)
            self._simulator = await self._stack.enter_async_context(simulating)
            self.notes += self._simulator.notes
            # Only the agents of this command are to find it: a page could open sockets to this machine as well.
            secret = secrets.token_urlsafe(16)
            port = await self._simulator.serve("127.0.0.1", 0, secret=secret)
            self._base = f"ws://127.0.0.1:{port}/{secret}"
        known = self._scripts.setdefault(name, [])
        if script not in known:
            known.append(script)
        edition = known.index(script)
        played = f"{name}~{edition + 1}" if edition else name
        if script is not None:
            self._simulator.add_script(played, script)
        return f"{self._base}/agents/{quote(played, safe='')}"
