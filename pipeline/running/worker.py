"""Serves the queues of one node: one frame at a time, in order of arrival, to the end of its inputs."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext
from types import CoroutineType
from typing import Any

from ..clock import stood_still_ns
from ..frames import Frame
from ..graph.hops import works_async
from ..units import MS
from .edges import QueuedEdge
from .inlets import Inlet
from .node import NodeRuntime
from .pace import Meter
from .results import inherited, is_lazy, is_many, one_by_one, wrong_result

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
    inlets = [(inlet, inlet.queue) for inlet in node.intake.inlets if inlet.queue is not None]
    only = inlets[0] if len(inlets) == 1 else None
    now_ns, routes, pace = node.now_ns, node.routes, node.pace
    slice_ns, served, taken = now_ns(), 0, 0
    fresh = False
    # A handler that swallows its cancellation ends with the frame that it is at.
    while not (node.muted or node.ended or node.closed or task.cancelling()):
        if node.attention:
            node.attention = False
            node.between.take_tuning()
            node.between.take_deferred()
            inlets = [(inlet, inlet.queue) for inlet in node.intake.inlets if inlet.queue is not None]
            only = inlets[0] if len(inlets) == 1 else None
        inlet, queue = only or _next_of(inlets)
        if not queue.stats.held:
            node.reports.idle(node)
            await node.intake.frames_come()
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
                result = await _measured(node, inlet, frame)
            else:
                result = inlet.handler(frame)
            if result is not None:
                if type(result) is CoroutineType:
                    strand.at = frame
                    result = await result
                    strand.at = None
                if result is not None:
                    onward = routes.get(type(result))
                    if onward is not None:
                        if result is frame or not (frame.turn or frame.time_ns):
                            onward(result)
                        else:
                            onward(inherited(result, frame))
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
            if pace.step_measured:
                pace.end_step()
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


async def _measured(node: NodeRuntime, inlet: Inlet, frame: Frame) -> Any:
    """What the handler makes of ``frame``; what it took counts. What it yields is sent."""
    strand, now_ns, meter = node.strand, node.now_ns, Meter(node.pace)
    # What a thread does for it takes no virtual time.
    began_ns, strand.waited_ns = now_ns() + stood_still_ns(), 0
    with meter:
        result = inlet.handler(frame)
    kind = type(node.processor)
    if type(result) is CoroutineType or (hasattr(type(result), "__await__") and works_async(kind)):
        strand.at = frame
        result = await meter.awaiting(result)
        strand.at = None
    if is_lazy(result) and not isinstance(result, Frame):
        await _send_all(node, frame, result, meter)
        result = None
    sound_ns = frame.duration_ns
    if works_async(kind) and not kind.paced:
        took_ns = meter.cost_ns(now_ns() + stood_still_ns() - began_ns - strand.waited_ns, sound_ns)
    else:
        took_ns = meter.work_ns
    node.pace.count(node, took_ns, sound_ns)
    return result


async def _send_all(node: NodeRuntime, frame: Frame, result: Any, meter: Meter | None = None) -> None:
    """Send what a handler yields or returned as several, waiting for room after each."""
    node.strand.at = frame
    if hasattr(type(result), "__await__") and works_async(type(node.processor)):
        # What wraps an async handler may make a task of it.
        result = await result
        if result is None:
            return
        if isinstance(result, Frame):
            await _send_one(node, frame, result)
            return
    if hasattr(type(result), "__aiter__") and works_async(type(node.processor)):
        # Closed here, whatever happens: what it has in its `finally` belongs to this frame.
        made = aiter(result)
        async with aclosing(made) if hasattr(made, "aclose") else nullcontext():
            while True:
                step = anext(made)
                try:
                    one = await (step if meter is None else meter.awaiting(step))
                except StopAsyncIteration:
                    return
                await _send_one(node, frame, one)
    elif is_many(result):
        with one_by_one(result) as many:
            for one in many if meter is None else meter.each(many):
                await _send_one(node, frame, one)
    else:
        raise wrong_result(result)


async def _send_one(node: NodeRuntime, frame: Frame, one: Any) -> None:
    # Another frame may have come meanwhile, without a queue.
    node.answering = frame
    node.answer(one)
    if node.strand.filled:
        await node.strand.room()


def _next_of(inlets: list[tuple[Inlet, QueuedEdge]]) -> tuple[Inlet, QueuedEdge]:
    """The one whose head came first; but a feedback queue that is full comes before all: a loop runs as long as what
    goes round it finds room."""
    for entry in inlets:
        if entry[0].edge.feedback and entry[1].full and entry[1].stats.held:
            return entry
    return min(inlets, key=_arrival)


def _arrival(entry: tuple[Inlet, QueuedEdge]) -> float:
    return entry[1].arrival
