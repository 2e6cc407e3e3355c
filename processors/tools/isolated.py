"""Python functions in processes of their own: what ends or hangs one of them ends no other, and no call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipeline.clock import SystemClock
from ...pipeline.errors import ConfigError, Problem
from ...pipeline.running.offload import shared_processes
from ...pipeline.running.places import Place, place_of
from ...pipeline.running.processes import OffloadError, WorkTooLongError
from ...pipeline.units import MS, SECOND
from .catalog import FunctionSpec
from .context import ToolContext
from .errors import ToolError
from .function import ToolFunction
from .in_process import Facts, run_tool
from .outcome import DistantFault
from .python_host import PythonHost
from .results import ToolResult
from .settings import ToolSettings
from .virtual_time import let_pass

__all__ = ["IsolatedTool"]

_GRACE_NS = 250 * MS
"""The process ends so long after the deadline: before, the router has told the model of it."""
_ASKED = ("say", "progress", "ask_to_confirm", "transfer", "end_call")


class IsolatedTool:
    """One Python function, called in a process of the pool that all calls of the server share."""

    kind = "python"
    streams = False
    stoppable = True

    def __init__(
        self,
        function: ToolFunction,
        spec: FunctionSpec,
        settings: ToolSettings,
        host: PythonHost,
    ) -> None:
        self.spec, self.settings = spec, settings
        self._function = function
        self._place = _place_of(function)
        self._host = host

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See ``Tool``. They are checked here and converted there, where the function's types are."""
        self._function.checked(given)
        return dict(given)

    def call(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Any:
        """See ``Tool``."""
        return self._await(dict(arguments), context)

    async def _await(self, arguments: dict[str, Any], context: ToolContext[Any]) -> ToolResult:
        limit_ns = self.settings.attempt_timeout_ns or self.settings.timeout_ns or self._host.timeout_ns
        facts = Facts(
            context.call_id,
            context.agent,
            context.identity,
            context.idempotency_key,
            dict(context.inputs),
            context.transcript,
        )
        run = _Run(context)
        fault: Exception
        try:
            result: ToolResult = await shared_processes().run(
                run_tool,
                (self._place, self._function.name, arguments, facts, self._host.max_media_bytes),
                memory_bytes=self._host.max_memory_bytes,
                limit_s=(limit_ns + _GRACE_NS) / SECOND,
                answer=lambda what: run.answer(*what),
                name=self._function.name,
            )
        except (ToolError, DistantFault) as error:
            fault = error
        except OffloadError as error:
            fault = DistantFault("its process was ended", str(error))
            if isinstance(error, WorkTooLongError):
                # It had its time, and some of it before it could begin: that is a deadline, not a crash.
                await let_pass(limit_ns)
        else:
            await let_pass(run.took_ns)
            return result
        # On virtual time a deadline that was too short for it comes while this passes.
        await let_pass(run.took_ns)
        raise fault


def _place_of(function: ToolFunction) -> Place:
    """Where other processes find ``function``. Raises ``ConfigError`` when they cannot run it."""
    if function.streams:
        raise _fault(f"`{function.name}` yields, and what yields cannot run in a process of its own")
    if function.state is not None:
        raise _fault(f"`{function.name}` keeps state in the call, which a process of its own does not have")
    if not function.home:
        raise _fault(f"`{function.name}` is no function of a module, by which another process would find it")
    return place_of(*function.home)


class _Run:
    """One run of a tool, as far as it is heard of here."""

    def __init__(self, context: ToolContext[Any]) -> None:
        self._context = context
        self._since: SystemClock | None = None

    @property
    def took_ns(self) -> int:
        """Real time since it began: that a process had to be started for it is no time of the tool's."""
        return 0 if self._since is None else self._since.now_ns()

    def answer(self, what: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Do for the tool what it asks of its call; in a thread."""
        if what == "begun":
            self._since = SystemClock()
            return None
        if what == "log":
            self._context.log.log(*args)
            return None
        if what not in _ASKED:
            raise ValueError(f"a tool cannot ask for {what!r}")
        return getattr(self._context, what)(*args, **options)


def _fault(message: str) -> ConfigError:
    return ConfigError([Problem("LG231", message, hint="leave out `isolation: process` for it")])
