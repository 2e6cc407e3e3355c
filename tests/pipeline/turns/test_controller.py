"""Barge-in is pause, decide, resume or flush; and the state is what the caller perceives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.turns.controller import TurnController, TurnPolicy, TurnState
from livegraph.pipeline.turns.conversation_policy import Interruptions
from livegraph.pipeline.turns.decisions import Flush, Pause, Resume
from livegraph.pipeline.units import MS, SECOND


def speaking() -> TurnController:
    """A controller whose agent is heard in turn 1, at 0."""
    controller = TurnController()
    controller.next_turn()
    controller.playing(0, 1)
    assert controller.state is TurnState.SPEAKING
    return controller


def test_a_question_and_its_answer() -> None:
    """listening -> thinking when the user stops -> speaking at the first sound -> listening when it was heard."""
    controller = TurnController()
    states = [controller.state]
    controller.user_started(0)
    controller.user_stopped(SECOND)
    states.append(controller.state)
    controller.playing(2 * SECOND, controller.next_turn())
    states.append(controller.state)
    controller.played_out(3 * SECOND, 1)
    states.append(controller.state)
    assert states == [TurnState.LISTENING, TurnState.THINKING, TurnState.SPEAKING, TurnState.LISTENING]


def test_speech_over_the_agent_pauses_at_once() -> None:
    """The pause does not wait for anybody's confirmation."""
    assert speaking().user_started(100) == [Pause()]


def test_a_cough_resumes_from_where_it_paused() -> None:
    """Short speech, then silence: the agent goes on, and nothing is void."""
    controller = speaking()
    controller.user_started(0)
    controller.user_stopped(100 * MS)
    deadline_ns = controller.deadline_ns
    assert deadline_ns == 100 * MS + controller.policy.resume_after_ns
    assert controller.tick(deadline_ns - 1) == []
    assert controller.tick(deadline_ns) == [Resume()]
    assert controller.state is TurnState.SPEAKING


def test_a_cough_resumes_before_its_end_is_sure() -> None:
    """Detectors report an end late: that the voice fell silent is enough to go on."""
    controller = speaking()
    controller.user_started(0)
    assert controller.user_quiet(100 * MS) == []
    deadline_ns = controller.deadline_ns
    assert deadline_ns == 100 * MS + controller.policy.resume_after_ns
    assert controller.tick(deadline_ns) == [Resume()]
    assert controller.user_stopped(600 * MS) == []
    assert controller.state is TurnState.SPEAKING


def test_a_pause_between_words_is_no_cough() -> None:
    """The voice goes on: what was said before the pause counts, and after a resumption the sound stops again."""
    controller = speaking()
    controller.user_started(0)
    controller.user_quiet(200 * MS)
    assert controller.user_voiced(300 * MS) == []
    assert controller.tick(controller.policy.confirm_ns) == [Flush(1)]
    controller = speaking()
    controller.user_started(0)
    controller.user_quiet(50 * MS)
    assert controller.tick(50 * MS + controller.policy.resume_after_ns) == [Resume()]
    assert controller.user_voiced(450 * MS) == [Pause()]
    assert controller.tick(450 * MS + controller.policy.confirm_ns) == [Flush(1)]


def test_an_answer_in_the_users_silence_is_not_held_back() -> None:
    """Who has fallen silent is waiting, whatever the detector has still to prove."""
    controller = TurnController()
    controller.user_started(0)
    controller.user_quiet(SECOND)
    assert controller.playing(SECOND + 100 * MS, controller.next_turn()) == []
    assert controller.state is TurnState.SPEAKING


def test_enough_speech_is_an_interruption_without_the_server() -> None:
    """A silent server does not keep the agent talking."""
    controller = speaking()
    controller.user_started(0)
    assert controller.tick(controller.policy.confirm_ns) == [Flush(1)]
    assert controller.state is TurnState.INTERRUPTED
    controller.user_stopped(SECOND)
    assert controller.state is TurnState.THINKING


def test_the_servers_word_flushes_at_once() -> None:
    """`interrupted` from the server needs no further proof, paused or not."""
    for paused in (False, True):
        controller = speaking()
        if paused:
            controller.user_started(0)
        assert controller.interrupted(MS, 1) == [Flush(1)]
        assert controller.deadline_ns is None


def test_without_barge_in_only_the_server_stops_the_agent() -> None:
    """barge_in=False: the user's voice changes nothing, the server's word does."""
    controller = TurnController(TurnPolicy(barge_in=False))
    controller.playing(0, controller.next_turn())
    assert controller.user_started(MS) == []
    assert controller.state is TurnState.SPEAKING
    assert controller.interrupted(2 * MS, 1) == [Flush(1)]


def test_text_from_the_user_cuts_the_agent() -> None:
    """Typing is barging in; an answer is due then."""
    controller = speaking()
    assert controller.user_wrote(MS) == [Flush(1)]
    assert controller.state is TurnState.THINKING


def test_thinking_ends_when_no_answer_comes() -> None:
    """The caller is not shown a thinking agent for ever."""
    controller = TurnController()
    controller.user_started(0)
    controller.user_stopped(1)
    deadline_ns = controller.deadline_ns
    assert deadline_ns is not None
    controller.tick(deadline_ns)
    assert controller.state is TurnState.LISTENING


def test_a_pending_tool_is_thinking() -> None:
    """Between what it said and its result the agent thinks; without sound the turn's end ends it."""
    controller = speaking()
    controller.tool_started(MS)
    controller.played_out(2 * MS, 1)
    assert controller.state is TurnState.THINKING
    controller.tool_finished(3 * MS)
    controller.turn_completed(4 * MS)
    assert controller.state is TurnState.LISTENING


FACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "user_started",
                "user_stopped",
                "user_quiet",
                "user_voiced",
                "user_wrote",
                "interrupted",
                "playing",
                "played_out",
                "tool_started",
                "tool_finished",
                "turn_completed",
                "tick",
                "next_turn",
            ]
        ),
        st.integers(0, 2 * SECOND),
    ),
    max_size=60,
)


@given(FACTS)
def test_pause_and_resume_alternate_whatever_happens(facts: list[tuple[str, int]]) -> None:
    """No resume without a pause, no second pause before a resume or a flush; flushes never name a future turn."""
    controller = TurnController()
    now_ns, paused = 0, False
    for fact, after_ns in facts:
        now_ns += after_ns
        if fact == "next_turn":
            controller.next_turn()
            continue
        if fact in ("playing", "played_out", "interrupted"):
            if controller.turn == 0:
                continue
            decisions = getattr(controller, fact)(now_ns, controller.turn)
        else:
            decisions = getattr(controller, fact)(now_ns)
        for decision in decisions:
            if isinstance(decision, Pause):
                assert not paused
                paused = True
            elif isinstance(decision, Resume):
                assert paused
                paused = False
            else:
                assert decision.turn <= controller.turn
                paused = False
        assert controller.deadline_ns is None or controller.deadline_ns >= 0


@given(FACTS)
def test_a_paused_agent_is_always_decided_upon(facts: list[tuple[str, int]]) -> None:
    """Paused never lasts: there is a deadline, and reaching it resumes or flushes."""
    controller = TurnController()
    now_ns = 0
    for fact, after_ns in facts:
        now_ns += after_ns
        if fact == "next_turn":
            controller.next_turn()
        elif fact in ("playing", "played_out", "interrupted"):
            if controller.turn:
                getattr(controller, fact)(now_ns, controller.turn)
        else:
            getattr(controller, fact)(now_ns)
        if controller.state is TurnState.PAUSED:
            assert controller.deadline_ns is not None
    if controller.state is TurnState.PAUSED:
        assert controller.deadline_ns is not None
        assert controller.tick(max(now_ns, controller.deadline_ns)) != []


def test_guesses_at_words_are_judged_as_they_come() -> None:
    """Each stands in the place of the one before, and what is told for sure afterwards changes nothing any more."""
    turns = TurnController(TurnPolicy())
    turns.interruptions = Interruptions(min_words=2, backchannels=("okay",))
    turns.playing(0, turns.next_turn())
    assert turns.user_started(100 * MS) == [Pause()]
    assert turns.user_said(200 * MS, "okay", so_far=True) == []
    assert turns.user_said(300 * MS, "wait", so_far=True) == []
    assert turns.user_said(350 * MS, "wait", so_far=True) == [], "the same guess again is no second word"
    [flush] = turns.user_said(400 * MS, "wait a", so_far=True)
    assert isinstance(flush, Flush)
    assert turns.user_said(900 * MS, "Wait a moment") == []
