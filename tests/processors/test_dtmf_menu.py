"""Keys choose, and digits are collected until they are whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from livegraph.pipeline import ConfigError, Graph, Out, Processor, ToolCallFrame, ToolResultFrame, run_virtual
from livegraph.pipeline.frames import DtmfFrame, Frame
from livegraph.pipeline.units import SECOND
from livegraph.processors.dtmf_collector import Collector, Digits
from livegraph.processors.dtmf_menu import DtmfMenu, MenuKey
from livegraph.processors.gemini_live.frames import ContextFrame, HandOverFrame
from support.boxes import Keep


def test_digits_are_whole_by_their_number_by_the_hash_or_by_a_pause() -> None:
    collector = Collector(4 * SECOND, 15 * SECOND)
    collector.begin(3, 0)
    assert [collector.key(key, SECOND) for key in "123"] == [None, None, Digits("123")]
    collector.begin(0, 0)
    assert [collector.key(key, SECOND) for key in "45*6#"][-1] == Digits("46")
    collector.begin(0, 0)
    collector.key("7", SECOND)
    assert collector.tick(5 * SECOND - 1) is None
    assert collector.tick(5 * SECOND) == Digits("7")
    assert collector.key("8", 6 * SECOND) is None, "nobody wants it any more"


def test_nothing_in_time_is_nothing() -> None:
    collector = Collector(4 * SECOND, 15 * SECOND)
    collector.begin(3, 0)
    assert collector.tick(15 * SECOND) == Digits("", whole=False)


class Caller(Processor):
    """Presses keys and asks, at their times."""

    kind = "source"
    keys: Out[DtmfFrame]
    calls: Out[ToolCallFrame]

    def __init__(self, *, script: list[tuple[float, str]]) -> None:
        self._script = script

    async def run(self) -> None:
        for wait, what in self._script:
            await asyncio.sleep(wait)
            if what.startswith("ask"):
                self.calls.emit(ToolCallFrame(f"c{wait}", "digits", {"count": int(what[3:] or 0)}))
            elif what:
                self.keys.emit(DtmfFrame(key=what))


def run(script: list[tuple[float, str]], **options: Any) -> tuple[list[Frame], list[Frame], Any]:
    async def main() -> tuple[list[Frame], list[Frame], Any]:
        graph = Graph()
        graph.add("caller", Caller, script=script)
        graph.add("menu", DtmfMenu, **options)
        graph.add("model", Keep)
        graph.add("results", Keep)
        graph.connect("caller.keys", "menu.keys")
        graph.connect("caller.calls", "menu.calls")
        graph.connect("menu.context", "model")
        graph.connect("menu.results", "results")
        call = graph.plan().call()
        async with call:
            await call.finished()
            told = call.processor("model", Keep).kept, call.processor("results", Keep).kept
        return *told, call

    return run_virtual(main())


MENU = {"1": MenuKey(tell="The caller chose hours."), "0": MenuKey(to="human"), "9": MenuKey(end=True)}


def test_a_key_tells_the_model_hands_over_or_ends() -> None:
    told, _, call = run([(1, "1"), (1, "5"), (1, "0"), (1, "9"), (5, "1")], menu=MENU)
    first, second = told
    assert isinstance(first, ContextFrame) and first.text == "[The caller chose hours.]" and first.reply
    assert isinstance(second, HandOverFrame) and second.to == "human"
    assert call.reason == "goodbye" and call.end_detail == "the caller pressed 9"


def test_the_model_gets_the_digits_that_it_asked_for_and_the_menu_waits() -> None:
    told, results, _ = run(
        [(1, "ask3"), (1, "1"), (1, "0"), (1, "9"), (1, "1"), (2, "")], menu=MENU, ask="digits"
    )
    (result,) = results
    assert isinstance(result, ToolResultFrame) and result.result == {"digits": "109"}
    assert len(told) == 1, "the last key is the menu's again"


def test_a_caller_who_enters_nothing_is_told_to_the_model() -> None:
    _, results, _ = run([(1, "ask"), (20, "")], ask="digits", patience="5s")
    (result,) = results
    assert isinstance(result, ToolResultFrame) and result.failed and "nothing" in result.result["error"]


@pytest.mark.parametrize("menu", [{"12": {"tell": "x"}}, {"1": {}}, {"1": {"tell": "x", "end": True}}])
def test_what_makes_no_sense_is_told_before_a_call(menu: dict[str, Any]) -> None:
    graph = Graph()
    graph.add("caller", Caller, script=[])
    graph.add("menu", DtmfMenu, menu=menu)
    graph.connect("caller.keys", "menu.keys")
    with pytest.raises(ConfigError):
        graph.plan()
