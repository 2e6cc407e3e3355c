"""One call of a tool, from the model's wish to its outcome: what has to be asked, waited for, tried again and kept."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

from ...pipeline.errors import from_signal
from ...pipeline.frames import ToolCallFrame
from ...pipeline.processor import OptionFault
from ...pipeline.running.tasks import loop_runs
from ...pipeline.units import SECOND, format_duration
from .breaker import Breaker, BreakerPolicy
from .context import NotConfirmed, ToolContext, ToolDesk, needs_consent, one_at_a_time
from .errors import ServiceFault, ToolError
from .fillers import Filling
from .holding import HELD_LONGEST_NS, Held, TooLateError, Watch, within
from .outcome import DistantFault, Outcome, fault_of, says_error
from .result_cache import ResultCache, wish_key
from .results import ToolResult, bounded, read_result
from .retrying import pause_before_retry_ns
from .seam import Tool
from .settings import ToolSettings
from .shared import Shared
from .stand_ins import StandIns

__all__ = ["Execution", "unknown_fields"]

_FIELD = re.compile(r"\{(\w+)\}")


class Execution:
    """Runs the tools of one router in one call.

    Args:
        timeout_ns: the deadline of tools that have none of their own.
        breaker: when a service is left alone; ``None``: never.
    """

    def __init__(
        self,
        desk: ToolDesk,
        common: Shared,
        log: logging.LoggerAdapter[logging.Logger],
        *,
        timeout_ns: int,
        max_result_bytes: int,
        max_media_bytes: int,
        breaker: BreakerPolicy | None,
    ) -> None:
        self._desk = desk
        self._common = common
        self._log = log
        self._timeout_ns = timeout_ns
        self._max_result_bytes = max_result_bytes
        self._max_media_bytes = max_media_bytes
        self._breaker = breaker
        self._cache = ResultCache()
        self._watch = Watch()
        self._stand_ins = desk.call.resource(StandIns)

    async def run(
        self, tool: Tool, frame: ToolCallFrame, part: Callable[[ToolResult], Awaitable[None]]
    ) -> Outcome:
        """The outcome of ``frame``; ``part`` takes what comes before the last result."""
        settings, name = tool.settings, frame.name
        call = self._desk.call
        if not settings.permits(call.agent, call.identity, frame.agent):
            return Outcome.error("denied", f"{name} is not available to this caller")
        try:
            arguments = tool.arguments(frame.args)
        except ToolError as error:
            return Outcome("arguments", ToolResult(error.body()))
        except BaseException as error:
            # Types of the tool's own are made here.
            return self._crashed(name, error)
        refusal, key = self._consented(tool, frame)
        if refusal is not None:
            return refusal
        wish = self._cache_key(tool, arguments)
        kept = self._kept(settings, wish)
        if kept is not None:
            return kept
        outcome = await self._carry_out(tool, arguments, frame, part)
        if key and outcome.attempts:
            # It was done, or tried: the yes is used up.
            self._desk.consents.spend(key)
        if not outcome.failed and settings.cache is not None:
            store, now_ns = self._store(settings)
            store.put(wish, outcome.result, now_ns + settings.cache.keep_ns)
        return outcome

    # Before it runs --------------------------------------------------------------------------------

    def _consented(self, tool: Tool, frame: ToolCallFrame) -> tuple[Outcome | None, str]:
        """Why it may not run for want of the caller's yes, and the key of that yes."""
        confirm = tool.settings.confirm
        if not confirm:
            return None, ""
        key = wish_key(frame.name, frame.args)
        verdict = self._desk.consents.verdict(key, self._desk.call.clock.now_ns())
        if verdict == "yes":
            return None, key
        if verdict == "no":
            self._desk.consents.spend(key)
            return Outcome.error("declined", "not done: the caller said no"), ""
        if verdict == "unasked" and not self._desk.wish(frame.name, frame.args, key):
            return Outcome("unconfirmed", ToolResult(one_at_a_time(frame.name).body())), ""
        question = _filled(confirm, frame.args) if isinstance(confirm, str) else ""
        return Outcome("unconfirmed", ToolResult(needs_consent(frame.name, question).body())), ""

    def _cache_key(self, tool: Tool, arguments: dict[str, Any]) -> str:
        """What a result is kept under: other agents, and other boxes, may have other tools of the same name."""
        whose = [self._desk.call.agent, self._desk.node, tool.kind, tool.settings.service]
        return wish_key(" ".join(map(repr, [*whose, tool.spec.name])), arguments)

    def _store(self, settings: ToolSettings) -> tuple[ResultCache, int]:
        if settings.cache is not None and settings.cache.shared:
            return self._common.cache, self._common.clock.now_ns()
        return self._cache, self._desk.call.clock.now_ns()

    def _kept(self, settings: ToolSettings, wish: str) -> Outcome | None:
        if settings.cache is None:
            return None
        store, now_ns = self._store(settings)
        found = store.get(wish, now_ns)
        return None if found is None else Outcome("cached", found)

    # While it runs ---------------------------------------------------------------------------------

    async def _carry_out(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        frame: ToolCallFrame,
        part: Callable[[ToolResult], Awaitable[None]],
    ) -> Outcome:
        """Wait for what it needs alone, then try it until it has an outcome or its time is over."""
        settings = tool.settings
        limit_ns = settings.timeout_ns or self._timeout_ns
        until_ns = self._desk.call.clock.now_ns() + limit_ns
        async with AsyncExitStack() as stack:
            filling = stack.enter_context(Filling(settings.filler, self._desk, self._log))
            held = Held(lambda: self._overdue(frame.name, settings.exclusive))
            if settings.exclusive:
                try:
                    await within(limit_ns, self._common.acquire(settings.exclusive))
                except TooLateError:
                    return Outcome.error(
                        "busy",
                        f"{frame.name} could not begin: {settings.exclusive} is in use",
                        retryable=True,
                    )
                held.free = lambda: self._common.release(settings.exclusive)
                stack.callback(held.close)
            if tool.streams:
                # What it yields is spoken of: nothing has to fill the silence after the first.
                inner = part

                async def heard(result: ToolResult) -> None:
                    filling.stop()
                    await inner(result)

                part = heard
            return await self._tries(tool, arguments, frame, part, until_ns, held)

    async def _tries(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        frame: ToolCallFrame,
        part: Callable[[ToolResult], Awaitable[None]],
        until_ns: int,
        held: Held,
    ) -> Outcome:
        clock, settings = self._desk.call.clock, tool.settings
        tried = 0
        while True:
            tried += 1
            left_ns = until_ns - clock.now_ns()
            attempt_ns = min(left_ns, settings.attempt_timeout_ns or left_ns)
            outcome, retryable, asked_ns = await self._try(
                tool, arguments, frame, part, attempt_ns, held, tried
            )
            pause_ns = pause_before_retry_ns(
                tried, settings.retries, until_ns - clock.now_ns(), retryable=retryable, asked_ns=asked_ns
            )
            if pause_ns is None:
                return outcome
            await clock.sleep_until_ns(clock.now_ns() + pause_ns)

    async def _try(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        frame: ToolCallFrame,
        part: Callable[[ToolResult], Awaitable[None]],
        limit_ns: int,
        held: Held,
        tried: int,
    ) -> tuple[Outcome, bool, int | None]:
        """One try: its outcome, whether another may go better, and how long the service wants to be left alone."""
        breaker, name = self._breaker_of(tool), frame.name
        now_ns = self._common.clock.now_ns
        allowed = breaker is None or breaker.allows(now_ns())
        self._tell(tool, breaker)
        if breaker is not None and not allowed:
            wait_s = -(-breaker.retry_after_ns(now_ns()) // SECOND)
            told = f"{name} is not available now: {tool.settings.service} does not answer"
            hint = f"do not try it again for {wait_s} seconds" if wait_s else ""
            return (
                Outcome.error("unavailable", told, tried - 1, **({"hint": hint} if hint else {})),
                False,
                None,
            )
        counted = False
        try:
            context: ToolContext[Any] = ToolContext(
                self._desk, frame, progress=tool.settings.progress, keep=held.keep
            )
            try:
                result = await self._watch.run(
                    lambda renew: self._invoke(tool, arguments, context, part, limit_ns, renew),
                    limit_ns,
                    f"tool {name}",
                    held,
                    lambda: self._log.error(
                        "%s: tool %s ignores its cancellation and is left behind", self._desk.node, name
                    ),
                )
            except ToolError as error:
                counted = True
                self._count(breaker, failed=error.retryable or isinstance(error, ServiceFault))
                how = "unconfirmed" if isinstance(error, NotConfirmed) else "refused"
                # A tool that asked the caller first has not done anything yet.
                outcome = Outcome(how, self._read(error.body()), tried if how == "refused" else 0)
                return outcome, error.retryable, error.retry_after_ns
            except TooLateError:
                counted = True
                self._count(breaker, failed=True)
                # As it was said: what is left of it when a try begins is a little less.
                whole_ns = tool.settings.timeout_ns or self._timeout_ns
                limit = format_duration(min(whole_ns, tool.settings.attempt_timeout_ns or whole_ns))
                self._log.warning("%s: tool %s took longer than %s", self._desk.node, name, limit)
                return Outcome.error("timeout", f"{name} did not answer within {limit}", tried), True, None
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # Something inside the function was cancelled, not this call.
                outcome = self._crashed(name, error, tried)
            except GeneratorExit as error:
                if not loop_runs():
                    # The loop has gone, and what waited in it is closed.
                    raise
                outcome = self._crashed(name, error, tried)
            except BaseException as error:
                outcome = self._crashed(name, error, tried)
            else:
                how = "refused" if says_error(result.body) else "answered"
                outcome = Outcome(how, result, tried)
            counted = True
            self._count(breaker, failed=outcome.how == "crashed")
            return outcome, False, None
        finally:
            if breaker is not None and not counted:
                breaker.left()
            self._tell(tool, breaker)

    async def _invoke(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        context: ToolContext[Any],
        part: Callable[[ToolResult], Awaitable[None]],
        limit_ns: int,
        renew: Callable[[], None],
    ) -> ToolResult:
        stand_in = self._stand_ins and self._stand_ins.of(self._desk.node, tool.spec.name)
        if stand_in:
            return self._read(await within(limit_ns, stand_in(arguments)))
        if not tool.streams:
            return self._read(await within(limit_ns, tool.call(arguments, context)))
        last = ToolResult({})
        async with aclosing(tool.call(arguments, context)) as values:
            while True:
                try:
                    last = self._read(await within(limit_ns, anext(values)))
                except StopAsyncIteration:
                    return last
                await part(last)
                renew()

    def _overdue(self, name: str, resource: str) -> None:
        self._log.error(
            "%s: tool %s has not returned %s after its call: %s is free for others all the same",
            self._desk.node,
            name,
            format_duration(HELD_LONGEST_NS),
            resource,
        )

    def _breaker_of(self, tool: Tool) -> Breaker | None:
        if self._breaker is None or not tool.settings.service:
            return None
        return self._common.breaker(tool.settings.service, self._breaker)

    def _tell(self, tool: Tool, breaker: Breaker | None) -> None:
        if breaker is not None:
            self._common.tell(tool.settings.service, "breaker", breaker.state(self._common.clock.now_ns()))

    def _count(self, breaker: Breaker | None, *, failed: bool) -> None:
        if breaker is not None:
            now_ns = self._common.clock.now_ns()
            (breaker.failed if failed else breaker.succeeded)(now_ns)

    def _read(self, value: Any) -> ToolResult:
        return bounded(read_result(value, self._max_media_bytes), self._max_result_bytes)

    def _crashed(self, name: str, error: BaseException, tried: int = 0) -> Outcome:
        # The user's code failed, be it by sys.exit: the call goes on. The model is told that it did and not how, for an
        # exception's text may hold anything.
        if from_signal(error):
            raise error
        kind = error.kind if isinstance(error, DistantFault) else type(error).__name__
        self._log.error("%s: tool %s raised %s", self._desk.node, name, kind, exc_info=error)
        return Outcome.error("crashed", f"{name} failed ({kind})", tried, fault_of(error, message=False))


def unknown_fields(tools: Iterable[Tool]) -> Iterator[OptionFault]:
    """A warning for each field of a question to the caller that is no argument of its tool: it would be read out."""
    for tool in tools:
        confirm, spec = tool.settings.confirm, tool.spec
        known = list(spec.parameters.get("properties", {}))
        for field in dict.fromkeys(_FIELD.findall(confirm) if isinstance(confirm, str) else ()):
            if field not in known:
                message = f"`confirm` of {spec.name} asks with `{{{field}}}`, which is none of its arguments"
                hint = f"there is: {', '.join(known)}" if known else "it has none"
                yield OptionFault("tools", message, hint, warning=True)


def _filled(question: str, args: dict[str, Any]) -> str:
    """The question with the arguments in it; what is not there stays as it is written."""
    for name, value in args.items():
        question = question.replace("{" + name + "}", str(value))
    return question
