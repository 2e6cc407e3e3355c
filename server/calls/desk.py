"""The desk: lets calls in, owns each from its arrival to its end, and ends all when the server does.

It knows of no transport. Whoever brings a caller asks for a place and makes the caller's ``Leg``::

    line = await desk.admit(CallRequest("front_desk", grant=grant), make_leg)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Any, Self

from ...language import Agent
from ...pipeline.clock import Clock, clock_of_loop
from ...pipeline.errors import LivegraphError
from ...pipeline.units import SECOND
from ..access.grant import Grant, ReportLevel
from ..access.ticket_store import OwnTickets, TicketStore
from ..limits.caller import CallerLimits
from ..limits.load import Load
from ..limits.pulse import Pulse
from ..metrics import Metrics
from ..protocol import EndReason
from ..refusals import Refusal
from ..tracing import Tracing
from .admission import Admission, Caller
from .arrival import OnCall
from .checked import check_settings
from .draining import drain_lines
from .leg import Leg
from .lifetime import Lifetime
from .line import Line
from .line_making import LineMaker
from .lines import Lines
from .listing import detailed, shown, snapshot
from .reception import Admitted, CallRequest, Reception, not_opened, not_ready, prepare
from .renewing import renew
from .rounds import end_what_is_used_up, keep_records_in_bounds
from .served import Running, ServedAgent, by_name

__all__ = ["Desk"]

logger = logging.getLogger("livegraph.server")


class Desk:
    """All calls of one server, however their callers come.

    An async context manager, which ends them when it is left. Without it the desk opens at its first call, and ends
    its calls with the event loop, or when ``close`` is awaited.

    Args:
        agents: those that can be called; the first is the default.
        max_calls, max_pending: how many at a time, and how many of them may be offers whose callers have not come.
        metrics: counts; by default in a registry of its own.
        limits: of one caller, where its grant says nothing else.
        report: what callers are told, where their grants say nothing else.
        on_call: asked before each call is made; see ``OnCall``.
        load: by which calls are refused while the event loop is overloaded; ``None`` takes all.
        tracing: makes a trace of each call.
        used_tickets: knows which tickets have made their call; by default those of this process.
        stop_within_s: for the calls to end in an orderly way at the end; then they are cancelled.
    """

    def __init__(
        self,
        agents: Sequence[ServedAgent | Agent],
        *,
        max_calls: int,
        metrics: Metrics | None = None,
        max_pending: int | None = None,
        limits: CallerLimits | None = None,
        report: ReportLevel = "none",
        on_call: OnCall | None = None,
        load: Load | None = None,
        tracing: Tracing | None = None,
        used_tickets: TicketStore | None = None,
        stop_within_s: float = 5.0,
    ) -> None:
        check_settings(max_calls, max_pending, limits, report, on_call, metrics, tracing, used_tickets)
        metrics = Metrics() if metrics is None else metrics
        self.agents = by_name(agents)
        self.max_calls = max_calls
        self.closing = self.draining = False
        self.hint = ""
        """Where callers may go instead while the desk takes none; part of the refusal's remedy."""
        self.report: ReportLevel = report
        self.metrics = metrics
        self.load = load
        self._on_call = on_call
        self._stop_within_s = stop_within_s
        self._clock: Clock | None = None
        self._lifetime = Lifetime(self._end_all)
        self._lifetime.hold(self._watching)
        self._lifetime.hold(self._hold_plans)
        self._admission = Admission(
            max_calls=max_calls, max_pending=max_pending or max_calls, limits=limits or CallerLimits()
        )
        self._reception = Reception(self._admission, used_tickets or OwnTickets())
        self._said_full_ns = -SECOND
        self._lines = Lines()
        self._making = LineMaker(self._admission, metrics, tracing, report, lambda: self.closing)
        metrics.running(lambda: [snapshot(line) for line in self._lines])

    # Open and close ----------------------------------------------------------------------------

    @property
    def active(self) -> int:
        """How many calls there are, those included that are being answered."""
        return self._admission.taken

    @property
    def pending(self) -> int:
        """How many of them wait for their callers to come."""
        return self._admission.pending

    @property
    def ready(self) -> bool:
        """Whether calls are taken, but for those that do not fit."""
        if self._lifetime.is_past:
            # It was closed in a loop that is no more, as test clients have one after another.
            self.closing = self.draining = False
        return not (self.closing or self.draining)

    @property
    def unready(self) -> str:
        """Why no call would be taken now: ``closing``, ``draining``, ``full``, ``overloaded``; empty when it would."""
        if not self.ready:
            return "closing" if self.closing else "draining"
        if self.active >= self.max_calls:
            return "full"
        return "overloaded" if self.load is not None and self.load.refuses(self.active) else ""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def hold(self, held: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        """Have ``held()`` entered whenever the desk opens, and left when it closes: a transport's socket, say."""
        self._lifetime.hold(held)

    @asynccontextmanager
    async def _hold_plans(self) -> AsyncIterator[None]:
        """What the calls of an agent share is there before the first of them."""
        async with AsyncExitStack() as stack:
            for agent in self.agents.values():
                await stack.enter_async_context(agent.plan.held())
            yield

    async def open(self) -> None:
        """Begin; done by itself at the first call. Again is fine. Raises ``OSError`` for a port that is taken."""
        if not self._lifetime.is_open:
            self.closing = self.draining = False
            self._clock = clock_of_loop()
        await self._lifetime.open()

    async def close(self) -> None:
        """End all calls, each with its reason, and return when nothing is left."""
        self._lifetime.check_loop()
        self.closing = True
        if not self._lifetime.is_open:
            return
        tasks = {line.task for line in self._lines if line.task is not None}
        self._end_all()
        if tasks:
            logger.info("ending %d calls", len(tasks))
            _, slow = await asyncio.wait(tasks, timeout=self._stop_within_s)
            for task in slow:
                task.cancel()
        await self._lifetime.close()

    async def drain(self, within_s: float = 300.0) -> int:
        """Take no more calls, let those that run go on for ``within_s``, then have their agents say goodbye.

        Returns how many were still there then. Callers on their way may come for 3 s; lost ones may come back.
        """
        self._lifetime.check_loop()
        self.draining = True
        return await drain_lines(self.lines, within_s)

    def _end_all(self) -> None:
        for line in self._lines:
            line.end(EndReason.SHUTDOWN)

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        async with Pulse(self.load) as pulse, asyncio.TaskGroup() as group:
            self.metrics.loop(pulse)
            wardens = end_what_is_used_up(self.lines)
            records = keep_records_in_bounds(lambda: list(self.agents.values()))
            rounds = [
                group.create_task(wardens, name="call desk wardens"),
                group.create_task(records, name="records in bounds"),
            ]
            try:
                yield
            finally:
                for task in rounds:
                    task.cancel()

    async def exchange(self, agents: Sequence[ServedAgent | Agent]) -> dict[str, Running]:
        """From now on these are the agents, the first the default one.

        A running call takes the new plan of its agent when that differs in live options, turns, and nodes and edges
        that are new or gone; else it goes on with its own, also when its agent is gone. Returns what became of the
        calls, by agent.
        """
        self.agents = by_name(agents)
        found: dict[str, Running] = {}
        for line in self._lines:
            if line.call.reason:
                continue
            running = found.setdefault(line.agent.name, Running())
            if await renew(line, self.agents):
                running.tuned += 1
            else:
                running.kept += 1
        return found

    # What callers ask for ----------------------------------------------------------------------

    def count_request(self, grant: Grant, address: str, *, further: bool = False) -> None:
        """Count an offer before it is read. Raises ``Refusal`` when there were too many, or calls are not taken.

        ``further``: it may be one of a call that there is, which goes on while the server drains.
        """
        if self.closing or not further:
            self.check_ready()
        self._admission.count_request(Caller(grant, address), self._now_ns())

    def check_ready(self) -> None:
        """Raise ``Refusal`` (503) while no calls are taken."""
        if not self.ready:
            raise not_ready("shutting_down" if self.closing else "draining", self.hint)

    def agent_for(self, asked: CallRequest) -> ServedAgent:
        """The agent that is called. Raises ``Refusal`` (404)."""
        return self._reception.find(self.agents, asked.agent, asked.grant)

    async def admit(self, asked: CallRequest, make_leg: Callable[[ServedAgent], Awaitable[Leg]]) -> Line:
        """Let a caller in and make its call, which begins when its leg is reached.

        The caller's place is taken before ``make_leg`` is awaited, and given back when that raises: limits hold
        however many callers come at once. From then on the desk owns the leg, and closes it.

        Raises ``Refusal`` when the caller is not let in, and what ``make_leg`` raises.
        """
        self.check_ready()
        try:
            await self.open()
        except (OSError, LivegraphError) as error:
            raise not_opened(error) from None
        agent = self.agent_for(asked)
        self._check_load()
        admitted = await self._reception.admit(agent, asked)
        try:
            return await self._take(admitted, asked, make_leg)
        except BaseException:
            # Cancelled as well: the place is another caller's again.
            await self._reception.give_back(admitted)
            raise

    async def hang_up(self, leg_id: str) -> None:
        """End a call at its caller's wish; one that is over already is fine. Raises ``Refusal`` for an unknown one."""
        if self._lines.was_here(leg_id):
            return
        line = self.line(leg_id)
        line.end(EndReason.HUNG_UP)
        # The slot is free when this is answered, so the caller may call again at once.
        if line.task is not None:
            await asyncio.wait({line.task}, timeout=self._stop_within_s)

    async def stand_aside(self, leg_id: str) -> None:
        """The caller of this offer comes another way. One that was never reached ends, and gives back its place and its
        ticket; a call that is one, and one that is unknown, are left alone."""
        try:
            line = self.line(leg_id)
        except Refusal:
            return
        if line.entry.pending:
            line.stood_aside = True
            await self.hang_up(leg_id)

    def line(self, leg_id: str) -> Line:
        """The call of a leg. Raises ``Refusal`` (404)."""
        return self._lines.of_leg(leg_id)

    def lines(self) -> list[Line]:
        """All that there are, oldest first."""
        return list(self._lines)

    def was_here(self, leg_id: str) -> bool:
        """Whether the call of this leg is over, and was so not long ago."""
        return self._lines.was_here(leg_id)

    def was_ended(self, leg_id: str) -> bool:
        """Whether the call of this leg was over not long ago, and not because its caller went or was lost."""
        return self._lines.was_ended(leg_id)

    # What operators ask for --------------------------------------------------------------------

    def calls(self) -> list[dict[str, Any]]:
        """The calls that there are, oldest first: id, agent, identity, address, transport, state, seconds."""
        now_ns = self._now_ns() if self._clock is not None else 0
        return [shown(line, now_ns) for line in self._lines]

    def call(self, call_id: str) -> dict[str, Any]:
        """One of them, with its boxes and the queues between them. ``KeyError`` when there is none of this id."""
        return detailed(self.find(call_id), self._now_ns())

    def find(self, call_id: str) -> Line:
        """The line of a call, by its id or the front of it (``call-17``). ``KeyError`` when there is none."""
        return self._lines.of_call(call_id)

    async def end(self, call_id: str, detail: str = "") -> None:
        """End a call, and return when it is over; ``detail`` is told to the caller.

        ``KeyError`` when there is none of this id; one that is over already is none.
        """
        self._lifetime.check_loop()
        line = self.find(call_id)
        line.end(EndReason.OPERATOR, detail)
        if line.task is not None:
            await asyncio.wait({line.task}, timeout=self._stop_within_s)

    # One call ----------------------------------------------------------------------------------

    def _check_load(self) -> None:
        why = self.load.refuses(self.active) if self.load is not None else ""
        if why:
            if (now_ns := self._now_ns()) - self._said_full_ns > SECOND:
                # Once: many are refused at a time, and for the same reason.
                self._said_full_ns = now_ns
                logger.warning("a call was refused: %s (%d calls)", why, self.active)
            raise not_ready("overloaded")

    async def _take(
        self,
        admitted: Admitted,
        asked: CallRequest,
        make_leg: Callable[[ServedAgent], Awaitable[Leg]],
    ) -> Line:
        began_ns = self._now_ns()
        agent, arrival = admitted.agent, admitted.arrival
        if self._on_call is not None:
            await prepare(self._on_call, asked.request, agent, arrival)
        leg = await make_leg(agent)
        try:
            self.check_ready()
            line = self._making.make(admitted, asked, leg, began_ns)
        except BaseException:
            # Cancelled as well: nobody else knows of the leg yet.
            await leg.close("shutdown")
            raise
        self._lines.add(line)
        # There may be another plan since the offer came.
        await renew(line, self.agents)
        self.metrics.active.labels(line.agent.name).inc()
        line.task = self._lifetime.start(self._serve(line), f"call {line.call.id}")
        self.metrics.answered(self._now_ns() - began_ns)
        return line

    async def _serve(self, line: Line) -> None:
        line.when_reached.insert(0, lambda: self._admission.connected(line.entry))
        try:
            await line.serve()
        finally:
            in_vain = line.entry.pending
            self._close(line)
            if in_vain and line.stood_aside:
                await self._reception.give_ticket_back(line.entry.caller.grant)

    def _close(self, line: Line) -> None:
        self._lines.remove(line)
        self._admission.leave(line.entry)
        for listener in line.when_over:
            listener()
        name, reason = line.agent.name, line.end_reason
        if line.trace is not None:
            line.trace.close(reason.value, "failed" if line.error is not None else "")
        self.metrics.carried(name, line.call.stats().values())
        self.metrics.unclear(name, line.leg.numbers().unclear)
        self.metrics.active.labels(name).dec()
        self.metrics.ended(name, reason.value, self._now_ns() - line.began_ns, line.failed_node)

    def _now_ns(self) -> int:
        if self._clock is None:
            self._clock = clock_of_loop()
        return self._clock.now_ns()
