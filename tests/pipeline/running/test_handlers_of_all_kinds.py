"""What handlers and observers may look like, whose thread they run in, and what becomes of the arrays they send."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline import (
    MS,
    AudioFrame,
    Call,
    Graph,
    In,
    LivegraphError,
    Out,
    Outs,
    Processor,
    ProcessorError,
    TextFrame,
    run_virtual,
)
from livegraph.pipeline.events import CallEnded, CallStarted, Event, NodeSlow
from livegraph.pipeline.frames import VideoFrame
from livegraph.processors import AppIn, AppOut
from livegraph.testing import no_tasks_left
from support.boxes import Collect, Hear, Words


class Text(Processor):
    """What the boxes of this file have in common."""

    text: In[TextFrame]
    out: Out[TextFrame]


def said(kind: type[Processor]) -> list[str]:
    """What comes out of ``kind`` for the words a and b, which come in one step and are the last."""
    heard: list[str] = []
    graph = Graph()
    graph.add("words", Words, words=["a", "b"])
    graph.add("mine", kind)
    graph.add("sink", Collect, into=heard)
    graph.chain("words", "mine", "sink")
    run_virtual(graph.plan().call().run())
    return heard


def fault(kind: type[Processor]) -> str:
    with pytest.raises(LivegraphError) as told:
        said(kind)
    return str(told.value)


# Threads -----------------------------------------------------------------------------------------------


def test_emit_from_a_thread_is_refused_while_its_handler_waits_for_it() -> None:
    """A plain handler may start threads too."""

    class Pools(Text):
        def on_text(self, frame: TextFrame) -> None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(self.out.emit, TextFrame("x")).result()

    assert "use self.out.emit_threadsafe(frame)" in fault(Pools)


@pytest.mark.parametrize("waits", [True, False])
def test_what_threads_hand_over_goes_out_before_the_end_of_the_stream(waits: bool) -> None:
    """Although nothing but the end follows, in the same step."""

    class Pools(Text):
        def on_text(self, frame: TextFrame) -> None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(self.out.emit_threadsafe, frame).result()

    class PoolsInAsync(Text):
        async def on_text(self, frame: TextFrame) -> None:
            await asyncio.to_thread(self.out.emit_threadsafe, frame)

    assert said(PoolsInAsync if waits else Pools) == ["a", "b"]


# Forms of handlers -------------------------------------------------------------------------------------


def as_task(function: Any) -> Any:
    """A wrapper that makes a task of a coroutine."""

    @functools.wraps(function)
    def call(*given: Any) -> Any:
        return asyncio.ensure_future(function(*given))

    return call


class AsTask(Text):
    @as_task
    async def on_text(self, frame: TextFrame) -> TextFrame:
        await asyncio.sleep(0.01)
        return frame


class Dispatches(Text):
    @functools.singledispatchmethod
    async def on_text(self, frame: TextFrame) -> TextFrame:
        await asyncio.sleep(0.01)
        return frame


class Stream:
    """An async iterator that is no generator."""

    def __init__(self, *frames: TextFrame) -> None:
        self.frames = list(frames)

    def __aiter__(self) -> AsyncIterator[TextFrame]:
        return self

    async def __anext__(self) -> TextFrame:
        await asyncio.sleep(0.01)
        if not self.frames:
            raise StopAsyncIteration
        return self.frames.pop()


class ReturnsAStream(Text):
    async def on_text(self, frame: TextFrame) -> Stream:
        return Stream(frame)


class EndsWithAStream(Text):
    def on_text(self, frame: TextFrame) -> None:
        self.last = frame

    def on_end(self) -> Stream:  # type: ignore[override]
        return Stream(self.last)


@pytest.mark.parametrize(
    ("kind", "heard"),
    [(AsTask, "ab"), (Dispatches, "ab"), (ReturnsAStream, "ab"), (EndsWithAStream, "b")],
)
def test_whatever_waits_is_waited_for(kind: type[Processor], heard: str) -> None:
    assert "".join(said(kind)) == heard


@pytest.mark.parametrize("makes", [asyncio.ensure_future, Stream])
def test_a_plain_handler_that_gives_what_would_have_to_wait_is_refused(makes: Callable[[Any], Any]) -> None:
    """A future can be iterated over, which is no reason to do it."""

    class Gives(Text):
        def on_text(self, frame: TextFrame) -> Any:
            return makes(asyncio.sleep(0, frame)) if makes is asyncio.ensure_future else makes(frame)

    assert "mine: TypeError: on_text gave a " in fault(Gives)
    assert "although it is a plain method" in fault(Gives)


# Observers ---------------------------------------------------------------------------------------------


def test_observers_may_be_anything_that_can_be_called() -> None:
    """Async objects that cannot be hashed, tasks and awaitables of one's own; what yields never runs, and is told."""
    heard: Counter[str] = Counter()

    async def note(name: str, event: Event) -> None:
        await asyncio.sleep(0.01)
        heard[name] += 1

    @dataclass
    class Unhashable:
        async def __call__(self, event: Event) -> None:
            await note("object", event)

    class Awaitable_:
        def __init__(self, event: Event) -> None:
            self.event = event

        def __await__(self) -> Any:
            return note("awaitable", self.event).__await__()

    async def yields(event: Event) -> AsyncIterator[None]:
        heard["never"] += 1
        yield

    async def main() -> None:
        graph = Graph()
        graph.add("words", Words, words=["a"])
        graph.add("sink", Collect)
        graph.chain("words", "sink")
        call = graph.plan().call()
        tasks = lambda event: asyncio.ensure_future(note("task", event))  # noqa: E731
        for kind in (CallStarted, CallEnded):
            for observer in (Unhashable(), Awaitable_, tasks, functools.partial(note, "partial"), yields):
                call.events.subscribe(kind, observer)
        async with no_tasks_left():
            await call.run()

    run_virtual(main())
    assert heard == {"object": 2, "awaitable": 2, "task": 2, "partial": 2}


# Arrays ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["slice", "buffer"])
def test_a_buffer_that_is_filled_again_changes_nothing_that_is_on_its_way(by: str) -> None:
    """What a frame has is a part of it; what waits in a queue keeps what was sent."""
    heard: list[int] = []

    class Reuses(Processor):
        out: Out[AudioFrame] = Out(rate=16_000, channels=1)

        async def run(self) -> None:
            memory = bytearray(640)
            ring = np.frombuffer(memory, np.int16)
            for number in range(5):
                ring[:] = number
                self.out.emit(AudioFrame(ring[:160] if by == "slice" else ring, 16_000))

    class Later(Processor):
        audio: In[AudioFrame]

        async def on_audio(self, frame: AudioFrame) -> None:
            await asyncio.sleep(0.01)
            heard.append(int(frame.samples[0]))

    graph = Graph()
    graph.add("reuses", Reuses)
    graph.add("later", Later)
    graph.chain("reuses", "later")
    run_virtual(graph.plan().call().run())
    assert heard == [0, 1, 2, 3, 4]


class Pictures(Processor):
    """Sends two pictures to one of its edges; the second is none."""

    outs: Outs[VideoFrame]

    async def run(self) -> None:
        for kind in (np.uint8, np.float32):
            self.outs.emit_to("looks", VideoFrame(np.zeros((2, 2, 3), kind)))


class Looks(Processor):
    picture: In[VideoFrame]

    def on_picture(self, frame: VideoFrame) -> None: ...


def test_what_goes_to_one_edge_is_looked_at_and_tapped_like_all() -> None:
    """Every picture of it, not only the first of its class."""
    tapped: list[VideoFrame] = []

    async def main() -> Call:
        graph = Graph()
        graph.add("pictures", Pictures)
        graph.add("looks", Looks)
        graph.chain("pictures", "looks")
        call = graph.plan().call()
        call.tap("pictures.outs", tapped.append)
        with pytest.raises(ProcessorError, match="pictures: ValueError: the output outs: pixels are uint8"):
            await call.run()
        return call

    run_virtual(main())
    assert len(tapped) == 1


@pytest.mark.parametrize("rate", [0, -8_000, 16_000.0, "16000", None])
def test_a_rate_is_a_whole_number_also_where_nothing_was_agreed(rate: Any) -> None:
    """By a port for any frame, too."""

    class Sends(Processor):
        out: Out[AudioFrame] = Out(rate=16_000, channels=1)

        async def run(self) -> None:
            self.out.emit(AudioFrame(np.zeros(160, np.int16), rate))

    async def between() -> None:
        graph = Graph()
        graph.connect(graph.add(AppIn, rate=16_000).frames, graph.add(AppOut).frames)
        async with graph.plan().call() as call:
            frame = AudioFrame(np.zeros(160, np.int16), rate)
            with pytest.raises(ValueError, match="whole number of Hz"):
                call.processor("app_in", AppIn).frames.emit(frame)

    graph = Graph()
    graph.add("sends", Sends)
    graph.add("hear", Hear)
    graph.chain("sends", "hear")
    with pytest.raises(ProcessorError, match=r"sends: ValueError: .*a whole number of Hz"):
        run_virtual(graph.plan().call().run())
    run_virtual(between())


# Pace --------------------------------------------------------------------------------------------------


class Passes(Processor):
    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(like="audio")


def slow(frame: AudioFrame) -> AudioFrame:
    time.sleep(0.03)
    return frame


class MapsLazily(Passes):
    def on_audio(self, frame: AudioFrame) -> Iterable[AudioFrame]:
        return map(slow, [frame])


class MapsInAsync(Passes):
    async def on_audio(self, frame: AudioFrame) -> Iterable[AudioFrame]:
        return map(slow, [frame])


class ThreadsIt(Passes):
    async def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return await self.offload(slow, frame)


class Plays(Passes):
    """Takes sound as it is heard, and is paused now and then."""

    paced = True

    async def on_audio(self, frame: AudioFrame) -> AudioFrame:
        await asyncio.sleep(0.1)
        return frame


@pytest.mark.parametrize(
    ("kind", "named"), [(MapsLazily, True), (MapsInAsync, True), (ThreadsIt, True), (Plays, False)]
)
def test_slow_is_who_works_and_not_who_waits_for_the_time_to_come(kind: type[Processor], named: bool) -> None:
    """Work may come after the handler, or be a thread's, which takes no virtual time."""
    told: list[str] = []

    class Microphone(Processor):
        ages = True
        out: Out[AudioFrame] = Out(rate=16_000, channels=1)

        async def run(self) -> None:
            for number in range(100):
                await self.out.send(
                    AudioFrame(np.zeros(320, np.int16), 16_000, time_ns=(number + 1) * 20 * MS)
                )
                await asyncio.sleep(0.02)
                if told:
                    return

    async def main() -> None:
        graph = Graph()
        graph.add("mic", Microphone)
        graph.add("works", kind)
        graph.add("hear", Hear)
        graph.chain("mic", "works", "hear")
        call = graph.plan().call()
        call.events.subscribe(NodeSlow, lambda event: told.append(event.node))
        await call.run()

    run_virtual(main())
    assert told == (["works"] if named else [])
