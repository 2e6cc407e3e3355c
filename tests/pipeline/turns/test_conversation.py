"""Facts of processors become decisions that the playout carries out and observers hear, each at its time."""

from __future__ import annotations

import asyncio

from livegraph.pipeline import MS, SECOND, Conversation, TurnPolicy, TurnState, clock_of_loop, run_virtual
from livegraph.pipeline.events import Event, EventBus, Interrupted, SpeechChanged, StateChanged


class Speaker:
    """A playout that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")

    def flush(self, turn: int) -> None:
        self.told.append(f"flush {turn}")


class Stage:
    """A conversation with all that it needs, and notes of what came of it."""

    def __init__(self, *, playout: bool = True, policy: TurnPolicy | None = None) -> None:
        self.clock = clock_of_loop()
        self.bus = EventBus()
        self.events: list[Event] = []
        self.bus.subscribe(Event, self.events.append)
        self.voided: list[int] = []
        self.conversation = Conversation(self.clock, self.bus, policy or TurnPolicy(), self.voided.append)
        self.speaker = Speaker()
        if playout:
            self.conversation.attach(self.speaker)

    def states(self) -> list[tuple[int, str]]:
        """State changes with their time in milliseconds."""
        return [
            (event.time_ns // MS, event.state) for event in self.events if isinstance(event, StateChanged)
        ]

    def speak(self) -> int:
        """The agent is heard in a new turn."""
        turn = self.conversation.next_turn()
        self.conversation.played(turn, 20 * MS)
        return turn


def test_a_question_and_its_answer_are_shown_as_they_are_perceived() -> None:
    """Speech, thinking, sound, end of the sound."""

    async def main() -> Stage:
        stage = Stage()
        stage.conversation.user_started()
        await asyncio.sleep(1)
        stage.conversation.user_stopped()
        await asyncio.sleep(0.5)
        turn = stage.speak()
        await asyncio.sleep(2)
        stage.conversation.played_out(turn)
        return stage

    stage = run_virtual(main())
    assert stage.states() == [(1_000, "thinking"), (1_500, "speaking"), (3_500, "listening")]
    assert [event.speaking for event in stage.events if isinstance(event, SpeechChanged)] == [True, False]


def test_speech_over_the_agent_pauses_at_once_and_flushes_when_it_goes_on() -> None:
    """400 ms later, by the conversation's own timer; the engine and the observers hear of it."""

    async def main() -> None:
        stage = Stage()
        stage.speak()
        stage.conversation.user_started()
        assert stage.speaker.told == ["pause"]
        await asyncio.sleep(0.39)
        assert stage.speaker.told == ["pause"]
        await asyncio.sleep(0.02)
        assert stage.speaker.told == ["pause", "flush 1"]
        assert stage.voided == [1]
        assert [event.turn for event in stage.events if isinstance(event, Interrupted)] == [1]
        assert stage.conversation.state is TurnState.INTERRUPTED

    run_virtual(main())


def test_a_cough_is_forgiven() -> None:
    """Pause, silence, resume; nothing is void."""

    async def main() -> None:
        stage = Stage()
        stage.speak()
        stage.conversation.user_started()
        await asyncio.sleep(0.1)
        stage.conversation.user_stopped()
        await asyncio.sleep(0.31)
        assert stage.speaker.told == ["pause", "resume"]
        assert stage.voided == []
        assert stage.conversation.state is TurnState.SPEAKING

    run_virtual(main())


def test_a_fact_told_twice_changes_nothing() -> None:
    """Two detectors may hear the same user."""

    async def main() -> None:
        stage = Stage()
        for _ in range(2):
            stage.conversation.user_started()
        for _ in range(2):
            stage.conversation.user_stopped()
        assert sum(isinstance(event, SpeechChanged) for event in stage.events) == 2

    run_virtual(main())


def test_words_are_released_as_their_sound_is_played() -> None:
    """Not before their place, the rest at the end of the turn."""

    async def main() -> None:
        stage, heard = Stage(), list[str]()
        turn = stage.conversation.next_turn()
        for at_ms, word in ((0, "one"), (500, "two"), (900, "three")):
            stage.conversation.say(turn, at_ms * MS, lambda word=word: heard.append(word))  # type: ignore[misc]
        assert heard == []
        stage.conversation.played(turn, 20 * MS)
        assert heard == ["one"]
        stage.conversation.played(turn, 600 * MS)
        assert heard == ["one", "two"]
        stage.conversation.played_out(turn)
        assert heard == ["one", "two", "three"]

    run_virtual(main())


def test_words_that_were_cut_are_never_heard() -> None:
    """Neither those that waited nor those that come late, also when the next turn is played."""

    async def main() -> None:
        stage, heard = Stage(), list[str]()
        turn = stage.speak()
        stage.conversation.say(turn, 500 * MS, lambda: heard.append("cut"))
        stage.conversation.interrupted(turn)
        stage.conversation.say(turn, 600 * MS, lambda: heard.append("late"))
        following = stage.speak()
        stage.conversation.played(following, 900 * MS)
        stage.conversation.played_out(following)
        assert heard == []

    run_virtual(main())


def test_without_a_playout_words_count_as_heard() -> None:
    """A graph that writes text has nobody to wait for; a void turn's are refused all the same."""

    async def main() -> None:
        stage, heard = Stage(playout=False), list[str]()
        turn = stage.conversation.next_turn()
        stage.conversation.say(turn, 500 * MS, lambda: heard.append("said"))
        stage.conversation.interrupted(turn)
        stage.conversation.say(turn, 500 * MS, lambda: heard.append("void"))
        assert heard == ["said"]

    run_virtual(main())


def test_a_late_report_of_cut_sound_is_no_speaking() -> None:
    """What a device had buffered plays on for a moment."""

    async def main() -> None:
        stage = Stage()
        turn = stage.speak()
        stage.conversation.interrupted(turn)
        stage.conversation.played(turn, 40 * MS)
        stage.conversation.played_out(turn)
        assert stage.conversation.state is TurnState.LISTENING

    run_virtual(main())


def test_thinking_lasts_while_a_function_runs() -> None:
    """However long; when it has answered, the model has its time again."""

    async def main() -> Stage:
        stage = Stage()
        stage.conversation.user_started()
        stage.conversation.user_stopped()
        stage.conversation.tool_started()
        await asyncio.sleep(60)
        assert stage.conversation.state is TurnState.THINKING
        stage.conversation.tool_finished()
        await asyncio.sleep(16)
        return stage

    assert run_virtual(main()).states() == [(0, "thinking"), (75_000, "listening")]


def test_text_from_the_user_cuts_the_agent() -> None:
    """Typing is speaking."""

    async def main() -> None:
        stage = Stage()
        stage.speak()
        stage.conversation.user_wrote()
        assert stage.speaker.told == ["flush 1"]
        assert stage.conversation.state is TurnState.THINKING

    run_virtual(main())


def test_after_the_close_nothing_happens_any_more() -> None:
    """No timer fires, no fact has consequences."""

    async def main() -> None:
        stage = Stage()
        stage.speak()
        stage.conversation.user_started()
        stage.conversation.close()
        await asyncio.sleep(5)
        stage.conversation.interrupted(1)
        assert stage.speaker.told == ["pause"]
        assert stage.voided == []

    run_virtual(main())


def test_every_playout_is_told() -> None:
    """A call may be heard in two places."""

    async def main() -> None:
        stage, second = Stage(), Speaker()
        stage.conversation.attach(second)
        stage.conversation.interrupted(stage.speak())
        assert stage.speaker.told == second.told == ["flush 1"]

    run_virtual(main())


def test_a_service_that_lets_nobody_interrupt_is_not_interrupted() -> None:
    """Whatever the policy says, then and later; the service's own word still cuts."""

    async def main() -> Stage:
        stage = Stage()
        stage.conversation.keep_the_floor()
        turn = stage.speak()
        stage.conversation.user_started()
        await asyncio.sleep(2)
        stage.conversation.user_stopped()
        stage.conversation.judge_by(TurnPolicy(confirm_ns=0))
        stage.conversation.user_started()
        await asyncio.sleep(2)
        assert stage.conversation.state is TurnState.SPEAKING
        stage.conversation.interrupted(turn)
        return stage

    assert run_virtual(main()).speaker.told == ["flush 1"]


# Several sources --------------------------------------------------------------------------------------


def test_each_source_counts_and_is_cut_alone() -> None:
    """The server of A cuts A: its turns are void, B's sound, words and state stay."""

    async def main() -> None:
        stage = Stage()
        conversation = stage.conversation
        ours, theirs = conversation.next_turn("a"), conversation.next_turn("b")
        assert (int(ours), int(theirs), ours.source, theirs.source) == (1, 1, "a", "b")
        heard: list[str] = []
        conversation.say(ours, SECOND, lambda: heard.append("ours"))
        conversation.say(theirs, SECOND, lambda: heard.append("theirs"))
        conversation.played(ours, MS)
        conversation.played(theirs, MS)
        conversation.interrupted(ours)
        assert stage.voided == [ours]
        assert conversation.state is TurnState.SPEAKING, "b is heard"
        conversation.played(theirs, SECOND)
        conversation.played(ours, SECOND)
        assert heard == ["theirs"]

    run_virtual(main())


def test_the_user_over_two_sources_cuts_both_and_one_may_be_cut_before() -> None:
    """Speech pauses once; what A's server cuts does not let B go on."""

    async def main() -> None:
        stage = Stage()
        conversation = stage.conversation
        ours, theirs = conversation.next_turn("a"), conversation.next_turn("b")
        conversation.played(ours, MS)
        conversation.played(theirs, MS)
        conversation.user_started()
        await asyncio.sleep(0.1)
        conversation.interrupted(ours)
        assert stage.speaker.told == ["pause", "flush 1", "pause"]
        await asyncio.sleep(0.31)
        assert stage.speaker.told[3:] == ["flush 1"]
        assert stage.voided == [ours, theirs]
        assert conversation.state is TurnState.INTERRUPTED

    run_virtual(main())


def test_who_answers_first_ends_the_waiting_for_the_others() -> None:
    """A silent listener does not keep the conversation thinking."""

    async def main() -> None:
        stage = Stage()
        conversation = stage.conversation
        conversation.interrupted(conversation.next_turn("b"))
        conversation.user_started()
        conversation.user_stopped()
        turn = conversation.next_turn("a")
        conversation.played(turn, MS)
        conversation.played_out(turn)
        assert conversation.state is TurnState.LISTENING

    run_virtual(main())


def test_a_plain_number_cuts_everybody() -> None:
    """Who does not say whose turn it is means all."""

    async def main() -> None:
        stage = Stage()
        for name in ("a", "b"):
            stage.conversation.played(stage.conversation.next_turn(name), MS)
        stage.conversation.interrupted(1)
        assert stage.voided == [1]
        assert stage.conversation.state is TurnState.LISTENING

    run_virtual(main())


def test_a_hush_cuts_whoever_speaks_and_nobody_twice() -> None:
    """Each up to its own newest turn, whatever the numbers of the others; who was cut before is not cut again."""

    async def main() -> None:
        stage = Stage()
        conversation = stage.conversation
        conversation.hush()
        ours = [conversation.next_turn("a") for _ in range(3)][-1]
        theirs = conversation.next_turn("b")
        for turn in (ours, theirs):
            conversation.played(turn, MS)
        conversation.hush()
        conversation.hush()
        assert stage.voided == [ours, theirs]
        assert conversation.state is TurnState.LISTENING
        assert not conversation.is_void(conversation.next_turn("a"))

    run_virtual(main())


def test_who_joins_while_functions_are_at_work_knows_of_them() -> None:
    """The end of one does not pass for the end of all."""

    async def main() -> None:
        stage = Stage()
        conversation = stage.conversation
        conversation.interrupted(conversation.next_turn("a"))
        conversation.tool_started()
        conversation.interrupted(conversation.next_turn("b"))
        conversation.tool_started()
        conversation.tool_finished()
        await asyncio.sleep(3_600)
        assert conversation.state is TurnState.THINKING
        conversation.tool_finished()
        await asyncio.sleep(3_600)
        assert conversation.state is TurnState.LISTENING

    run_virtual(main())
