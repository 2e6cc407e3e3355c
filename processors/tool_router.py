"""Tool router: runs the functions that the model asks for.

Ports: ``calls`` in, ``results`` out (joined back to the model). Tools are plain Python functions, sync (they run in a
thread) or async, named by file or module; their schema comes from type hints and docstring, arguments are validated,
each call has a deadline, and a call that the model withdraws is cancelled.

Example:
    tool_router: {tools: [./tools.py], timeout: 5s}
"""

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import msgspec

from ..pipeline import (
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
from ..pipeline.events import StateChanged, ToolCalled, ToolCancelled, ToolFinished
from ..pipeline.processor import Emitted
from ..pipeline.units import MS, SECOND, format_duration
from .tool_catalog import ToolCatalog
from .tool_function import ToolError, ToolFunction
from .tool_loading import load_tools

__all__ = ["ToolRouter"]


class ToolRouter(Processor):
    """Run Python functions for the model.

    Example:
        tool_router: {tools: [./tools.py], timeout: 5s}
    """

    emits = (ToolCalled, ToolFinished, ToolCancelled, StateChanged)

    calls: In[ToolCallFrame | ToolCancelFrame] = In(doc="calls and cancellations from the model")
    results: Out[ToolResultFrame] = Out(doc="one result for every call that was not withdrawn")

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
    ) -> None:
        self._sources = tools
        self._timeout_ns = timeout
        self._max_parallel = max_parallel
        self._tools: dict[str, ToolFunction] = {}
        self._waiting: list[ToolCallFrame] = []
        self._running: dict[str, asyncio.Task[None]] = {}
        self._withdrawn: set[str] = set()
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
            self._waiting.append(frame)
            self.call.turns.tool_started()
            self._tell_called(frame)
            self._changed.set()
        return None

    def on_end(self) -> Emitted:
        self._ended = True
        self._changed.set()
        return None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while self._waiting or self._running or not self._ended:
                while self._waiting and len(self._running) < self._max_parallel:
                    frame = self._waiting.pop(0)
                    self._running[frame.id] = group.create_task(
                        self._answer(frame), name=f"tool {frame.name}"
                    )
                self._changed.clear()
                await self._changed.wait()

    def _withdraw(self, call_id: str) -> None:
        waiting = next((frame for frame in self._waiting if frame.id == call_id), None)
        if waiting is not None:
            self._waiting.remove(waiting)
            self._tell_cancelled(waiting)
        elif call_id in self._running:
            self._withdrawn.add(call_id)
            self._running[call_id].cancel()

    async def _answer(self, frame: ToolCallFrame) -> None:
        tool = self._tools[frame.name]
        began_ns = self.call.clock.now_ns()
        try:
            failed, result = await self._outcome(tool, frame)
        except asyncio.CancelledError:
            # Withdrawn by the model: the task ends here as if nothing had been asked. Anything else ends the call.
            if frame.id not in self._withdrawn:
                raise
            self._tell_cancelled(frame)
            return
        finally:
            self._running.pop(frame.id, None)
            self._changed.set()
        self._withdrawn.discard(frame.id)
        self.call.turns.tool_finished()
        if self.call.events.wants(ToolFinished):
            now_ns = self.call.clock.now_ns()
            self.call.events.publish(
                ToolFinished(
                    time_ns=now_ns,
                    id=frame.id,
                    name=frame.name,
                    ok=not failed,
                    result=result,
                    duration_ns=now_ns - began_ns,
                )
            )
        await self.results.send(
            ToolResultFrame(
                frame.id,
                frame.name,
                result,
                failed=failed,
                scheduling=tool.settings.scheduling,
                time_ns=self.call.clock.now_ns(),
            )
        )

    async def _outcome(self, tool: ToolFunction, frame: ToolCallFrame) -> tuple[bool, dict[str, Any]]:
        """Whether the call failed, and what the model is told."""
        try:
            arguments = tool.arguments(frame.args)
        except msgspec.ValidationError as error:
            return True, {"error": f"wrong arguments: {error}"}
        limit_ns = tool.settings.timeout_ns or self._timeout_ns
        try:
            async with asyncio.timeout(limit_ns / SECOND):
                value = await self._invoke(tool, arguments)
            return False, _as_object(value)
        except TimeoutError:
            self.log.warning(
                "%s: tool %s took longer than %s", self.name, frame.name, format_duration(limit_ns)
            )
            return True, {"error": f"{frame.name} did not answer within {format_duration(limit_ns)}"}
        except ToolError as error:
            return True, {"error": str(error)}
        except Exception as error:
            # The user's code failed: the call goes on, the model is told that it did and not how, for an
            # exception's text may hold anything.
            self.log.error(
                "%s: tool %s raised %s", self.name, frame.name, type(error).__name__, exc_info=error
            )
            return True, {"error": f"{frame.name} failed ({type(error).__name__})"}

    async def _invoke(self, tool: ToolFunction, arguments: dict[str, Any]) -> Any:
        if tool.is_async:
            return await tool.call(arguments, self.call)
        value = await asyncio.to_thread(tool.call, arguments, self.call)
        return await value if inspect.isawaitable(value) else value

    def _tell_called(self, frame: ToolCallFrame) -> None:
        if self.call.events.wants(ToolCalled):
            self.call.events.publish(
                ToolCalled(time_ns=self.call.clock.now_ns(), id=frame.id, name=frame.name, args=frame.args)
            )

    def _tell_cancelled(self, frame: ToolCallFrame) -> None:
        self._withdrawn.discard(frame.id)
        self.call.turns.tool_finished()
        if self.call.events.wants(ToolCancelled):
            self.call.events.publish(
                ToolCancelled(time_ns=self.call.clock.now_ns(), id=frame.id, name=frame.name)
            )


def _as_object(value: Any) -> dict[str, Any]:
    """What the function returned as the JSON object that the protocol asks for. ``TypeError`` when it is no JSON."""
    plain = msgspec.to_builtins(value)
    # A round through JSON now, so that what cannot be written fails here, with the tool's name.
    plain = msgspec.json.decode(msgspec.json.encode(plain))
    return plain if isinstance(plain, dict) else {"output": plain}
