"""The desk: lets calls in, owns each from its offer to its end, and ends all when the server does."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from starlette.requests import Request

from ..language import Agent
from ..pipeline.clock import Clock, clock_of_loop
from ..pipeline.errors import LivegraphError, TransportError
from ..pipeline.graph.differences import compare
from ..pipeline.graph.inputs import input_values
from ..pipeline.units import SECOND
from ..transports.webrtc.network import Network
from ..transports.webrtc.peer import Peer
from ..transports.webrtc.sdp import MOST_BYTES, BadOffer
from .access.grant import ANYBODY, Grant, ReportLevel
from .access.ticket import UsedTickets
from .admission import Admission, Caller, offer_mark
from .arrival import Arrival, OnCall
from .limits.caller import CallerLimits
from .limits.load import Load
from .limits.pulse import Pulse
from .line import Line, outcome, shown, snapshot
from .metrics import Metrics
from .network_metrics import NetworkNumbers
from .page_events import PageEvents
from .refusals import Refusal, sentence
from .served import Answered, Running, ServedAgent, by_name
from .tracing import Tracing
from .wall_clock import unix_seconds
from .warden import Warden

__all__ = ["Answered", "CallDesk", "Running", "ServedAgent"]

logger = logging.getLogger("livegraph.server")

_ANSWER_WITHIN_S = 8.0
"""The page waits for 10 s."""
_WARDEN_EVERY_S = 1.0
_CLOSING_WORDS_S = 10.0
_RETRY_AFTER_S = 10
_RELOAD_NS = 10 * SECOND
"""For a page that is reloaded: it may have been closed for good."""
_REMEMBERED = 256
"""Calls that are over. A page says goodbye twice, by its connection and by HTTP, and either may come first."""


class CallDesk:
    """All calls of one server.

    An async context manager, which ends them when it is left. Without it the desk opens at its first call, and ends
    its calls with the event loop, or when ``close`` is awaited.

    Args:
        agents: those that can be called; the first is the default.
        max_calls, max_pending: how many at a time, and how many of them may be offers whose callers have not come.
        network: how callers reach this process; held while the desk is open.
        silence_ns: after which a caller that is not heard of is away; see ``Peer.accept``.
        limits: of one caller, where its grant says nothing else.
        report: what callers are told, where their grants say nothing else.
        on_call: asked before each call is made; see ``OnCall``.
        load: by which calls are refused while the event loop is overloaded; ``None`` takes all.
        tracing: makes a trace of each call.
        stop_within_s: for the calls to end in an orderly way at the end; then they are cancelled.
    """

    def __init__(
        self,
        agents: Sequence[ServedAgent | Agent],
        *,
        max_calls: int,
        metrics: Metrics,
        max_pending: int | None = None,
        network: Network | None = None,
        silence_ns: int = 5 * SECOND,
        limits: CallerLimits | None = None,
        report: ReportLevel = "none",
        on_call: OnCall | None = None,
        load: Load | None = None,
        tracing: Tracing | None = None,
        stop_within_s: float = 5.0,
    ) -> None:
        if max_calls < 1:
            raise ValueError("a desk needs room for at least one call")
        self.agents = by_name(agents)
        self.max_calls = max_calls
        self.closing = False
        self.draining = False
        self.hint = ""
        """Where callers may go instead while the desk takes none; part of the refusal's remedy."""
        self.report: ReportLevel = report
        self.metrics = metrics
        self.load = load
        self._network = network or Network()
        self._silence_ns = silence_ns
        self._on_call = on_call
        self._tracing = tracing
        self._stop_within_s = stop_within_s
        self._clock: Clock | None = None
        self._group: asyncio.TaskGroup | None = None
        self._owner: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[None] | None = None
        self._leave: asyncio.Event = asyncio.Event()
        self._admission = Admission(
            max_calls=max_calls, max_pending=max_pending or max_calls, limits=limits or CallerLimits()
        )
        self._used = UsedTickets()
        metrics.add(NetworkNumbers(self._network, self._away))
        metrics.running(lambda: [snapshot(line) for line in self._lines.values()])
        self._answering: dict[str, asyncio.Future[Answered]] = {}
        """Offers that are being answered, and those whose callers have not come yet, by their mark."""
        self._asked: dict[str, tuple[str, str]] = {}
        self._lines: dict[str, Line] = {}
        self._over: deque[str] = deque(maxlen=_REMEMBERED)

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

    async def open(self) -> None:
        """Begin; done by itself at the first call. Again is fine. Raises ``OSError`` for a port that is taken."""
        loop = asyncio.get_running_loop()
        if self._owner is None or self._owner.done() or self._owner.get_loop() is not loop:
            self.closing = self.draining = False
            self._clock = clock_of_loop()
            self._leave = asyncio.Event()
            self._opened = loop.create_future()
            self._owner = asyncio.create_task(self._own(self._opened), name="call desk")
        if self._opened is not None:
            await asyncio.shield(self._opened)

    async def close(self) -> None:
        """End all calls, each with its reason, and return when nothing is left."""
        self.closing = True
        owner = self._owner
        if owner is None or owner.get_loop() is not asyncio.get_running_loop():
            return
        lines = list(self._lines.values())
        for line in lines:
            line.end("shutdown")
        tasks = {line.task for line in lines if line.task is not None}
        if tasks:
            logger.info("ending %d calls", len(tasks))
            _, slow = await asyncio.wait(tasks, timeout=self._stop_within_s)
            for task in slow:
                task.cancel()
        self._leave.set()
        await owner

    async def drain(self, within_s: float) -> int:
        """Take no more calls, let those that run go on for ``within_s``, then have their agents say goodbye.

        Returns how many were still there then. Calls that nobody has taken up yet are ended at once.
        """
        self.draining = True
        for line in list(self._lines.values()):
            if line.state == "pending":
                line.end("shutdown")
        tasks = {line.task for line in self._lines.values() if line.task is not None}
        if tasks and within_s > 0:
            await asyncio.wait(tasks, timeout=within_s)
        left = [line for line in self._lines.values() if line.state == "running"]
        if left:
            words = [asyncio.create_task(line.say_closing_words(_CLOSING_WORDS_S)) for line in left]
            await asyncio.gather(*words, return_exceptions=True)
        for line in left:
            line.end("shutdown")
        return len(left)

    async def _own(self, opened: asyncio.Future[None]) -> None:
        """Everything that the desk starts; ends with it."""
        async with AsyncExitStack() as stack:
            try:
                await self._network.hold()
            except OSError as error:
                opened.set_exception(error)
                return
            stack.push_async_callback(self._network.release)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            self._group = group
            watching = group.create_task(self._watch(), name="call desk wardens")
            async with Pulse(self.load) as pulse:
                self.metrics.loop(pulse)
                opened.set_result(None)
                try:
                    await self._leave.wait()
                finally:
                    watching.cancel()
                    if not self._leave.is_set():
                        # The loop ends, or somebody cancelled all tasks: calls end with the group.
                        for line in list(self._lines.values()):
                            line.end("shutdown")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WARDEN_EVERY_S)
            for line in list(self._lines.values()):
                if line.running and not line.call.reason:
                    reason = line.warden.verdict(line.call.clock.now_ns())
                    if reason:
                        logger.info("%s has used up what it may: %s", line.call.id, reason)
                        line.end(reason)

    async def exchange(self, agents: Sequence[ServedAgent]) -> dict[str, Running]:
        """From now on these are the agents, the first the default one.

        A running call takes the new plan of its agent when that differs in live options, turns, and nodes and edges
        that are new or gone; else it goes on with its own, also when its agent is gone. Returns what became of the
        calls, by agent.
        """
        self.agents = by_name(agents)
        found: dict[str, Running] = {}
        for line in list(self._lines.values()):
            if line.call.reason:
                continue
            running = found.setdefault(line.agent.name, Running())
            if await self._renew(line):
                running.tuned += 1
            else:
                running.kept += 1
        return found

    async def _renew(self, line: Line) -> bool:
        """Give the call the plan that its agent has now, if it can take it."""
        agent = self.agents.get(line.agent.name)
        if agent is None:
            return False
        found = compare(line.agent.plan, agent.plan)
        if not found.takable:
            return False
        if found.graph:
            if not line.running:
                # Not yet: it begins with the plan that it was promised.
                return False
            try:
                await line.call.change_to(agent.plan)
            except (LivegraphError, RuntimeError) as error:
                logger.warning("%s keeps its plan: %s", line.call.id, error)
                return False
        line.call.tune(found.changes, turns=found.turns, log=found.log)
        line.agent = agent
        return True

    # What callers ask for ----------------------------------------------------------------------

    def count_request(self, grant: Grant, address: str) -> None:
        """Count an offer before it is read. Raises ``Refusal`` when there were too many, or calls are not taken."""
        self._check_open()
        self._admission.count_request(Caller(grant, address), self._now_ns())

    async def answer(
        self,
        sdp: str,
        kind: str = "offer",
        agent_name: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        *,
        grant: Grant = ANYBODY,
        address: str = "",
        request: Request | None = None,
        resources: Mapping[type, Any] | None = None,
        resumes: bool = False,
    ) -> Answered:
        """Let a caller in and make its call, which begins when the caller has come. Raises ``Refusal``.

        Args:
            sdp, kind: the offer and its ``type``, as they came.
            agent_name: the agent that is called; the grant's, or the desk's first, by default.
            inputs: what the caller brings along for the inputs that the agent declares.
            grant: what this caller may do.
            address: where the offer came from; limits count by it.
            request: the one that brought the offer, for ``on_call``.
            resources: what boxes and tools find by type in the call.
            resumes: whether the caller comes back when its connection was closed without a goodbye; see ``resume``.

        An offer that comes again before its caller does is answered as it was; one whose call is on or over is refused.
        """
        if not self.closing:
            await self.open()
        self._check_open()
        if len(sdp.encode(errors="replace")) > MOST_BYTES:
            raise Refusal(413, "too_large", f"The offer is larger than {MOST_BYTES // 1024} KiB.")
        agent = self._find(agent_name, grant)
        mark, asked = offer_mark(sdp), (agent.name, grant.identity)
        before = self._answering.get(mark)
        if before is not None and self._asked[mark] == asked:
            return await asyncio.shield(before)
        self._admission.check_fresh(mark)
        if before is not None:
            raise Refusal(409, "offer_used", "This offer was made for another call.", "Make a new offer.")
        caller = Caller(grant, address)
        self._check_load()
        arrival = Arrival(agent.name, grant, dict(inputs or {}) | dict(grant.inputs), dict(resources or {}))
        _check_inputs(agent, arrival.inputs, grant.inputs)
        # Taken before anything is waited for: two offers at a time are two calls.
        entry = self._admission.enter(caller)
        answering: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._answering[mark], self._asked[mark] = answering, asked
        try:
            self._use_ticket(grant)
            try:
                answered = await self._answer(agent, arrival, entry, mark, sdp, kind, request, resumes)
            except BaseException:
                if grant.once:
                    self._used.forget(grant.once)
                raise
        except BaseException as error:
            self._admission.leave(entry)
            self._forget(mark)
            lost = Refusal(503, "no_answer", "The call could not be set up.", "Make a new offer.")
            answering.set_exception(error if isinstance(error, Refusal) else lost)
            # It may be that nobody else waits for it.
            answering.exception()
            raise
        answering.set_result(answered)
        return answered

    async def renegotiate(
        self, pc_id: str, sdp: str, kind: str = "offer", *, replace: bool = False
    ) -> Answered:
        """Answer a further offer of a caller, whose call goes on: see ``Peer.renegotiate``. Raises ``Refusal``."""
        peer = self._line(pc_id).peer
        with _refused_offers():
            await peer.renegotiate(sdp, kind, replace=replace)
        return _answered(peer)

    async def resume(self, token: str, sdp: str, kind: str = "offer") -> Answered:
        """Go on with a call from another connection, by the token of its last answer. Raises ``Refusal``."""
        peer = next((line.peer for line in self._lines.values() if line.peer.is_token(token)), None)
        if peer is None:
            raise _over_for_good()
        with _refused_offers():
            await peer.resume(token, sdp, kind)
        return _answered(peer)

    async def add_candidates(self, pc_id: str, candidates: object) -> None:
        """More addresses of a caller. Raises ``Refusal``."""
        try:
            await self._line(pc_id).peer.add_candidates(candidates)
        except BadOffer as error:
            raise Refusal(400, "bad_candidate", sentence(error)) from None

    async def hang_up(self, pc_id: str) -> None:
        """End a call at its caller's wish; one that is over already is fine. Raises ``Refusal`` for an unknown one."""
        if pc_id in self._over:
            return
        line = self._line(pc_id)
        line.end("hung up")
        # The slot is free when this is answered, so the caller may call again at once.
        if line.task is not None:
            await asyncio.wait({line.task}, timeout=self._stop_within_s)

    def leave(self, pc_id: str) -> None:
        """The caller goes, perhaps to come back in a moment: its page is reloaded. Raises ``Refusal``."""
        if pc_id not in self._over:
            self._line(pc_id).peer.leave(_RELOAD_NS)

    def _away(self) -> int:
        return sum(line.peer.state == "away" for line in self._lines.values())

    # What operators ask for --------------------------------------------------------------------

    def calls(self) -> list[dict[str, Any]]:
        """The calls that there are, oldest first: id, agent, identity, address, state, seconds."""
        now_ns = self._now_ns() if self._clock is not None else 0
        return [shown(line, now_ns) for line in self._lines.values()]

    def find(self, call_id: str) -> Line:
        """The line of a call. ``KeyError`` when there is none."""
        for line in self._lines.values():
            if line.call.id == call_id:
                return line
        raise KeyError(call_id)

    async def end(self, call_id: str, reason: str = "operator") -> None:
        """End a call, and return when it is over. ``KeyError`` when there is none of this id."""
        line = self.find(call_id)
        line.end(reason)
        if line.task is not None:
            await asyncio.wait({line.task}, timeout=self._stop_within_s)

    # Letting in --------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if not self.ready:
            word = "shutting down" if self.closing else "being restarted"
            raise Refusal(
                503,
                "shutting_down" if self.closing else "draining",
                f"The server is {word}.",
                self.hint or "Try again in a while.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            )

    def _check_load(self) -> None:
        why = self.load.refuses(self.active) if self.load is not None else ""
        if why:
            logger.warning("a call was refused: %s (%d calls)", why, self.active)
            raise Refusal(
                503,
                "overloaded",
                "The server is busy.",
                "Try again in a while.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            )

    def _find(self, name: str | None, grant: Grant) -> ServedAgent:
        allowed = [agent for agent in self.agents if grant.may_call(agent)]
        if name is None:
            name = next((agent for agent in grant.agents if agent in self.agents), next(iter(allowed), ""))
        if name in allowed:
            return self.agents[name]
        raise Refusal(
            404,
            "agent_unknown",
            f"There is no agent {name[:60]!r} here." if name else "There is no agent here for this caller.",
            f"There is: {', '.join(allowed)}." if allowed else "",
        )

    def _use_ticket(self, grant: Grant) -> None:
        if grant.once and not self._used.use(grant.once, grant.expires_s, unix_seconds()):
            raise Refusal(
                401, "ticket_used", "The ticket has made its call.", "Ask the site that gave it for another."
            )

    async def _answer(
        self,
        agent: ServedAgent,
        arrival: Arrival,
        entry: Any,
        mark: str,
        sdp: str,
        kind: str,
        request: Request | None,
        resumes: bool,
    ) -> Answered:
        began_ns = self._now_ns()
        if self._on_call is not None:
            made = self._on_call(request, arrival)
            if inspect.isawaitable(made):
                await made
            _check_inputs(agent, arrival.inputs, arrival.inputs)
        peer = await self._accept(agent, sdp, kind)
        try:
            self._check_open()
            line = self._open(agent, arrival, peer, began_ns, entry, mark, request)
        except BaseException:
            await peer.close("shutdown")
            raise
        peer.resumes = resumes
        self._lines[peer.id] = line
        # There may be another plan since the offer came.
        await self._renew(line)
        self.metrics.active.labels(line.agent.name).inc()
        assert self._group is not None
        line.task = self._group.create_task(self._serve(line), name=f"call {line.call.id}")
        self.metrics.answered(self._now_ns() - began_ns)
        return _answered(peer)

    async def _accept(self, agent: ServedAgent, sdp: str, kind: str) -> Peer:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                return await Peer.accept(
                    sdp,
                    kind,
                    network=self._network,
                    video=agent.sees,
                    silence_ns=self._silence_ns,
                )
        except BadOffer as error:
            raise Refusal(400, "bad_offer", sentence(error)) from None
        except TimeoutError:
            raise Refusal(
                503,
                "no_answer",
                "The server found no address for the call in time.",
                "Check the STUN and TURN servers that it is configured with.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            ) from None

    def _open(
        self,
        agent: ServedAgent,
        arrival: Arrival,
        peer: Peer,
        began_ns: int,
        entry: Any,
        mark: str,
        request: Request | None,
    ) -> Line:
        resources: dict[type, Any] = {**agent.resources, Peer: peer}
        grant = arrival.grant
        call = agent.plan.call(
            inputs=arrival.inputs, resources={**resources, **arrival.resources}, identity=grant.identity
        )
        for event, observer in arrival._observers:
            call.events.subscribe(event, observer)
        self.metrics.watch(agent.name, call.events)
        page = PageEvents(
            call.events,
            peer.send,
            call=call.id,
            agent=agent.name,
            live=agent.live,
            level=grant.report or self.report,
        )
        warden = Warden(self._admission.limits_of(grant), call.events)
        trace = None
        if self._tracing is not None:
            headers = None if request is None else request.headers
            trace = self._tracing.begin(agent.name, call.id, agent.plan, call.events, headers)
        return Line(agent, peer, call, page, entry, warden, began_ns, mark, lambda: self.closing, trace)

    # One call ----------------------------------------------------------------------------------

    async def _serve(self, line: Line) -> None:
        def reached() -> None:
            self._admission.connected(line.entry)
            self._admission.remember(line.mark)
            self._forget(line.mark)

        try:
            await line.serve(reached)
        finally:
            self._close(line)

    def _close(self, line: Line) -> None:
        del self._lines[line.peer.id]
        self._over.append(line.peer.id)
        self._forget(line.mark)
        self._admission.remember(line.mark)
        self._admission.leave(line.entry)
        name = line.agent.name
        if line.trace is not None:
            line.trace.close(outcome(line), "failed" if line.error is not None else "")
        self.metrics.carried(name, line.call.stats().values())
        self.metrics.active.labels(name).dec()
        self.metrics.ended(name, outcome(line), self._now_ns() - line.began_ns, line.failed_node)

    def _forget(self, mark: str) -> None:
        with suppress(KeyError):
            del self._answering[mark]
            del self._asked[mark]

    def _line(self, pc_id: str) -> Line:
        line = self._lines.get(pc_id)
        if line is None:
            raise Refusal(404, "call_unknown", "There is no such call, or it is over.")
        return line

    def _now_ns(self) -> int:
        if self._clock is None:
            self._clock = clock_of_loop()
        return self._clock.now_ns()


def _check_inputs(agent: ServedAgent, inputs: dict[str, Any], fixed: Mapping[str, Any]) -> None:
    """Refuse what the agent does not take, before anything is made for the call."""
    for name in list(fixed):
        if name not in agent.plan.inputs:
            # Not the caller's mistake: what is set for it may be meant for another agent of the same server.
            inputs.pop(name, None)
    _, problems = input_values(agent.plan.inputs, inputs)
    if problems:
        message = " ".join(sentence(problem.message.replace("`", "'")) for problem in problems[:5])
        names = ", ".join(agent.plan.inputs)
        hint = f"The inputs of {agent.name} are: {names}." if names else f"{agent.name} takes no inputs."
        raise Refusal(400, "bad_inputs", message, hint)


def _answered(peer: Peer) -> Answered:
    return Answered(peer.answer.sdp, peer.answer.type, peer.id, peer.resume_token)


def _over_for_good() -> Refusal:
    return Refusal(410, "call_over", "The call is over, or somebody has gone on with it.", "Make a new call.")


@contextmanager
def _refused_offers() -> Iterator[None]:
    """What a peer says of a further offer, as a refusal."""
    try:
        yield
    except BadOffer as error:
        raise Refusal(400, "bad_offer", sentence(error)) from None
    except TransportError:
        raise _over_for_good() from None
