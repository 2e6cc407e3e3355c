"""A call that asks for what another has asked for is known, however the model writes it; others are others."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import decode_server
from livegraph.processors.gemini_live.answers.decisions import AskAgain
from livegraph.processors.gemini_live.dialogue.calls import ToolRules
from livegraph.processors.gemini_live.dialogue.outcomes import Answer, CallTool, CancelTools, Outcome
from livegraph.processors.gemini_live.dialogue.protocol import LiveProtocol
from livegraph.processors.gemini_live.dialogue.wishes import wish

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "slot": {"type": "string"},
        "people": {"type": "integer", "default": 2},
        "at": {"type": "string", "format": "time"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "price": {"type": "number"},
        "who": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer", "default": 1}},
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "window": {"type": "boolean", "default": False},
        "on": {"type": "string", "format": "date-time"},
        "size": {"type": "string", "enum": ["small", "LARGE"]},
        "guest": {
            "anyOf": [{"type": "object", "properties": {"age": {"type": "integer"}}}, {"type": "null"}]
        },
    },
    "required": ["slot"],
}
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"slot": "a", "people": 3}, {"people": 3, "slot": "a"}),
    ({"slot": "a"}, {"slot": "a", "people": 2}),
    ({"slot": "a"}, {"slot": "a", "people": 2.0, "note": None}),
    ({"slot": "a", "people": 3}, {"slot": "a", "people": "3"}),
    ({"slot": "a", "price": 1}, {"slot": "a", "price": 1.0}),
    ({"slot": "a", "at": "9:30"}, {"slot": "a", "at": "09:30:00"}),
    ({"slot": "Anna  Smith"}, {"slot": " anna smith"}),
    ({"slot": "caf\u00e9"}, {"slot": "cafe\u0301"}),
    ({"slot": "a", "who": {"name": "b"}}, {"slot": "a", "who": {"age": 1, "name": "B"}}),
    ({"slot": "a", "tags": ["x", "y"]}, {"slot": "a", "tags": ["X", "y"]}),
    ({"slot": "a", "window": True}, {"slot": "a", "window": "true"}),
    ({"slot": "a", "window": "yes"}, {"slot": "a", "window": 1}),
    ({"slot": "a"}, {"slot": "a", "window": "False"}),
    ({"slot": "a", "on": "2026-03-01T10:00"}, {"slot": "a", "on": "2026-03-01 10:00:00"}),
    ({"slot": "a", "on": "2026-03-01T10:00Z"}, {"slot": "a", "on": "2026-03-01T10:00:00+00:00"}),
    ({"slot": "a", "size": "large"}, {"slot": "a", "size": "LARGE"}),
    ({"slot": "a", "guest": {"age": "3"}}, {"slot": "a", "guest": {"age": 3.0}}),
    ({"slot": "Anna\u2019s table, by the window."}, {"slot": "Anna's table, by the window"}),
    ({"slot": "7\u20139"}, {"slot": "7-9"}),
    ({"slot": "a", "price": "1e3"}, {"slot": "a", "price": 1000}),
]
OTHER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"slot": "a"}, {"slot": "b"}),
    ({"slot": "a"}, {"slot": "a", "people": 3}),
    ({"slot": "1"}, {"slot": "1.0"}),
    ({"slot": "a", "note": "x"}, {"slot": "a"}),
    ({"slot": "a", "tags": ["x", "y"]}, {"slot": "a", "tags": ["y", "x"]}),
    ({"slot": "a", "flag": True}, {"slot": "a", "flag": 1}),
    ({"slot": "a", "price": 1}, {"slot": "a", "price": 1.5}),
    ({"slot": "a", "window": True}, {"slot": "a", "window": "no"}),
    ({"slot": "true"}, {"slot": "1"}),
    ({"slot": "a", "on": "2026-03-01T10:00Z"}, {"slot": "a", "on": "2026-03-01T10:00:00+01:00"}),
    ({"slot": "3.5"}, {"slot": "35"}),
]


def asked(live: LiveProtocol, *messages: dict[str, Any]) -> list[Outcome]:
    found = []
    for message in messages:
        found += live.receive(decode_server(json.dumps(message)), next(CLOCK))
    return [one for one in found if isinstance(one, CallTool | CancelTools | Answer)]


CLOCK = itertools.count(0, 10_000_000)
CUT = {"serverContent": {"interrupted": True}}
SOUND = {
    "serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "AAAAAAAA"}}]}}
}
DONE = {"serverContent": {"generationComplete": True, "turnComplete": True}}


def protocol() -> LiveProtocol:
    return LiveProtocol(
        itertools.count(1).__next__, ToolRules({"book": None}, {"book": SCHEMA}), salt="call-1"
    )


def call(id_: str, args: dict[str, Any]) -> dict[str, Any]:
    return {"toolCall": {"functionCalls": [{"id": id_, "name": "book", "args": args}]}}


@pytest.mark.parametrize(("first", "second"), SAME)
def test_the_same_wish_is_done_once(first: dict[str, Any], second: dict[str, Any]) -> None:
    """After an interruption, while it waits and when it has answered; also by its key after a cancellation."""
    assert wish("book", first, SCHEMA) == wish("book", second, SCHEMA)
    live = protocol()
    asked(live, call("1", first), CUT)
    assert asked(live, call("2", second)) == []
    sent = live.result("1", {"output": "booked"}, now_ns=next(CLOCK))
    assert isinstance(sent, list) and [one.id for one in sent] == ["1", "2"]
    asked(live, CUT)
    (answer,) = asked(live, call("3", second))
    assert isinstance(answer, Answer) and answer.response.response == {"output": "booked"}
    live = protocol()
    (one,) = asked(live, call("1", first))
    asked(live, {"toolCallCancellation": {"ids": ["1"]}})
    (again,) = asked(live, call("2", second))
    assert isinstance(one, CallTool) and isinstance(again, CallTool) and one.key == again.key


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_another_wish_is_another_call(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Also right after an interruption."""
    assert wish("book", first, SCHEMA) != wish("book", second, SCHEMA)
    live = protocol()
    asked(live, call("1", first))
    live.result("1", {"output": "booked"}, now_ns=next(CLOCK))
    asked(live, CUT)
    (again,) = asked(live, call("2", second))
    assert isinstance(again, CallTool)


def test_two_on_purpose_are_two() -> None:
    """In one message, one after the other with no interruption between, and after an answer that was heard."""
    live = protocol()
    two = {
        "toolCall": {"functionCalls": [{"id": n, "name": "book", "args": {"slot": "a"}} for n in ("1", "2")]}
    }
    keys = [one.key for one in asked(live, two) if isinstance(one, CallTool)]
    assert len(set(keys)) == 2
    for id_ in ("1", "2"):
        live.result(id_, {"output": id_}, now_ns=next(CLOCK))
    (third,) = asked(live, call("3", {"slot": "a"}))
    assert isinstance(third, CallTool) and third.key not in keys
    live.result("3", {"output": "3"}, now_ns=next(CLOCK))
    (fourth,) = asked(live, SOUND, DONE, CUT, call("4", {"slot": "a"}))
    assert isinstance(fourth, CallTool)


def test_a_call_that_comes_twice_under_one_id_is_made_once() -> None:
    """While it waits it is one; when it has answered it gets the same answer; another wish is answered too."""
    live = protocol()
    asked(live, call("1", {"slot": "a"}))
    assert asked(live, call("1", {"slot": "A"})) == []
    (other,) = asked(live, call("1", {"slot": "b"}))
    assert isinstance(other, CallTool) and other.id != "1"
    sent = live.result(other.id, {"output": "b"}, now_ns=next(CLOCK))
    assert isinstance(sent, list) and [(one.id, one.response) for one in sent] == [("1", {"output": "b"})]
    live.result("1", {"output": "a"}, now_ns=next(CLOCK))
    (again,) = asked(live, call("1", {"slot": "a"}))
    assert isinstance(again, Answer) and again.response.response == {"output": "a"}


@pytest.mark.parametrize("before", [[CUT], [{"toolCallCancellation": {"ids": ["1"]}}], []])
def test_what_waits_for_a_yes_is_asked_for_again_and_done(before: list[dict[str, Any]]) -> None:
    """A caller who says yes over the question cuts the turn, and what the model asks for then is no repetition."""
    live = protocol()
    asked(live, call("1", {"slot": "a"}), *before)
    live.result("1", {"error": "ask the caller"}, undone=True, now_ns=next(CLOCK))
    asked(live, CUT)
    (again,) = asked(live, call("2", {"slot": "a"}))
    assert isinstance(again, CallTool)
    live.result("2", {"output": "booked"}, now_ns=next(CLOCK))
    asked(live, CUT)
    (third,) = asked(live, call("3", {"slot": "a"}))
    assert isinstance(third, Answer) and third.response.response == {"output": "booked"}


def test_a_fresh_session_that_asks_again_gets_what_there_is() -> None:
    """It knows nothing of the calls of the one before, and is no reason to do anything twice."""
    live = protocol()
    asked(live, call("1", {"slot": "a"}), call("2", {"slot": "b"}))
    live.result("1", {"output": "a"}, now_ns=next(CLOCK))
    live.lost(next(CLOCK))
    live.afresh()
    (answer,) = asked(live, call("x", {"slot": "a"}))
    assert isinstance(answer, Answer) and answer.response.id == "x"
    assert asked(live, call("y", {"slot": "b"})) == []
    sent = live.result("2", {"output": "b"}, now_ns=next(CLOCK))
    assert isinstance(sent, list) and [one.id for one in sent] == ["y"]


EMPTY = {"serverContent": {"turnComplete": True}}
WRITTEN = {"serverContent": {"modelTurn": {"parts": [{"text": "It is booked."}]}}}


@pytest.mark.parametrize("turn", [[EMPTY], [WRITTEN, EMPTY]], ids=["nothing", "text only"])
def test_a_model_that_is_asked_again_and_begins_anew_does_nothing_twice(turn: list[dict[str, Any]]) -> None:
    """It called, got its result and said nothing aloud; the caller has wished for it once."""
    live = protocol()
    live.asked("text", next(CLOCK))
    asked(live, call("1", {"slot": "a"}))
    live.result("1", {"output": "booked"}, now_ns=next(CLOCK))
    assert asked(live, *turn) == [] and live.deadline_ns is not None
    assert any(isinstance(one, AskAgain) for one in live.tick(live.deadline_ns))
    (answer,) = asked(live, call("2", {"slot": "a"}))
    assert isinstance(answer, Answer) and answer.response.response == {"output": "booked"}


@pytest.mark.parametrize("fresh", [False, True], ids=["interrupted", "in a fresh session"])
def test_a_result_that_came_while_the_model_was_disturbed_is_given_again(fresh: bool) -> None:
    """It was cut while the function worked, or is another session that was told in words: it may not know of it."""
    live = protocol()
    asked(live, call("1", {"slot": "a"}))
    if fresh:
        live.lost(next(CLOCK))
        live.afresh()
    else:
        asked(live, CUT)
    live.result("1", {"output": "booked"}, now_ns=next(CLOCK))
    (answer,) = asked(live, call("2", {"slot": "a"}))
    assert isinstance(answer, Answer) and answer.response.response == {"output": "booked"}


def test_a_session_that_is_older_than_a_result_gets_it_again() -> None:
    """The connection broke behind the result, and the handle leads to before the call."""
    live = protocol()
    asked(live, call("1", {"slot": "a"}))
    live.result("1", {"output": "booked"}, now_ns=next(CLOCK))
    live.lost(next(CLOCK))
    live.up(next(CLOCK), told=False)
    (answer,) = asked(live, call("2", {"slot": "a"}))
    assert isinstance(answer, Answer) and answer.response.response == {"output": "booked"}
    (new,) = asked(live, SOUND, DONE, call("3", {"slot": "a"}))
    assert isinstance(new, CallTool), "after an answer that was heard it is another wish"


@given(
    st.dictionaries(
        st.text(max_size=4),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_whatever_the_arguments_are(args: dict[str, Any]) -> None:
    """Their order and their way over the wire make no difference."""
    over = json.loads(json.dumps(dict(reversed(args.items()))))
    assert wish("f", args) == wish("f", over)
    assert wish("f", args) == wish("f", args, {"type": "object", "properties": {}})
