"""The watch over answers: what it does when nothing comes, fact by fact, with time as an argument."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline import MS, SECOND
from livegraph.processors.gemini_live.answers.decisions import (
    AskAgain,
    Decision,
    Missing,
    Renew,
    Stalled,
    TurnOver,
)
from livegraph.processors.gemini_live.answers.policy import AnswerPolicy
from livegraph.processors.gemini_live.answers.sentences import ends_sentence
from livegraph.processors.gemini_live.answers.watch import AnswerWatch

S = SECOND


def until_quiet(watch: AnswerWatch, now_ns: int, most: int = 20) -> tuple[int, list[Decision]]:
    """Let time pass until no time matters any more; a new session comes up as soon as it is asked for."""
    out: list[Decision] = []
    for _ in range(most):
        if watch.deadline_ns is None:
            return now_ns, out
        now_ns = max(now_ns, watch.deadline_ns)
        out += watch.tick(now_ns)
        if isinstance(out[-1] if out else None, Renew):
            watch.lost(now_ns)
            out += watch.up(now_ns, told=watch.known)
    raise AssertionError(f"it never comes to rest: {out}")


def test_no_answer_at_all() -> None:
    """After the patience it asks again, twice; then a new session, which is asked too; then it says what is missing."""
    watch = AnswerWatch()
    assert watch.asked(0, "words") == []
    now_ns, out = until_quiet(watch, 0)
    assert out == [
        AskAgain("silent", 1),
        AskAgain("silent", 2),
        Renew("silent"),
        AskAgain("silent", 3),
        Missing("silent", 24 * S, 3),
    ]
    assert now_ns == 24 * S and not watch.waiting


def test_the_first_sound_is_the_answer() -> None:
    watch = AnswerWatch()
    watch.asked(0, "words")
    assert watch.sound(5 * S, 1, S) == []
    watch.generated(5 * S)
    watch.words(5 * S, 1, "That was all there is to say.")
    assert watch.completed(6 * S) == []
    assert watch.deadline_ns is None and not watch.waiting


@pytest.mark.parametrize("cause", ["voice", "words", "text", "result", "context", "greeting"])
def test_whatever_asks_is_waited_for(cause: Any) -> None:
    watch = AnswerWatch(AnswerPolicy(2 * S, 1))
    watch.asked(0, cause)
    assert watch.waiting and watch.deadline_ns == 2 * S
    assert watch.tick(2 * S) == [AskAgain("silent", 1)]


def test_an_empty_turn_is_asked_again_at_once() -> None:
    """As often as it says; the reason of the service is passed on."""
    watch = AnswerWatch()
    watch.asked(0, "words")
    assert watch.completed(1 * S) == [AskAgain("empty", 1)]
    assert watch.completed(2 * S, reason="RESPONSE_REJECTED") == [AskAgain("rejected", 2)]
    assert watch.completed(3 * S, reason="RESPONSE_REJECTED") == [Renew("rejected")]
    watch.lost(3 * S)
    assert watch.up(4 * S, told=True) == [AskAgain("rejected", 3)]
    assert watch.completed(5 * S, reason="RESPONSE_REJECTED") == [
        Missing("rejected", 5 * S, 3, "RESPONSE_REJECTED")
    ]
    assert watch.completed(6 * S, reason="RESPONSE_REJECTED") == [], "nothing is waited for any more"


def test_what_is_prohibited_is_asked_once_more_and_no_session_is_given_up_for_it() -> None:
    watch = AnswerWatch()
    watch.asked(0, "words")
    assert watch.completed(S, reason="PROHIBITED_INPUT_CONTENT") == [AskAgain("rejected", 1)]
    assert watch.completed(2 * S, reason="PROHIBITED_INPUT_CONTENT") == [
        Missing("rejected", 2 * S, 1, "PROHIBITED_INPUT_CONTENT")
    ]


def test_a_turn_of_text_only_was_not_heard() -> None:
    watch = AnswerWatch()
    watch.asked(0, "words")
    watch.words(S, 1, "We open at nine.")
    assert watch.completed(S) == [AskAgain("text_only", 1, "We open at nine.")]


def test_text_is_the_answer_of_a_model_that_writes() -> None:
    watch = AnswerWatch(writes=True)
    watch.asked(0, "text")
    watch.words(S, 1, "We open at nine.")
    assert watch.completed(S) == [] and watch.deadline_ns is None


@pytest.mark.parametrize("ended", [{"waits": True}, {"reason": "NEED_MORE_INPUT"}])
def test_a_model_that_expects_more_is_not_pressed(ended: Any) -> None:
    watch = AnswerWatch()
    watch.asked(0, "words")
    assert watch.completed(S, **ended) == [] and not watch.waiting and watch.deadline_ns is None


def test_a_model_that_may_stay_silent_is_not_pressed() -> None:
    watch = AnswerWatch(AnswerPolicy(silence_is_answer=True))
    watch.asked(0, "words")
    assert watch.completed(S) == [] and not watch.waiting


def test_nobody_is_asked_while_the_user_speaks() -> None:
    """The patience begins when the user has ended."""
    watch = AnswerWatch()
    watch.asked(0, "words")
    watch.user_started(S)
    assert watch.deadline_ns is None
    watch.user_stopped(20 * S)
    assert watch.deadline_ns == 26 * S


def test_a_function_takes_as_long_as_it_takes() -> None:
    """The turn of a call is not empty; the result is what is waited for."""
    watch = AnswerWatch()
    watch.asked(0, "words")
    watch.called(S)
    assert watch.completed(S) == [], "a call that does not block ends its turn at once"
    assert watch.deadline_ns is None
    watch.function_ended(60 * S)
    watch.asked(60 * S, "result")
    assert watch.tick(66 * S) == [AskAgain("silent", 1)]


def test_a_function_that_blocks_holds_the_turn_open() -> None:
    """Sound, call, result, sound, all in one turn: nothing stalls and nothing is due afterwards."""
    watch = AnswerWatch()
    watch.asked(0, "words")
    watch.sound(S, 1, S)
    watch.called(S)
    assert watch.deadline_ns is None
    watch.function_ended(30 * S)
    watch.asked(30 * S, "result")
    assert watch.sound(31 * S, 1, S) == []
    watch.generated(31 * S)
    assert watch.completed(32 * S) == [] and not watch.waiting and watch.deadline_ns is None


def test_after_a_barge_in_an_answer_is_due() -> None:
    """When the service has confirmed it; the end of the cut turn is no empty answer."""
    watch = AnswerWatch()
    watch.sound(0, 1, 10 * S)
    watch.user_started(2 * S)
    watch.interrupted(2 * S)
    assert watch.completed(2 * S, cut=True) == []
    watch.user_stopped(3 * S)
    assert watch.tick(9 * S) == [AskAgain("silent", 1)]


def test_sound_that_stops_within_a_turn() -> None:
    """Measured from when what had come was played; after the patience the model is asked to go on."""
    watch = AnswerWatch()
    watch.asked(0, "words")
    watch.sound(S, 1, 2 * S)
    watch.words(S, 1, "We open at")
    assert watch.deadline_ns == 9 * S
    assert watch.tick(9 * S) == [
        Stalled(1, 6 * S, resumed=False),
        TurnOver(),
        AskAgain("stalled", 1, "We open at"),
    ]


def test_sound_that_goes_on_after_a_stall() -> None:
    watch = AnswerWatch()
    watch.sound(0, 1, S)
    assert watch.sound(1_500 * MS, 1, S) == [], "half a second is a breath"
    assert watch.sound(5 * S, 1, S) == [Stalled(1, 2_500 * MS, resumed=True)]
    assert watch.deadline_ns is not None


def test_a_turn_that_is_said_but_never_called_complete_is_over() -> None:
    watch = AnswerWatch()
    watch.sound(0, 1, 2 * S)
    watch.generated(0)
    assert watch.tick(8 * S) == [TurnOver()] and watch.deadline_ns is None


def test_a_turn_that_ends_within_its_sentence() -> None:
    """It waits for words that come late; then the model is asked once to go on."""
    watch = AnswerWatch()
    watch.sound(0, 1, S)
    watch.words(0, 1, "Our opening hours are from nine until")
    assert watch.completed(S) == [] and watch.waiting
    assert watch.tick(2_500 * MS) == [AskAgain("unfinished", 1, "Our opening hours are from nine until")]


def test_late_words_that_complete_the_sentence() -> None:
    watch = AnswerWatch()
    watch.sound(0, 1, S)
    watch.words(0, 1, "Our opening hours are from nine until")
    watch.completed(S)
    watch.words(S + 100 * MS, 1, " five.")
    assert not watch.waiting and watch.deadline_ns is None


def test_words_without_marks_are_no_sign() -> None:
    """Of a model whose words never end with a mark, a turn that was generated whole is whole."""
    watch = AnswerWatch()
    for turn in (1, 2):
        watch.sound(0, turn, S)
        watch.words(0, turn, "our opening hours are from nine until five")
        watch.generated(0)
        assert watch.completed(S) == [] and not watch.waiting


def test_a_connection_that_takes_the_question_along() -> None:
    """Known in words: asked again three seconds after the connection is back, if nothing has come by then."""
    watch = AnswerWatch()
    watch.asked(0, "words")
    watch.lost(S)
    assert watch.deadline_ns is None
    assert watch.up(5 * S, told=False) == []
    assert watch.tick(8 * S) == [AskAgain("silent", 1)]


def test_a_connection_that_takes_half_the_answer_along() -> None:
    """What the model was about to say is lost with it: it is asked to go on as soon as it can be."""
    watch = AnswerWatch()
    watch.sound(0, 1, S)
    watch.words(0, 1, "The first thing is")
    watch.lost(S)
    assert watch.up(2 * S, told=False) == [AskAgain("lost", 1, "The first thing is")]


def test_a_whole_answer_is_not_lost_with_its_connection() -> None:
    watch = AnswerWatch()
    watch.sound(0, 1, 5 * S)
    watch.generated(0)
    watch.lost(S)
    assert watch.up(2 * S, told=False) == [] and watch.deadline_ns is None


def test_a_model_at_work_has_thirty_seconds() -> None:
    """Extended thinking says something, completes the turn, and is silent for a while."""
    watch = AnswerWatch()
    watch.asked(0, "words")
    watch.at_work(S, is_so=True)
    assert watch.completed(S) == []
    assert watch.deadline_ns == 31 * S
    watch.busy(10 * S)
    assert watch.deadline_ns == 40 * S


def test_no_patience_means_no_watch() -> None:
    watch = AnswerWatch(AnswerPolicy(None))
    watch.asked(0, "words")
    assert watch.waiting and watch.deadline_ns is None
    watch.sound(0, 1, S)
    assert watch.deadline_ns is None


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Yes", True),
        ("It opens at nine.", True),
        ("“Is that all that you wanted?”", True),
        ("营业时间是上午九点到下午五点,周末不营业,节假日另行通知。", True),
        ("We are open from nine until", False),
        ("The first thing to know is, ", False),
    ],
)
def test_where_sentences_end(text: str, whole: bool) -> None:
    assert ends_sentence(text) is whole


FACTS = st.one_of(
    st.tuples(st.just("asked"), st.sampled_from(["voice", "words", "text", "result", "context", "greeting"])),
    st.tuples(st.just("sound"), st.integers(1, 3), st.sampled_from([0, S // 2, 3 * S])),
    st.tuples(st.just("words"), st.integers(1, 3), st.sampled_from(["Yes.", "this goes on and on and on"])),
    st.tuples(
        st.sampled_from(
            [
                "user_started",
                "user_stopped",
                "busy",
                "called",
                "function_ended",
                "generated",
                "completed",
                "interrupted",
                "lost",
            ]
        )
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8 * S), FACTS), max_size=12), st.integers(0, 3))
def test_whatever_happens_it_comes_to_rest(facts: list[Any], retries: int) -> None:
    """Time alone never makes it ask for ever; what is due when everybody is silent is answered for at last."""
    watch, now_ns = AnswerWatch(AnswerPolicy(6 * S, retries)), 0
    for delay_ns, (name, *args) in facts:
        now_ns += delay_ns
        if watch.deadline_ns is not None and watch.deadline_ns <= now_ns:
            watch.tick(now_ns)
        getattr(watch, name)(now_ns, *args)
    for name, *_ in (fact for _, fact in facts):
        if name == "called":
            watch.function_ended(now_ns)
    watch.user_stopped(now_ns)
    out = watch.up(now_ns, told=False)
    due = watch.waiting or bool(out)
    now_ns, more = until_quiet(watch, now_ns)
    out += more
    assert not watch.waiting
    asks = [one for one in out if isinstance(one, AskAgain)]
    assert len(asks) <= 2 * (retries + 2)
    if due and retries:
        assert any(isinstance(one, (AskAgain, Missing, TurnOver)) for one in out)
