"""Words are released when their sound is heard, and never twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.turns.heard_queue import HeardQueue


def test_pieces_come_out_when_their_place_is_played() -> None:
    """Nothing comes before its place; what has come does not come again."""
    queue: HeardQueue[str] = HeardQueue()
    assert list(queue.add(1, 0, "a")) == list(queue.add(1, 50, "b")) == []
    assert list(queue.played(1, 10)) == ["a"]
    assert list(queue.played(1, 49)) == []
    assert list(queue.finished(1)) == ["b"]
    assert list(queue.finished(1)) == []


def test_text_that_comes_after_its_sound_was_played_out_is_released_at_once() -> None:
    """Nobody will ever report that sound again."""
    queue: HeardQueue[str] = HeardQueue()
    assert list(queue.finished(1)) == []
    assert list(queue.add(1, 80, "late")) == ["late"]
    assert list(queue.add(2, 0, "next")) == []


def test_text_of_a_void_turn_never_comes_out() -> None:
    """Neither what waited nor what comes later, even when a later turn is played."""
    queue: HeardQueue[str] = HeardQueue()
    assert list(queue.add(1, 50, "cut")) == []
    queue.void(1)
    assert list(queue.add(1, 60, "later")) == []
    assert list(queue.add(2, 0, "new")) == []
    assert list(queue.played(2, 0)) == ["new"]


def test_turns_that_wait_side_by_side_do_not_hold_each_other_up() -> None:
    """The words of a turn are told one after the other: those of the turn behind it may be there first."""
    queue: HeardQueue[str] = HeardQueue()
    assert list(queue.add(1, 0, "one")) == list(queue.add(2, 0, "next turn")) == []
    assert list(queue.played(1, 0)) == ["one"]
    assert list(queue.add(1, 50, "two")) == []
    assert list(queue.played(1, 60)) == ["two"]
    queue.void(1)
    assert list(queue.played(2, 0)) == ["next turn"]


def test_the_bound_gives_the_oldest_out_early() -> None:
    """Nothing is lost."""
    queue: HeardQueue[str] = HeardQueue(limit=2)
    for piece in "ab":
        assert list(queue.add(1, 0, piece)) == []
    assert list(queue.add(1, 0, "c")) == ["a"]
    assert len(queue) == 2


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "played", "finished", "void"]), st.integers(1, 4), st.integers(0, 5)),
    max_size=60,
)


@given(STEPS, st.integers(1, 6))
def test_every_piece_comes_out_once_in_order_or_never(steps: list[tuple[str, int, int]], limit: int) -> None:
    """Whatever is told: no piece twice, none of a void turn after the voiding, and the bound holds.

    Turns come in order, as a conversation's do; places within a turn go up.
    """
    queue: HeardQueue[tuple[int, int]] = HeardQueue(limit)
    came: list[tuple[int, int]] = []
    added: list[tuple[int, int]] = []
    void = turn = number = place = 0
    for step, step_turn, position in steps:
        if step == "add":
            if step_turn > turn:
                turn, place = step_turn, 0
            place += position
            number += 1
            piece = (turn, number)
            added.append(piece)
            out = list(queue.add(turn, place, piece))
        elif step == "void":
            queue.void(step_turn)
            void = max(void, step_turn)
            out = []
        else:
            out = list(queue.played(step_turn, position) if step == "played" else queue.finished(step_turn))
        assert all(released > void for released, _ in out)
        came += out
        assert len(queue) <= limit
    came += queue.finished(100)
    assert len(set(came)) == len(came)
    assert set(came) <= set(added)
    # A piece that came out at once, its turn being over, may pass those of a later turn; within a turn none does.
    for which in {piece[0] for piece in came}:
        within = [index for released, index in came if released == which]
        assert within == sorted(within)
