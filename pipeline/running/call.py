"""One running plan for one caller.

Everything that a call starts ends with it, as in an ``asyncio.TaskGroup``, but within a deadline: start, stop, drain
and every wait have one, cancelling never waits in a queue, and a node that hangs is named and left behind::

    async with plan.call() as call:        # started when the body begins, ended when it leaves
        call.events.subscribe(Transcript, print)
        await call.finished()

    await plan.call().run()                # the same, to the end of its streams
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from ..clock import Clock, clock_of_loop
from ..end_reason import EndReason
from ..errors import LivegraphError
from ..events import CallStarted, EventBus
from ..frames import InterruptFrame
from ..graph.call_files import CallFacts
from ..graph.check import CheckResult
from ..graph.modules import keeping
from ..turns.controller import TurnPolicy
from ..turns.conversation import Conversation
from ..turns.conversation_policy import ConversationPolicy
from .ahead import Ahead
from .call_log import CallLog, LogPolicy
from .call_view import CallView
from .changing import CallChange, Changing, Planned
from .context import CallContext
from .host import Host
from .limits import CallLimits
from .nodes import Nodes
from .outcome import Outcome
from .scope import CallScope
from .speakers import Speaking, prompt, speakers_of
from .supervision import Supervision
from .tuning import Changes, Tuner, retuned
from .watchdog import Watchdog
from .wire_up import Wiring

if TYPE_CHECKING:
    from ..graph.graph import Graph

__all__ = ["Call", "new_call_id"]

_numbers = itertools.count(1)


def new_call_id() -> str:
    """An id that no other call has, of this process, of another, or of one before: files are called by it."""
    return f"call-{next(_numbers)}-{secrets.token_hex(3)}"


class Call(CallView):
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
        super().__init__(checked, Outcome(facts.id, events := EventBus()), clock)
        self.id = facts.id
        self.inputs: Mapping[str, Any] = MappingProxyType(dict(facts.inputs))
        """The values of the agent's inputs, by name."""
        self.identity = facts.identity
        """Who calls, as whoever let the caller in knows it."""
        self.events = events
        self._facts = facts
        self._turn_policy = turns
        self._log = CallLog(log or LogPolicy())
        self._conversation: Conversation | None = None
        self._conversation_policy = conversation or ConversationPolicy()
        self._host: Host | None = None
        self._limits = limits
        self._resources = resources
        self._used = False
        self._over = asyncio.Event()
        self._tuner: Tuner | None = None
        self._nodes: Nodes | None = None
        self._changing: Changing | None = None
        self._scope: CallScope | None = None
        """Its ``async with``."""

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
        conversation = self._conversation = Conversation(clock, self.events, self._turn_policy, self._void)
        context = CallContext(
            *(self.id, clock, self.events, conversation, self._resources, self.end, self._log),
            inputs=self.inputs,
            identity=self.identity,
            agent=self._facts.agent,
            running=self,
        )
        host = self._host = context.host = Host(
            *(
                clock,
                self.events,
                conversation,
                self._conversation_policy,
                self.end,
                self._speakers,
                self.inputs,
            )
        )
        context.functions += host.functions()
        supervision = Supervision(self.id, clock, self._outcome, self._limits)
        nodes: Nodes | None = None
        try:
            # Its Python files stay what they are, however long it takes until a node asks for them.
            with keeping(self._checked.modules):
                wiring = self._wiring = Wiring(self._checked, context, supervision, self._taps)
                self._tuner = Tuner(wiring.nodes)
                nodes = supervision.oversee(wiring)
                await nodes.start(wiring.layout.levels, self._outcome.ending)
                if not self._outcome.ended:
                    await self._converse(wiring, nodes)
        except LivegraphError as error:
            self._outcome.fail(error)
        finally:
            self._outcome.ended = True
            host.close()
            conversation.close()
            self._taps.close()
            if self._tuner is not None:
                self._tuner.close()
            try:
                if nodes is not None:
                    supervision.close()
                    await nodes.stop()
            finally:
                self._outcome.close(clock)
                try:
                    await self.events.close(self._limits.stop_ns)
                finally:
                    self._over.set()
        if self._outcome.error is not None:
            raise self._outcome.error

    async def __aenter__(self) -> Self:
        self._scope = CallScope(self.run, self.id)
        await self._scope.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._scope is not None
        self.end(EndReason.LEFT)
        await self._scope.leave(error)

    async def finished(self) -> None:
        """Return when the call is over, however it ended; errors are raised by whoever runs it."""
        await self._over.wait()

    def end(self, reason: EndReason | str, detail: str = "") -> None:
        """End the call now: sources are cancelled, queues are dropped. Returns at once; the first reason counts.

        Plain text is the detail of ``EndReason.ENDED_BY_AGENT``. What the agent is saying is cut; ``end_after_speech``
        lets it be heard.
        """
        self._outcome.end(reason, detail)

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

    def press(self, key: str) -> None:
        """The caller has pressed ``key`` of a telephone: for whoever brings keys that no box of the graph hears of."""
        if self._conversation is not None:
            self._conversation.pressed(key)

    def _manners(self) -> Host:
        if self._host is None:
            raise RuntimeError("the call has not started")
        return self._host

    def _speakers(self) -> dict[str, Speaking]:
        return speakers_of(self._running_nodes())

    def prompt(self, text: str) -> bool:
        """Have whoever talks in this call answer to ``text`` now, which the caller does not hear; whether anybody does.

        Asked are the nodes that have ``add_context(text, reply=True)``, as ``gemini_live`` has.
        """
        return not self._outcome.ended and prompt(self._running_nodes(), text)

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
        if self._outcome.ended:
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
            if self._conversation is not None:
                self._conversation.judge_by(turns)
        if conversation is not None:
            self._conversation_policy = conversation
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
        changing = self._changes()
        graph = changing.graph(self._checked.written)
        edit(graph)
        return self._took(await changing.take(graph, self._outcome.ending))

    async def change_to(self, plan: Planned) -> CallChange:
        """Make the graph of the running call that of ``plan``, as ``change`` does."""
        changing = self._changes()
        return self._took(await changing.take(plan.checked.written, self._outcome.ending))

    def _changes(self) -> Changing:
        if self._changing is None or self._outcome.ended:
            raise RuntimeError("the call does not run")
        return self._changing

    def _took(self, change: CallChange) -> CallChange:
        if change and not self._outcome.ended and self._wiring is not None:
            self._checked = self._wiring.layout.checked
            self.tune(change.tuned)
        return change

    # The run ------------------------------------------------------------------------------------

    async def _converse(self, wiring: Wiring, nodes: Nodes) -> None:
        """Let the nodes work until the call must end, then have all that they run cancelled."""
        self._changing = Changing(wiring, nodes, self._limits, self._facts)
        running = list(wiring.nodes.values())
        watchdog = Watchdog(self.id, wiring.nodes, self._limits.stall_ns, self.clock, self.events)
        watchdog.start()
        try:
            for node in running:
                nodes.set_going(node)
            if self._scope is not None:
                self._scope.started.set_result(None)
            if self.events.wants(CallStarted):
                self.events.publish(CallStarted(time_ns=self.clock.now_ns(), call=self.id))
            for node in running:
                node.begin()
            assert self._host is not None
            self._host.begin()
            await asyncio.wait({self._outcome.ending})
        finally:
            self._outcome.ended = True
            watchdog.stop()
            await nodes.wind_up()

    def _void(self, turn: int) -> None:
        """Every turn of its source up to ``turn`` is stale from now on, wherever its frames are."""
        wiring = self._wiring
        assert wiring is not None
        wiring.voided.add(turn)
        frame = InterruptFrame(time_ns=self.clock.now_ns(), turn=turn)
        for node in wiring.nodes.values():
            node.interrupt(frame)
