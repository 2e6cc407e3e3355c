"""How a call goes: why and with which error it ends, and who is told of the others."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from ..clock import Clock
from ..end_reason import EndReason, read_end_reason
from ..errors import LivegraphError, ProcessorError
from ..events import CallEnded, EventBus, NodeFailed

__all__ = ["Outcome"]

logger = logging.getLogger("livegraph.call")


class Outcome:
    """The errors of one call, and its end."""

    def __init__(self, call: str, events: EventBus) -> None:
        self.error: LivegraphError | None = None
        """The first that the call could not go on with."""
        self.reason: EndReason | Literal[""] = ""
        """Why it ended; empty while it runs."""
        self.detail = ""
        """What whoever ended it says of it, for people."""
        self.ended = False
        self._ending: asyncio.Future[None] | None = None
        self._call = call
        self._events = events

    @property
    def ending(self) -> asyncio.Future[None]:
        """Done when the call must end. To be asked for where its loop runs."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_future()
            if self.ended:
                self._ending.set_result(None)
        return self._ending

    def end(self, reason: EndReason | str, detail: str = "") -> None:
        """The call must end; the first reason counts."""
        if self.ended:
            return
        self.ended = True
        self.reason, self.detail = read_end_reason(reason, detail)
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(None)

    def fail(self, error: LivegraphError) -> None:
        """The first error is the call's, and is logged with it; those that follow are logged here."""
        if self.error is None:
            self.error = error
        elif self.error is not error:
            logger.error("%s: %s", self._call, error, exc_info=error.__cause__)

    def tell(self, clock: Clock, node: str, error: ProcessorError, *, fatal: bool) -> None:
        """Publish that a node failed."""
        if self._events.wants(NodeFailed):
            self._events.publish(
                NodeFailed(
                    time_ns=clock.now_ns(), node=node, message=str(error), remedy=error.remedy, fatal=fatal
                )
            )

    def warn(self, clock: Clock, node: str, error: ProcessorError, consequence: str) -> None:
        """Publish and log that a node failed and the call goes on."""
        self.tell(clock, node, error, fatal=False)
        logger.warning("%s: %s (%s)", self._call, error, consequence, exc_info=error.__cause__)

    def close(self, clock: Clock) -> None:
        """Log and publish that the call is over."""
        error = self.error
        if error is not None:
            reason = EndReason.FAILED
            logger.error("%s ended: %s", self._call, error, exc_info=error.__cause__)
        else:
            reason = self.reason or EndReason.CANCELLED
            logger.info("%s ended: %s", self._call, f"{reason} ({self.detail})" if self.detail else reason)
        self.reason = reason
        if self._events.wants(CallEnded):
            text = "" if error is None else str(error)
            self._events.publish(
                CallEnded(
                    time_ns=clock.now_ns(),
                    call=self._call,
                    reason=reason.value,
                    detail=self.detail,
                    error=text,
                )
            )
