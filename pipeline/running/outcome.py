"""How a call goes: the error that it ends with, and who is told of the others."""

from __future__ import annotations

import logging
from typing import Literal

from ..clock import Clock
from ..end_reason import EndReason
from ..errors import LivegraphError, ProcessorError
from ..events import CallEnded, EventBus, NodeFailed

__all__ = ["Outcome"]

logger = logging.getLogger("livegraph.call")


class Outcome:
    """The errors of one call."""

    def __init__(self, call: str, events: EventBus) -> None:
        self.error: LivegraphError | None = None
        """The first that the call could not go on with."""
        self._call = call
        self._events = events

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

    def close(self, clock: Clock, reason: EndReason | Literal[""], detail: str = "") -> EndReason:
        """Log and publish that the call is over; returns why: ``reason``, unless it failed."""
        error = self.error
        if error is not None:
            reason = EndReason.FAILED
            logger.error("%s ended: %s", self._call, error, exc_info=error.__cause__)
        else:
            reason = reason or EndReason.CANCELLED
            logger.info("%s ended: %s", self._call, f"{reason} ({detail})" if detail else reason)
        if self._events.wants(CallEnded):
            text = "" if error is None else str(error)
            self._events.publish(
                CallEnded(
                    time_ns=clock.now_ns(), call=self._call, reason=reason.value, detail=detail, error=text
                )
            )
        return reason
