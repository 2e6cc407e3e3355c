"""From the entries of ``tools:`` to where the tools come from; every kind side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from ...pipeline.errors import ConfigError, Problem
from ...pipeline.options import ModuleRef
from .http.entry import HttpTool
from .mcp.entry import McpTools
from .openapi.entry import OpenApiTools
from .page import PageSource, PageTool
from .python_host import Isolation, PythonHost
from .python_tools import PythonSource, PythonTools
from .seam import Tool, ToolSource

__all__ = ["ToolEntry", "held", "known_tools", "make_source"]

ToolEntry = ModuleRef | Callable[..., Any] | PythonTools | HttpTool | OpenApiTools | McpTools | PageTool


def make_source(entry: Any, host: PythonHost) -> ToolSource:
    """Where the tools of one entry come from; ``host`` is how Python functions are run."""
    # Libraries of a kind are loaded when it is used.
    if isinstance(entry, HttpTool):
        from .http.tools import HttpSource

        return HttpSource(entry)
    if isinstance(entry, OpenApiTools):
        from .openapi.tools import OpenApiSource

        return OpenApiSource(entry)
    if isinstance(entry, McpTools):
        from .mcp.tools import McpSource

        return McpSource(entry)
    if isinstance(entry, PageTool):
        return PageSource(entry)
    return PythonSource(entry, host)


@asynccontextmanager
async def held(entries: Iterable[Any]) -> AsyncIterator[None]:
    """What all calls share of ``entries`` runs for as long as this lasts: MCP servers that are not each call's own."""
    async with AsyncExitStack() as stack:
        for entry in entries:
            if isinstance(entry, McpTools) and entry.share == "server":
                from .mcp.tools import McpSource

                await stack.enter_async_context(McpSource(entry).held())
        yield


def known_tools(entries: Iterable[Any], isolation: Isolation = "none") -> tuple[dict[str, Tool], bool]:
    """The tools of all entries by the model's names, as far as nobody has to be asked, and whether these are all.

    Raises ``ConfigError`` with every fault; the ``path`` of each begins with the index of its entry.
    """
    found: dict[str, Tool] = {}
    problems: list[Problem] = []
    whole = True
    host = PythonHost(isolation=isolation)
    for index, entry in enumerate(entries):
        source = make_source(entry, host)
        whole = whole and source.whole
        try:
            tools: Sequence[Tool] = source.known()
        except ConfigError as error:
            problems += [
                replace(problem, path=(index, *_place(entry, problem))) for problem in error.problems
            ]
            continue
        for tool in tools:
            name = tool.spec.name
            if name in found:
                hint = "rename one, or use @tool(name=...)"
                problems.append(Problem("LG232", f"there are two tools named `{name}`", (index,), hint=hint))
            found[name] = tool
    if problems:
        raise ConfigError(problems)
    return found, whole


def _place(entry: Any, problem: Problem) -> tuple[str | int, ...]:
    """Where inside of its entry a fault is."""
    if problem.path and isinstance(problem.path[0], str):
        return problem.path
    # What is wrong with functions is told of the first of one source.
    return ("python",) if isinstance(entry, PythonTools) else problem.path[1:]
