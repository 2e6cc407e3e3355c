"""The caller's yes: given to a question that was heard, for exactly one wish, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import SECOND
from livegraph.processors.tools.consent import Consents, Words, judge_words


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Yes.", "yes"),
        ("Yes, please!", "yes"),
        ("yeah go ahead", "yes"),
        ("That\u2019s right", "yes"),
        ("Ja, gerne.", "yes"),
        ("\u306f\u3044\u3001\u304a\u9858\u3044\u3057\u307e\u3059", "yes"),
        ("s\u00ed", "yes"),
        ("No.", "no"),
        ("Wait, stop!", "no"),
        ("Nein", "no"),
        ("don't", "no"),
        ("On Monday at three.", "unclear"),
        ("", "unclear"),
        ("Yes... no, the other one", "unclear"),
        ("yesterday", "unclear"),
        ("I know nothing of that day", "unclear"),
    ],
)
def test_what_an_answer_means(text: str, meant: str) -> None:
    assert judge_words(text) == meant


def test_words_of_ones_own_count_too() -> None:
    assert judge_words("aye aye") == "unclear"
    assert judge_words("aye aye", Words(yes=("aye",))) == "yes"


def test_a_yes_before_anybody_was_asked_is_none() -> None:
    """The agent has to be heard between the wish and the answer."""
    consents = Consents()
    consents.ask("book", 0)
    assert consents.caller_heard("yes", 1) == []
    assert consents.verdict("book", 2) == "waiting"
    consents.agent_heard()
    assert consents.caller_heard("yes", 3) == [("book", True)]
    assert consents.verdict("book", 4) == "yes"
    assert consents.verdict("cancel", 4) == "unasked"


def test_it_counts_once_and_not_for_ever() -> None:
    consents = Consents()
    consents.ask("book", 0)
    consents.agent_heard()
    consents.caller_heard("yes", 1)
    assert consents.verdict("book", 170 * SECOND) == "yes"
    assert consents.verdict("book", 200 * SECOND) == "unasked"
    consents.ask("book", 200 * SECOND)
    consents.agent_heard()
    consents.caller_heard("yes", 201 * SECOND)
    consents.spend("book")
    assert consents.verdict("book", 201 * SECOND) == "unasked"


def test_who_thinks_better_of_it_is_believed() -> None:
    consents = Consents()
    consents.ask("book", 0)
    consents.agent_heard()
    consents.caller_heard("yes", 1)
    assert consents.caller_heard("no, stop", 2) == [("book", False)]
    assert consents.verdict("book", 3) == "no"
    # And a yes to something else later does not bring it back.
    assert consents.caller_heard("yes", 4) == []


steps = st.lists(st.sampled_from(["ask", "agent", "yes", "no", "mumble", "spend"]), max_size=30)


@given(steps)
def test_nothing_runs_without_question_and_yes(done: list[str]) -> None:
    """Whatever happens in whatever order: a yes is preceded by a wish, then the agent, then the caller's yes."""
    consents, trail = Consents(), ""
    for now_ns, step in enumerate(done):
        if step == "ask":
            consents.ask("book", now_ns)
            trail = "asked"
        elif step == "agent":
            consents.agent_heard()
            trail = "put" if trail == "asked" else trail
        elif step == "spend":
            consents.spend("book")
            trail = ""
        else:
            consents.caller_heard({"yes": "yes", "no": "no", "mumble": "hm"}[step], now_ns)
            if step == "yes" and trail == "put":
                trail = "agreed"
            elif step == "no" and trail in ("put", "agreed"):
                trail = "refused"
        assert (consents.verdict("book", now_ns) == "yes") == (trail == "agreed")
