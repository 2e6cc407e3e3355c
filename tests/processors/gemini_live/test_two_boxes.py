"""Two Live boxes in one graph: each has turns of its own, and is interrupted alone."""

from __future__ import annotations

import asyncio

from livegraph.pipeline import SECOND, Graph, run_virtual
from livegraph.pipeline.events import Event, Interrupted, Transcript
from livegraph.pipeline.frames import source_of
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.testing import no_tasks_left
from support.live_room import Ear
from support.live_server import Connection, ScriptedServer, audio_message, talk, words


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
