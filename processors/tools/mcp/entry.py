"""An MCP server as an entry of ``tools:``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from ....pipeline.options import FileWord, Range
from ....pipeline.units import MS, SECOND
from ..http.entry import Value
from ..http.hiding import of_command
from ..selection import Selection

__all__ = ["McpTools"]


@dataclass(frozen=True, kw_only=True)
class McpTools(Selection):
    """Tools of an MCP server: an entry of ``tools``."""

    mcp: str | list[FileWord]
    """The server: a command with its arguments as a list, or an address (streamable HTTP). ``./server.py`` is next to
    the agent file."""
    server: str = ""
    """What it is called in logs and errors."""
    env: dict[str, Value] | None = None
    """The environment of the command, beside what every program has."""
    cwd: Path | None = None
    """The folder that the command runs in."""
    headers: dict[str, Value] | None = None
    """Headers of every request to an address."""
    hosts: tuple[str, ...] = ()
    """Hosts that may be called beside the one of the address."""
    private: tuple[str, ...] = ()
    """Addresses, networks or hosts outside the public Internet that may be called."""
    share: Literal["server", "call"] = "server"
    """Whether all calls use one, or each starts its own."""
    protocol: Literal["auto", "legacy"] = "auto"
    """``legacy`` for a server that cannot bear to be asked which version it speaks."""
    start_timeout_ns: Annotated[int, Range(100 * MS, 300 * SECOND)] = 30 * SECOND
    """How long it may take to start."""
    ask_timeout_ns: Annotated[int, Range(1 * SECOND, 300 * SECOND)] = 20 * SECOND
    """How long the caller has to answer what the server asks."""

    @property
    def title(self) -> str:
        """What it is called."""
        if self.server:
            return self.server
        if isinstance(self.mcp, str):
            return self.mcp.partition("://")[2].partition("/")[0]
        keys = set(of_command(self.mcp).values())
        words = [word for word in self.mcp if not word.startswith("-") and "://" not in word]
        return next((Path(word).name for word in reversed(words) if word not in keys), "server")
