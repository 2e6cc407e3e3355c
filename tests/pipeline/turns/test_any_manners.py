"""Whatever happens in a call, its manners keep their promises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.pipeline.end_reason import EndReason
from livegraph.pipeline.frames import Turn
from livegraph.pipeline.turns.acts import Act, Ended, Mute, Say
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

IDLE = st.sampled_from(
    [
        (),
        (IdleStep("3s", "There?"),),
        (IdleStep("3s", "There?"), IdleStep("9s", "Bye.", end=True)),
        (IdleStep("2s", end=True),),
    ]
)
POLICIES = st.builds(
    ConversationPolicy,
    opening=st.builds(
        Opening,
        greeting=st.sampled_from(["", "Hello!"]),
        mute=st.sampled_from(["until_heard", "first_speech", "never"]),
    ),
    idle=IDLE,
    limits=st.sampled_from(
        [
            ConversationLimits(),
            ConversationLimits("30s", "10s", turns=3),
            ConversationLimits(cost=0.5, tokens=100),
        ]
    ),
    interruptions=st.builds(
        Interruptions,
        mode=st.sampled_from(["pause", "cut", "never", "mute"]),
        during_tools=st.sampled_from(["allow", "mute"]),
    ),
    ending=st.sampled_from(
        [None, Ending(("bye",), "Nice day."), Ending(("bye",)), Ending(("bye",), "Off.", after_speech=False)]
    ),
    keys=st.sampled_from([None, Keys(end="*")]),
    outbound=st.sampled_from([None, Outbound(), Outbound(message="Call us.")]),
)
FACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("voice", "acted", "key", "star", "bye", "agent bye", "think", "tool"),
                *("answer", "used", "end", "end now", "nobody speaks"),
            ]
        ),
        st.integers(0, 8_000),
    ),
    max_size=40,
)


class World:
    """An agent that does, sooner or later, what it is asked; a function that answers; a caller who does as told.

    Facts come in any order; sound that has begun ends, answers come or are given up: the engine sees to it.
    """

    def __init__(self, policy: ConversationPolicy, pace_ms: int, *, able: bool) -> None:
        self.manners = Manners(policy)
        self.now_ns = 0
        self.pace_ns = pace_ms * MS
        self.able = able
        self.turn = 0
        self.sounding: int | None = None
        self.tools = 0
        self.user = self.thinking = False
        self.planned: list[tuple[int, str]] = []
        self.acts: list[Act] = []
        self.goodbye_turn: int | None = None
        self.goodbyes = 0
        self.take(self.manners.begin(0))

    def take(self, acts: list[Act]) -> None:
        for act in acts:
            assert not any(isinstance(one, Ended) for one in self.acts), "something follows the end"
            self.acts.append(act)
            if isinstance(act, Say):
                self.asked(act)
            elif isinstance(act, Ended):
                assert self.sounding is None, "the call ends while the agent speaks"

    def asked(self, act: Say) -> None:
        if act.kind == "goodbye":
            self.goodbyes += 1
            assert self.goodbyes == 1, "two goodbyes"
        if not self.able:
            self.planned.append((self.now_ns, "unsayable"))
            return
        self.take(self.manners.given(self.now_ns, "live", self.turn))
        self.plan(self.pace_ns, "start")

    def plan(self, after_ns: int, what: str) -> None:
        self.planned.append((self.now_ns + after_ns, what))
        self.planned.sort()

    def happen(self, what: str) -> None:
        manners, now_ns = self.manners, self.now_ns
        match what:
            case "start" if self.sounding is None:
                self.turn += 1
                self.sounding = self.turn
                if self.thinking:
                    self.thinking = False
                    self.plan(0, "thought")
                self.plan(self.pace_ns, "stop")
                self.take(manners.agent_started(now_ns, Turn(self.turn, "live")))
            case "start":
                self.plan(self.pace_ns, "start")
            case "stop" if self.sounding is not None:
                turn, self.sounding = self.sounding, None
                self.take(manners.agent_stopped(now_ns, Turn(turn, "live")))
            case "thought":
                self.take(manners.thinking(now_ns, on=False))
            case "give up" if self.thinking:
                self.thinking = False
                self.take(manners.thinking(now_ns, on=False))
            case "tool done":
                self.tools -= 1
                self.take(manners.tools(now_ns, self.tools))
            case "unsayable":
                self.take(manners.unsayable(now_ns))
            case "voice":
                self.user = not self.user
                self.take((manners.user_started if self.user else manners.user_stopped)(now_ns))
            case "acted":
                self.take(manners.user_acted(now_ns))
            case "key" | "star":
                self.take(manners.pressed(now_ns, "1" if what == "key" else "*"))
            case "bye" | "agent bye":
                role = "user" if what == "bye" else "agent"
                self.take(manners.words(now_ns, role, "bye"))  # type: ignore[arg-type]
            case "think":
                self.thinking = True
                self.plan(5 * SECOND, "give up")
                self.take(manners.thinking(now_ns, on=True))
            case "tool":
                self.tools += 1
                self.plan(4 * SECOND, "tool done")
                self.take(manners.tools(now_ns, self.tools))
            case "answer" if self.able:
                self.plan(0, "start")
            case "used":
                self.take(manners.used(now_ns, 0.2 * self.turn, 30 * self.turn))
            case "end" | "end now":
                reason = EndReason.GOODBYE
                self.take(manners.end(now_ns, reason, "", "Bye!", after_speech=what == "end"))
                if what == "end now" and self.sounding is not None and not manners.over:
                    # It was cut.
                    self.happen("stop")

    def pass_until(self, at_ns: int) -> None:
        for _ in range(10_000):
            due = [at for at, _ in self.planned[:1]]
            deadline_ns = self.manners.deadline_ns
            if deadline_ns is not None:
                due.append(deadline_ns)
            if not due or min(due) > at_ns:
                self.now_ns = max(self.now_ns, at_ns)
                return
            self.now_ns = max(self.now_ns, min(due))
            if self.sounding is not None:
                self.manners.heard(self.now_ns)
            if self.planned and self.planned[0][0] <= self.now_ns:
                self.happen(self.planned.pop(0)[1])
            else:
                self.take(self.manners.tick(self.now_ns))
        raise AssertionError("time stands still")


@settings(max_examples=400, deadline=None)
@given(POLICIES, FACTS, st.integers(1, 9_000), st.booleans())
def test_one_goodbye_heard_to_its_end_and_nobody_unheard_for_ever(
    policy: ConversationPolicy, facts: list[tuple[str, int]], pace_ms: int, able: bool
) -> None:
    """No two goodbyes, no end while the agent speaks, nothing after the end, and in the end somebody can speak."""
    world = World(policy, pace_ms, able=able)
    for what, wait_ms in facts:
        if world.manners.over:
            break
        world.happen(what)
        world.pass_until(world.now_ns + wait_ms * MS)
    if world.user and not world.manners.over:
        world.happen("voice")
    ends = any(isinstance(act, Say) and act.kind == "goodbye" for act in world.acts)
    # Two minutes in which nothing new happens.
    for _ in range(120):
        if not world.manners.over:
            world.pass_until(world.now_ns + SECOND)
    mutes = [act.on for act in world.acts if isinstance(act, Mute)]
    assert mutes == [index % 2 == 0 for index in range(len(mutes))], "told twice"
    if world.manners.over:
        assert isinstance(world.acts[-1], Ended)
    else:
        assert not ends, "a goodbye, and no end"
        assert not world.manners.muted, "nobody will ever speak again"
