"""A caller who is told everything may look inside its call, and turn what can be turned; nobody else may."""

from __future__ import annotations

import asyncio
import itertools
from typing import Annotated, Any

import pytest

from livegraph.pipeline import Graph, In, Live, Out, Processor, Range, TextFrame
from livegraph.pipeline.clock import run_virtual
from livegraph.server import CallRequest, Desk, Grant, ServedAgent
from livegraph.server.calls.watching import Watching
from livegraph.server.metrics import Metrics
from livegraph.server.protocol import Json, Tune, Watch

from .test_desk import WireLeg


class Talker(Processor):
    """Says a word every 100 ms."""

    kind = "source"
    out: Out[TextFrame] = Out()

    def __init__(self, *, gain: Annotated[float, Live(), Range(0.0, 4.0)] = 1.0) -> None:
        self.gain = gain

    def on_tune(self, *, gain: float) -> None:
        """Take the new gain."""
        self.gain = gain

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            await self.out.send(TextFrame("word"))


class Listener(Processor):
    """Takes the words."""

    kind = "sink"
    text: In[TextFrame] = In()

    def on_text(self, frame: TextFrame) -> None:
        """Nothing to do."""


def agent() -> ServedAgent:
    graph = Graph("talk")
    talker = graph.add("talker", Talker)
    listener = graph.add("listener", Listener)
    graph.connect(talker, listener)
    return ServedAgent("talk", graph.plan(), "Talk")


def told(leg: WireLeg, kind: str) -> list[Json]:
    """The messages of one type."""
    return [message for message in leg.told if message["type"] == kind]


async def watched(level: Any, said: list[Any], seconds: float = 2.5) -> WireLeg:
    """A caller with this report level, who says these things one second into its call."""
    async with Desk([agent()], max_calls=2, metrics=Metrics()) as desk:
        leg = WireLeg()

        async def make(_: Any) -> WireLeg:
            return leg

        line = await desk.admit(CallRequest("talk", grant=Grant(report=level)), make)
        await asyncio.sleep(1)
        for message in said:
            for listener in list(leg.listeners):
                listener(message)
        await asyncio.sleep(seconds)
        leg.ring_off("the caller rang off")
        assert line.task is not None
        await line.task
    return leg


def test_what_flows_is_told_every_second_from_the_wish_on() -> None:
    """First the graph, with what can be turned; then the counters, by the names that the picture has for its edges."""
    leg = run_virtual(watched("full", [Watch(on=True)]))
    (graph,) = told(leg, "graph")
    assert "talker.out -&gt; listener.text" in graph["svg"]
    (option,) = graph["options"]
    assert (option["node"], option["option"], option["value"], option["low"], option["high"]) == (
        *("talker", "gain", 1.0),
        *(0.0, 4.0),
    )
    flows = [message["edges"]["talker.out -> listener.text"][0] for message in told(leg, "flow")]
    assert len(flows) == 3
    assert [later - earlier for earlier, later in itertools.pairwise(flows)] == [10, 10]


def test_nothing_is_told_before_the_wish_and_after_its_end() -> None:
    """A call that nobody watches costs nothing."""
    leg = run_virtual(watched("full", []))
    assert told(leg, "flow") == told(leg, "graph") == []
    leg = run_virtual(watched("full", [Watch(on=True), Watch(on=False)]))
    assert len(told(leg, "flow")) == 1


@pytest.mark.parametrize("level", ["none", "names"])
def test_who_is_not_told_everything_sees_and_turns_nothing(level: str) -> None:
    """Whatever it asks."""
    leg = run_virtual(watched(level, [Watch(on=True), Tune(node="talker", option="gain", value=2.0)]))
    assert {message["type"] for message in leg.told} <= {"ready", "state", "speech", "end"}
    assert not any(isinstance(getattr(each, "__self__", None), Watching) for each in leg.listeners)


def test_an_option_is_turned_and_the_new_value_told() -> None:
    """And the event says so."""
    leg = run_virtual(watched("full", [Watch(on=True), Tune(node="talker", option="gain", value=2.5)]))
    before, after = told(leg, "graph")
    assert (before["options"][0]["value"], after["options"][0]["value"]) == (1.0, 2.5)
    assert [event["kind"] for event in told(leg, "event")] == ["Tuned"]


@pytest.mark.parametrize(
    ("node", "option", "value"),
    [("talker", "gain", 9.0), ("talker", "loudness", 1), ("nobody", "gain", 1.0), ("listener", "gain", 1.0)],
)
def test_what_cannot_be_turned_is_refused_in_words(node: str, option: str, value: float) -> None:
    """The call goes on as it was."""
    leg = run_virtual(watched("full", [Watch(on=True), Tune(node=node, option=option, value=value)]))
    (error,) = told(leg, "error")
    assert error["code"] == "not_tuned"
    assert error["message"]
    assert told(leg, "event") == []
