"""Who takes over when: decided without a loop, at times that are given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.units import SECOND
from livegraph.processors.gemini_live.colleagues.briefing import briefing, told
from livegraph.processors.gemini_live.colleagues.desk import Desk, HandOver, PassOn, Refused
from livegraph.processors.gemini_live.colleagues.persona import (
    HandOverRule,
    Kept,
    Persona,
    Transfer,
    persona_faults,
)
from livegraph.processors.gemini_live.dialogue.history import HistoryEntry

STAFF = {
    "desk": Persona(hand_over=["billing", "human", HandOverRule("billing", r"\binvoice\b")]),
    "billing": Persona(description="money", returns_to="desk", history="summary"),
    "chef-de-cuisine": Persona(hand_over=[HandOverRule("desk", "goodbye", heard="agent")]),
    "human": Persona(transfer=Transfer(sip="sip:desk@example.org")),
}


def names(desk: Desk) -> list[str]:
    return [function.name for function in desk.functions()]


def test_each_has_functions_for_those_it_hands_over_to() -> None:
    desk = Desk(STAFF)
    assert desk.current == "desk" and names(desk) == ["hand_over_to_billing", "transfer_to_human"]
    assert "who is for: money" in desk.functions()[0].description
    assert desk.functions()[0].parameters["required"] == ["reason", "summary"], "billing goes by a summary"
    assert [function.name for function in desk.functions("billing")] == ["hand_back_to_desk"]


def test_a_function_of_another_persona_is_none() -> None:
    desk = Desk(STAFF, "billing")
    assert desk.called("hand_over_to_billing") is None
    assert desk.called("book") is None
    assert desk.called("hand_back_to_desk", "done") == HandOver("desk", "done")


def test_a_human_is_passed_on_to_and_nobody_takes_over() -> None:
    desk = Desk(STAFF)
    assert desk.called("transfer_to_human", "angry", "all of it") == PassOn("human", "angry", "all of it")
    assert isinstance(desk.asked("billing"), HandOver), "the agent is still there, and hands over"


def test_human_need_not_be_declared() -> None:
    desk = Desk({"desk": Persona(hand_over=["human"])})
    assert names(desk) == ["transfer_to_human"]
    assert desk.asked("human") == PassOn("human")


def test_one_hand_over_at_a_time() -> None:
    desk = Desk(STAFF)
    assert isinstance(desk.asked("billing"), HandOver)
    assert isinstance(desk.asked("chef-de-cuisine"), Refused)
    desk.took_over("billing", 0)
    assert isinstance(desk.asked("desk"), HandOver)


def test_after_a_failure_it_can_be_tried_again() -> None:
    desk = Desk(STAFF)
    desk.asked("billing")
    desk.failed()
    assert desk.current == "desk" and isinstance(desk.asked("billing"), HandOver)


def test_rules_hear_words_as_they_grow_and_fire_once() -> None:
    desk = Desk(STAFF)
    assert desk.heard("user", "it is about my inv", 0) is None
    decision = desk.heard("user", "it is about my invoice", 0)
    assert isinstance(decision, HandOver) and decision.to == "billing" and "my invoice" in decision.reason
    assert desk.heard("user", "it is about my invoice of", SECOND) is None
    desk.took_over("billing", SECOND)
    assert desk.heard("user", "it is about my invoice of May", SECOND) is None


def test_rules_are_those_of_who_speaks_and_of_whose_words_they_say() -> None:
    desk = Desk(STAFF, "chef-de-cuisine")
    assert desk.heard("user", "goodbye", 0) is None
    assert desk.heard("agent", "Goodbye then", 0) == HandOver("desk", "the agent said 'Goodbye then'")


def test_colleagues_do_not_send_each_other_the_caller_for_ever() -> None:
    """Three times without a word of the caller's, then whoever speaks has to help."""
    desk = Desk({"a": Persona(hand_over=["b"]), "b": Persona(hand_over=["a"])})
    for to in ("b", "a", "b"):
        assert isinstance(desk.asked(to), HandOver)
        desk.took_over(to, 0)
    assert isinstance(desk.asked("a"), Refused)
    desk.heard("user", "Hello?", SECOND)
    assert isinstance(desk.asked("a"), HandOver)


def test_a_pattern_that_would_take_years_is_given_up_and_told() -> None:
    desk = Desk({"a": Persona(hand_over=[HandOverRule("b", "(a|aa)+$")]), "b": Persona()})
    assert desk.heard("user", "a" * 60 + "!", 0) is None
    assert desk.slow == ["(a|aa)+$"]


SAID = [
    HistoryEntry("user", "Hello."),
    HistoryEntry("agent", "Good day."),
    HistoryEntry("context", "[It rains.]"),
    HistoryEntry("tool", name="look_up", args={}, result={"output": 1}),
    HistoryEntry("tool", name="card", args={}, result={"output": 2}),
    HistoryEntry("user", "My invoice."),
]


def test_what_goes_along() -> None:
    """All, what was spoken, a summary, nothing, or what is told."""
    handed = HandOver("billing", "money", "Wants a refund.")
    assert told(Persona(), SAID, handed) == SAID
    assert [entry.role for entry in told(Persona(history="spoken"), SAID, handed)] == [
        "user",
        "agent",
        "user",
    ]
    assert told(Persona(history="none"), SAID, handed) == []
    (summary,) = told(Persona(history="summary"), SAID, handed)
    assert summary.role == "context" and "Wants a refund." in summary.text
    kept = told(Persona(history=Kept(without=["card"], last=3)), SAID, handed)
    assert [entry.name or entry.text for entry in kept] == ["[It rains.]", "look_up", "My invoice."]
    only = told(Persona(history=Kept(roles=["user"])), SAID, handed)
    assert [entry.text for entry in only] == ["Hello.", "My invoice."]


def test_without_a_summary_the_last_words_go_along() -> None:
    assert told(Persona(history="summary"), SAID, HandOver("billing"))[-1].text == "My invoice."


@given(st.text(max_size=200), st.text(max_size=200))
def test_what_is_to_be_said_word_for_word_stands_alone_in_quotation_marks(reason: str, greeting: str) -> None:
    """Whatever the reason holds: the model must not read it aloud."""
    text = briefing(Persona(greeting=greeting), "desk", HandOver("billing", reason))
    assert text.count('"') == (2 if greeting else 0)
    assert "\n" not in text


def test_faults_are_told_at_their_place() -> None:
    staff = {
        "desk": Persona(hand_over=["desk", "biling", HandOverRule("billing", "(a")]),
        "billing": Persona(returns_to="nobody"),
        "human": Persona(transfer=Transfer(), voice="Kore"),
    }
    found = [(fault.path, fault.code) for fault in persona_faults(staff, "human")]
    assert found == [
        (("first_agent",), "LG250"),
        (("agents", "desk", "hand_over", 0), "LG250"),
        (("agents", "desk", "hand_over", 1), "LG250"),
        (("agents", "desk", "hand_over", 2, "when"), "LG251"),
        (("agents", "billing", "returns_to"), "LG250"),
        (("agents", "human", "voice"), "LG250"),
    ]


def test_addresses_are_what_they_say() -> None:
    for wrong in ({"sip": "desk@example.org"}, {"number": "call me"}):
        try:
            Transfer(**wrong)  # type: ignore[arg-type]
        except ValueError as error:
            assert next(iter(wrong.values())) in str(error)
        else:
            raise AssertionError(wrong)
