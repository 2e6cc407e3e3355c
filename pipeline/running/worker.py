"""Serves the queues of one node: one frame at a time, in order of arrival, to the end of its inputs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from types import AsyncGeneratorType, CoroutineType
from typing import Any

from ..frames import Frame
from ..graph.hops import works_async
from ..units import MS
from .edges import QueuedEdge
from .inlets import Inlet
from .node import NodeRuntime
from .pace import TimedBody, async_cost_ns
from .results import is_many, one_by_one, wrong_result

__all__ = ["serve"]

_SLICE_NS = 5 * MS
"""A worker with frames waiting lets others run after so long."""
_SLICE_FRAMES = 256
"""And after so many: on virtual time a computation takes none."""


async def serve(node: NodeRuntime) -> None:
    """Take frames to the handlers until the node has ended, is muted, or is cancelled."""
    strand = node.strand
    strand.enter()
    task = strand.task
    assert task is not None
    inlets = [(inlet, inlet.queue) for inlet in node.inlets if inlet.queue is not None]
    only = inlets[0] if len(inlets) == 1 else None
    now_ns, routes, pace = node.now_ns, node.routes, node.pace
    waits = works_async(type(node.processor))
    slice_ns, served, taken = now_ns(), 0, 0
    fresh = False
    # A handler that swallows its cancellation ends with the frame that it is at.
    while not (node.muted or node.ended or node.closed or task.cancelling()):
        if node.attention:
            node.attention = False
            node.take_tuning()
            node.take_deferred()
            inlets = [(inlet, inlet.queue) for inlet in node.inlets if inlet.queue is not None]
            only = inlets[0] if len(inlets) == 1 else None
        inlet, queue = only or min(inlets, key=_arrival)
        if not queue.stats.held:
            await node.frames_come()
            fresh = True
            continue
        at_ns = now_ns()
        if fresh:
            # A slice begins where it waited, not where it was woken.
            slice_ns, served, fresh = at_ns, 0, False
        if served >= _SLICE_FRAMES or at_ns - slice_ns > _SLICE_NS:
            await asyncio.sleep(0)
            slice_ns, served = now_ns(), 0
            continue
        frame = queue.pop(at_ns)
        assert frame is not None
        served += 1
        taken += 1
        node.busy_since_ns = at_ns
        node.answering = frame
        try:
            if frame.marker:
                result = node.take_marker(inlet, frame)
            elif inlet.media and pace.due(taken):
                if waits:
                    result = await _timed(node, inlet.handler, frame)
                else:
                    result = pace.timed(node, inlet.handler, frame)
            else:
                result = inlet.handler(frame)
            if result is not None:
                if type(result) is CoroutineType:
                    strand.at = frame
                    result = await result
                    strand.at = None
                if result is not None:
                    onward = routes.get(type(result))
                    if onward is not None and (result is frame or not (frame.turn or frame.time_ns)):
                        onward(result)
                    elif isinstance(result, Frame):
                        node.answer(result)
                    else:
                        await _send_all(node, frame, result)
            if strand.filled:
                await strand.room()
        except asyncio.CancelledError as error:
            cut, strand.cut = strand.cut, False
            if cut:
                task.uncancel()
            if task.cancelling():
                raise
            if not cut:
                node.blame(error, inlet.port)
        except BaseException as error:
            node.blame(error, inlet.port)
        finally:
            node.answering = strand.at = None
            node.busy_since_ns = None
        if strand.cut:
            # It came to its end in spite of the cut. What was not delivered of that is delivered here.
            strand.cut = False
            task.uncancel()
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if task.cancelling():
                    raise


async def _timed(node: NodeRuntime, handler: Callable[[Any], Any], frame: Frame) -> Any:
    """What an async handler makes of ``frame``; what it took counts."""
    strand, now_ns = node.strand, node.now_ns
    result = handler(frame)
    if result.__class__ is not CoroutineType:
        return result
    strand.at = frame
    body = TimedBody(result)
    began_ns, strand.waited_ns = now_ns(), 0
    result = await body
    strand.at = None
    took_ns = now_ns() - began_ns - strand.waited_ns
    node.pace.count(node, async_cost_ns(body, took_ns, frame.duration_ns), frame.duration_ns)
    return result


async def _send_all(node: NodeRuntime, frame: Frame, result: Any) -> None:
    """Send what a handler yields or returned as several, waiting for room after each."""
    strand = node.strand
    if isinstance(result, AsyncGeneratorType):
        strand.at = frame
        # Closed here, whatever happens: what it has in its `finally` belongs to this frame.
        async with aclosing(result) as made:
            async for one in made:
                node.answer(one)
                if strand.filled:
                    await strand.room()
    elif is_many(result):
        many: Iterable[Any] = result
        strand.at = frame
        with one_by_one(many) as made:
            for one in made:
                node.answer(one)
                if strand.filled:
                    await strand.room()
    else:
        raise wrong_result(result)


def _arrival(entry: tuple[Inlet, QueuedEdge]) -> float:
    return entry[1].arrival
