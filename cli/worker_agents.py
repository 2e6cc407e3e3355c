"""The agents of ``livegraph run`` in a worker's process: it reads the files that the command line chose by itself."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..pipeline.errors import LivegraphError
from .composing import Chosen
from .connecting import connect
from .exits import Fault
from .local_model import LocalModel
from .prepared import Source, read_sources
from .routes import Live
from .serving import TokenBox, authorizer, tracing_of, used_tickets_in
from .terminal import Terminal

if TYPE_CHECKING:
    from ..server.access.grant import Authorize
    from ..server.access.ticket_store import TicketStore
    from ..server.calls import ServedAgent
    from ..server.tracing import Tracing

__all__ = ["SOURCE", "AgentChoice", "agent_files_source"]

SOURCE = "livegraph.cli.worker_agents:agent_files_source"


class AgentChoice(msgspec.Struct, frozen=True):
    """What the command line chose, as it is sent to workers."""

    agents: tuple[str, ...]
    overlays: tuple[str, ...]
    settings: tuple[str, ...]
    profile: str | None
    live: str
    max_sessions: int
    debug: bool = False
    log_level: str | None = None
    log_format: str | None = None
    tokens: str = ""
    ticket_secret_file: str = ""
    invitation: str = ""
    used_tickets: str = ""
    """Files by which callers by WebSocket are let in: those are asked by their worker."""

    @property
    def chosen(self) -> Chosen:
        """The same as the command has it."""
        from ..language import Layers

        return Chosen(self.agents, Layers(self.overlays, self.settings, self.profile))


class _AgentFiles:
    """See ``AgentSource``. A file that is faulty when it is read again keeps what it gave before."""

    def __init__(self, choice: AgentChoice, terminal: Terminal, model: LocalModel) -> None:
        self.tracing: Tracing | None = tracing_of(os.environ)
        self._tokens = TokenBox(Path(choice.tokens)) if choice.tokens else None
        secret = Path(choice.ticket_secret_file) if choice.ticket_secret_file else None
        self.authorize: Authorize | None = authorizer(secret, self._tokens, choice.invitation)
        self.used_tickets: TicketStore | None = used_tickets_in(choice.used_tickets)
        self._choice = choice
        self._terminal = terminal
        self._model = model
        self._sources: dict[Path, Source] = {}

    async def load(self) -> Sequence[ServedAgent]:
        """See ``AgentSource``."""
        from ..pipeline.graph.modules import forget_changed

        def read() -> list[Source]:
            forget_changed()
            return read_sources(self._choice.chosen, Live(self._choice.live), self._terminal)

        if self._tokens is not None and (fault := self._tokens.reload()):
            raise LivegraphError(fault)
        try:
            # In a thread: calls may be under way.
            fresh = await asyncio.to_thread(read)
        except Fault as fault:
            raise LivegraphError(str(fault)) from None
        taken: dict[Path, Source] = {}
        for source in fresh:
            before = self._sources.get(source.path)
            if source.fault is not None and before is None:
                raise LivegraphError(str(source.fault))
            taken[source.path] = before if source.fault is not None and before is not None else source
        self._sources = taken
        return await connect([one for source in taken.values() for one in source.prepared], self._model)


@asynccontextmanager
async def agent_files_source(options: Mapping[str, Any]) -> AsyncIterator[_AgentFiles]:
    """Opened by each worker; see ``OpenSource``."""
    choice = msgspec.convert(dict(options), AgentChoice)
    terminal = Terminal(debug=choice.debug, level=logging.INFO, timestamps=True)
    terminal.log_as(choice.log_level, choice.log_format)
    async with AsyncExitStack() as stack:
        yield _AgentFiles(choice, terminal, LocalModel(stack, terminal, max_sessions=choice.max_sessions))
