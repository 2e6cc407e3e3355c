"""Function calls whose arguments come in pieces are made once, whole, or not at all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.liveapi import FunctionCall
from livegraph.liveapi.content import PartialArg
from livegraph.processors.gemini_live.dialogue.pieces import CallPieces, Spoiled
from livegraph.simulator.call_pieces import in_pieces


def text(path: str, value: str) -> PartialArg:
    return PartialArg(json_path=path, string_value=value)


def joined(*pieces: PartialArg, name: str = "book", id: str = "c1") -> FunctionCall | Spoiled:
    """One call: its name, a message for each piece, and an end with nothing in it."""
    subject = CallPieces()
    assert subject.take(FunctionCall(id=id, name=name, will_continue=True)) is None
    for piece in pieces:
        assert subject.take(FunctionCall(id=id, partial_args=[piece], will_continue=True)) is None
    whole = subject.take(FunctionCall(id=id))
    assert whole is not None and not subject
    return whole


def test_texts_follow_each_other_and_all_else_is_given_at_once() -> None:
    """Objects and lists are made on the way; whole numbers are whole; null is a value."""
    whole = joined(
        text("$.city", "New "),
        text("$.city", "York"),
        PartialArg(json_path="$.guests", number_value=4.0),
        PartialArg(json_path="$.tip", number_value=0.5),
        PartialArg(json_path="$.window", bool_value=False),
        PartialArg(json_path="$.note", null_value="NULL_VALUE"),
        text("$.people[0].name", "Ada"),
        text("$.people[1].name", "Bob"),
        text("$['odd name'][\"it\\'s\"]", "\u00fc"),
    )
    assert whole == FunctionCall(
        id="c1",
        name="book",
        args={
            "city": "New York",
            "guests": 4,
            "tip": 0.5,
            "window": False,
            "note": None,
            "people": [{"name": "Ada"}, {"name": "Bob"}],
            "odd name": {"it's": "\u00fc"},
        },
    )
    assert isinstance(whole, FunctionCall) and isinstance(whole.args["guests"], int)


def test_a_call_that_is_whole_is_passed_on() -> None:
    """Also one without arguments, and while another is open."""
    subject = CallPieces()
    plain = FunctionCall(id="a", name="menu")
    assert subject.take(plain) is plain
    assert subject.take(FunctionCall(id="b", name="book", will_continue=True)) is None
    assert subject.take(plain) is plain and subject


def test_one_message_may_hold_all_of_it() -> None:
    """Pieces of a call that does not go on are a whole call, and arguments beside pieces are arguments."""
    subject = CallPieces()
    call = FunctionCall(id="a", name="book", args={"guests": 2}, partial_args=[text("$.day", "Friday")])
    assert subject.take(call) == FunctionCall(id="a", name="book", args={"guests": 2, "day": "Friday"})


@pytest.mark.parametrize("ids", [("a", "b"), ("", "")], ids=["with ids", "without"])
def test_two_calls_at_once_are_told_apart(ids: tuple[str, str]) -> None:
    """By their ids; where there are none by their names."""
    subject = CallPieces()
    for id, name in zip(ids, ("book", "note"), strict=True):
        assert subject.take(FunctionCall(id=id, name=name, will_continue=True)) is None
    made = []
    for value in ("x", "y"):
        for id, name in zip(ids, ("book", "note"), strict=True):
            piece = [text("$.it", f"{name} {value}")]
            last = value == "y"
            got = subject.take(FunctionCall(id=id, name=name, partial_args=piece, will_continue=not last))
            made += [got] if got is not None else []
    assert made == [
        FunctionCall(id=id, name=name, args={"it": f"{name} x{name} y"})
        for id, name in zip(ids, ("book", "note"), strict=True)
    ]


@pytest.mark.parametrize(
    "piece",
    [
        text("", "x"),
        text("$", "x"),
        text("$[0]", "x"),
        text("$..a", "x"),
        text("$.a[*]", "x"),
        text("$.a[-1]", "x"),
        text("$.list[999999999]", "x"),
        text("$" + ".a" * 40, "x"),
        text("$.day.of.week", "x"),
        text("$.day[0]", "x"),
        text("$.long", "x" * 1_000_001),
    ],
    ids=lambda piece: piece.json_path[:20],
)
def test_a_piece_that_belongs_nowhere_spoils_its_call(piece: PartialArg) -> None:
    """Without it, it would be another call: it is not made, and the model is told why."""
    spoiled = joined(text("$.day", "Friday"), piece)
    assert isinstance(spoiled, Spoiled) and (spoiled.id, spoiled.name) == ("c1", "book") and spoiled.why


def test_what_is_not_understood_in_between_spoils_what_is_open() -> None:
    """A part may have been lost with it."""
    subject = CallPieces()
    subject.take(FunctionCall(id="a", name="book", will_continue=True))
    subject.spoil("a part of it was not understood")
    assert subject.take(FunctionCall(id="a")) == Spoiled("a", "book", "a part of it was not understood")


def test_what_is_never_finished_has_a_bound() -> None:
    subject = CallPieces()
    for number in range(1_000):
        assert subject.take(FunctionCall(id=str(number), name="book", will_continue=True)) is None
    assert len(subject.drop()) <= 16 and not subject


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(min_size=1, max_size=8),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@given(
    calls=st.lists(st.dictionaries(st.text(max_size=6), JSON, max_size=4), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_whatever_is_taken_apart_is_put_together_again(calls: list[dict[str, Any]], order: Any) -> None:
    """By the simulator's pieces, in any mixture of several calls."""
    wanted = [FunctionCall(id=f"c{number}", name="book", args=args) for number, args in enumerate(calls)]
    queues = [[*in_pieces(call)] for call in wanted]
    subject, made = CallPieces(), []
    while any(queues):
        queue = order.choice([queue for queue in queues if queue])
        if (whole := subject.take(queue.pop(0))) is not None:
            made.append(whole)
    assert sorted(made, key=lambda call: call.id) == wanted


@given(
    st.lists(
        st.builds(
            FunctionCall,
            id=st.sampled_from(["", "a", "b"]),
            name=st.sampled_from(["", "book", "note"]),
            partial_args=st.lists(
                st.builds(
                    PartialArg,
                    json_path=st.text("$.[]'\"ab01\\", max_size=8),
                    string_value=st.none() | st.text(max_size=3),
                ),
                max_size=2,
            ),
            will_continue=st.booleans(),
        ),
        max_size=12,
    )
)
def test_whatever_comes_no_call_goes_on_for_ever(calls: list[FunctionCall]) -> None:
    """Each call that does not go on is made or spoiled, once; nothing raises."""
    subject = CallPieces()
    ends = sum(not call.will_continue for call in calls)
    assert len([one for one in map(subject.take, calls) if one is not None]) == ends


def test_the_ends_of_names() -> None:
    """Names that a path has to quote come back as they were."""
    names = ["", "a.b", "a[0]", "it's", 'say "x"', "back\\slash", "0", "\u00fc", "new\nline"]
    call = FunctionCall(id="a", name="f", args=dict(zip(names, itertools.count(1))))
    subject = CallPieces()
    assert [one for one in map(subject.take, in_pieces(call)) if one is not None] == [call]
