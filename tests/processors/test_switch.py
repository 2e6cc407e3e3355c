"""The switch: one input to one output, changed by option, message or function, between two frames."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from livegraph.pipeline import (
    Call,
    ConfigError,
    Graph,
    MessageFrame,
    ProcessorError,
    ToolCallFrame,
    ToolResultFrame,
    run_virtual,
)
from livegraph.pipeline.events import Event, KeyPressed
from livegraph.processors import AppIn, AppOut, Switch
from livegraph.processors.tools.catalog import ToolCatalog
from support.boxes import Collect, Words


def switched(during: Callable[[Call], Awaitable[None]] | None = None, **options: Any) -> list[list[str]]:
    """Two inputs, a and b, that say a word each 20 ms; what each of the two outputs x and y gets."""
    heard: list[list[str]] = [[], []]
    graph = Graph()
    switch = graph.add("switch", Switch, **options)
    for name in "ab":
        words = [f"{name}{number}" for number in range(6)]
        graph.connect(graph.add(name, Words, words=words, gap_ms=20).out, switch.inputs)
    control = graph.add("control", AppIn)
    graph.connect(control.frames, switch.events)
    for name, into in zip("xy", heard, strict=True):
        graph.connect(switch.outputs, graph.add(name, Collect, into=into).text)

    async def main() -> None:
        async with graph.plan().call() as call:
            if during is not None:
                await during(call)
            call.processor(control).end()
            await call.finished()

    run_virtual(main())
    return heard


def test_the_first_input_goes_to_every_output() -> None:
    """Unless it is told otherwise."""
    words = [f"a{number}" for number in range(6)]
    assert switched() == [words, words]
    assert switched(input="b", output="y") == [[], [f"b{number}" for number in range(6)]]


def test_live_options_switch_it_between_two_frames() -> None:
    """What the input that is off says meanwhile is dropped."""

    async def tune(call: Call) -> None:
        await asyncio.sleep(0.05)
        call.tune({"switch": {"input": "b", "output": "y"}})

    assert switched(tune, output="x") == [["a0", "a1", "a2"], ["b3", "b4", "b5"]]


def test_a_message_switches_it() -> None:
    """Of its topic; what it cannot be is told in the log and changes nothing."""

    async def send(call: Call) -> None:
        control = call.processor("control", AppIn)
        await asyncio.sleep(0.05)
        await control.send(MessageFrame("other", {"input": "b"}))
        await control.send(MessageFrame("switch", {"input": "nobody"}))
        await control.send(MessageFrame("switch", "b"))
        await asyncio.sleep(0.02)
        await control.send(MessageFrame("switch", {"input": "b"}))

    assert switched(send)[0] == ["a0", "a1", "a2", "a3", "b4", "b5"]


class DoorOpened(Event, frozen=True, kw_only=True):
    """An event of one's own."""

    door: int
    by: str = ""


def test_an_event_of_the_call_switches_it() -> None:
    """By what its fields are; from the next frame on. Nobody listens any more once the box has stopped."""

    async def happen(call: Call) -> None:
        publish = call.events.publish
        await asyncio.sleep(0.05)
        publish(KeyPressed(time_ns=1, key="1"))
        publish(DoorOpened(time_ns=1, door=8))
        publish(DoorOpened(time_ns=1, door=7, by="nobody"))
        await asyncio.sleep(0.02)
        publish(KeyPressed(time_ns=2, key="9"))
        publish(DoorOpened(time_ns=2, door=7))
        over.append(call)

    over: list[Call] = []
    when = [
        {"event": "key_pressed", "where": {"key": 9}, "input": "b"},
        {"event": "door_opened", "where": {"door": 7, "by": ""}, "output": "y"},
    ]
    assert switched(happen, when=when, output="x") == [["a0", "a1", "a2", "a3"], ["b4", "b5"]]
    assert not over[0].events.wants(KeyPressed)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"event": "key_presed", "input": "b"}, "did you mean `key_pressed`"),
        ({"event": "key_pressed", "where": {"kee": "1"}, "input": "b"}, "`key_pressed` has no `kee`"),
        ({"event": "key_pressed"}, "it switches nothing"),
        ({"input": "b"}, "event"),
    ],
)
def test_a_rule_that_makes_no_sense_is_told_before_a_call(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        switched(when=[rule])
    assert told in str(refused.value)


def test_a_rule_for_an_edge_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(ProcessorError, match=r"has no input 'nobody'\. its inputs are called: a, b"):
        switched(when=[{"event": "key_pressed", "input": "nobody"}])


@pytest.mark.parametrize("options", [{"input": "nobody"}, {"output": "nobody"}])
def test_edges_that_are_not_there_are_told_with_those_that_are(options: dict[str, str]) -> None:
    with pytest.raises(
        ProcessorError, match=r"has no (in|out)put 'nobody'\. its (in|out)puts are called: (a, b|x, y)"
    ):
        switched(**options)


def test_a_model_switches_it_by_a_function() -> None:
    """The function is advertised with the names that there are; a wrong name is answered with them."""
    graph = Graph()
    switch = graph.add("switch", Switch, tool="transfer", describe="Hand the caller over.")
    for name in "ab":
        graph.connect(graph.add(name, Words, words=["one"], gap_ms=100).out, switch.inputs)
    calls, answers = graph.add("calls", AppIn), graph.add("answers", AppOut)
    graph.connect(calls.frames, switch.calls)
    graph.connect(switch.results, answers.frames)
    graph.connect(switch.outputs, graph.add("sink", Collect).text)

    async def main() -> list[ToolResultFrame]:
        results: list[ToolResultFrame] = []
        async with graph.plan().call() as call:
            (catalog,) = call.processor(calls).frames.peers_advertise()
            assert isinstance(catalog, ToolCatalog)
            (function,) = catalog.functions
            assert (function.name, function.description) == ("transfer", "Hand the caller over.")
            assert function.parameters["properties"] == {"input": {"type": "string", "enum": ["a", "b"]}}
            source = call.processor(calls)
            await source.send(ToolCallFrame("1", "transfer", {"input": "b"}))
            await source.send(ToolCallFrame("2", "transfer", {"input": "c"}))
            await source.send(ToolCallFrame("3", "another", {}))
            source.end()
            async for frame in call.processor(answers):
                assert isinstance(frame, ToolResultFrame)
                results.append(frame)
        return results

    first, second = run_virtual(main())
    assert (first.id, first.result, first.failed) == ("1", {"output": "done"}, False)
    assert second.failed and "its inputs are called: a, b" in second.result["error"]


def test_a_switch_with_nothing_to_switch_is_refused() -> None:
    graph = Graph()
    graph.add(Switch)
    with pytest.raises(ConfigError, match=r"nothing is connected to the input `switch\.inputs`"):
        graph.plan()
