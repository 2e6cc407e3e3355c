"""An agent's manners: what it says when, who is unheard, and that a call ends once, after its last sample."""

from __future__ import annotations

import pytest

from livegraph.pipeline.end_reason import EndReason
from livegraph.pipeline.frames import Turn
from livegraph.pipeline.turns.acts import Act, Ended, Hush, Keyed, Mute, Say
from livegraph.pipeline.turns.conversation_policy import (
    ConversationLimits,
    ConversationPolicy,
    Ending,
    IdleStep,
    Interruptions,
    Keys,
    Opening,
    Outbound,
)
from livegraph.pipeline.turns.manners import Manners
from livegraph.pipeline.units import MS, SECOND


class Room:
    """A machine on a clock of its own: whoever is asked to speak does, after half a second and for a second."""

    def __init__(self, policy: ConversationPolicy, *, speaks: bool = True) -> None:
        self.manners = Manners(policy)
        self.now_ns = 0
        self.acts: list[tuple[int, Act]] = []
        self.turn = 0
        self._speaks = speaks
        self._planned: list[tuple[int, str]] = []
        self.take(self.manners.begin(0))

    def take(self, acts: list[Act]) -> None:
        for act in acts:
            self.acts.append((self.now_ns, act))
            if isinstance(act, Say) and self._speaks:
                self.take(self.manners.given(self.now_ns, "live", self.turn))
                self._planned += [
                    (self.now_ns + SECOND // 2, "start"),
                    (self.now_ns + 3 * SECOND // 2, "stop"),
                ]

    def pass_until(self, at_ns: int) -> None:
        """Let time pass; what is due happens."""
        while True:
            due = [at for at, _ in self._planned]
            if self.manners.deadline_ns is not None:
                due.append(self.manners.deadline_ns)
            next_ns = min(due, default=at_ns)
            if next_ns > at_ns or (next_ns == at_ns and not due):
                break
            self.now_ns = max(self.now_ns, next_ns)
            if self._planned and self._planned[0][0] <= self.now_ns:
                _, what = self._planned.pop(0)
                (self.start if what == "start" else self.stop)()
            else:
                self.take(self.manners.tick(self.now_ns))
            if self.manners.over:
                return
        self.now_ns = at_ns

    def start(self) -> None:
        self.turn += 1
        self.take(self.manners.agent_started(self.now_ns, Turn(self.turn, "live")))

    def stop(self) -> None:
        self.take(self.manners.agent_stopped(self.now_ns, Turn(self.turn, "live")))

    def answer(self, for_ns: int = SECOND) -> None:
        """The agent says something by itself."""
        self.start()
        self.pass_until(self.now_ns + for_ns)
        self.stop()

    def speak(self, for_ns: int = SECOND) -> None:
        """The caller does."""
        self.take(self.manners.user_started(self.now_ns))
        self.pass_until(self.now_ns + for_ns)
        self.take(self.manners.user_stopped(self.now_ns))

    def said(self) -> list[str]:
        return [act.text for _, act in self.acts if isinstance(act, Say)]

    @property
    def ended(self) -> tuple[int, EndReason] | None:
        return next(((at, act.reason) for at, act in self.acts if isinstance(act, Ended)), None)

    def muted_spans(self) -> list[tuple[int, bool]]:
        return [(at, act.on) for at, act in self.acts if isinstance(act, Mute)]


def policy(**given: object) -> ConversationPolicy:
    return ConversationPolicy(**given)  # type: ignore[arg-type]  # each test gives what it is about


IDLE = (IdleStep("8s", "Are you still there?"), IdleStep("20s", "Goodbye.", end=True))


class TestOpening:
    def test_the_greeting_is_said_at_once(self) -> None:
        room = Room(policy(opening=Opening("Good morning!")))
        assert room.acts == [(0, Say("Good morning!", "greeting"))]

    def test_until_heard_mutes_from_the_start_to_the_end_of_the_greeting(self) -> None:
        room = Room(policy(opening=Opening("Good morning!", "until_heard")))
        room.pass_until(5 * SECOND)
        assert room.muted_spans() == [(0, True), (1500 * MS, False)]

    def test_first_speech_mutes_only_while_it_sounds(self) -> None:
        room = Room(policy(opening=Opening("Good morning!", "first_speech")))
        room.pass_until(5 * SECOND)
        room.answer()
        assert room.muted_spans() == [(500 * MS, True), (1500 * MS, False)]

    def test_a_greeting_that_never_comes_mutes_nobody_for_ever(self) -> None:
        room = Room(policy(opening=Opening("Good morning!", "until_heard")), speaks=False)
        room.pass_until(60 * SECOND)
        assert room.muted_spans() == [(0, True), (15 * SECOND, False)]

    def test_where_nobody_can_speak_nobody_is_waited_for(self) -> None:
        room = Room(policy(opening=Opening("Good morning!", "until_heard")), speaks=False)
        room.take(room.manners.unsayable(0))
        assert not room.manners.muted


class TestIdle:
    def test_the_steps_count_from_the_same_silence(self) -> None:
        """What the agent says for it does not begin the count anew; the call ends when its goodbye was heard."""
        room = Room(policy(idle=IDLE))
        room.pass_until(60 * SECOND)
        says = [(at, act.text) for at, act in room.acts if isinstance(act, Say)]
        assert says == [(8 * SECOND, "Are you still there?"), (20 * SECOND, "Goodbye.")]
        assert room.ended == (21_500 * MS + 300 * MS, EndReason.IDLE)

    def test_the_callers_voice_begins_the_count_anew(self) -> None:
        room = Room(policy(idle=IDLE))
        room.pass_until(10 * SECOND)
        room.speak()
        room.answer()
        silent_ns = room.now_ns
        room.pass_until(silent_ns + 8 * SECOND)
        assert room.said() == ["Are you still there?"] * 2
        assert not room.ended

    @pytest.mark.parametrize("fact", ["thinking", "tools", "voice", "answer"])
    def test_no_silence_is_counted_while_something_goes_on(self, fact: str) -> None:
        """An answer that is due, a function at work, somebody who speaks: the agent asks nobody if they are there."""
        room = Room(policy(idle=IDLE))
        begin = {
            "thinking": lambda: room.manners.thinking(0, on=True),
            "tools": lambda: room.manners.tools(0, 1),
            "voice": lambda: room.manners.user_started(0),
            "answer": lambda: room.manners.agent_started(0, Turn(1, "live")),
        }[fact]
        room.take(begin())
        room.pass_until(60 * SECOND)
        assert room.said() == []

    def test_keys_and_texts_are_signs_of_life(self) -> None:
        room = Room(policy(idle=IDLE))
        room.pass_until(6 * SECOND)
        room.take(room.manners.pressed(room.now_ns, "1"))
        room.pass_until(12 * SECOND)
        room.take(room.manners.user_acted(room.now_ns))
        room.pass_until(19 * SECOND)
        assert room.said() == []


class TestLimits:
    def test_the_caller_is_warned_and_told_goodbye(self) -> None:
        limits = ConversationLimits("60s", "20s", "One more minute.")
        room = Room(policy(limits=limits, ending=Ending(say="That was it.")))
        room.pass_until(120 * SECOND)
        says = [(at, act.text, act.kind) for at, act in room.acts if isinstance(act, Say)]
        assert says == [
            (40 * SECOND, "One more minute.", "warning"),
            (60 * SECOND, "That was it.", "goodbye"),
        ]
        assert room.ended == (61_800 * MS, EndReason.MAX_DURATION)

    def test_without_words_for_it_the_agent_finds_its_own(self) -> None:
        room = Room(policy(limits=ConversationLimits("60s", "20s")))
        room.pass_until(120 * SECOND)
        says = [act for _, act in room.acts if isinstance(act, Say)]
        assert [act.exact for act in says] == [False, False]
        assert "20 seconds" in says[0].text and "goodbye" in says[1].text

    def test_an_answer_under_way_is_heard_before_the_goodbye(self) -> None:
        room = Room(policy(limits=ConversationLimits("10s"), ending=Ending(say="Bye.")))
        room.pass_until(9 * SECOND)
        room.answer(3 * SECOND)
        assert [at for at, act in room.acts if isinstance(act, Say)] == [12 * SECOND]

    def test_as_many_turns_as_it_says(self) -> None:
        """What the agent says for the policy is no answer."""
        room = Room(policy(limits=ConversationLimits(turns=2), opening=Opening("Hello!")))
        room.pass_until(3 * SECOND)
        room.answer()
        assert not room.manners.muted
        room.turn += 1
        line = Turn(room.turn, "live", line=True)
        room.take(room.manners.agent_started(room.now_ns, line))
        # Cut by somebody who knows its number.
        room.take(room.manners.agent_stopped(room.now_ns, Turn(room.turn, "live")))
        assert room.ended is None and not room.manners.leaving
        room.answer()
        room.pass_until(20 * SECOND)
        assert room.ended is not None and room.ended[1] is EndReason.MAX_TURNS

    @pytest.mark.parametrize(
        ("limits", "cost", "tokens", "reason"),
        [
            (ConversationLimits(cost="0.50 USD"), 0.5, 10, EndReason.MAX_COST),
            (ConversationLimits(tokens=1000), 0.0, 1000, EndReason.MAX_TOKENS),
        ],
    )
    def test_cost_and_tokens(
        self, limits: ConversationLimits, cost: float, tokens: int, reason: EndReason
    ) -> None:
        room = Room(policy(limits=limits))
        room.take(room.manners.used(0, cost * 0.9, tokens - 1))
        assert room.said() == []
        room.take(room.manners.used(0, cost, tokens))
        room.pass_until(20 * SECOND)
        assert room.ended is not None and room.ended[1] is reason


class TestEnding:
    def test_the_goodbye_is_heard_to_its_last_sample(self) -> None:
        room = Room(policy())
        room.take(room.manners.end(0, EndReason.GOODBYE, say="Bye!"))
        room.pass_until(20 * SECOND)
        assert room.acts == [
            (0, Say("Bye!", "goodbye")),
            (0, Mute(True)),
            (1800 * MS, Ended(EndReason.GOODBYE)),
        ]

    def test_a_goodbye_as_long_as_it_likes(self) -> None:
        room = Room(policy(), speaks=False)
        room.take(room.manners.end(0, EndReason.GOODBYE, say="Bye!"))
        room.manners.given(0, "live", 0)
        room.start()
        for _ in range(60):
            room.manners.heard(room.now_ns)
            room.pass_until(room.now_ns + SECOND)
        assert not room.ended
        room.stop()
        room.pass_until(room.now_ns + SECOND)
        assert room.ended == (60_300 * MS, EndReason.GOODBYE)

    def test_sound_of_an_older_turn_is_not_the_goodbye(self) -> None:
        room = Room(policy(), speaks=False)
        room.turn = 4
        room.take(room.manners.end(0, EndReason.GOODBYE, say="Bye!"))
        room.manners.given(0, "live", 5)
        room.answer()
        room.pass_until(room.now_ns + SECOND)
        assert not room.ended
        room.answer()
        room.pass_until(room.now_ns + SECOND)
        assert room.ended

    def test_there_is_one_goodbye(self) -> None:
        room = Room(policy(ending=Ending(("goodbye",), "Have a nice day."), idle=IDLE))
        room.take(room.manners.words(0, "user", "Good-bye!"))
        room.take(room.manners.end(0, EndReason.GOODBYE, say="Bye!"))
        room.take(room.manners.words(0, "user", "Goodbye, goodbye"))
        room.pass_until(60 * SECOND)
        assert room.said() == ["Have a nice day."]

    def test_the_answer_to_the_callers_goodbye_comes_first(self) -> None:
        room = Room(policy(ending=Ending(("goodbye",), "Have a nice day.")))
        room.take(room.manners.thinking(0, on=True))
        room.take(room.manners.words(0, "user", "Goodbye!"))
        room.pass_until(2 * SECOND)
        assert room.said() == []
        room.start()
        room.take(room.manners.thinking(room.now_ns, on=False))
        room.pass_until(4 * SECOND)
        room.stop()
        room.pass_until(20 * SECOND)
        assert room.said() == ["Have a nice day."]

    def test_or_not_as_told(self) -> None:
        """``after_speech: false``: what the agent says is cut, and it says goodbye."""
        room = Room(policy(ending=Ending(("goodbye",), "Have a nice day.", after_speech=False)))
        room.start()
        room.take(room.manners.words(0, "user", "Goodbye!"))
        assert [act for _, act in room.acts] == [Hush(), Say("Have a nice day.", "goodbye"), Mute(True)]

    def test_an_agent_that_has_said_goodbye_says_no_other(self) -> None:
        room = Room(policy(ending=Ending(("goodbye",), "Have a nice day.")))
        room.start()
        room.take(room.manners.words(0, "agent", "Well then, goodbye!"))
        room.pass_until(3 * SECOND)
        assert not room.ended
        room.stop()
        room.pass_until(20 * SECOND)
        assert room.said() == [] and room.ended == (3_300 * MS, EndReason.GOODBYE)

    def test_own_words_after_a_function_are_waited_for(self) -> None:
        """The model calls ``end_call`` and says goodbye then, in as many pieces as it likes."""
        room = Room(policy(ending=Ending()))
        room.take(room.manners.end(0, EndReason.GOODBYE))
        room.pass_until(1500 * MS)
        room.answer(2 * SECOND)
        room.pass_until(5 * SECOND)
        room.answer(2 * SECOND)
        assert not room.ended
        room.pass_until(20 * SECOND)
        assert room.ended == (9 * SECOND, EndReason.GOODBYE)

    def test_nobody_who_could_say_it_is_waited_for(self) -> None:
        room = Room(policy(), speaks=False)
        room.take(room.manners.end(0, EndReason.GOODBYE, say="Bye!"))
        room.take(room.manners.unsayable(0))
        room.pass_until(SECOND)
        assert room.ended == (300 * MS, EndReason.GOODBYE)

    def test_nothing_is_said_after_the_end_was_decided(self) -> None:
        room = Room(policy(idle=IDLE, limits=ConversationLimits("30s", "10s", "Soon.")), speaks=False)
        room.take(room.manners.end(0, EndReason.GOODBYE, say="Bye!"))
        room.manners.given(0, "live", 0)
        room.start()
        for _ in range(50):
            room.manners.heard(room.now_ns)
            room.pass_until(room.now_ns + SECOND)
        assert room.said() == ["Bye!"]


class TestMute:
    def test_while_the_agent_speaks(self) -> None:
        room = Room(policy(interruptions=Interruptions("mute")))
        room.pass_until(SECOND)
        room.answer()
        assert room.muted_spans() == [(SECOND, True), (2 * SECOND, False)]

    def test_while_a_function_is_at_work(self) -> None:
        room = Room(policy(interruptions=Interruptions(during_tools="mute")))
        room.take(room.manners.tools(0, 1))
        room.take(room.manners.tools(0, 2))
        room.take(room.manners.tools(0, 1))
        assert room.manners.muted
        room.take(room.manners.tools(0, 0))
        assert not room.manners.muted

    def test_by_a_switch(self) -> None:
        room = Room(policy())
        room.take(room.manners.switch(0, muted=True))
        room.pass_until(600 * SECOND)
        assert room.manners.muted
        room.take(room.manners.switch(room.now_ns, muted=False))
        assert not room.manners.muted

    def test_a_switch_sets_no_rule_aside(self) -> None:
        room = Room(policy(interruptions=Interruptions("mute")))
        room.start()
        room.take(room.manners.switch(0, muted=False))
        assert room.manners.muted


class TestKeys:
    def test_keys_belong_together_until_a_pause(self) -> None:
        room = Room(policy(keys=Keys(pause_ns="2s")))
        for key in "123":
            room.take(room.manners.pressed(room.now_ns, key))
            room.pass_until(room.now_ns + SECOND)
        room.pass_until(20 * SECOND)
        assert [(at, act) for at, act in room.acts] == [(4 * SECOND, Keyed("123"))]

    def test_a_key_that_ends_the_row(self) -> None:
        room = Room(policy(keys=Keys()))
        for key in "42#":
            room.take(room.manners.pressed(0, key))
        assert [act for _, act in room.acts] == [Keyed("42")]

    def test_keys_are_told_to_nobody_once_the_call_ends(self) -> None:
        room = Room(policy(keys=Keys(pause_ns="1s", finish="#"), ending=Ending(say="Bye.")))
        room.take(room.manners.pressed(0, "4"))
        room.take(room.manners.end(0, EndReason.GOODBYE))
        room.take(room.manners.pressed(0, "#"))
        room.pass_until(20 * SECOND)
        assert room.ended is not None and not [act for _, act in room.acts if isinstance(act, Keyed)]

    def test_a_key_that_ends_the_call(self) -> None:
        room = Room(policy(keys=Keys(end="*"), ending=Ending(say="Bye.")))
        room.take(room.manners.pressed(0, "*"))
        room.pass_until(20 * SECOND)
        assert room.said() == ["Bye."] and room.ended is not None

    def test_without_the_section_keys_are_left_to_boxes(self) -> None:
        room = Room(policy())
        room.take(room.manners.pressed(0, "1"))
        room.pass_until(20 * SECOND)
        assert room.acts == []


class TestOutbound:
    def test_a_person_says_hello_and_is_greeted(self) -> None:
        room = Room(policy(outbound=Outbound(), opening=Opening("This is the practice.", "until_heard")))
        room.pass_until(SECOND)
        room.speak(600 * MS)
        room.pass_until(10 * SECOND)
        assert [(at, act.text) for at, act in room.acts if isinstance(act, Say)] == [
            (2 * SECOND, "This is the practice.")
        ]

    def test_silence_is_greeted(self) -> None:
        room = Room(policy(outbound=Outbound(silence_ns="3s", give_up_ns="20s"), opening=Opening("Hello?")))
        room.pass_until(60 * SECOND)
        assert [(at, act.text) for at, act in room.acts if isinstance(act, Say)] == [(3 * SECOND, "Hello?")]
        assert room.ended == (20 * SECOND, EndReason.NO_ANSWER)

    def test_a_machine_speaks_on(self) -> None:
        room = Room(policy(outbound=Outbound(), opening=Opening("Hello?")))
        room.pass_until(SECOND)
        room.speak(12 * SECOND)
        assert room.said() == [] and room.ended == (6 * SECOND, EndReason.VOICEMAIL)

    def test_a_machine_is_left_a_message_when_it_has_done(self) -> None:
        room = Room(policy(outbound=Outbound(message="Please call us."), opening=Opening("Hello?")))
        room.pass_until(SECOND)
        room.speak(8 * SECOND)
        room.pass_until(30 * SECOND)
        assert [(at, act.text) for at, act in room.acts if isinstance(act, Say)] == [
            (10_200 * MS, "Please call us.")
        ]
        assert room.ended == (12 * SECOND, EndReason.VOICEMAIL)

    def test_words_of_a_machine_are_enough(self) -> None:
        """They come late: the agent may have greeted it by then."""
        room = Room(policy(outbound=Outbound(), opening=Opening("Hello?")))
        room.pass_until(SECOND)
        room.speak(2 * SECOND)
        room.pass_until(4 * SECOND)
        room.take(room.manners.words(room.now_ns, "user", "Please leave a message after the tone."))
        room.pass_until(30 * SECOND)
        assert room.ended is not None and room.ended[1] is EndReason.VOICEMAIL

    def test_a_caller_who_speaks_of_voicemail_later_is_a_person(self) -> None:
        room = Room(policy(outbound=Outbound(), opening=Opening("Hello?")))
        room.speak(SECOND)
        room.pass_until(30 * SECOND)
        room.take(room.manners.words(room.now_ns, "user", "I got your voicemail."))
        room.pass_until(60 * SECOND)
        assert not room.ended
