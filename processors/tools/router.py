"""Tool router: runs the functions that the model asks for.

Ports: ``calls`` in, ``results`` out (joined back to the model). Tools are plain Python functions, sync (they run in a
thread) or async, named by file or module; their schema comes from type hints and docstring, arguments are validated,
each call has a deadline, and a call that the model withdraws is cancelled. A sync function cannot be stopped: past its
deadline its thread is left alone and its result is not used. An async function that yields gives a result each time,
and has its deadline for each. A function may return pictures and files (`Media`, `media_from_file`, Pillow's), alone or
inside of a result: they go to the model as such where it takes them.

Example:
    tool_router: {tools: [./tools.py], timeout: 5s}
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from ...pipeline import (
    ConfigError,
    Doc,
    Duration,
    In,
    ModuleRef,
    OptionFault,
    Out,
    Processor,
    Range,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
)
from ...pipeline.clock import SystemClock, VirtualLoop
from ...pipeline.errors import from_signal
from ...pipeline.events import StateChanged, ToolCalled, ToolCancelled, ToolFinished
from ...pipeline.processor import Emitted
from ...pipeline.running.context import CallContext, set_idempotency_key
from ...pipeline.running.tasks import in_a_task
from ...pipeline.units import MS, SECOND, format_duration
from .catalog import ToolCatalog
from .function import ToolError, ToolFunction
from .loading import load_tools
from .results import ToolResult, read_result
from .threads import ToolThreads
from .withdrawn import Running, WithdrawnCalls

__all__ = ["ToolRouter"]


class ToolRouter(Processor):
    """Run Python functions for the model.

    Example:
        tool_router: {tools: [./tools.py], timeout: 5s}
    """

    emits = (ToolCalled, ToolFinished, ToolCancelled, StateChanged)

    calls: In[ToolCallFrame | ToolCancelFrame] = In(doc="calls and cancellations from the model")
    results: Out[ToolResultFrame] = Out(
        doc="a result for every call that was not withdrawn; several from a function that yields"
    )

    def __init__(
        self,
        *,
        tools: Annotated[
            list[ModuleRef | Callable[..., Any]],
            Doc("files or modules with functions, or one function as ./tools.py:name"),
        ],
        timeout: Annotated[
            Duration,
            Range(10 * MS, 3600 * SECOND),
            Doc("deadline of one call; the model is told when it passes"),
        ] = 10 * SECOND,
        max_parallel: Annotated[int, Range(1, 256), Doc("calls that run at the same time; others wait")] = 8,
        max_media_bytes: Annotated[
            int,
            Range(0, 100_000_000),
            Doc("pictures and files in one result; the model is told of what is more"),
        ] = 4_000_000,
    ) -> None:
        self._sources = tools
        self._timeout_ns = timeout
        self._max_parallel = max_parallel
        self._max_media_bytes = max_media_bytes
        self._tools: dict[str, ToolFunction] = {}
        self._threads = ToolThreads()
        self._waiting: dict[str, ToolCallFrame] = {}
        self._running: dict[str, Running] = {}
        self._withdrawn = WithdrawnCalls()
        self._changed = asyncio.Event()
        self._ended = False

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        try:
            load_tools(options["tools"])
        except ConfigError as error:
            for problem in error.problems:
                yield OptionFault(("tools", *problem.path), problem.message, problem.hint, code=problem.code)

    async def start(self) -> None:
        self._tools = load_tools(self._sources)
        self.calls.advertised = ToolCatalog(tuple(tool.spec for tool in self._tools.values()))

    def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> Emitted:
        if isinstance(frame, ToolCancelFrame):
            for call_id in frame.ids:
                self._withdraw(call_id)
        elif frame.name in self._tools:
            # Functions of another router on the same stream are not ours to answer.
            self._accept(frame)
        return None

    def on_end(self) -> Emitted:
        self._ended = True
        self._changed.set()
        return None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while self._waiting or self._running or not self._ended:
                while self._waiting and len(self._running) < self._max_parallel:
                    frame = self._waiting.pop(next(iter(self._waiting)))
                    running = self._running[frame.id] = Running(frame)
                    running.task = group.create_task(self._answer(running), name=f"tool {frame.name}")
                self._changed.clear()
                await self._changed.wait()
            for running in self._withdrawn.going_on():
                # What must not be cut comes to its end, within its deadline; of a thread nobody needs to know.
                if running.task is not None and self._tools[running.frame.name].settings.cancel:
                    running.task.cancel()

    @property
    def at_rest(self) -> bool:
        """Whether no call is under way: then no result will come."""
        return not (self._waiting or self._running)

    async def stop(self) -> None:
        if self._threads.alive:
            self.log.warning(
                "%s: %d call(s) of tools go on in their threads after the call",
                self.name,
                self._threads.alive,
            )

    def _accept(self, frame: ToolCallFrame) -> None:
        if frame.id in self._waiting or frame.id in self._running:
            self.log.warning("%s: the call %s of %s came twice", self.name, frame.id, frame.name)
            return
        before = self._withdrawn.again(frame)
        if isinstance(before, Running):
            # It was withdrawn, could not be stopped, and is asked for again: it goes on for that.
            before.frame = frame
            self._running[frame.id] = before
        elif before is not None:
            self._running[frame.id] = running = Running(frame, began_ns=self.call.clock.now_ns())
            self.call.turns.tool_started()
            asyncio.get_running_loop().call_soon(self._done, running, *before)
            return
        else:
            self._waiting[frame.id] = frame
        self.call.turns.tool_started()
        if self.call.events.wants(ToolCalled):
            self.call.events.publish(
                ToolCalled(time_ns=self.call.clock.now_ns(), id=frame.id, name=frame.name, args=frame.args)
            )
        self._changed.set()

    def _withdraw(self, call_id: str) -> None:
        frame = self._waiting.pop(call_id, None)
        if (running := self._running.pop(call_id, None)) is not None:
            frame = running.frame
            tool = self._tools[frame.name]
            if tool.streams or (tool.is_async and tool.settings.cancel):
                # From here on its outcome is nobody's: it may not even have begun.
                if running.task is not None:
                    running.task.cancel()
            else:
                # A thread cannot be stopped: should the same be asked for again, this is it.
                self._withdrawn.keep(running)
        if frame is None:
            return
        self._changed.set()
        self.call.turns.tool_finished()
        if self.call.events.wants(ToolCancelled):
            self.call.events.publish(
                ToolCancelled(time_ns=self.call.clock.now_ns(), id=call_id, name=frame.name)
            )

    async def _answer(self, running: Running) -> None:
        tool = self._tools[running.frame.name]
        running.began_ns = self.call.clock.now_ns()
        set_idempotency_key(running.frame.idempotency_key)
        failed, result = await self._outcome(tool, running)
        if self._running.get(running.frame.id) is not running:
            # Withdrawn, and it came to an end all the same.
            self._withdrawn.ended(running, failed, result)
            return
        self._done(running, failed, result)

    def _done(self, running: Running, failed: bool, result: ToolResult) -> None:
        """The call has its result."""
        frame, tool = running.frame, self._tools[running.frame.name]
        if self._running.pop(frame.id, None) is None:
            return
        self._changed.set()
        now_ns = self.call.clock.now_ns()
        self.call.turns.tool_finished()
        if self.call.events.wants(ToolFinished):
            self.call.events.publish(
                ToolFinished(
                    time_ns=now_ns,
                    id=frame.id,
                    name=frame.name,
                    ok=not failed,
                    result=result.body,
                    duration_ns=now_ns - running.began_ns,
                )
            )
        scheduling = tool.settings.scheduling
        if tool.streams and not failed:
            # All was said as it came: this only says that there is no more.
            result, scheduling = ToolResult({}), "SILENT"
        self.results.emit(
            ToolResultFrame(
                frame.id,
                frame.name,
                result.body,
                failed=failed,
                scheduling=scheduling,
                media=result.media,
                time_ns=now_ns,
            )
        )

    async def _outcome(self, tool: ToolFunction, running: Running) -> tuple[bool, ToolResult]:
        """Whether the call failed, and what the model is told."""
        frame, name = running.frame, running.frame.name
        try:
            arguments = tool.arguments(frame.args)
        except msgspec.ValidationError as error:
            return True, ToolResult({"error": f"wrong arguments: {error}"})
        except BaseException as error:
            # Types of the tool's own are made here.
            return self._raised(name, error)
        limit_ns = tool.settings.timeout_ns or self._timeout_ns
        try:
            if tool.streams:
                return False, await self._stream(tool, arguments, frame, limit_ns)
            return False, self._read(await _within(limit_ns, self._invoke(tool, arguments)))
        except ToolError as error:
            return True, ToolResult({"error": str(error)})
        except _TooLateError:
            limit = format_duration(limit_ns)
            self.log.warning("%s: tool %s took longer than %s", self.name, name, limit)
            return True, ToolResult({"error": f"{name} did not answer within {limit}"})
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something inside the function was cancelled, not this call.
            return self._raised(name, error)
        except GeneratorExit as error:
            if not in_a_task():
                # The loop has gone, and what waited in it is closed.
                raise
            return self._raised(name, error)
        except BaseException as error:
            return self._raised(name, error)

    async def _stream(
        self, tool: ToolFunction, arguments: dict[str, Any], frame: ToolCallFrame, limit_ns: int
    ) -> ToolResult:
        """Send what the function yields as it comes; returns the last of it."""
        last = ToolResult({})
        async with aclosing(tool.call(arguments, self.call)) as values:
            while True:
                try:
                    last = self._read(await _within(limit_ns, anext(values)))
                except StopAsyncIteration:
                    return last
                await self.results.send(
                    ToolResultFrame(
                        frame.id,
                        frame.name,
                        last.body,
                        scheduling=tool.settings.scheduling,
                        will_continue=True,
                        media=last.media,
                        time_ns=self.call.clock.now_ns(),
                    )
                )

    def _read(self, value: Any) -> ToolResult:
        return read_result(value, self._max_media_bytes)

    def _raised(self, name: str, error: BaseException) -> tuple[bool, ToolResult]:
        # The user's code failed, be it by sys.exit: the call goes on. The model is told that it did and not how, for an
        # exception's text may hold anything.
        if from_signal(error):
            raise error
        kind = type(error).__name__
        self.log.error("%s: tool %s raised %s", self.name, name, kind, exc_info=error)
        return True, ToolResult({"error": f"{name} failed ({kind})"})

    async def _invoke(self, tool: ToolFunction, arguments: dict[str, Any]) -> Any:
        if tool.is_async:
            return await tool.call(arguments, self.call)
        if self._threads.alive >= 2 * self._max_parallel or self._threads.full():
            raise ToolError(f"{tool.name} is not available: earlier calls of tools have not returned")
        loop = asyncio.get_running_loop()
        value, took_ns = await loop.run_in_executor(self._threads, call, tool, arguments, self.call)
        if isinstance(loop, VirtualLoop) and took_ns >= _COUNTED_NS:
            # Virtual time stood still meanwhile. In whole steps, so that quick tools take none of it each time.
            await asyncio.sleep(took_ns // _COUNTED_NS * _COUNTED_NS / SECOND)
        if isinstance(value, _Raised):
            raise value.error
        return await value if inspect.isawaitable(value) else value


_COUNTED_NS = 250 * MS
"""In steps of so much the time of a plain function counts on virtual time."""


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def call(tool: ToolFunction, arguments: dict[str, Any], context: CallContext) -> tuple[Any, int]:
    """What the function returns or, as a value, what it raised, for a future does not take every exception.

    And how long that took, in nanoseconds of real time.
    """
    real = SystemClock()
    try:
        value = tool.call(arguments, context)
    except BaseException as error:
        value = _Raised(error)
    return value, real.now_ns()


class _TooLateError(Exception):
    """A deadline of ours has passed; a function may well raise a ``TimeoutError`` of its own."""


async def _within(limit_ns: int, answer: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(limit_ns / SECOND) as deadline:
            return await answer
    except TimeoutError as error:
        if deadline.expired():
            raise _TooLateError from error
        raise
