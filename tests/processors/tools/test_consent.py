"""The caller's yes: given to a question that was heard, for exactly one wish, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import SECOND
from livegraph.processors.tools.consent import Consents
from livegraph.processors.tools.yes_or_no import Words, judge_words, only_refuses


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
        # A word of agreement that only begins, or ends, something else.
        ("Can you repeat that please?", "unclear"),
        ("can you repeat that please", "unclear"),
        ("Okay, how much is it?", "unclear"),
        ("Okay, my name is Ada and I would like to come", "unclear"),
        ("Right now I am in the car", "unclear"),
        ("Is that correct?", "unclear"),
        ("Are you sure?", "unclear"),
        ("Should I go ahead?", "unclear"),
        ("Ist jemand da?", "unclear"),
        ("si puedes", "unclear"),
        # A yes with a condition is none.
        ("Yes, but what does it cost?", "unclear"),
        ("Ja, aber erst morgen", "unclear"),
        ("Yes, if it is not too late", "unclear"),
        ("Yes, what is it?", "unclear"),
        # Doubt is no refusal.
        ("I'm not sure", "unclear"),
        ("I don't know.", "unclear"),
        ("Weiß nicht", "unclear"),
        # What sounds like a no and is a yes.
        ("No problem.", "yes"),
        ("why not", "yes"),
        ("Kein Problem!", "yes"),
        ("Oui, pas de problème", "yes"),
        # A yes in the middle of courtesy.
        ("Uh, okay.", "yes"),
        ("Mm-hm, okay", "yes"),
        ("Okay, book it", "yes"),
        ("Perfect, thank you very much", "yes"),
        ("Yes, could you do that please?", "yes"),
        ("yes that's what I want", "yes"),
        ("do it", "yes"),
        ("Please.", "yes"),
        # Scripts in which marks are parts of letters, or that write no spaces.
        ("हाँ जी", "yes"),
        ("va\u0302ng", "yes"),
        ("네, 그렇게 해주세요", "yes"),
        ("예약 변경해 주세요", "unclear"),
        ("아니요", "no"),
        ("好的，谢谢", "yes"),  # noqa: RUF001
        ("不是", "no"),
        ("不好", "no"),
        ("好不好", "unclear"),
        ("对吗？", "unclear"),  # noqa: RUF001
        ("ใช่ครับ", "yes"),
        ("ไม่ใช่", "no"),
        ("Да, конечно", "yes"),
        ("نعم", "yes"),
        ("نعم؟", "yes"),
        ("not right", "no"),
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


def test_a_question_that_comes_between_is_answered_first() -> None:
    """One open question at a time: a yes is one to that question and to nothing else."""
    consents = Consents()
    assert consents.ask("book", 0)
    assert not consents.ask("cancel", 1), "the caller has not said a word yet"
    consents.agent_heard()
    assert not consents.ask("cancel", 2)
    assert consents.caller_heard("yes", 3) == [("book", True)]
    assert consents.verdict("cancel", 4) == "unasked"
    assert consents.ask("cancel", 5) and consents.verdict("book", 5) == "yes"


def test_who_answers_with_another_wish_has_given_the_first_up() -> None:
    consents = Consents()
    consents.ask("book Monday", 0)
    consents.agent_heard()
    assert consents.caller_heard("Make it Tuesday.", 1) == []
    assert consents.ask("book Tuesday", 2)
    assert consents.verdict("book Monday", 2) == "unasked"
    consents.agent_heard()
    assert consents.caller_heard("yes", 3) == [("book Tuesday", True)]


def test_a_yes_to_are_you_still_there_is_one_to_nothing_else() -> None:
    consents = Consents()
    consents.ask("book", 0)
    consents.agent_heard()
    consents.agent_heard(asks=False)
    assert consents.caller_heard("Yes.", 1) == []
    consents.agent_heard()
    assert consents.caller_heard("Yes.", 2) == [("book", True)]


def test_a_question_of_another_box_is_an_open_question_too() -> None:
    room: list[Consents] = []
    desk, billing = Consents(room=room), Consents(room=room)
    assert desk.ask("pay", 0) and not billing.ask("pay", 1)
    for each in room:
        each.agent_heard()
    assert [each.caller_heard("yes", 2) for each in room] == [[("pay", True)], []]
    assert billing.ask("pay", 3) and desk.verdict("pay", 3) == "yes"
    billing.leave()
    assert desk.ask("cancel", 4), "whose box is gone has no question"


def test_what_is_answered_to_somebody_else_is_no_answer() -> None:
    """Who takes over greets, and *yes* is said to that; what was decided before stands."""
    consents = Consents()
    consents.ask("book", 0)
    consents.agent_heard()
    consents.caller_heard("yes", 1)
    consents.ask("cancel", 2)
    consents.agent_heard()
    consents.give_up()
    assert consents.caller_heard("yes", 3) == []
    assert consents.verdict("book", 4) == "yes" and consents.verdict("cancel", 4) == "unasked"


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("No.", True),
        ("No, thanks.", True),
        ("No, leave it", True),
        ("Forget it", True),
        ("No onions please", False),
        ("Do not put any onions on it", False),
        ("Nora", False),
        ("Yes", False),
    ],
)
def test_a_no_with_something_to_say_is_an_answer(text: str, refuses: bool) -> None:
    assert only_refuses(text) is refuses


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
