"""Two Live boxes in one graph: each has turns of its own, and is interrupted alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import Any

import pytest

from livegraph.pipeline import SECOND, Graph, In, Out, SubGraph, ToolCallFrame, run_virtual
from livegraph.pipeline.events import Event, Interrupted, StateChanged, Transcript
from livegraph.pipeline.frames import AudioFrame, Turn, source_of
from livegraph.processors import Mixer
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.testing import no_tasks_left
from support.live_room import Ear, Tools
from support.live_server import SETUP_COMPLETE, Connection, ScriptedServer, audio_message, talk, words


def test_two_models_are_interrupted_one_without_the_other() -> None:
    """One server cuts its second turn: the other's first goes on to its end, heard and told whole."""

    async def cut(server: Connection) -> None:
        await server.accept()
        await talk(server, "First.", pieces=1)
        await server.send(words("A long story"))
        for _ in range(40):
            await server.send(audio_message(100))
        await asyncio.sleep(2)
        await server.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        await asyncio.sleep(20)

    async def whole(server: Connection) -> None:
        await server.accept()
        await server.send(words("Five seconds."))
        for _ in range(50):
            await server.send(audio_message(100))
        await server.send({"serverContent": {"generationComplete": True}})
        await asyncio.sleep(5)
        await server.send({"serverContent": {"turnComplete": True}})
        await asyncio.sleep(20)

    async def main() -> tuple[list[Event], dict[str, Ear]]:
        graph = Graph()
        graph.add("mic", AppIn, rate=16_000)
        for name in ("one", "two"):
            graph.add(name, GeminiLive)
            graph.add(f"ear_{name}", Ear)
            graph.connect("mic.audio", f"{name}.audio")
            graph.connect(f"{name}.audio", f"ear_{name}")
        events: list[Event] = []
        async with no_tasks_left(), ScriptedServer(cut, whole) as server:
            call = graph.plan().call(resources={LiveConnector: server})
            call.events.subscribe(Event, events.append)
            async with call:
                await asyncio.sleep(12)
                ears = {name: call.processor(f"ear_{name}", Ear) for name in ("one", "two")}
        return events, ears

    events, ears = run_virtual(main())
    # Who connected first got the first script.
    ((name, turn),) = [(event.source, event.turn) for event in events if isinstance(event, Interrupted)]
    other = {"one": "two", "two": "one"}[name]
    assert turn == 2
    heard = [(str(frame.turn), source_of(frame.turn)) for frame in ears[other].heard]
    assert heard == [("1", other)] * 50
    assert {int(frame.turn) for frame in ears[name].heard} == {1, 2}
    assert sum(frame.duration_ns for frame in ears[name].heard if frame.turn == 2) < 3 * SECOND
    said = {(event.source, event.text) for event in events if isinstance(event, Transcript) and event.final}
    assert (other, "Five seconds.") in said


# The same in other graphs -------------------------------------------------------------------------------

INTERRUPTED: dict[str, Any] = {"serverContent": {"interrupted": True}}
COMPLETE: dict[str, Any] = {"serverContent": {"turnComplete": True}}
NAMES = ("one", "two")


def who_is_who(scripts: dict[str, Callable[[Connection], Awaitable[None]]]) -> ScriptedServer:
    """A server that knows the boxes by their instructions, in whatever order they come."""

    async def script(server: Connection) -> None:
        await server.until(lambda: server.messages)
        told = str(server.setup.system_instruction)
        await server.send(SETUP_COMPLETE)
        await next(one for name, one in scripts.items() if f"I am {name}." in told)(server)

    return ScriptedServer(script)


async def cut_after_two_seconds(server: Connection) -> None:
    await server.send(words("A long story"))
    for _ in range(60):
        await server.send(audio_message(100, level=1_000))
    await asyncio.sleep(2)
    await server.send(INTERRUPTED, COMPLETE)
    await asyncio.sleep(60)


async def five_seconds(server: Connection) -> None:
    await server.send(words("Five seconds."))
    for _ in range(50):
        await server.send(audio_message(100, level=10))
    await server.send({"serverContent": {"generationComplete": True}})
    await asyncio.sleep(5)
    await server.send(COMPLETE)
    await asyncio.sleep(60)


def two_boxes() -> Graph:
    graph = Graph()
    graph.add("mic", AppIn, rate=16_000)
    for name in NAMES:
        graph.add(name, GeminiLive, instructions=f"I am {name}.")
        graph.connect("mic.audio", f"{name}.audio")
    return graph


def length_s(frames: list[AudioFrame]) -> float:
    return sum(frame.duration_ns for frame in frames) / SECOND


@pytest.mark.parametrize("name", NAMES)
def test_two_who_speak_at_once_through_a_mixer_are_cut_alone(name: str) -> None:
    """The sum of both is made just before it is heard: what is cut goes out of it, and the other is heard and told
    to its end, word by word at its time."""
    (other,) = {*NAMES} - {name}

    async def main() -> tuple[list[Event], Ear]:
        graph = two_boxes()
        mixer, ear = graph.add("mixer", Mixer), graph.add("ear", Ear)
        for each in NAMES:
            graph.connect(f"{each}.out", mixer)
        graph.connect(mixer, ear)
        events: list[Event] = []
        async with no_tasks_left(), who_is_who({name: cut_after_two_seconds, other: five_seconds}) as server:
            call = graph.plan().call(resources={LiveConnector: server})
            call.events.subscribe(Event, events.append)
            async with call:
                await asyncio.sleep(12)
                return events, call.processor(ear)

    events, ear = run_virtual(main())
    assert [(event.source, event.turn) for event in events if isinstance(event, Interrupted)] == [(name, 1)]
    both = [frame for frame in ear.heard if frame.samples[0] == 1_010]
    alone = [frame for frame in ear.heard if frame.samples[0] == 10]
    assert len(both) + len(alone) == len(ear.heard)
    assert 1.8 < length_s(both) < 2.3
    assert {source_of(frame.turn) for frame in alone} == {other}
    assert 4.7 < length_s(ear.heard) <= 5
    told = [event for event in events if isinstance(event, Transcript) and event.role == "agent"]
    (whole,) = [event for event in told if event.final and event.source == other]
    assert (whole.text, whole.interrupted) == ("Five seconds.", False)
    assert 4.7 * SECOND < whole.time_ns < 5.5 * SECOND
    assert [event.state for event in events if isinstance(event, StateChanged)] == ["speaking", "listening"]


@pytest.mark.parametrize("wire_id", ["call-1", ""])
def test_tools_that_two_models_share_answer_each_of_them(wire_id: str) -> None:
    """Though both ask under the same id, or under none; what one withdraws is the other's still. Utterances of both
    have numbers of their own."""

    def asks(withdraws: bool) -> Callable[[Connection], Awaitable[None]]:
        async def script(server: Connection) -> None:
            await talk(server, "Let me see.")
            call = {"name": "look", "args": {}} | ({"id": wire_id} if wire_id else {})
            await server.send({"toolCall": {"functionCalls": [call]}})
            if withdraws:
                await asyncio.sleep(0.1)
                await server.send({"toolCallCancellation": {"ids": [wire_id]}})
            await asyncio.sleep(60)

        return script

    async def main() -> tuple[dict[str, list[Any]], list[str], list[Transcript]]:
        graph = two_boxes()
        tools = graph.add("tools", Tools, names=["look"], after_ms=500)
        for name in NAMES:
            graph.connect(f"{name}.out", graph.add(f"ear_{name}", Ear))
            graph.connect(f"{name}.tool_calls", tools)
            graph.connect(tools, f"{name}.tool_results")
        said: list[Transcript] = []
        async with who_is_who({"one": asks(bool(wire_id)), "two": asks(False)}) as server:
            call = graph.plan().call(resources={LiveConnector: server})
            call.events.subscribe(Transcript, said.append)
            async with call:
                await asyncio.sleep(5)
                seen = [frame.id for frame in call.processor(tools).seen if isinstance(frame, ToolCallFrame)]
            answered = {
                "one" if "I am one." in str(each.setup.system_instruction) else "two": each.tool_responses
                for each in server.connections
            }
        return answered, seen, said

    answered, seen, said = run_virtual(main())
    assert len(seen) == len(set(seen)) == 2
    assert [response.id for response in answered["two"]] == [wire_id]
    assert len(answered["one"]) == (0 if wire_id else 1)
    whole = [(event.source, event.utterance) for event in said if event.final]
    assert len(whole) == len({number for _, number in whole}) == 2


def test_whoever_is_taken_out_and_put_back_is_cut_alone_too() -> None:
    """By a change of the call: its turns go on counting, and the other's are none of them."""

    async def main() -> tuple[list[tuple[str, int]], dict[str, list[AudioFrame]]]:
        graph = two_boxes()
        for name in NAMES:
            graph.connect(f"{name}.out", graph.add(f"ear_{name}", Ear))
        cut: list[tuple[str, int]] = []

        def without(changed: Graph) -> None:
            changed.remove("one")
            changed.remove("ear_one")

        def again(changed: Graph) -> None:
            changed.add("one", GeminiLive, instructions="I am one.")
            changed.connect("mic.audio", "one.audio")
            changed.connect("one.out", changed.add("ear_one", Ear))

        async with who_is_who({"one": cut_after_two_seconds, "two": five_seconds}) as server:
            call = graph.plan().call(resources={LiveConnector: server})
            call.events.subscribe(Interrupted, lambda event: cut.append((event.source, int(event.turn))))
            async with call:
                await asyncio.sleep(1)
                await call.change(without)
                await asyncio.sleep(1)
                await call.change(again)
                await asyncio.sleep(6)
                conversation = call.processor("two", GeminiLive).call.conversation
                assert conversation.newest_of("one") == 2
                conversation.interrupted(Turn(1, "two"))
                ears = {name: call.processor(f"ear_{name}", Ear).heard for name in NAMES}
        return cut, ears

    cut, ears = run_virtual(main())
    assert ("one", 2) in cut and cut[-1] == ("two", 1)
    assert [source_of(turn) for turn, _ in groupby(ears["one"], lambda frame: frame.turn)] == ["one"]
    assert length_s(ears["one"]) < 3
    assert length_s(ears["two"]) == 5


class Guest(SubGraph):
    """A model, and the loudspeaker that it is heard by."""

    audio: In[AudioFrame]
    out: Out[AudioFrame]

    def __init__(self, *, who: str) -> None:
        self.who = who

    def build(self, graph: Graph) -> None:
        live, ear = graph.add("live", GeminiLive, instructions=f"I am {self.who}."), graph.add("ear", Ear)
        graph.connect(live.out, ear.sound)
        self.audio, self.out = live.audio, live.out


def test_two_of_one_sub_graph_are_two_speakers() -> None:
    """The same part of a graph, used twice: each has turns of its own, and is cut alone."""

    async def main() -> tuple[list[tuple[str, int]], list[AudioFrame], list[AudioFrame]]:
        graph = Graph()
        mic = graph.add("mic", AppIn, rate=16_000)
        for name in NAMES:
            graph.connect(mic.audio, graph.add(f"guest_{name}", Guest, who=name).audio)
        cut: list[tuple[str, int]] = []
        async with who_is_who({"one": cut_after_two_seconds, "two": five_seconds}) as server:
            call = graph.plan().call(resources={LiveConnector: server})
            call.events.subscribe(Interrupted, lambda event: cut.append((event.source, int(event.turn))))
            async with call:
                await asyncio.sleep(8)
                heard = [call.processor(f"guest_{name}/ear", Ear).heard for name in NAMES]
        return cut, *heard

    cut, one, two = run_virtual(main())
    assert cut == [("guest_one/live", 1)]
    assert length_s(one) < 2.3 and length_s(two) == 5
