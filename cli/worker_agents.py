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
from .connecting import connect
from .local_model import LocalModel
from .prepared import Source, read_contents
from .routes import Live
from .serving import tracing_of
from .terminal import Terminal

if TYPE_CHECKING:
    from ..server.calls import ServedAgent
    from ..server.tracing import Tracing

__all__ = ["SOURCE", "AgentChoice", "agent_files_source", "contents_of"]

SOURCE = "livegraph.cli.worker_agents:agent_files_source"


class AgentChoice(msgspec.Struct, frozen=True):
    """What the command line chose, as it is sent to workers."""

    contents: dict[str, dict[str, bytes]]
    """The agent files, each with what it was made of: files by their real paths. So a worker has the agents that are in
    service, whenever it starts and whatever the files are by then; on another machine they need not be."""
    overlays: tuple[str, ...]
    settings: tuple[str, ...]
    profile: str | None
    live: str
    max_sessions: int
    debug: bool = False
    log_level: str | None = None
    log_format: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """As it is sent."""
        told: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(bytes,))
        return told


def contents_of(sources: Sequence[Source]) -> dict[str, dict[str, bytes]]:
    """See ``AgentChoice``. A worker need not be where the command was given: its paths are whole ones."""
    return {
        str(source.path.resolve()): {str(file): data for file, data in source.contents.items()}
        for source in sources
        if source.prepared
    }


class _AgentFiles:
    """See ``AgentSource``. A file that is faulty here alone keeps what it gave before."""

    def __init__(self, choice: AgentChoice, terminal: Terminal, model: LocalModel) -> None:
        self.tracing: Tracing | None = tracing_of(os.environ)
        self._choice = choice
        self._terminal = terminal
        self._model = model
        self._sources: dict[Path, Source] = {}

    async def load(self, options: Mapping[str, Any] | None = None) -> Sequence[ServedAgent]:
        """See ``AgentSource``."""
        from ..language import Layers

        choice = self._choice if options is None else msgspec.convert(dict(options), AgentChoice)
        contents = {
            Path(path): {Path(file): data for file, data in files.items()}
            for path, files in choice.contents.items()
        }
        layers = Layers(choice.overlays, choice.settings, choice.profile)
        # In a thread: calls may be under way.
        fresh = await asyncio.to_thread(read_contents, contents, layers, Live(choice.live), self._terminal)
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
