"""The switch: one input to one output, changed by option, message or function, between two frames."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from livegraph.pipeline import (
    ConfigError,
    Graph,
    MessageFrame,
    ProcessorError,
    TextFrame,
    ToolCallFrame,
    ToolResultFrame,
    ms,
    run_virtual,
)
from livegraph.pipeline.events import Event, KeyPressed
from livegraph.processors import Switch
from livegraph.processors.tools.catalog import ToolCatalog
from livegraph.testing import LiveProcessor, live_processor
from support.boxes import Collect, Words

Box = LiveProcessor[Switch]


def switched(during: Callable[[Box], Awaitable[None]] | None = None, **options: Any) -> list[list[str]]:
    """Two inputs, a and b, that say a word each 20 ms; what each of the two outputs x and y gets."""

    async def main() -> Box:
        edges = {"inputs": ["a", "b"], "outputs": ["x", "y"]}
        async with live_processor(Switch, edges=edges, **options) as box:
            async with asyncio.TaskGroup() as group:
                for name in "ab":
                    words = [TextFrame(f"{name}{number}", time_ns=ms(20 * number)) for number in range(6)]
                    group.create_task(box.send(*((f"inputs.{name}", word) for word in words)))
                if during is not None:
                    group.create_task(during(box))
            box.end()
            await box.ended()
        return box

    box = run_virtual(main())
    return [
        [frame.text for frame in box.frames(f"outputs.{name}") if isinstance(frame, TextFrame)]
        for name in "xy"
    ]


def test_the_first_input_goes_to_every_output() -> None:
    """Unless it is told otherwise."""
    words = [f"a{number}" for number in range(6)]
    assert switched() == [words, words]
    assert switched(input="b", output="y") == [[], [f"b{number}" for number in range(6)]]


def test_live_options_switch_it_between_two_frames() -> None:
    """What the input that is off says meanwhile is dropped."""

    async def tune(box: Box) -> None:
        await box.sleep("50ms")
        box.call.tune({"box": {"input": "b", "output": "y"}})

    assert switched(tune, output="x") == [["a0", "a1", "a2"], ["b3", "b4", "b5"]]


def test_a_message_switches_it() -> None:
    """Of its topic; what it cannot be is told in the log and changes nothing."""

    async def send(box: Box) -> None:
        await box.sleep("50ms")
        await box.send(("events", MessageFrame("other", {"input": "b"})))
        await box.send(("events", MessageFrame("switch", {"input": "nobody"})))
        await box.send(("events", MessageFrame("switch", "b")))
        await box.sleep("20ms")
        await box.send(("events", MessageFrame("switch", {"input": "b"})))

    assert switched(send)[0] == ["a0", "a1", "a2", "a3", "b4", "b5"]


class DoorOpened(Event, frozen=True, kw_only=True):
    """An event of one's own."""

    door: int
    by: str = ""


def test_an_event_of_the_call_switches_it() -> None:
    """By what its fields are; from the next frame on."""

    async def happen(box: Box) -> None:
        publish = box.call.events.publish
        await box.sleep("50ms")
        publish(KeyPressed(time_ns=1, key="1"))
        publish(DoorOpened(time_ns=1, door=8))
        publish(DoorOpened(time_ns=1, door=7, by="nobody"))
        await box.sleep("20ms")
        publish(KeyPressed(time_ns=2, key="9"))
        publish(DoorOpened(time_ns=2, door=7))

    when = [
        {"event": "key_pressed", "where": {"key": 9}, "input": "b"},
        {"event": "door_opened", "where": {"door": 7, "by": ""}, "output": "y"},
    ]
    assert switched(happen, when=when, output="x") == [["a0", "a1", "a2", "a3"], ["b4", "b5"]]


def test_a_switch_that_has_stopped_listens_to_nobody() -> None:
    """An event that nobody is told of need not be made."""
    graph = Graph()
    switch = graph.add(Switch, when=[{"event": "key_pressed", "input": "words"}])
    graph.connect(graph.add(Words, words=["one"], gap_ms=20).out, switch.inputs)
    graph.connect(switch.outputs, graph.add(Collect).text)

    async def main() -> list[bool]:
        async with graph.plan().call() as call:
            wanted = [call.events.wants(KeyPressed)]
            await call.finished()
        return [*wanted, call.events.wants(KeyPressed)]

    assert run_virtual(main()) == [True, False]


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

    async def main() -> Box:
        options = {"tool": "transfer", "describe": "Hand the caller over."}
        async with live_processor(Switch, edges={"inputs": ["a", "b"]}, **options) as box:
            catalog = box.processor.calls.advertised
            assert isinstance(catalog, ToolCatalog)
            (function,) = catalog.functions
            assert (function.name, function.description) == ("transfer", "Hand the caller over.")
            assert function.parameters["properties"] == {"input": {"type": "string", "enum": ["a", "b"]}}
            for number, (name, to) in enumerate((("transfer", "b"), ("transfer", "c"), ("another", "a"))):
                await box.send(("calls", ToolCallFrame(str(number), name, {"input": to})))
            box.end()
            await box.ended()
        return box

    first, second = run_virtual(main()).frames("results")
    assert isinstance(first, ToolResultFrame) and isinstance(second, ToolResultFrame)
    assert (first.id, first.result, first.failed) == ("0", {"output": "done"}, False)
    assert second.failed and "its inputs are called: a, b" in second.result["error"]


def test_a_switch_with_nothing_to_switch_is_refused() -> None:
    graph = Graph()
    graph.add(Switch)
    with pytest.raises(ConfigError, match=r"nothing is connected to the input `switch\.inputs`"):
        graph.plan()
