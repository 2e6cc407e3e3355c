"""The seam between the router and the kinds of tools: what a tool is, and where tools come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .catalog import FunctionSpec
from .settings import ToolSettings

if TYPE_CHECKING:
    from .context import ToolContext

__all__ = ["Tool", "ToolSource"]


class Tool(Protocol):
    """One function that the model may call."""

    @property
    def spec(self) -> FunctionSpec:
        """What the model is told of it."""
        ...

    @property
    def settings(self) -> ToolSettings:
        """How it is run."""
        ...

    @property
    def kind(self) -> str:
        """``python``, ``http``, ``openapi``, ``mcp``, ``page``."""
        ...

    @property
    def streams(self) -> bool:
        """Whether it answers several times: ``call`` then gives an async generator."""
        ...

    @property
    def stoppable(self) -> bool:
        """Whether cancelling ``call`` ends what it does."""
        ...

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the model gave, checked and converted. Raises ``ToolError`` that names the argument."""
        ...

    def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """An awaitable of the result, or an async generator of several.

        Raises ``ToolError`` for what the model is to be told; anything else is a fault of the tool.
        """
        ...


class ToolSource(Protocol):
    """Where tools come from: a Python file, a REST service, an MCP server. One for each entry of ``tools:``."""

    def known(self) -> Sequence[Tool]:
        """The tools that can be told without asking anybody. Raises ``ConfigError`` for what is wrong with them."""
        ...

    @property
    def whole(self) -> bool:
        """Whether ``known`` is all there is, and ``open`` brings no others."""
        ...

    async def open(self, changed: Callable[[], None]) -> Sequence[Tool]:
        """Make them ready for one call; gives all of them. ``changed`` is to be called when there are others.

        Raises ``ToolSourceError`` when they cannot be had now.
        """
        ...

    def tools(self) -> Iterable[Tool]:
        """The tools there are now; from ``open`` to ``close``."""
        ...

    async def close(self) -> None:
        """The call is over."""
        ...
