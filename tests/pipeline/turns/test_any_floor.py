"""Whatever is said over an agent, in whatever order: somebody can always speak again, and nothing is done twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline.frames import Turn
from livegraph.pipeline.turns.controller import TurnController, TurnPolicy, TurnState
from livegraph.pipeline.turns.conversation_policy import Interruptions
from livegraph.pipeline.turns.decisions import Decision, Flush, Pause, Resume
from livegraph.pipeline.units import MS, SECOND

MANNERS = st.builds(
    Interruptions,
    mode=st.sampled_from(["pause", "pause", "cut", "never", "mute"]),
    confirm_ns=st.sampled_from([None, 100 * MS, 2 * SECOND]),
    min_words=st.integers(0, 3),
    backchannels=st.sampled_from([(), ("okay", "mm-hm", "i see")]),
)
POLICIES = st.builds(
    TurnPolicy,
    barge_in=st.sampled_from([True, True, True, False]),
    preset=st.sampled_from(["service", "local", "telephone"]),
)
FACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(
                    "stir",
                    "calm",
                    "voice",
                    "quiet",
                    "voiced",
                    "silence",
                    "answer",
                    "answer",
                    "played out",
                    "write",
                ),
                *(
                    "okay",
                    "i see",
                    "stop",
                    "stop it now",
                    "guess stop",
                    "guess okay",
                    "cut",
                    "tool",
                    "tool done",
                ),
                *("turn over", "other"),
            ]
        ),
        st.sampled_from([0, 20, 150, 240, 400, 1_200, 2_500]),
    ),
    max_size=30,
)


class World:
    """A controller, a playout that does what it decides, and a user and a service that do anything."""

    def __init__(self, policy: TurnPolicy, manners: Interruptions, *, hears: bool) -> None:
        self.controller = TurnController(policy, "live")
        self.controller.interruptions, self.controller.hears = manners, hears
        self.now_ns = 0
        self.paused = False
        self.sounding = 0
        self.voice = False

    def take(self, decisions: list[Decision]) -> None:
        controller = self.controller
        for decision in decisions:
            if isinstance(decision, Pause):
                assert not self.paused, "stopped twice"
                assert self.sounding, "nothing sounds that could be stopped"
                self.paused = True
            elif isinstance(decision, Resume):
                assert self.paused, "goes on though it was not stopped"
                self.paused = False
            else:
                assert isinstance(decision, Flush)
                if decision.turn >= self.sounding:
                    self.paused, self.sounding = False, 0
        assert self.paused is (controller.state is TurnState.PAUSED)
        if controller.state in (TurnState.PAUSED, TurnState.THINKING) and not controller.tools_pending:
            assert controller.deadline_ns is not None, "nothing would ever end it"

    def happen(self, what: str) -> None:
        c, now_ns = self.controller, self.now_ns
        words = what.removeprefix("guess ")
        match what:
            case "stir" if not self.voice:
                self.take(c.user_stirred(now_ns))
            case "calm" if not self.voice:
                self.take(c.user_calmed(now_ns))
            case "voice" if not self.voice:
                self.voice = True
                self.take(c.user_started(now_ns))
            case "quiet" if self.voice:
                self.take(c.user_quiet(now_ns))
            case "voiced" if self.voice:
                self.take(c.user_voiced(now_ns))
            case "silence" if self.voice:
                self.voice = False
                self.take(c.user_stopped(now_ns))
            case "answer":
                turn = c.next_turn() if not self.sounding else Turn(self.sounding, "live")
                if turn > c.voided:
                    self.sounding = int(turn)
                    if not self.paused:
                        self.take(c.playing(now_ns, turn))
            case "played out" if self.sounding and not self.paused:
                turn, self.sounding = self.sounding, 0
                self.take(c.played_out(now_ns, Turn(turn, "live")))
            case "write":
                self.take(c.user_wrote(now_ns))
            case "okay" | "i see" | "stop" | "stop it now":
                self.take(c.user_said(now_ns, what))
            case "guess stop" | "guess okay":
                self.take(c.user_said(now_ns, words, so_far=True))
            case "cut" if self.sounding:
                self.take(c.cut_by_service(now_ns, Turn(self.sounding, "live")))
            case "tool":
                self.take(c.tool_started(now_ns))
            case "tool done" if c.tools_pending:
                self.take(c.tool_finished(now_ns))
            case "turn over":
                self.take(c.turn_completed(now_ns))
            case "other":
                self.take(c.another_answers(now_ns))

    def pass_until(self, at_ns: int) -> None:
        for _ in range(1_000):
            deadline_ns = self.controller.deadline_ns
            if deadline_ns is None or deadline_ns > at_ns:
                self.now_ns = at_ns
                return
            self.now_ns = max(self.now_ns, deadline_ns)
            self.take(self.controller.tick(self.now_ns))
        raise AssertionError("time stands still")


@settings(max_examples=500, deadline=None)
@given(POLICIES, MANNERS, FACTS, st.booleans())
def test_speech_over_the_agent_is_always_decided(
    policy: TurnPolicy, manners: Interruptions, facts: list[tuple[str, int]], hears: bool
) -> None:
    """A pause ends, whoever is silent or speaks for ever; what may not stop the agent does not."""
    world = World(policy, manners, hears=hears)
    for what, wait_ms in facts:
        world.happen(what)
        world.pass_until(world.now_ns + wait_ms * MS)
        if not world.controller.gives_way:
            assert not world.paused, "nobody may stop it"
    # Somebody who speaks on and on has the floor, or has left it, within three seconds.
    world.pass_until(world.now_ns + 3 * SECOND)
    assert not world.paused, "nobody will ever speak again"
    # And the agent can answer, and be heard to the end.
    world.happen("silence")
    world.pass_until(world.now_ns + 20 * SECOND)
    while world.controller.tools_pending:
        world.happen("tool done")
    world.happen("answer")
    world.pass_until(world.now_ns + 5 * SECOND)
    assert world.controller.state is TurnState.SPEAKING and not world.paused
    world.happen("played out")
    assert world.controller.state is not TurnState.SPEAKING
