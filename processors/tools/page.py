"""Functions of the caller's page as tools: an entry ``page`` of ``tools``.

The page is asked to run them, and its answer is the result. What a page answers is the caller's word, not the server's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from ...pipeline.errors import ConfigError, Problem
from .catalog import FunctionSpec
from .context import ToolContext
from .errors import ToolError
from .http.arguments import ArgumentSpec, check_arguments, schema_of
from .seam import Tool
from .selection import tool_name
from .settings import ToolOptions, ToolSettings, resolve

__all__ = ["CallersPage", "PageSource", "PageTool"]


@runtime_checkable
class CallersPage(Protocol):
    """Runs functions of the caller's page: a resource of calls whose callers have one."""

    async def run(self, name: str, args: Mapping[str, Any], *, id: str = "") -> Any:
        """What the function gave; ``id`` names this use of it, as events do.

        Raises ``ToolError`` where the page has none, or it failed, or the caller is gone.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class PageTool(ToolOptions):
    """A function of the caller's page as a tool: an entry of ``tools``."""

    page: str
    """Under which name the page has it, which is what the model calls it too: ``new Call({tools: {show_map}})``."""
    description: str = ""
    """What the model is told of it."""
    arguments: dict[str, ArgumentSpec] | None = None
    """What the model gives."""


class _Function:
    """One function of the page."""

    kind = "page"
    streams = False
    stoppable = True

    def __init__(self, spec: FunctionSpec, settings: ToolSettings) -> None:
        self.spec, self.settings = spec, settings

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Tool``."""
        return check_arguments(given, self.spec.parameters)

    async def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """See ``Tool``."""
        page = context.resource(CallersPage)  # type: ignore[type-abstract]  # a Protocol is a key like any other
        if page is None:
            raise ToolError(
                f"{self.spec.name} is not available: the caller has no page that could run it",
                hint="Go on without it.",
            )
        return await page.run(self.spec.name, arguments, id=context.tool_call_id)


class PageSource:
    """One entry ``page``."""

    whole = True

    def __init__(self, entry: PageTool) -> None:
        self._entry = entry

    def known(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        entry = self._entry
        if entry.page != tool_name(entry.page):
            raise ConfigError(
                [
                    Problem(
                        "LG234",
                        f"`{entry.page[:60]}` is no name for a tool",
                        ("page",),
                        hint="letters, digits and _ . : - are allowed",
                    )
                ]
            )
        settings = replace(resolve(entry), name=entry.page)
        spec = FunctionSpec(
            entry.page, entry.description, schema_of(entry.arguments or {}), settings.blocking
        )
        return [_Function(spec, settings)]

    async def open(self, changed: Callable[[], None]) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    def tools(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    async def close(self) -> None:
        """See ``ToolSource``."""
