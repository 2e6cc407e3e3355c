"""What a desk looks after while it is open: calls that have used up what they may, and records that are too old."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from ...pipeline.clock import day_time_ns
from ...transports.record.recorder import Recorder
from ...transports.record.retention import Retention, retention_of
from .line import Line
from .served import ServedAgent

__all__ = ["end_what_is_used_up", "keep_records_in_bounds"]

logger = logging.getLogger("livegraph.server")

_WARDEN_EVERY_S = 1.0
_RECORDS_EVERY_S = 3600.0


async def end_what_is_used_up(lines: Callable[[], Iterable[Line]]) -> None:
    """Each second, end the calls whose time, tokens or money are used up."""
    while True:
        await asyncio.sleep(_WARDEN_EVERY_S)
        for line in list(lines()):
            if line.running and not line.call.reason:
                reason = line.warden.verdict(line.call.clock.now_ns())
                if reason is not None:
                    logger.info("%s has used up what it may: %s", line.call.id, reason)
                    line.end(reason)


async def keep_records_in_bounds(agents: Callable[[], Iterable[ServedAgent]]) -> None:
    """At once and each hour, delete records that are too old, also of agents whom nobody calls any more."""
    while True:
        for retention in [one for agent in agents() for one in _retentions(agent)]:
            gone = await asyncio.to_thread(retention.apply, day_time_ns())
            if gone:
                logger.info("%d files of old records of %s are deleted", len(gone), retention.agent)
        await asyncio.sleep(_RECORDS_EVERY_S)


def _retentions(agent: ServedAgent) -> Iterable[Retention]:
    for node in agent.plan.checked.written.nodes.values():
        if issubclass(node.processor, Recorder):
            retention = retention_of(node, agent.plan.name)
            if retention is not None:
                yield retention
