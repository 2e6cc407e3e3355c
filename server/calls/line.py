"""One call that was let in, from its offer to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from ...pipeline.errors import LivegraphError, ProcessorError
from ...pipeline.events import StateChanged
from ...pipeline.running.call import Call
from ...transports.webrtc.over import end_of
from ..call_events import CallEvents
from ..logs import about
from ..protocol import EndReason
from ..tracing import CallTrace
from .admission import Entry
from .leg import Leg
from .served import ServedAgent
from .warden import Warden

__all__ = ["Line"]

logger = logging.getLogger("livegraph.server")

_CONNECT_WITHIN_S = 5.0
"""For the page of a call that failed at once to come within reach of the words that say why."""
_TELL_WITHIN_S = 3.0
"""For the words to be on their way to a page that is there: its channel opens some round trips after its sound."""
_GOODBYE_WITHIN_S = 1.0
"""For the page to hang up after it was told that the call is over."""
_CLOSING_WORDS = (
    "The line will be closed in a few seconds, because the service is being restarted. "
    "Say so in one short sentence in the language of the conversation, and say goodbye."
)


@dataclass(eq=False)
class Line:
    """A caller, its call, and what holds them together."""

    agent: ServedAgent
    leg: Leg
    call: Call
    told: CallEvents
    """What the caller is told."""
    entry: Entry
    warden: Warden
    began_ns: int
    shutting_down: Callable[[], bool]
    trace: CallTrace | None = None
    task: asyncio.Task[None] | None = None
    gone: bool = False
    """Whether the caller has hung up or was lost: there is nobody to say goodbye to."""
    error: Exception | None = None
    running: bool = False
    stood_aside: bool = False
    """Whether its caller comes another way, since this one led nowhere."""
    when_reached: list[Callable[[], None]] = field(default_factory=list)
    """Called once when the caller has shown that it is there."""
    when_over: list[Callable[[], None]] = field(default_factory=list)
    """Called once when nothing of the call is left."""

    def __post_init__(self) -> None:
        self._ended = asyncio.Event()
        self._said: asyncio.Event | None = None
        """Set when the closing words are said; there when they were asked for."""
        self._by_desk: tuple[EndReason, str] | None = None
        self.leg.on_over(self._leg_over)

    @property
    def state(self) -> str:
        """``pending``, ``running``, ``ending``."""
        if self.call.reason or self._ended.is_set():
            return "ending"
        return "running" if self.running else "pending"

    def end(self, reason: EndReason, detail: str = "") -> None:
        """End the call, whether it has begun or not; the first reason counts. ``detail`` is the caller's to read."""
        if not self.call.reason:
            self._by_desk = (reason, detail)
        self.call.end(reason, detail)
        self._ended.set()

    @property
    def end_reason(self) -> EndReason:
        """Why it is over; asked only when it is."""
        return self._end()[0]

    def _end(self) -> tuple[EndReason, str]:
        """Why it is over, and what was said of it."""
        if self.error is not None:
            return EndReason.FAILED, ""
        if self._by_desk is not None:
            return self._by_desk
        reason, detail = self.call.reason or EndReason.CANCELLED, self.call.end_detail
        if self.gone and detail == self.leg.reason:
            return self.leg.end_reason, ""
        return reason, detail

    async def serve(self) -> None:
        """The whole call."""
        with about(
            call=self.call.id,
            trace=self.trace.trace_id if self.trace is not None else "",
            peer=self.leg.id[:6],
            agent=self.agent.name,
            caller=self.entry.caller.grant.identity,
        ):
            try:
                # Until the caller comes there is time for what costs nothing.
                async with self.call.ahead():
                    if await self._is_reached():
                        for listener in self.when_reached:
                            listener()
                        await self._run()
                await self._say_goodbye()
            finally:
                await self.leg.close("the call is over")

    async def say_closing_words(self, within_s: float) -> None:
        """Have the agent say goodbye, where it can be told to, and return when it has, ``within_s`` later at most."""
        if not self.running or self.call.reason or self.leg.state == "away":
            # There is no call, or nobody to hear it.
            return
        if self._said is not None:
            # Somebody has asked for it before: it is said once.
            await _first_of(self._said.wait(), within_s=within_s)
            return
        speaking, said = False, asyncio.Event()
        self._said = asyncio.Event()

        def changed(event: StateChanged) -> None:
            nonlocal speaking
            if event.state == "speaking":
                speaking = True
            elif event.state == "listening" and speaking:
                said.set()

        stop = self.call.events.subscribe(StateChanged, changed)
        try:
            if self.call.prompt(_CLOSING_WORDS):
                await _first_of(self.call.finished(), said.wait(), within_s=within_s)
        finally:
            stop()
            self._said.set()

    async def _is_reached(self) -> bool:
        """Wait for the caller; ``False`` when it did not come, or when the call was ended before."""
        reached = False

        async def reach() -> None:
            nonlocal reached
            await self.leg.reached()
            reached = True

        await _first_of(reach(), self._ended.wait())
        if self._ended.is_set() or not reached:
            self.call.end(self.leg.end_reason if self.leg.reason else EndReason.CANCELLED, self.leg.reason)
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
        reason, detail = self._end()
        if self.gone or reason is EndReason.HUNG_UP:
            return
        self.told.over(reason, detail, self.error)
        try:
            coming = self.leg.state == "connecting"
            if coming and (reason is EndReason.OPERATOR or self.shutting_down()):
                # Neither a server that ends nor an operator waits for somebody who was not there yet.
                return
            async with asyncio.timeout(_CONNECT_WITHIN_S if coming else _TELL_WITHIN_S):
                await self.leg.connected()
            async with asyncio.timeout(_GOODBYE_WITHIN_S):
                await self.leg.closed()
        except (TimeoutError, LivegraphError):
            # It never came within reach, or it is not our page and stays on: it is hung up on.
            return

    def _leg_over(self, reason: str) -> None:
        self.gone = True
        # Its boxes may hear so later, or have heard it before; the first reason counts, in records as well.
        self.call.end(end_of(reason), reason)

    @property
    def failed_node(self) -> str:
        """The node at fault, when there is one."""
        return self.error.node if isinstance(self.error, ProcessorError) else ""


async def _first_of(*waits: Coroutine[Any, Any, object], within_s: float | None = None) -> None:
    """Return when one of the coroutines has returned or raised, or it is late; the others are cancelled."""
    tasks = {asyncio.create_task(wait) for wait in waits}
    try:
        await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
