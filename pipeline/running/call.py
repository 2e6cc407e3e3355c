"""One running plan for one caller.

A call is one ``asyncio.TaskGroup``: everything that it starts ends with it. Start, stop, drain and every wait
have a deadline; cancelling never waits in a queue; a node that hangs is named and left behind::

    async with plan.call() as call:        # started when the body begins, ended when it leaves
        call.events.subscribe(Transcript, print)
        await call.finished()

    await plan.call().run()                # the same, to the end of its streams
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, TypeVar, overload, runtime_checkable

from ..clock import Clock, clock_of_loop
from ..errors import LivegraphError, ProcessorError, StalledError, StartError, as_fault
from ..events import CallStarted, EventBus
from ..frames import InterruptFrame
from ..graph.check import CheckResult
from ..graph.handles import node_name
from ..graph.modules import keeping
from ..processor import Processor
from ..turns.controller import TurnPolicy
from ..turns.conversation import Conversation
from ..units import format_duration
from .call_log import CallLog, LogPolicy
from .context import CallContext
from .edges import EdgeStats
from .limits import CallLimits
from .node import NodeRuntime
from .outcome import Outcome
from .tasks import Overrun, TaskKeeper, settle
from .tuning import Changes, Tuner, node_of, retuned
from .watchdog import watch
from .wire_up import Wiring

__all__ = ["Call"]

P = TypeVar("P", bound=Processor)

_numbers = itertools.count(1)


@runtime_checkable
class _Talking(Protocol):
    """A node that can be told what to answer to."""

    def add_context(self, text: str, *, reply: bool = False) -> None: ...


class Call:
    """One call. Made by ``Plan.call``; used once."""

    def __init__(
        self,
        checked: CheckResult,
        turns: TurnPolicy,
        limits: CallLimits,
        resources: Mapping[type, Any],
        clock: Clock | None,
        call_id: str,
        log: LogPolicy | None = None,
        inputs: Mapping[str, Any] | None = None,
        identity: str = "",
    ) -> None:
        self.id = call_id or f"call-{next(_numbers)}"
        self.inputs: Mapping[str, Any] = MappingProxyType(dict(inputs or {}))
        """The values of the agent's inputs, by name."""
        self.identity = identity
        """Who calls, as whoever let the caller in knows it."""
        self.events = EventBus()
        self.reason = ""
        """Why the call ended; empty while it runs."""
        self._checked = checked
        self._turn_policy = turns
        self._log = CallLog(log or LogPolicy())
        self._turns: Conversation | None = None
        self._limits = limits
        self._resources = resources
        self._clock = clock
        self._keeper = TaskKeeper(limits.stop_ns)
        self._outcome = Outcome(self.id, self.events)
        self._used = False
        self._ended = False
        # Made when the loop runs: the first is done when the call must end, the second when it has started.
        self._ending: asyncio.Future[None] | None = None
        self._started: asyncio.Future[None] | None = None
        self._over = asyncio.Event()
        self._owner: asyncio.Task[None] | None = None
        self._wiring: Wiring | None = None
        self._tuner: Tuner | None = None
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        """What runs for each node: its worker and its life."""
        self._restarts: dict[str, int] = {}

    # Life ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """The whole call: returns when every stream has ended or ``end`` was called.

        Raises ``ProcessorError`` when a node failed, ``StartError`` when one did not start, ``ConfigError``
        when a constructor refused its options.
        """
        if self._used:
            raise RuntimeError("a call runs once; make another one from its plan")
        self._used = True
        clock = self._clock = self._clock or clock_of_loop()
        self._ending = asyncio.get_running_loop().create_future()
        turns = self._turns = Conversation(clock, self.events, self._turn_policy, self._void)
        context = CallContext(
            *(self.id, clock, self.events, turns, self._resources, self.end, self._log),
            inputs=self.inputs,
            identity=self.identity,
        )
        try:
            # Its Python files stay what they are, however long it takes until a node asks for them.
            with keeping(self._checked.modules):
                self._wiring = Wiring(self._checked, context, self._node_failed, self._node_ended)
                self._tuner = Tuner(self._wiring.nodes)
                await self._start_nodes()
                if not self._ended:
                    async with asyncio.TaskGroup() as group:
                        await self._converse(group)
        except LivegraphError as error:
            self._outcome.fail(error)
        finally:
            self._ended = True
            turns.close()
            if self._tuner is not None:
                self._tuner.close()
            try:
                await self._stop_nodes()
            finally:
                self.reason = self._outcome.close(clock, self.reason)
                self._over.set()
        if self._outcome.error is not None:
            raise self._outcome.error

    async def __aenter__(self) -> Self:
        self._started = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self.run(), name=self.id)
        watched: set[asyncio.Future[None]] = {self._owner, self._started}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._owner.cancel()
            await self._outlive()
            raise
        if not self._started.done():
            await self._owner
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._owner is not None
        self.end("left")
        try:
            await asyncio.wait({self._owner})
        except asyncio.CancelledError:
            self._owner.cancel()
            await self._outlive()
            raise
        if error is None:
            await self._owner
        else:
            await self._outlive()

    async def _outlive(self) -> None:
        """Wait for the call to be over, in the face of another error: that one is told, the call's is in the log."""
        assert self._owner is not None
        await settle((self._owner,))
        if not self._owner.cancelled():
            self._owner.exception()

    async def finished(self) -> None:
        """Return when the call is over, however it ended; errors are raised by whoever runs it."""
        await self._over.wait()

    def end(self, reason: str) -> None:
        """End the call now: sources are cancelled, queues are dropped. Returns at once; the first reason counts."""
        if self._ended:
            return
        self._ended = True
        self.reason = reason
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(None)

    def prompt(self, text: str) -> bool:
        """Have whoever talks in this call answer to ``text`` now, which the caller does not hear; whether anybody does.

        Asked are the nodes that have ``add_context(text, reply=True)``, as ``gemini_live`` has.
        """
        nodes = self._wiring.nodes.values() if self._wiring is not None and not self._ended else ()
        talking = [node.processor for node in nodes if isinstance(node.processor, _Talking)]
        for processor in talking:
            processor.add_context(text, reply=True)
        return bool(talking)

    def tune(
        self, changes: Changes, *, turns: TurnPolicy | None = None, log: LogPolicy | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Change live options by node, as in ``call.tune({"gate": {"threshold": 0.7}})``, turns, and what is logged.

        Nodes take it when the event loop comes round, one that is at a frame before its next; then ``Tuned`` is
        published. Returns the options that have another value, by node; none once the call is over. To be called where
        the call's loop runs.

        Raises ``KeyError`` for a node that is not there, ``ConfigError`` for values that are wrong and options that are
        not live; then nothing has changed.
        """
        if self._ended:
            return {}
        if self._tuner is not None:
            made = self._tuner.tune(changes)
        else:
            made = retuned(self._checked.nodes, changes)
            specs = {name: new.spec for name, new in made.items()}
            self._checked = replace(self._checked, nodes=self._checked.nodes | specs)
        if log is not None:
            self._log.judge_by(log)
        if turns is not None:
            self._turn_policy = turns
            if self._turns is not None:
                self._turns.judge_by(turns)
        return {name: new.changed for name, new in made.items()}

    # What others see ---------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The call's clock; its origin is the start of the call."""
        if self._clock is None:
            raise RuntimeError("the call has not started")
        return self._clock

    @overload
    def processor(self, node: P) -> P: ...

    @overload
    def processor(self, node: str, kind: type[P]) -> P: ...

    def processor(self, node: Any, kind: type[Any] = Processor) -> Any:
        """The running processor of a node: of a handle that ``graph.add`` gave, or of a name, which must be a ``kind``.

        Raises ``KeyError`` naming the nodes there are, ``TypeError`` when it is something else.
        """
        name = node_name(node)
        found = node_of(self._wiring.nodes if self._wiring is not None else {}, name).processor
        if not isinstance(found, kind):
            raise TypeError(f"{name!r} is a {type(found).__name__}, not a {kind.__name__}")
        return found

    def stats(self) -> dict[str, EdgeStats]:
        """The counters of every edge, by name (``gate.out -> live.audio``)."""
        nodes = self._wiring.nodes.values() if self._wiring is not None else ()
        return {name: stats for node in nodes for name, stats in node.stats.items()}

    # Start and stop ----------------------------------------------------------------------------

    async def _start_nodes(self) -> None:
        assert self._wiring is not None
        for node in reversed(self._wiring.nodes.values()):
            if self._ended:
                return
            await self._start(node)

    async def _start(self, node: NodeRuntime) -> None:
        node.owes_stop = True
        if type(node.processor).start is Processor.start:
            return
        try:
            await self._within(node, node.processor.start(), self._limits.start_ns, "start", self._ending)
        except ProcessorError:
            raise
        except LivegraphError as error:
            raise StartError(node.name, str(error)) from error
        except Exception as error:
            raise StartError(node.name, f"did not start: {type(error).__name__}: {error}") from error

    async def _converse(self, group: asyncio.TaskGroup) -> None:
        """Let the nodes work until the call must end, then have all that they run cancelled."""
        assert self._wiring is not None and self._ending is not None
        self._group = group
        nodes = list(self._wiring.nodes.values())
        watching = watch(self.id, nodes, self._limits.stall_ns, self.clock, self.events)
        watchdog = group.create_task(watching, name=f"{self.id}.watchdog")
        try:
            for node in nodes:
                self._set_going(node)
            if self._started is not None:
                self._started.set_result(None)
            if self.events.wants(CallStarted):
                self.events.publish(CallStarted(time_ns=self.clock.now_ns(), call=self.id))
            for node in nodes:
                node.begin()
            await asyncio.wait({self._ending})
        finally:
            self._ended = True
            for task in [watchdog, *(task for tasks in self._tasks.values() for task in tasks)]:
                task.cancel()

    def _set_going(self, node: NodeRuntime) -> None:
        tasks = self._tasks[node.name] = []
        if node.has_worker:
            tasks.append(self._spawn(node, node.work(), "worker"))
        if node.has_life:
            tasks.append(self._spawn(node, node.live(), "run"))

    def _spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> asyncio.Task[None]:
        assert self._group is not None
        name = f"{self.id}.{node.name}.{what}"
        body = self._keeper.supervise(body, name, partial(self._left_behind, node, what))
        return self._group.create_task(body, name=f"{name}.supervisor")

    async def _within(
        self,
        node: NodeRuntime,
        body: Coroutine[Any, Any, None],
        limit_ns: int,
        what: str,
        until: asyncio.Future[None] | None = None,
    ) -> None:
        """Await ``body`` for at most ``limit_ns``; ``StalledError`` when it took longer."""
        left_behind = partial(self._left_behind, node, what)
        try:
            await self._keeper.within(body, limit_ns, f"{self.id}.{node.name}.{what}", left_behind, until)
        except Overrun as overrun:
            raise StalledError(
                node.name,
                f"did not {what} within {format_duration(limit_ns)}",
                remedy=f"something in its {what}() waits for too long",
            ) from overrun.__cause__

    def _left_behind(self, node: NodeRuntime, what: str) -> None:
        fault = StalledError(node.name, f"ignores its cancellation in {what} and is left behind")
        self._outcome.tell(self.clock, node.name, fault, fatal=True)
        self._outcome.fail(fault)
        self.end("failed")

    async def _stop_nodes(self) -> None:
        """Stop all nodes at once: however many hang, the call is over after one deadline."""
        if self._wiring is not None:
            for node in self._wiring.nodes.values():
                node.close()
            stops = []
            for node in self._wiring.nodes.values():
                if node.owes_stop and type(node.processor).stop is not Processor.stop:
                    stops.append(asyncio.create_task(self._stop(node)))
                node.owes_stop = False
            await settle(stops)

    async def _stop(self, node: NodeRuntime) -> None:
        try:
            await self._within(node, node.processor.stop(), self._limits.stop_ns, "stop")
        except Exception as error:
            # Every node gets its stop, whatever comes of the others'.
            fault = as_fault(node.name, error, "did not stop")
            self._outcome.tell(self.clock, node.name, fault, fatal=True)
            self._outcome.fail(fault)

    # What nodes report -------------------------------------------------------------------------

    def _node_ended(self, node: NodeRuntime) -> None:
        assert self._wiring is not None
        if all(other.ended for other in self._wiring.nodes.values()):
            self.end("completed")

    def _node_failed(self, node: NodeRuntime, error: ProcessorError) -> None:
        policy = node.spec.on_error
        if self._ended:
            self._outcome.warn(self.clock, node.name, error, "while the call ends")
        elif policy == "skip_frame":
            self._outcome.warn(self.clock, node.name, error, "frame skipped")
        elif policy == "restart" and self._may_restart(node):
            self._outcome.warn(self.clock, node.name, error, "restarting the node")
            if not node.muted:
                node.muted = True
                self._restarts[node.name] = self._restarts.get(node.name, 0) + 1
                self._spawn(node, self._restart(node), "restart")
        else:
            node.muted = True
            self._outcome.tell(self.clock, node.name, error, fatal=True)
            self._outcome.fail(error)
            self.end("failed")

    def _may_restart(self, node: NodeRuntime) -> bool:
        # One that fails again while it is being replaced is the one that goes.
        running = self._group is not None
        return running and (node.muted or self._restarts.get(node.name, 0) < self._limits.restarts)

    async def _restart(self, node: NodeRuntime) -> None:
        """Put a fresh processor in the place of one that failed.

        What waits in queues is kept for it; frames that arrive without a queue meanwhile are lost.
        """
        assert self._wiring is not None
        try:
            for task in self._tasks[node.name]:
                task.cancel()
            await settle(self._tasks[node.name])
            node.owes_stop = False
            await self._within(node, node.processor.stop(), self._limits.stop_ns, "stop")
            self._wiring.replace(node)
            await self._start(node)
        except Exception as error:
            self._outcome.fail(as_fault(node.name, error, "did not restart"))
            self.end("failed")
        if not self._ended:
            self._set_going(node)
            node.resume()

    def _void(self, turn: int) -> None:
        """Every turn of its source up to ``turn`` is stale from now on, wherever its frames are."""
        assert self._wiring is not None
        self._wiring.voided.add(turn)
        frame = InterruptFrame(time_ns=self.clock.now_ns(), turn=turn)
        for node in self._wiring.nodes.values():
            node.interrupt(frame)
