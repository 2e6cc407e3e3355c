"""Sound that is sent ahead is heard once, in order and whole, and what is told of it is what was heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import Pcm
from livegraph.pipeline.frames import AudioFrame, Turn, TurnEndFrame
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.playout import Fact, Played, PlayedOut
from livegraph.transports.socket.ahead import AheadPlayout, Clear, Mark, Step

RATE = 8_000
FRAME = 160
TICK = 20 * MS


class Far:
    """A far side in steps of 20 ms: it plays a frame each, and answers marks at once."""

    def __init__(self, playout: AheadPlayout, *, answers: bool = True) -> None:
        self.playout, self.answers = playout, answers
        self.now_ns = 1_000 * SECOND
        self.queue: list[Pcm | str] = []
        self.heard: list[Pcm] = []
        self.told: list[Fact] = []
        self.aloud: list[Pcm] = []
        self.most = 0

    def take(self, steps: list[Step]) -> None:
        """What was sent arrives at once."""
        for step in steps:
            if isinstance(step, np.ndarray):
                self.queue.append(step)
            elif isinstance(step, Mark):
                self.queue.append(step.name)
            else:
                assert isinstance(step, Clear)
                self.queue.clear()
        self.most = max(self.most, sum(not isinstance(one, str) for one in self.queue))

    def tick(self, ticks: int = 1) -> None:
        """So much time passes."""
        for _ in range(ticks):
            self.aloud.append(self.playout.heard(self.now_ns))
            self.take(self.playout.due(self.now_ns))
            self.told += self.playout.facts(self.now_ns)
            self.now_ns += TICK
            self._marks()
            if self.queue:
                pcm = self.queue.pop(0)
                assert not isinstance(pcm, str)
                self.heard.append(pcm)
            self._marks()

    def _marks(self) -> None:
        while self.queue and isinstance(self.queue[0], str):
            name = self.queue.pop(0)
            assert isinstance(name, str)
            if self.answers:
                self.playout.confirm(name, self.now_ns)
        self.told += self.playout.facts(self.now_ns)

    def samples(self) -> Pcm:
        """All that was heard."""
        return np.concatenate(self.heard) if self.heard else np.zeros(0, np.int16)


def sound(frames: int, *, begin: int = 0) -> Pcm:
    """Samples that can be told apart, too low for a fade."""
    return ((np.arange(frames * FRAME) + begin) % 90).astype(np.int16)


def push(playout: AheadPlayout, pcm: Pcm, turn: int = 1, *, end: bool = True) -> None:
    """A turn's sound."""
    playout.push(AudioFrame(pcm, RATE, time_ns=0, turn=turn))
    if end:
        playout.push(TurnEndFrame(time_ns=0, turn=turn))


def test_sound_is_sent_ahead_by_so_much_and_no_more() -> None:
    """The first frames at once, then one for each that is played: the far side holds 200 ms."""
    playout = AheadPlayout(RATE, ahead_ns=200 * MS)
    far = Far(playout)
    push(playout, sound(100))
    far.take(playout.due(far.now_ns))
    assert sum(not isinstance(one, str) for one in far.queue) == 10
    far.tick(130)
    assert far.most <= 11
    assert np.array_equal(far.samples(), sound(100))


@pytest.mark.parametrize("answers", [True, False])
def test_a_turn_is_over_when_it_was_heard(answers: bool) -> None:
    """By its mark; where no mark comes back the clock says so, two seconds later; where none can, at once."""
    playout = AheadPlayout(RATE, confirms=True)
    far = Far(playout, answers=answers)
    push(playout, sound(30))
    far.tick(29)
    assert PlayedOut(1) not in far.told
    far.tick(2)
    assert (PlayedOut(1) in far.told) is answers
    far.tick(105)
    assert far.told[-1] == PlayedOut(1)
    assert [fact for fact in far.told if isinstance(fact, Played)][-1] == Played(1, 600 * MS)


def test_without_marks_the_clock_tells() -> None:
    """And how long the far side keeps sound counts."""
    playout = AheadPlayout(RATE, confirms=False)
    playout.delay_ns = 100 * MS
    far = Far(playout)
    push(playout, sound(10))
    far.tick(14)
    assert PlayedOut(1) not in far.told
    far.tick(2)
    assert PlayedOut(1) in far.told


def test_a_pause_loses_nothing() -> None:
    """What was sent and not heard is heard after it; no turn ends while it lasts."""
    playout = AheadPlayout(RATE)
    far = Far(playout)
    push(playout, sound(30))
    far.tick(12)
    far.take(playout.pause(far.now_ns))
    assert far.queue == []
    far.tick(20)
    assert len(far.heard) == 12
    playout.resume()
    far.tick(40)
    assert np.array_equal(far.samples(), sound(30))
    assert far.told[-1] == PlayedOut(1)


def test_a_flush_cuts_its_turn_and_no_other() -> None:
    """Nothing more of it is heard or taken; the next turn is heard whole."""
    playout = AheadPlayout(RATE)
    far = Far(playout)
    push(playout, sound(30))
    push(playout, sound(5, begin=7), turn=2)
    far.tick(3)
    steps = playout.flush(1, far.now_ns)
    assert steps == [Clear()]
    far.take(steps)
    assert not playout.push(AudioFrame(sound(1), RATE, time_ns=0, turn=1))
    far.tick(20)
    assert np.array_equal(far.samples(), np.concatenate((sound(3), sound(5, begin=7))))
    assert PlayedOut(1) not in far.told
    assert far.told[-1] == PlayedOut(2)
    # A turn that is not under way is cut without a word to the far side.
    assert playout.flush(7, far.now_ns) == []


def test_marks_of_what_was_cleared_tell_nothing() -> None:
    """Providers send them back when they clear; they are of sound that was not heard."""
    playout = AheadPlayout(RATE)
    push(playout, sound(30))
    marks = [step.name for step in playout.due(0) if isinstance(step, Mark)]
    playout.pause(40 * MS)
    for name in (*marks, "no mark of ours", ""):
        playout.confirm(name, 40 * MS)
    assert playout.facts(40 * MS) == [Played(1, 40 * MS)]


def test_marks_may_come_out_of_order() -> None:
    """A later one tells of all before it, and nothing goes back."""
    playout = AheadPlayout(RATE, mark_ns=20 * MS)
    push(playout, sound(5))
    first, second, third, *_ = [step.name for step in playout.due(0) if isinstance(step, Mark)]
    playout.confirm(second, 40 * MS)
    assert playout.facts(40 * MS) == [Played(1, 40 * MS)]
    playout.confirm(first, 45 * MS)
    assert playout.facts(45 * MS) == []
    playout.confirm(third, 60 * MS)
    assert playout.facts(60 * MS) == [Played(1, 60 * MS)]


class Stalling(Far):
    """Its network stands still for a while, in one direction or in both; nothing is lost, all of it is late."""

    def __init__(self, playout: AheadPlayout) -> None:
        super().__init__(playout)
        self.there = self.back = True
        """Whether anything gets through."""
        self.waiting: list[Step] = []
        self.returning: list[str] = []

    def take(self, steps: list[Step]) -> None:
        """What was sent arrives when the network lets it."""
        self.waiting += steps
        if self.there:
            arriving, self.waiting = self.waiting, []
            super().take(arriving)

    def tick(self, ticks: int = 1) -> None:
        """Its microphone never stops."""
        for _ in range(ticks):
            if self.back:
                self.playout.alive(self.now_ns)
            super().tick()

    def _marks(self) -> None:
        while self.queue and isinstance(self.queue[0], str):
            name = self.queue.pop(0)
            assert isinstance(name, str)
            self.returning.append(name)
        if self.back:
            for name in self.returning:
                self.playout.confirm(name, self.now_ns)
            self.returning.clear()
        self.told += self.playout.facts(self.now_ns)

    def counted(self) -> int:
        """How much is held to have been heard, in frames."""
        found = [fact.position_ns for fact in self.told if isinstance(fact, Played)]
        return max(found, default=0) // TICK


@pytest.mark.parametrize(("both", "ticks"), [(True, 30), (True, 90), (True, 200), (False, 30), (False, 90)])
def test_what_a_network_holds_back_is_not_held_to_be_heard(both: bool, ticks: int) -> None:
    """Neither while it stands still, nor when the caller speaks then, nor afterwards, when all is later than by the
    clock; nothing is said twice that was counted, and the turn is over when it was heard."""
    playout = AheadPlayout(RATE)
    far = Stalling(playout)
    push(playout, sound(400))
    far.tick(50)
    far.there, far.back = False, not both
    for _ in range(ticks):
        far.tick()
        assert far.counted() <= len(far.heard)
    far.there = far.back = True
    for _ in range(60):
        far.tick()
        assert far.counted() <= len(far.heard)
    # Late for good: the caller speaks over it, and what was not heard yet is said again.
    far.take(playout.pause(far.now_ns))
    heard = len(far.heard)
    assert far.counted() <= heard
    playout.resume()
    far.tick(450)
    assert len(far.heard) >= 400
    assert PlayedOut(1) in far.told
    assert far.counted() == 400


def test_who_speaks_while_the_network_stands_still_has_heard_no_more() -> None:
    """A pause in the middle of a stall keeps what cannot have been heard."""
    playout = AheadPlayout(RATE)
    far = Stalling(playout)
    push(playout, sound(200))
    far.tick(50)
    far.there = far.back = False
    far.tick(60)
    heard = len(far.heard)
    playout.pause(far.now_ns)
    far.told += playout.facts(far.now_ns)
    assert heard - 15 <= far.counted() <= heard


def test_sound_that_never_ends_is_not_kept_here_for_a_far_side_that_is_late() -> None:
    """After a stall it goes on at the pace at which it comes: a far side that can catch up has it to do so with."""
    playout = AheadPlayout(RATE)
    far = Stalling(playout)
    sent = 0

    def live(ticks: int) -> None:
        nonlocal sent
        for _ in range(ticks):
            push(playout, sound(1, begin=sent * FRAME), turn=0, end=False)
            sent += 1
            far.tick()

    live(50)
    far.there = far.back = False
    live(50)
    far.there = far.back = True
    live(100)
    assert playout.held_ns <= 40 * MS
    assert len(far.queue) + len(far.heard) >= sent - 4


def test_news_that_come_late_at_once_move_nothing() -> None:
    """The way back alone stood still: the far side has played on, and is sent what it needs without a hole."""
    playout = AheadPlayout(RATE)
    far = Stalling(playout)
    push(playout, sound(300))
    far.tick(50)
    far.back = False
    far.tick(40)
    far.back = True
    far.tick(215)
    assert len(far.heard) == 300
    assert PlayedOut(1) in far.told


def test_sound_that_comes_in_any_pieces_is_sent_in_frames() -> None:
    """20 ms each; the last of a turn is filled up, and what is still to come is waited for a little."""
    playout = AheadPlayout(RATE)
    playout.push(AudioFrame(sound(1)[:100], RATE, time_ns=0, turn=1))
    assert playout.due(0) == []
    playout.push(AudioFrame(sound(1)[100:150], RATE, time_ns=0, turn=1))
    assert playout.due(20 * MS) == []
    (frame, *_) = playout.due(60 * MS)
    assert isinstance(frame, np.ndarray)
    assert frame.tolist() == [*sound(1)[:150].tolist(), *[0] * 10]


def test_what_is_heard_is_told_without_gaps() -> None:
    """For who listens beside: silence before, between and after, and every sample once."""
    playout = AheadPlayout(RATE)
    far = Far(playout)
    far.tick(5)
    push(playout, sound(30))
    far.tick(10)
    far.take(playout.pause(far.now_ns))
    far.tick(10)
    playout.resume()
    far.tick(40)
    told = np.concatenate(far.aloud)
    assert len(told) == 64 * FRAME
    assert np.array_equal(
        np.concatenate((told[5 * FRAME : 15 * FRAME], told[25 * FRAME : 45 * FRAME])), sound(30)
    )
    assert not told[15 * FRAME : 25 * FRAME].any()


@given(
    st.lists(
        st.sampled_from(["tick", "tick", "tick", "push", "end", "pause", "resume", "flush"]), max_size=80
    )
)
def test_whatever_happens_the_far_side_hears_each_turn_from_its_beginning(acts: list[str]) -> None:
    """A turn is heard from its first sample on without a hole, as far as it was not cut; no more is told of it than
    was heard; and no turn that was cut is told as ended."""
    playout = AheadPlayout(RATE)
    far = Far(playout)
    turn, cut = 1, 0
    pushed: dict[int, int] = {}
    for act in acts:
        match act:
            case "tick":
                far.tick()
            case "push" if playout.push(
                AudioFrame(np.full(FRAME, turn % 90 + 1, np.int16), RATE, time_ns=0, turn=turn)
            ):
                pushed[turn] = pushed.get(turn, 0) + 1
            case "end":
                playout.push(TurnEndFrame(time_ns=0, turn=turn))
                turn += 1
            case "pause":
                far.take(playout.pause(far.now_ns))
            case "resume":
                playout.resume()
            case "flush":
                far.take(playout.flush(turn, far.now_ns))
                cut, turn = turn, turn + 1
    playout.resume()
    playout.finish()
    far.tick(2 + sum(pushed.values()))
    heard: dict[int, int] = {}
    for frame in far.heard:
        heard[int(frame[-1]) - 1] = heard.get(int(frame[-1]) - 1, 0) + 1
    for number, count in pushed.items():
        assert heard.get(number, 0) == count if number > cut else heard.get(number, 0) <= count
    for fact in far.told:
        if isinstance(fact, Played):
            assert fact.position_ns <= heard.get(fact.turn, 0) * TICK
    assert [int(frame[-1]) for frame in far.heard] == sorted(int(frame[-1]) for frame in far.heard)
    assert playout.drained


def test_two_who_speak_at_once_are_each_known_by_their_own_place() -> None:
    """Though their pieces follow each other."""
    playout = AheadPlayout(RATE)
    ours, theirs = Turn(1, "a"), Turn(1, "b")
    for number, turn in enumerate((ours, theirs) * 10):
        push(playout, sound(2), turn, end=number >= 18)
    far = Far(playout)
    far.tick(60)
    heard = {fact.turn: fact.position_ns for fact in far.told if isinstance(fact, Played)}
    assert heard[theirs] == 400 * MS and heard[ours] == 400 * MS
