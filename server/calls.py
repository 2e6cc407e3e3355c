"""The desk: lets calls in, owns each from its offer to its end, and ends all when the server does."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from ..pipeline.clock import Clock, clock_of_loop
from ..pipeline.errors import LivegraphError, ProcessorError
from ..pipeline.graph.differences import compare
from ..pipeline.graph.inputs import input_values
from ..pipeline.graph.plan import Plan
from ..pipeline.running.call import Call
from ..pipeline.units import SECOND
from ..processors.gemini_live import LiveConnector
from ..transports.webrtc.peer import Peer
from ..transports.webrtc.sdp import MOST_BYTES, BadOffer
from .metrics import Metrics
from .page_events import PageEvents
from .refusals import Refusal

__all__ = ["Answered", "CallDesk", "Running", "ServedAgent"]

logger = logging.getLogger("livegraph.server")

_ANSWER_WITHIN_S = 8.0
"""The page waits for 10 s."""
_CONNECT_WITHIN_S = 5.0
"""For the page of a call that failed at once to come within reach of the words that say why."""
_GOODBYE_WITHIN_S = 1.0
"""For the page to hang up after it was told that the call is over."""
_RETRY_AFTER_S = 10
_REMEMBERED = 256
"""Calls that are over. A page says goodbye twice, by its connection and by HTTP, and either may come first."""
_HANG_UPS = frozenset(("hung up", "the caller hung up", "the caller closed its data channel"))


@dataclass(frozen=True, slots=True)
class ServedAgent:
    """One agent that can be called: what the page shows of it, and what runs."""

    name: str
    plan: Plan
    title: str = ""
    description: str = ""
    live: str = ""
    """Where its Live API is, for people."""
    connector: LiveConnector | None = None
    """How calls reach it, unless the plan's own options say so."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the caller gets for its offer."""

    sdp: str
    type: str
    pc_id: str


@dataclass(slots=True)
class Running:
    """How many calls of an agent took its new plan while they ran, and how many go on with theirs."""

    tuned: int = 0
    kept: int = 0


@dataclass(slots=True)
class _Line:
    """One call that was let in."""

    agent: ServedAgent
    peer: Peer
    call: Call
    page: PageEvents
    began_ns: int
    task: asyncio.Task[None] | None = None
    gone: bool = False
    """Whether the caller has hung up or was lost: there is nobody to say goodbye to."""

    def __post_init__(self) -> None:
        self.peer.on_over(self._peer_over)

    def _peer_over(self, _: str) -> None:
        self.gone = True


class CallDesk:
    """All calls of one server: an async context manager, which ends them when it is left.

    Args:
        agents: those that can be called; the first is the default.
        max_calls: how many at a time.
        ice_servers: as in a browser, for both sides.
        addresses, silence_ns: those of this machine that callers are offered, and after which time one that is
            not heard of is gone; see ``Peer.accept``.
        stop_within_s: for the calls to end in an orderly way at the end; then they are cancelled.
    """

    def __init__(
        self,
        agents: Sequence[ServedAgent],
        *,
        max_calls: int,
        metrics: Metrics,
        ice_servers: Sequence[Mapping[str, Any]] = (),
        addresses: Sequence[str] | None = None,
        silence_ns: int = 8 * SECOND,
        stop_within_s: float = 5.0,
    ) -> None:
        if max_calls < 1:
            raise ValueError("a desk needs room for at least one call")
        self.agents = _by_name(agents)
        self.max_calls = max_calls
        self.closing = False
        self._metrics = metrics
        self._ice_servers = ice_servers
        self._addresses = addresses
        self._silence_ns = silence_ns
        self._stop_within_s = stop_within_s
        self._clock: Clock | None = None
        self._group = asyncio.TaskGroup()
        self._taken = 0
        self._lines: dict[str, _Line] = {}
        self._over: deque[str] = deque(maxlen=_REMEMBERED)

    @property
    def active(self) -> int:
        """How many calls there are, those included that are being answered."""
        return self._taken

    async def __aenter__(self) -> Self:
        self._clock = clock_of_loop()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing = True
        lines = list(self._lines.values())
        for line in lines:
            line.call.end("shutdown")
        tasks = {line.task for line in lines if line.task is not None}
        if tasks:
            logger.info("ending %d calls", len(tasks))
            _, slow = await asyncio.wait(tasks, timeout=self._stop_within_s)
            for task in slow:
                task.cancel()
        await self._group.__aexit__(kind, error, trace)

    def exchange(self, agents: Sequence[ServedAgent]) -> dict[str, Running]:
        """From now on these are the agents, the first the default one.

        A running call takes the new plan of its agent when that differs in live options and turns only; else it goes on
        with its own, also when its agent is gone. Returns what became of the calls, by agent.
        """
        self.agents = _by_name(agents)
        found: dict[str, Running] = {}
        for line in self._lines.values():
            if line.call.reason:
                continue
            running = found.setdefault(line.agent.name, Running())
            if self._renew(line):
                running.tuned += 1
            else:
                running.kept += 1
        return found

    def _renew(self, line: _Line) -> bool:
        """Give the call the plan that its agent has now, if it can take it."""
        agent = self.agents.get(line.agent.name)
        if agent is None:
            return False
        found = compare(line.agent.plan, agent.plan)
        if not found.tunable:
            return False
        line.call.tune(found.changes, turns=found.turns, log=found.log)
        line.agent = agent
        return True

    # What callers ask for ----------------------------------------------------------------------

    async def answer(
        self, sdp: str, kind: str, agent_name: str | None, inputs: Mapping[str, Any] | None = None
    ) -> Answered:
        """Let a caller in and start its call. Raises ``Refusal``.

        ``inputs`` is what the caller brings along for the inputs that the agent declares.
        """
        agent = self._find(agent_name)
        given = inputs or {}
        _check_inputs(agent, given)
        if len(sdp.encode(errors="replace")) > MOST_BYTES:
            raise Refusal(413, "too_large", f"The offer is larger than {MOST_BYTES // 1024} KiB.")
        self._check_room()
        # Taken before anything is waited for: two offers at a time are two calls.
        self._taken += 1
        try:
            began_ns = self._now_ns()
            peer = await self._accept(sdp, kind)
            if self.closing:
                await peer.close("shutdown")
                self._check_room()
            line = self._open(agent, peer, began_ns, given)
        except BaseException:
            self._taken -= 1
            raise
        self._lines[peer.id] = line
        # There may be another plan since the offer came.
        self._renew(line)
        self._metrics.active.labels(agent.name).inc()
        line.task = self._group.create_task(self._serve(line), name=f"call {line.call.id}")
        self._metrics.answered(self._now_ns() - began_ns)
        return Answered(peer.answer.sdp, peer.answer.type, peer.id)

    async def add_candidates(self, pc_id: str, candidates: object) -> None:
        """More addresses of a caller. Raises ``Refusal``."""
        try:
            await self._line(pc_id).peer.add_candidates(candidates)
        except BadOffer as error:
            raise Refusal(400, "bad_candidate", _sentence(error)) from None

    async def hang_up(self, pc_id: str) -> None:
        """End a call at its caller's wish; one that is over already is fine. Raises ``Refusal`` for an unknown one."""
        if pc_id in self._over:
            return
        line = self._line(pc_id)
        line.call.end("hung up")
        # The slot is free when this is answered, so the caller may call again at once.
        if line.task is not None:
            await asyncio.wait({line.task}, timeout=self._stop_within_s)

    # Letting in --------------------------------------------------------------------------------

    def _find(self, name: str | None) -> ServedAgent:
        agent = self.agents.get(next(iter(self.agents)) if name is None else name)
        if agent is None:
            raise Refusal(
                404,
                "agent_unknown",
                f"There is no agent {name[:60]!r} here." if name else "The agent has no name.",
                f"There is: {', '.join(self.agents)}.",
            )
        return agent

    def _check_room(self) -> None:
        headers = {"Retry-After": str(_RETRY_AFTER_S)}
        if self.closing:
            raise Refusal(
                503, "shutting_down", "The server is shutting down.", "Try again in a while.", headers
            )
        if self._taken >= self.max_calls:
            calls = "1 call" if self.max_calls == 1 else f"{self.max_calls} calls"
            raise Refusal(
                503,
                "full",
                f"All lines are busy: {calls} at a time is the limit here.",
                "A line is free as soon as another call ends.",
                headers,
            )

    async def _accept(self, sdp: str, kind: str) -> Peer:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                return await Peer.accept(
                    sdp,
                    kind,
                    ice_servers=self._ice_servers,
                    addresses=self._addresses,
                    silence_ns=self._silence_ns,
                )
        except BadOffer as error:
            raise Refusal(400, "bad_offer", _sentence(error)) from None
        except TimeoutError:
            raise Refusal(
                503,
                "no_answer",
                "The server found no address for the call in time.",
                "Check the STUN and TURN servers that it is configured with.",
                {"Retry-After": str(_RETRY_AFTER_S)},
            ) from None

    def _open(self, agent: ServedAgent, peer: Peer, began_ns: int, inputs: Mapping[str, Any]) -> _Line:
        resources: dict[type, Any] = {Peer: peer}
        if agent.connector is not None:
            resources[LiveConnector] = agent.connector
        call = agent.plan.call(inputs=inputs, resources=resources)
        self._metrics.watch(agent.name, call.events)
        page = PageEvents(call.events, peer.send, agent=agent.name, live=agent.live)
        return _Line(agent, peer, call, page, began_ns)

    # One call ----------------------------------------------------------------------------------

    async def _serve(self, line: _Line) -> None:
        error: Exception | None = None
        try:
            try:
                await line.call.run()
            except LivegraphError as failed:
                # The engine has logged it, with the name of the node.
                error = failed
            except Exception as mistake:
                # A mistake of ours. It is told here and goes no further: the other calls have no part in it.
                logger.exception("%s of %s broke", line.call.id, line.agent.name)
                error = mistake
            await self._say_goodbye(line, error)
        finally:
            await line.peer.close("the call is over")
            self._close(line, error)

    async def _say_goodbye(self, line: _Line, error: Exception | None) -> None:
        """Tell the page why the call is over, and leave it a moment to read it and to hang up."""
        if line.gone or line.call.reason in _HANG_UPS:
            return
        line.page.over("failed" if error is not None else line.call.reason, error)
        try:
            if line.peer.state == "connecting":
                # A server that ends waits for nobody who was not there yet.
                async with asyncio.timeout(0 if self.closing else _CONNECT_WITHIN_S):
                    await line.peer.connected()
            async with asyncio.timeout(_GOODBYE_WITHIN_S):
                await line.peer.closed()
        except (TimeoutError, LivegraphError):
            # It never came within reach, or it is not our page and stays on: it is hung up on.
            return

    def _close(self, line: _Line, error: Exception | None) -> None:
        del self._lines[line.peer.id]
        self._over.append(line.peer.id)
        self._taken -= 1
        name = line.agent.name
        node = error.node if isinstance(error, ProcessorError) else ""
        self._metrics.active.labels(name).dec()
        self._metrics.ended(name, _outcome(line, error), self._now_ns() - line.began_ns, node)

    def _line(self, pc_id: str) -> _Line:
        line = self._lines.get(pc_id)
        if line is None:
            raise Refusal(404, "call_unknown", "There is no such call, or it is over.")
        return line

    def _now_ns(self) -> int:
        if self._clock is None:
            raise RuntimeError("the desk is not open: use it with 'async with'")
        return self._clock.now_ns()


def _check_inputs(agent: ServedAgent, inputs: Mapping[str, Any]) -> None:
    """Refuse what the agent does not take, before anything is made for the call."""
    _, problems = input_values(agent.plan.inputs, inputs)
    if problems:
        message = " ".join(_sentence(problem.message.replace("`", "'")) for problem in problems)
        names = ", ".join(agent.plan.inputs)
        hint = f"The inputs of {agent.name} are: {names}." if names else f"{agent.name} takes no inputs."
        raise Refusal(400, "bad_inputs", message, hint)


def _by_name(agents: Sequence[ServedAgent]) -> dict[str, ServedAgent]:
    found = {agent.name: agent for agent in agents}
    if not found or len(found) != len(agents):
        raise ValueError("a desk needs agents with different names")
    return found


def _outcome(line: _Line, error: Exception | None) -> str:
    """One of few words for why the call ended."""
    reason = line.call.reason
    if error is not None:
        return "failed"
    if reason in _HANG_UPS:
        return "hung_up"
    if reason in ("shutdown", "completed", "cancelled"):
        return reason
    if reason and reason == line.peer.reason:
        return "not_connected" if reason.startswith("no connection") else "lost"
    return "ended_by_agent"


def _sentence(error: Exception | str) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
