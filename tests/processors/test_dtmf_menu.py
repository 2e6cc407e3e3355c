"""Keys choose, and digits are collected until they are whole."""

from __future__ import annotations

from typing import Any

import pytest

from livegraph.pipeline import Call, ConfigError, ToolCallFrame, ToolResultFrame, run_virtual
from livegraph.pipeline.events import Interrupted
from livegraph.pipeline.frames import DtmfFrame, Frame
from livegraph.pipeline.units import SECOND
from livegraph.processors.dtmf_collector import Collector, Digits
from livegraph.processors.dtmf_menu import DtmfMenu, MenuKey
from livegraph.processors.gemini_live.frames import ContextFrame, HandOverFrame
from livegraph.testing import LiveProcessor, Wait, live_processor


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


def run(script: list[tuple[int, str]], **options: Any) -> tuple[list[Frame], list[Frame], Call]:
    """A caller presses keys, or the model asks for digits, each so many seconds after the one before; what the model
    is told, what its calls are answered, and the call."""
    given: list[Frame | Wait] = []
    for wait, what in script:
        given.append(Wait(f"{wait}s"))
        if what.startswith("ask"):
            given.append(ToolCallFrame(f"c{wait}", "digits", {"count": int(what[3:] or 0)}))
        elif what:
            given.append(DtmfFrame(key=what))

    async def main() -> LiveProcessor[DtmfMenu]:
        async with live_processor(DtmfMenu, **options) as box:
            await box.send(*given)
            box.end()
            await box.ended()
        return box

    box = run_virtual(main())
    return box.frames("context"), box.frames("results"), box.call


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
    with pytest.raises(ConfigError):
        run([], menu=menu)


def test_a_key_cuts_whoever_speaks() -> None:
    """Two may speak in one call, and whoever presses a key has heard enough of both; of a key that means nothing,
    of neither."""

    async def main() -> list[list[tuple[str, int]]]:
        told: list[list[tuple[str, int]]] = []
        async with live_processor(DtmfMenu, menu=MENU) as box:
            for speaker, turns in (("one", 3), ("two", 1)):
                for _ in range(turns):
                    box.conversation.next_turn(speaker)
            for key in ("5", "1"):
                await box.send(DtmfFrame(key=key))
                told.append([(event.source, int(event.turn)) for event in box.of(Interrupted)])
        return told

    assert run_virtual(main()) == [[], [("one", 3), ("two", 1)]]
