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
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, get_args, overload, runtime_checkable

from ..clock import Clock, clock_of_loop
from ..end_reason import EndReason, read_end_reason
from ..errors import LivegraphError, ProcessorError, StalledError
from ..events import CallStarted, EventBus
from ..frames import Frame, InterruptFrame
from ..graph.call_files import CallFacts
from ..graph.check import CheckResult
from ..graph.declarations import NodeSpec, OnError
from ..graph.handles import end_name, node_name
from ..graph.modules import keeping
from ..graph.resolve import output_of
from ..ports import Out
from ..processor import Processor
from ..turns.controller import TurnPolicy
from ..turns.conversation import Conversation
from ..turns.conversation_policy import ConversationPolicy
from .ahead import Ahead
from .call_log import CallLog, LogPolicy
from .changing import CallChange, Changing
from .context import CallContext
from .draining import Draining
from .edges import EdgeStats
from .host import Host, Speaking
from .limits import CallLimits
from .node import NodeRuntime
from .nodes import Nodes
from .outcome import Outcome
from .taps import Tap, Taps
from .tasks import settle
from .tuning import Changes, Tuner, node_of, retuned
from .watchdog import watch
from .wire_up import Wiring

if TYPE_CHECKING:
    from ..graph.graph import Graph
    from ..graph.plan import Plan

__all__ = ["Call", "new_call_id"]

P = TypeVar("P", bound=Processor)

F = TypeVar("F", bound=Frame)

_numbers = itertools.count(1)


def new_call_id() -> str:
    """An id that no other call has, of this process, of another, or of one before: files are called by it."""
    return f"call-{next(_numbers)}-{secrets.token_hex(3)}"


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
        facts: CallFacts,
        log: LogPolicy | None = None,
        conversation: ConversationPolicy | None = None,
    ) -> None:
        self.id = facts.id
        self.inputs: Mapping[str, Any] = MappingProxyType(dict(facts.inputs))
        """The values of the agent's inputs, by name."""
        self.identity = facts.identity
        """Who calls, as whoever let the caller in knows it."""
        self.events = EventBus()
        self.reason: EndReason | Literal[""] = ""
        """Why the call ended; empty while it runs."""
        self.end_detail = ""
        """What whoever ended it says of it, for people."""
        self._facts = facts
        self._checked = checked
        self._turn_policy = turns
        self._log = CallLog(log or LogPolicy())
        self._turns: Conversation | None = None
        self._conversation = conversation or ConversationPolicy()
        self._host: Host | None = None
        self._limits = limits
        self._resources = resources
        self._clock = clock
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
        self._taps = Taps()
        self._nodes: Nodes | None = None
        self._draining: Draining | None = None
        self._changing: Changing | None = None
        self._group: asyncio.TaskGroup | None = None
        self._body: asyncio.Task[Any] | None = None
        """Whose ``async with`` the call is, while its body runs."""
        self._body_cut = False

    # Life ------------------------------------------------------------------------------------

    def ahead(self) -> Ahead:
        """What its nodes can do before the call begins: a context to enter before ``run``, and to leave after it."""
        ahead = Ahead(self._checked.nodes, self._resources)
        self._resources = {**self._resources, Ahead: ahead}
        return ahead

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
            agent=self._facts.agent,
            running=self,
        )
        host = self._host = context.host = Host(
            *(clock, self.events, turns, self._conversation, self.end, self._speakers, self.inputs)
        )
        context.functions += host.functions()
        try:
            # Its Python files stay what they are, however long it takes until a node asks for them.
            with keeping(self._checked.modules):
                wiring = self._wiring = Wiring(self._checked, context, self, self._taps)
                self._tuner = Tuner(wiring.nodes)
                self._draining = Draining(self._limits.drain_ns, lambda: wiring.layout.feeders(), self._late)
                self._nodes = Nodes(self.id, wiring.nodes, self._limits, self._broken)
                await self._nodes.start(wiring.layout.levels, self._ending)
                if not self._ended:
                    async with asyncio.TaskGroup() as group:
                        await self._converse(group)
        except LivegraphError as error:
            self._outcome.fail(error)
        finally:
            self._ended = True
            host.close()
            turns.close()
            self._taps.close()
            if self._tuner is not None:
                self._tuner.close()
            if self._draining is not None:
                self._draining.close()
            try:
                if self._nodes is not None:
                    await self._nodes.stop()
            finally:
                self.reason = self._outcome.close(clock, self.reason, self.end_detail)
                try:
                    await self.events.close(self._limits.stop_ns)
                finally:
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
        self._body = asyncio.current_task()
        self._owner.add_done_callback(self._cut_body)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._owner is not None
        body, self._body = self._body, None
        self.end(EndReason.LEFT)
        if self._body_cut and body is not None and body.uncancel() == 0:
            # The cancellation was ours, as a TaskGroup's is; one from outside would go before it.
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if body.cancelling():
                    raise
            if error is None or isinstance(error, asyncio.CancelledError):
                self._owner.result()
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

    def _cut_body(self, owner: asyncio.Task[None]) -> None:
        """The call has failed: its body does not outlive it."""
        if self._body is not None and not owner.cancelled() and owner.exception() is not None:
            self._body_cut = True
            self._body.cancel()

    async def _outlive(self) -> None:
        """Wait for the call to be over, in the face of another error: that one is told, the call's is in the log."""
        assert self._owner is not None
        await settle((self._owner,))
        if not self._owner.cancelled():
            self._owner.exception()

    async def finished(self) -> None:
        """Return when the call is over, however it ended; errors are raised by whoever runs it."""
        await self._over.wait()

    def end(self, reason: EndReason | str, detail: str = "") -> None:
        """End the call now: sources are cancelled, queues are dropped. Returns at once; the first reason counts.

        Plain text is the detail of ``EndReason.ENDED_BY_AGENT``. What the agent is saying is cut; ``end_after_speech``
        lets it be heard.
        """
        if self._ended:
            return
        self._ended = True
        self.reason, self.end_detail = read_end_reason(reason, detail)
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(None)

    # Manners -----------------------------------------------------------------------------------

    def end_after_speech(
        self, text: str = "", reason: EndReason | str = EndReason.GOODBYE, detail: str = ""
    ) -> None:
        """End the call once ``text`` was said and heard to its last sample. Returns at once; the first reason counts.

        Without a text it is the goodbye of the policy (``ending.say``), or else what the agent says by itself. What the
        agent is saying now is heard before. From now on the caller is unheard.
        """
        self._manners().end_after_speech(text, reason, detail)

    def say(self, text: str) -> bool:
        """Have the agent say ``text`` now, word for word; whether anybody can.

        The node that spoke last is asked, of those that have ``say(text)``, as ``gemini_live`` has.
        """
        return self._manners().say(text)

    def mute(self, on: bool = True) -> None:
        """Hear nothing of the caller from now on, or hear them again; rules of the policy mute beside it."""
        self._manners().mute(on)

    def _manners(self) -> Host:
        if self._host is None:
            raise RuntimeError("the call has not started")
        return self._host

    def _speakers(self) -> dict[str, Speaking]:
        """The nodes that can be told what to say."""
        nodes = self._wiring.nodes if self._wiring is not None else {}
        return {name: node.processor for name, node in nodes.items() if isinstance(node.processor, Speaking)}

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
        self,
        changes: Changes,
        *,
        turns: TurnPolicy | None = None,
        log: LogPolicy | None = None,
        conversation: ConversationPolicy | None = None,
    ) -> dict[str, tuple[str, ...]]:
        """Change live options by node, as in ``call.tune({"gate": {"threshold": 0.7}})``, turns, manners, and what is
        logged.

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
        if conversation is not None:
            self._conversation = conversation
            if self._host is not None:
                self._host.judge_by(conversation)
        return {name: new.changed for name, new in made.items()}

    async def change(self, edit: Callable[[Graph], object]) -> CallChange:
        """Change the graph of the running call: add, remove and replace nodes and edges::

            def with_echo(graph: Graph) -> None:
                graph.disconnect("live.out", "out")
                echo = graph.add(Echo, delay="300ms")
                graph.chain("live", echo, "out")

            await call.change(with_echo)

        ``edit`` is given the graph as it is now. What comes of it is checked and negotiated, and its new nodes are
        started, while the call goes on; then every node that stays takes its new edges between two frames, and what was
        taken out hands on what it holds and is stopped. Nodes with other options are replaced, live options are tuned.

        Raises ``ConfigError`` with every reason why not, ``StartError`` when a new node does not start; then nothing
        has changed. ``RuntimeError`` when the call does not run.
        """
        changing, group, ending = self._changes()
        graph = changing.graph(self._checked.written)
        edit(graph)
        return self._took(await changing.take(graph, group, ending))

    async def change_to(self, plan: Plan) -> CallChange:
        """Make the graph of the running call that of ``plan``, as ``change`` does."""
        changing, group, ending = self._changes()
        return self._took(await changing.take(plan.checked.written, group, ending))

    def _changes(self) -> tuple[Changing, asyncio.TaskGroup, asyncio.Future[None]]:
        if self._changing is None or self._group is None or self._ending is None or self._ended:
            raise RuntimeError("the call does not run")
        return self._changing, self._group, self._ending

    def _took(self, change: CallChange) -> CallChange:
        if change and not self._ended and self._wiring is not None:
            self._checked = self._wiring.layout.checked
            self.tune(change.tuned)
        return change

    @property
    def over(self) -> bool:
        """Whether the call ends, or has ended."""
        return self._ended

    @property
    def nodes(self) -> Mapping[str, NodeSpec]:
        """Its graph as it is now: node by name."""
        return self._checked.nodes

    @property
    def written(self) -> Mapping[str, NodeSpec]:
        """The nodes as they were written: with names of files that are not filled in."""
        return self._checked.written.nodes

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

    @overload
    def tap(self, output: Out[F], observer: Callable[[F], object]) -> Callable[[], None]: ...

    @overload
    def tap(self, output: Out[F]) -> Tap[F]: ...

    @overload
    def tap(self, output: str | Processor, observer: Callable[[Any], object]) -> Callable[[], None]: ...

    @overload
    def tap(self, output: str | Processor) -> Tap[Any]: ...

    def tap(
        self, output: Any, observer: Callable[[Any], object] | None = None
    ) -> Callable[[], None] | Tap[Any]:
        """See every frame that leaves an output, markers included, without being in its way.

        ``output`` is ``"live.out"``, or a port of a handle; a node alone where it has one output. With an ``observer``,
        which is called inside the sender's step, returns what ends it; without one, a stream::

            async for frame in call.tap("live.out"): ...

        An observer that raises is removed and logged. Before the call runs and while it does; frames of a cut turn are
        seen when they leave. Raises ``KeyError`` naming what there is.
        """
        port = output_of(end_name(output), self._checked.nodes)
        return self._taps.stream(port) if observer is None else self._taps.add(port, observer, _nothing)

    @property
    def checked(self) -> CheckResult:
        """The graph as it runs now, with what ``tune`` and ``change`` made of it."""
        if self._wiring is None:
            return self._checked
        specs = {name: node.spec for name, node in self._wiring.nodes.items()}
        return replace(self._checked, nodes=self._checked.nodes | specs)

    def stats(self) -> dict[str, EdgeStats]:
        """The counters of every edge, by name (``gate.out -> live.audio``)."""
        nodes = self._wiring.nodes.values() if self._wiring is not None else ()
        return {name: stats for node in nodes for name, stats in node.stats.items()}

    # The run ------------------------------------------------------------------------------------

    async def _converse(self, group: asyncio.TaskGroup) -> None:
        """Let the nodes work until the call must end, then have all that they run cancelled."""
        assert self._wiring is not None and self._nodes is not None and self._ending is not None
        self._group = group
        self._changing = Changing(self._wiring, self._nodes, self._limits, self._facts)
        nodes = list(self._wiring.nodes.values())
        watching = watch(self.id, self._wiring.nodes, self._limits.stall_ns, self.clock, self.events)
        watchdog = group.create_task(watching, name=f"{self.id}.watchdog")
        try:
            for node in nodes:
                self._nodes.set_going(group, node)
            if self._started is not None:
                self._started.set_result(None)
            if self.events.wants(CallStarted):
                self.events.publish(CallStarted(time_ns=self.clock.now_ns(), call=self.id))
            for node in nodes:
                node.begin()
            assert self._host is not None
            self._host.begin()
            await asyncio.wait({self._ending})
        finally:
            self._ended = True
            watchdog.cancel()
            self._nodes.cancel()

    def _void(self, turn: int) -> None:
        """Every turn of its source up to ``turn`` is stale from now on, wherever its frames are."""
        assert self._wiring is not None
        self._wiring.voided.add(turn)
        frame = InterruptFrame(time_ns=self.clock.now_ns(), turn=turn)
        for node in self._wiring.nodes.values():
            node.interrupt(frame)

    # What nodes report: for the engine ------------------------------------------------------------

    def failed(self, node: NodeRuntime, error: ProcessorError, *, skippable: bool) -> None:
        """A node raised; what follows is what the graph says of it."""
        policy = self._meaning(node, error)
        if node.leaving:
            self._outcome.warn(self.clock, node.name, error, "the node was taken out of the call")
            node.mute()
            node.finish()
        elif self._ended:
            self._outcome.warn(self.clock, node.name, error, "while the call ends")
        elif policy == "skip_frame" and skippable:
            self._outcome.warn(self.clock, node.name, error, "frame skipped")
        elif policy == "restart" and self._nodes is not None and self._nodes.may_restart(node):
            self._outcome.warn(self.clock, node.name, error, "restarting the node")
            if not node.muted:
                assert self._wiring is not None and self._ending is not None
                self._nodes.restart(node, self._wiring.replace, self._ending, self._restarted)
        else:
            node.mute()
            self._broken(node.name, error)

    def _meaning(self, node: NodeRuntime, error: ProcessorError) -> OnError:
        """What the graph says of a fault; a function that fails to say so ends the call."""
        said = node.spec.on_error
        if not callable(said):
            return said
        try:
            chosen = said(error)
        except Exception as reason:
            why = f"{type(reason).__name__}: {reason}"
        else:
            if chosen in get_args(OnError):
                return chosen
            why = f"it returned {chosen!r}"
        self._outcome.warn(
            self.clock, node.name, ProcessorError(node.name, f"on_error chose nothing: {why}"), ""
        )
        return "end_call"

    def ended(self, node: NodeRuntime) -> None:
        """Nothing more comes from a node."""
        assert self._wiring is not None and self._draining is not None
        if all(other.ended for other in self._wiring.nodes.values()):
            self.end(EndReason.COMPLETED)
        else:
            self._draining.look()

    def idle(self, node: NodeRuntime) -> None:
        """A node waits for frames."""
        if self._draining is not None:
            self._draining.look()

    def spawn(self, node: NodeRuntime, body: Coroutine[Any, Any, None], what: str) -> Callable[[], object]:
        """A node has something going beside its handlers."""
        if self._ended or self._nodes is None:
            body.close()
            return lambda: None
        return self._nodes.spawn(node, body, what)

    def in_a_loop(self, node: NodeRuntime, then: Callable[[], None]) -> None:
        """A node would end, and frames may still come round to it."""
        assert self._draining is not None
        if not self._ended:
            self._draining.add(node, then)

    def _broken(self, node: str, error: ProcessorError) -> None:
        """The call cannot go on."""
        self._outcome.tell(self.clock, node, error, fatal=True)
        self._outcome.fail(error)
        self.end(EndReason.FAILED)

    def _restarted(self, error: LivegraphError | None) -> None:
        if error is not None:
            self._outcome.fail(error)
            self.end(EndReason.FAILED)
        elif self._draining is not None:
            self._draining.look()

    def _late(self, node: NodeRuntime, why: str) -> None:
        self._outcome.warn(self.clock, node.name, StalledError(node.name, why), "the node ends without it")


def _nothing() -> None:
    """An observer is not told of the end."""
