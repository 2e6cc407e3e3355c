"""Python functions as tools: named by file or module, run in a thread unless they are async."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ...pipeline.clock import SystemClock, VirtualLoop
from ...pipeline.options import ModuleRef
from ...pipeline.units import MS, SECOND
from .catalog import FunctionSpec
from .context import ToolContext
from .errors import ToolError
from .function import ToolFunction
from .loading import load_tools
from .seam import Tool
from .selection import Selection, chosen
from .settings import ToolSettings, resolve
from .threads import ToolThreads

__all__ = ["PythonSource", "PythonTools"]

_COUNTED_NS = 250 * MS
"""In steps of so much the time of a plain function counts on virtual time."""


@dataclass(frozen=True, kw_only=True)
class PythonTools(Selection):
    """Python functions, with options: an entry of ``tools``."""

    python: ModuleRef
    """A file or a module with functions, or one function as ./tools.py:name."""


class PythonTool:
    """One Python function in one call."""

    kind = "python"

    def __init__(
        self, function: ToolFunction, settings: ToolSettings, threads: ToolThreads, most: int
    ) -> None:
        self.function = function
        self.settings = settings
        self.streams = function.streams
        self.stoppable = function.is_async or function.streams
        self._threads, self._most = threads, most
        spec = function.spec
        blocking = spec.blocking if settings.blocking is None else settings.blocking
        description = settings.description or spec.description
        self.spec = FunctionSpec(settings.name or function.name, description, spec.parameters, blocking)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Tool``."""
        try:
            return self.function.arguments(given)
        except msgspec.ValidationError as error:
            raise ToolError(f"wrong arguments: {error}") from None

    def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """See ``Tool``."""
        if self.function.streams:
            return self.function.call(arguments, context)
        return self._await(dict(arguments), context)

    async def _await(self, arguments: dict[str, Any], context: ToolContext[Any]) -> Any:
        if self.function.is_async:
            return await self.function.call(arguments, context)
        if self._threads.alive >= self._most or self._threads.full():
            raise ToolError(f"{self.spec.name} is not available: earlier calls of tools have not returned")
        loop = asyncio.get_running_loop()
        # It cannot be stopped: what it holds alone is its own until it returns.
        release = context.keep_busy()
        value, took_ns = await loop.run_in_executor(
            self._threads, call, self.function, arguments, context, lambda: _soon(loop, release)
        )
        if isinstance(loop, VirtualLoop) and took_ns >= _COUNTED_NS:
            # Virtual time stood still meanwhile. In whole steps, so that quick tools take none of it each time.
            await asyncio.sleep(took_ns // _COUNTED_NS * _COUNTED_NS / SECOND)
        if isinstance(value, _Raised):
            raise value.error
        return await value if inspect.isawaitable(value) else value


class PythonSource:
    """The functions of one file, module, or given outright."""

    whole = True

    def __init__(
        self, entry: PythonTools | str | Callable[..., Any], threads: ToolThreads, most: int
    ) -> None:
        self._entry = entry
        self._threads, self._most = threads, most
        self._tools: list[Tool] | None = None

    def known(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        if self._tools is None:
            self._tools = list(self._made())
        return self._tools

    async def open(self, changed: Callable[[], None]) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    def tools(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    async def close(self) -> None:
        """See ``ToolSource``."""

    def _made(self) -> Iterable[Tool]:
        entry = self._entry
        if not isinstance(entry, PythonTools):
            for function in load_tools([entry]).values():
                yield PythonTool(function, function.settings, self._threads, self._most)
            return
        functions = load_tools([entry.python])
        for name, own in chosen(entry, functions, "functions").items():
            function = functions[name]
            settings = resolve(function.options, entry, own.options)
            settings = replace(settings, name=own.name)
            yield PythonTool(function, settings, self._threads, self._most)


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def call(
    tool: ToolFunction, arguments: dict[str, Any], context: ToolContext[Any], ended: Callable[[], object]
) -> tuple[Any, int]:
    """What the function returns or, as a value, what it raised, for a future does not take every exception.

    And how long that took, in nanoseconds of real time.
    """
    real = SystemClock()
    try:
        value = tool.call(arguments, context)
    except BaseException as error:
        value = _Raised(error)
    finally:
        ended()
    return value, real.now_ns()


def _soon(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has gone
        loop.call_soon_threadsafe(action)
