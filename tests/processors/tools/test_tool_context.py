"""A tool sees its call, keeps what it likes for the length of it, and may speak, ask, hand over and hang up."""

import threading
from dataclasses import dataclass
from typing import Any

import pytest

from livegraph.pipeline import ConfigError, run_virtual
from livegraph.pipeline.events import CallEnded, Confirmed, Event, ToolFinished, ToolProgress, TransferAsked
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.processors.tools import ToolContext, ToolError, TransferDesk
from livegraph.processors.tools.function import ToolFunction
from livegraph.processors.tools.loading import load_tools
from support.tool_calls import Model, talk, with_tools


@dataclass
class Visit:
    """What one caller has done so far."""

    booked: int = 0


def book(call: ToolContext[Visit], day: str) -> str:
    """Book a day."""
    call.state.booked += 1
    return f"{day}: number {call.state.booked}"


async def count(call: ToolContext[Visit]) -> int:
    """Count what was booked."""
    return call.state.booked


def test_the_model_does_not_see_the_parameter() -> None:
    assert list(ToolFunction(book).spec.parameters["properties"]) == ["day"]


def test_state_lasts_for_a_call_and_belongs_to_it_alone() -> None:
    """Tools of a thread and of the loop share it; the next call begins anew."""

    async def script(model: Model, events: list[Event]) -> None:
        for number in (1, 2):
            model.ask("book", str(number), day="Monday")
            assert await model.answer() == {"output": f"Monday: number {number}"}
        model.ask("count", "c")
        assert await model.answer() == {"output": 2}

    graph = with_tools(book, count)
    talk(graph, script)
    talk(graph, script)


def test_state_of_the_agent_file_is_checked_where_it_is_set() -> None:
    def note(call: ToolContext, name: str) -> str:
        call.state.name = name
        call.state.tries += 1
        return f"{call.state.name} {call.state.tries}"

    def wrong(call: ToolContext) -> None:
        call.state.tries = "many"

    def unknown(call: ToolContext) -> None:
        call.state.trys = 1

    state = {"name": InputSpec(), "tries": InputSpec(type="integer", default=3)}

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("note", "1", name="Ada")
        assert await model.answer() == {"output": "Ada 4"}
        for name, kind in (("wrong", "ValueError"), ("unknown", "AttributeError")):
            model.ask(name, name)
            assert await model.answer() == {"error": f"{name} failed ({kind})"}

    talk(with_tools(note, wrong, unknown, state=state), script)


def test_state_that_nobody_declared_says_so() -> None:
    seen: list[str] = []

    def peek(call: ToolContext) -> None:
        try:
            _ = call.state
        except LookupError as error:
            seen.append(str(error))

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("peek")
        await model.answer()

    talk(with_tools(peek), script)
    assert "ToolContext[YourDataclass]" in seen[0]


def test_a_state_that_cannot_be_made_is_refused_before_any_call() -> None:
    @dataclass
    class Needs:
        name: str

    def tool(call: ToolContext[Needs]) -> None: ...

    with pytest.raises(ConfigError, match="cannot be kept"):
        load_tools([tool])


def test_what_is_known_of_the_call_is_at_hand() -> None:
    """Identity, agent, inputs, key, transcript, resources and a logger; in a thread as well."""
    seen: dict[str, Any] = {}

    def look(call: ToolContext, note: str = "") -> None:
        seen.update(
            identity=call.identity,
            agent=call.agent,
            inputs=dict(call.inputs),
            key=call.idempotency_key,
            said=[(one.role, one.text) for one in call.transcript],
            resource=call.resource(Visit),
            thread=threading.current_thread() is not threading.main_thread(),
        )
        call.log.info("looked")

    async def script(model: Model, events: list[Event]) -> None:
        model.heard("agent", "Good day!")
        model.heard("user", "Hello.")
        model.ask("look")
        await model.answer()

    talk(with_tools(look), script, identity="ada", resources={Visit: Visit(7)})
    assert seen == {
        "identity": "ada",
        "agent": "desk",
        "inputs": {},
        "key": "",
        "said": [("agent", "Good day!"), ("user", "Hello.")],
        "resource": Visit(7),
        "thread": True,
    }


@pytest.mark.parametrize("in_thread", [True, False])
def test_a_tool_can_speak_and_tell_how_far_it_is(in_thread: bool) -> None:
    def search(call: ToolContext) -> str:
        call.say("I am looking.")
        call.progress("two of four", fraction=0.5)
        return "found"

    async def search_async(call: ToolContext) -> str:
        return search(call)

    function = search if in_thread else search_async

    async def script(model: Model, events: list[Event]) -> None:
        model.ask(function.__name__)
        await model.answer()
        assert [what for what, _ in model.spoken] == ["I am looking."]
        [progress] = [event for event in events if isinstance(event, ToolProgress)]
        assert (progress.name, progress.text, progress.fraction) == (function.__name__, "two of four", 0.5)

    talk(with_tools(function), script)


def test_a_transfer_is_an_event_and_goes_to_whoever_can_do_it() -> None:
    done: list[tuple[str, ...]] = []

    class Desk:
        def transfer(self, to: str, summary: str, reason: str) -> None:
            done.append((to, summary, reason))

    async def hand_over(call: ToolContext) -> str:
        call.transfer("sip:human@example.com", summary="wants a refund", reason="asked for")
        return "handed over"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("hand_over")
        await model.answer()
        [asked] = [event for event in events if isinstance(event, TransferAsked)]
        assert (asked.to, asked.summary) == ("sip:human@example.com", "wants a refund")

    talk(with_tools(hand_over), script, resources={TransferDesk: Desk()})
    assert done == [("sip:human@example.com", "wants a refund", "asked for")]


def test_a_tool_can_ask_first_and_goes_on_with_the_callers_word() -> None:
    """The first time it ends where it asks; the caller's yes, heard, lets it through once."""
    runs: list[bool] = []

    def cancel_all(call: ToolContext) -> str:
        agreed = call.ask_to_confirm("Shall I cancel everything?")
        runs.append(agreed)
        return "all cancelled" if agreed else "left as it was"

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("cancel_all", "1")
        told = await model.answer()
        assert told["error"] == "not done: the caller has not agreed to it yet"
        assert 'Ask the caller: "Shall I cancel everything?"' in told["hint"]
        model.ask("cancel_all", "2")
        assert "error" in await model.answer(), "nobody was asked yet"
        model.heard("agent", "Shall I cancel everything?")
        model.heard("user", "No!")
        model.ask("cancel_all", "3")
        assert await model.answer() == {"output": "left as it was"}
        model.ask("cancel_all", "4")
        assert "error" in await model.answer(), "a word counts once"
        model.heard("agent", "Shall I cancel everything?")
        model.heard("user", "Yes.")
        model.ask("cancel_all", "5")
        assert await model.answer() == {"output": "all cancelled"}
        answers = [event for event in events if isinstance(event, Confirmed)]
        assert [(one.name, one.agreed, one.said) for one in answers] == [
            ("cancel_all", False, "No!"),
            ("cancel_all", True, "Yes."),
        ]
        outcomes = [event.outcome for event in events if isinstance(event, ToolFinished)]
        assert outcomes == ["unconfirmed", "unconfirmed", "answered", "unconfirmed", "answered"]

    talk(with_tools(cancel_all), script)
    assert runs == [False, True]


def test_a_tool_can_end_the_call() -> None:
    async def goodbye(call: ToolContext) -> str:
        call.end_call()
        return "ended"

    async def main() -> list[str]:
        call = with_tools(goodbye).plan().call()
        reasons: list[str] = []
        call.events.subscribe(CallEnded, lambda event: reasons.append(event.reason))
        async with call:
            call.processor("model", Model).ask("goodbye")
            await call.finished()
        return reasons

    assert run_virtual(main()) != ["left"]


def test_an_error_of_a_tool_has_a_shape_that_the_model_can_use() -> None:
    def order(dish: str) -> str:
        raise ToolError("there is no soup", hint="offer salad", retryable=True, menu=["salad", "pie"])

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("order", dish="soup")
        assert await model.answer() == {
            "menu": ["salad", "pie"],
            "error": "there is no soup",
            "hint": "offer salad",
            "retryable": True,
        }

    talk(with_tools(order), script)


@pytest.mark.parametrize(
    ("result", "ok"),
    [
        ({"error": "no"}, False),
        ({"error": ""}, True),
        ({"error": None, "a": 1}, True),
        ({"output": "error"}, True),
    ],
)
def test_a_result_that_is_an_error_by_its_own_word_is_one(result: dict[str, Any], ok: bool) -> None:
    def answer() -> dict[str, Any]:
        return result

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("answer")
        assert await model.answer() == result
        [finished] = [event for event in events if isinstance(event, ToolFinished)]
        assert finished.ok is ok

    [given] = talk(with_tools(answer), script)
    assert given.failed is not ok


def test_a_crash_tells_its_place_and_keeps_its_text_to_the_log() -> None:
    def fail() -> None:
        raise ValueError("hunter2")

    async def script(model: Model, events: list[Event]) -> None:
        model.ask("fail")
        await model.answer()
        [finished] = [event for event in events if isinstance(event, ToolFinished)]
        assert finished.outcome == "crashed" and finished.fault.startswith(
            "ValueError (test_tool_context.py:"
        )
        assert "hunter2" not in str(finished)

    talk(with_tools(fail), script)
