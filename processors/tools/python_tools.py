"""Python functions as tools: named by file or module, run in a thread unless they are async."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Annotated, Any

from ...pipeline.clock import SystemClock
from ...pipeline.options import Bytes, ModuleRef, Range
from ...pipeline.running.offload import shared_processes
from .catalog import FunctionSpec
from .context import ToolContext
from .errors import ToolError
from .function import ToolFunction
from .isolated import IsolatedTool
from .loading import load_tools
from .python_host import Isolation, PythonHost
from .seam import Tool
from .selection import Selection, chosen
from .settings import ToolSettings, resolve
from .virtual_time import let_pass

__all__ = ["PythonSource", "PythonTools"]


@dataclass(frozen=True, kw_only=True)
class PythonTools(Selection):
    """Python functions, with options: an entry of ``tools``."""

    python: ModuleRef
    """A file or a module with functions, or one function as ./tools.py:name."""
    isolation: Isolation | None = None
    """Where they run: `process` is a process of their own, as the router has it else."""
    max_memory: Annotated[Bytes, Range(16_000_000, 1_000_000_000_000)] | None = None
    """What a function may use there."""


class PythonTool:
    """One Python function in one call."""

    kind = "python"

    def __init__(
        self, function: ToolFunction, spec: FunctionSpec, settings: ToolSettings, host: PythonHost
    ) -> None:
        self.function = function
        self.settings = settings
        self.streams = function.streams
        self.stoppable = function.is_async or function.streams
        self.spec = spec
        self._host = host

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Tool``."""
        return self.function.checked(given)

    def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """See ``Tool``."""
        if self.function.streams:
            return self.function.call(arguments, context)
        return self._await(dict(arguments), context)

    async def _await(self, arguments: dict[str, Any], context: ToolContext[Any]) -> Any:
        if self.function.is_async:
            return await self.function.call(arguments, context)
        threads = self._host.threads
        if threads.alive >= self._host.most or threads.full():
            raise ToolError(f"{self.spec.name} is not available: earlier calls of tools have not returned")
        loop = asyncio.get_running_loop()
        # It cannot be stopped: what it holds alone is its own until it returns.
        release = context.keep_busy()
        told = _Told(threads, lambda: _soon(loop, release))
        value, took_ns = await loop.run_in_executor(told, call, self.function, arguments, context)
        await let_pass(took_ns)
        if isinstance(value, _Raised):
            raise value.error
        return await value if inspect.isawaitable(value) else value


class PythonSource:
    """The functions of one file, module, or given outright."""

    whole = True

    def __init__(self, entry: PythonTools | str | Callable[..., Any], host: PythonHost) -> None:
        self._entry = entry
        self._host = host
        self._tools: list[Tool] | None = None

    def known(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        if self._tools is None:
            self._tools = list(self._made())
        return self._tools

    async def open(self, changed: Callable[[], None]) -> Sequence[Tool]:
        """See ``ToolSource``."""
        tools = self.known()
        if any(isinstance(tool, IsolatedTool) for tool in tools):
            # To start a process takes longer than most tools.
            shared_processes().warm()
        return tools

    def tools(self) -> Sequence[Tool]:
        """See ``ToolSource``."""
        return self.known()

    async def close(self) -> None:
        """See ``ToolSource``."""

    def _made(self) -> Iterable[Tool]:
        entry = self._entry
        if not isinstance(entry, PythonTools):
            for function in load_tools([entry]).values():
                yield _tool(function, function.settings, self._host)
            return
        host = self._host
        if entry.isolation is not None:
            host = replace(host, isolation=entry.isolation)
        if entry.max_memory is not None:
            host = replace(host, max_memory_bytes=entry.max_memory)
        functions = load_tools([entry.python])
        for name, own in chosen(entry, functions, "functions").items():
            function = functions[name]
            settings = resolve(function.options, entry, own.options)
            settings = replace(settings, name=own.name)
            yield _tool(function, settings, host)


def _tool(function: ToolFunction, settings: ToolSettings, host: PythonHost) -> Tool:
    """``function`` as a tool that runs where it is to run. Raises ``ConfigError`` when it cannot run there."""
    spec = function.spec
    blocking = spec.blocking if settings.blocking is None else settings.blocking
    description = settings.description or spec.description
    spec = FunctionSpec(settings.name or function.name, description, spec.parameters, blocking)
    if host.isolation != "process":
        return PythonTool(function, spec, settings, host)
    return IsolatedTool(function, spec, settings, host)


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class _Told(Executor):
    """Tells when the one function that it is given has ended, or will never begin."""

    def __init__(self, threads: Executor, ended: Callable[[], object]) -> None:
        self._threads = threads
        self._ended = ended

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        try:
            future = self._threads.submit(function, *args, **kwargs)
        except RuntimeError:  # no more threads are to be had
            self._ended()
            raise
        future.add_done_callback(lambda _: self._ended())
        return future


def call(tool: ToolFunction, arguments: dict[str, Any], context: ToolContext[Any]) -> tuple[Any, int]:
    """What the function returns or, as a value, what it raised, for a future does not take every exception.

    And how long that took, in nanoseconds of real time.
    """
    real = SystemClock()
    try:
        value = tool.call(arguments, context)
    except BaseException as error:
        value = _Raised(error)
    return value, real.now_ns()


def _soon(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has gone
        loop.call_soon_threadsafe(action)
