"""One call that was let in, from its offer to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..pipeline.errors import LivegraphError, ProcessorError
from ..pipeline.running.call import Call
from ..transports.webrtc.peer import Peer
from .admission import Entry
from .logs import about
from .metrics import Snapshot
from .page_events import PageEvents
from .served import ServedAgent
from .tracing import CallTrace
from .warden import Warden

__all__ = ["HUNG_UP", "Line", "outcome", "shown", "snapshot"]

logger = logging.getLogger("livegraph.server")

_CONNECT_WITHIN_S = 5.0
"""For the page of a call that failed at once to come within reach of the words that say why."""
_GOODBYE_WITHIN_S = 1.0
"""For the page to hang up after it was told that the call is over."""
_CLOSING_WORDS = (
    "The line will be closed in a few seconds, because the service is being restarted. "
    "Say so in one short sentence in the language of the conversation, and say goodbye."
)

HUNG_UP = frozenset(("hung up", "the caller hung up", "the caller closed its data channel"))
_LIMITS = frozenset(("max_duration", "idle", "max_tokens", "max_cost"))


@dataclass(eq=False)
class Line:
    """A caller, its call, and what holds them together."""

    agent: ServedAgent
    peer: Peer
    call: Call
    page: PageEvents
    entry: Entry
    warden: Warden
    began_ns: int
    mark: str
    """Of its offer."""
    shutting_down: Callable[[], bool]
    trace: CallTrace | None = None
    task: asyncio.Task[None] | None = None
    gone: bool = False
    """Whether the caller has hung up or was lost: there is nobody to say goodbye to."""
    error: Exception | None = None
    running: bool = False

    def __post_init__(self) -> None:
        self._ended = asyncio.Event()
        self.peer.on_over(self._peer_over)

    @property
    def state(self) -> str:
        """``pending``, ``running``, ``ending``."""
        if self.call.reason or self._ended.is_set():
            return "ending"
        return "running" if self.running else "pending"

    def end(self, reason: str) -> None:
        """End the call, whether it has begun or not; the first reason counts."""
        self.call.end(reason)
        self._ended.set()

    async def serve(self, reached: Callable[[], None]) -> None:
        """The whole call. ``reached`` is called when the caller has shown that it is there."""
        with about(
            call=self.call.id,
            trace=self.trace.trace_id if self.trace is not None else "",
            peer=self.peer.id[:6],
            agent=self.agent.name,
            caller=self.entry.caller.grant.identity,
        ):
            try:
                if await self._is_reached():
                    reached()
                    await self._run()
                await self._say_goodbye()
            finally:
                await self.peer.close("the call is over")

    async def say_closing_words(self, within_s: float) -> None:
        """Have the agent say goodbye, where it can be told to, and return when it has, ``within_s`` later at most."""
        if not self.running or self.call.reason:
            return
        from ..pipeline.events import StateChanged

        speaking, said = False, asyncio.Event()

        def changed(event: StateChanged) -> None:
            nonlocal speaking
            if event.state == "speaking":
                speaking = True
            elif event.state == "listening" and speaking:
                said.set()

        stop = self.call.events.subscribe(StateChanged, changed)
        try:
            if not self.call.prompt(_CLOSING_WORDS):
                return
            over = asyncio.create_task(self.call.finished())
            heard = asyncio.create_task(said.wait())
            try:
                await asyncio.wait({over, heard}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (over, heard):
                    task.cancel()
                await asyncio.gather(over, heard, return_exceptions=True)
        finally:
            stop()

    async def _is_reached(self) -> bool:
        """Wait for the caller; ``False`` when it did not come, or when the call was ended before."""
        reaching = asyncio.create_task(self.peer.reached())
        ending = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({reaching, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reaching, ending):
                task.cancel()
            await asyncio.gather(reaching, ending, return_exceptions=True)
        if self._ended.is_set() or reaching.cancelled() or reaching.exception() is not None:
            self.call.end(self.peer.reason or "cancelled")
            return False
        return True

    async def _run(self) -> None:
        self.running = True
        try:
            await self.call.run()
        except LivegraphError as failed:
            # The engine has logged it, with the name of the node.
            self.error = failed
        except Exception as mistake:
            # A mistake of ours. It is told here and goes no further: the other calls have no part in it.
            logger.exception("%s of %s broke", self.call.id, self.agent.name)
            self.error = mistake
        finally:
            self.running = False

    async def _say_goodbye(self) -> None:
        """Tell the page why the call is over, and leave it a moment to read it and to hang up."""
        if self.gone or self.call.reason in HUNG_UP:
            return
        self.page.over("failed" if self.error is not None else self.call.reason, self.error)
        try:
            if self.peer.state == "connecting":
                # A server that ends waits for nobody who was not there yet.
                async with asyncio.timeout(0 if self.shutting_down() else _CONNECT_WITHIN_S):
                    await self.peer.connected()
            async with asyncio.timeout(_GOODBYE_WITHIN_S):
                await self.peer.closed()
        except (TimeoutError, LivegraphError):
            # It never came within reach, or it is not our page and stays on: it is hung up on.
            return

    def _peer_over(self, _: str) -> None:
        self.gone = True

    @property
    def failed_node(self) -> str:
        """The node at fault, when there is one."""
        return self.error.node if isinstance(self.error, ProcessorError) else ""


def outcome(line: Line) -> str:
    """One of few words for why the call ended."""
    reason = line.call.reason
    if line.error is not None:
        return "failed"
    if reason in HUNG_UP:
        return "hung_up"
    if reason in ("shutdown", "completed", "cancelled"):
        return reason
    if reason in _LIMITS:
        return "limit"
    if reason == "operator":
        return "ended_by_operator"
    if reason and reason == line.peer.reason:
        return "not_connected" if reason.startswith("no connection") else "lost"
    return "ended_by_agent"


def snapshot(line: Line) -> Snapshot:
    """The line for metrics."""
    oldest_ns = max((stats.oldest_ns for stats in line.call.stats().values()), default=0)
    return Snapshot(line.agent.name, line.state, oldest_ns)


def shown(line: Line, now_ns: int) -> dict[str, Any]:
    """The line for operators."""
    media = line.peer.statistics()
    return {
        "id": line.call.id,
        "agent": line.agent.name,
        "identity": line.entry.caller.grant.shown,
        "address": line.entry.caller.address,
        "state": line.state,
        "seconds": round((now_ns - line.began_ns) / 1e9, 1),
        "jitter_ms": round(media.jitter_ms, 1),
        "loss": round(media.lost_by_caller, 4),
        "round_trip_ms": None if media.round_trip_ms is None else round(media.round_trip_ms, 1),
        "tokens": line.warden.tokens,
        "cost_usd": round(line.warden.cost_usd, 6),
    }
