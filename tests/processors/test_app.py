"""A program's own ends of a graph: what goes in comes out, bounded, and nobody is left waiting."""

import asyncio
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline import AudioFrame, Frame, Graph, Processor, TextFrame, run_virtual
from livegraph.pipeline.end_reason import EndReason
from livegraph.pipeline.ports import In, Out
from livegraph.processors.app import AppIn, AppOut
from livegraph.testing import no_tasks_left
from support.boxes import Hear, SlowUpper, Upper


def graph_with(box: type[Processor], **options: Any) -> Graph:
    """Source, box, sink for text."""
    graph = Graph()
    graph.add("source", AppIn)
    graph.add("box", box)
    graph.add("sink", AppOut, **options)
    graph.chain("source", "box", "sink")
    return graph


def test_frames_go_in_and_come_out_until_the_program_ends_the_stream() -> None:
    """In order; the call completes by itself."""

    async def main() -> list[str]:
        async with no_tasks_left(), graph_with(SlowUpper).plan().call() as call:
            source, sink = call.processor("source", AppIn), call.processor("sink", AppOut)
            for word in ("a", "b"):
                await source.send(TextFrame(word))
            source.end()
            heard = [frame.text async for frame in sink if isinstance(frame, TextFrame)]
            await call.finished()
            assert call.reason == "completed"
        return heard

    assert run_virtual(main()) == ["A", "B"]


def test_nothing_can_follow_the_end() -> None:
    """Neither the program's own nor the call's."""

    async def main() -> None:
        async with graph_with(Upper).plan().call() as call:
            source = call.processor("source", AppIn)
            source.end()
            with pytest.raises(ValueError, match="source: the stream was ended"):
                await source.send(TextFrame("late"))
        async with graph_with(Upper).plan().call() as call:
            source = call.processor("source", AppIn)
        with pytest.raises(ValueError, match="source: the stream was ended"):
            await source.send(TextFrame("late"))

    run_virtual(main())


def test_a_slow_reader_holds_the_source_up() -> None:
    """The limit and the queues in front of it bound what is under way."""
    graph = Graph()
    graph.add("source", AppIn)
    graph.add("sink", AppOut, limit=3)
    graph.connect("source.frames", "sink", max_frames=2)

    async def main() -> None:
        async with no_tasks_left(), graph.plan().call() as call:
            source, sink = call.processor("source", AppIn), call.processor("sink", AppOut)
            sent: list[int] = []

            async def feed() -> None:
                for number in range(20):
                    await source.send(TextFrame(str(number)))
                    sent.append(number)
                source.end()

            feeding = asyncio.create_task(feed())
            await asyncio.sleep(10)
            # Three held, one at the handler, two queued: the seventh waits.
            assert len(sent) <= 6
            heard = [frame.text async for frame in sink if isinstance(frame, TextFrame)]
            assert heard == [str(number) for number in range(20)]
            await feeding

    run_virtual(main())


def test_whoever_waits_for_room_is_let_go_when_the_call_ends() -> None:
    """A program's task must not hang on a call that is over."""
    graph = Graph()
    graph.add("source", AppIn)
    graph.add("sink", AppOut, limit=1)
    graph.connect("source.frames", "sink", max_frames=1)

    async def main() -> None:
        async with no_tasks_left():
            async with graph.plan().call() as call:
                source = call.processor("source", AppIn)

                async def feed() -> None:
                    while True:
                        await source.send(TextFrame("x"))

                feeding = asyncio.create_task(feed())
                await asyncio.sleep(1)
                assert not feeding.done()
            await asyncio.wait({feeding}, timeout=1)
            with pytest.raises(ValueError, match="ended"):
                await feeding

    run_virtual(main())


def test_a_reader_ends_with_the_call() -> None:
    """Also one that is ended from outside, while the reader waits; what was held is still read."""

    async def main() -> None:
        async with no_tasks_left():
            async with graph_with(Upper).plan().call() as call:
                source, sink = call.processor("source", AppIn), call.processor("sink", AppOut)
                await source.send(TextFrame("a"))
                asyncio.get_running_loop().call_later(1, call.end, EndReason.HUNG_UP)
                heard = [frame async for frame in sink]
            assert len(heard) == 1
            assert call.reason is EndReason.HUNG_UP

    run_virtual(main())


def test_an_interrupt_takes_what_the_program_has_not_read() -> None:
    """Frames of void turns go, the others stay."""

    async def main() -> list[str]:
        async with graph_with(Upper).plan().call() as call:
            source, sink = call.processor("source", AppIn), call.processor("sink", AppOut)
            for turn in (1, 0, 2):
                await source.send(TextFrame(f"t{turn}", turn=turn))
            await asyncio.sleep(0.1)
            source.call.conversation.interrupted(1)
            source.end()
            return [frame.text async for frame in sink if isinstance(frame, TextFrame)]

    assert run_virtual(main()) == ["T0", "T2"]


def audio_graph(**options: Any) -> Graph:
    graph = Graph()
    graph.add("source", AppIn, **options)
    graph.add("hear", Hear, rate=16_000)
    graph.connect("source", "hear")
    return graph


def test_audio_takes_the_format_that_is_needed_or_the_one_that_is_said() -> None:
    """Left open it is the receiver's; said, a resampler is put in."""
    assert audio_graph().plan().format_of("source", "audio").rate == 16_000
    said = audio_graph(rate=48_000).plan()
    assert said.format_of("source", "audio").rate == 48_000
    assert len(said.inserted) == 1


def test_audio_of_another_format_is_refused_in_words() -> None:
    """With the options to set."""

    async def main() -> None:
        async with audio_graph().plan().call() as call:
            source = call.processor("source", AppIn)
            await source.send(AudioFrame(np.zeros(160, np.int16), 16_000))
            for frame in (
                AudioFrame(np.zeros(160, np.int16), 8_000),
                AudioFrame(np.zeros((160, 2), np.int16), 16_000),
            ):
                with pytest.raises(ValueError, match="expects audio of 16000 Hz mono"):
                    await source.send(frame)
            floats = np.zeros(160, np.float32)
            with pytest.raises(ValueError, match="int16"):
                await source.send(AudioFrame(floats, 16_000))  # type: ignore[arg-type]  # wrong on purpose

    run_virtual(main())


def test_audio_that_nothing_takes_is_refused() -> None:
    """Rather than lost."""

    async def main() -> None:
        async with graph_with(Upper).plan().call() as call:
            with pytest.raises(ValueError, match="nothing in the graph takes its audio"):
                await call.processor("source", AppIn).send(AudioFrame(np.zeros(160, np.int16), 16_000))

    run_virtual(main())


class Custom(Frame):
    """A program's own."""

    number: int


class Increase(Processor):
    """Takes and gives them."""

    custom: In[Custom]
    out: Out[Custom]

    def on_custom(self, frame: Custom) -> Custom:
        return Custom(frame.number + 1)


def test_frames_of_the_programs_own_pass() -> None:
    """Nobody else needs to know them."""

    async def main() -> list[int]:
        async with graph_with(Increase).plan().call() as call:
            source, sink = call.processor("source", AppIn), call.processor("sink", AppOut)
            await source.send(Custom(1))
            await source.send(TextFrame("not for this edge"))
            source.end()
            return [frame.number async for frame in sink if isinstance(frame, Custom)]

    assert run_virtual(main()) == [2]
