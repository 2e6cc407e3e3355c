"""Words are released when their sound is heard, and never twice."""

from __future__ import annotations

from livegraph.pipeline.heard import HeardQueue


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


def test_the_bound_gives_the_oldest_out_early() -> None:
    """Nothing is lost."""
    queue: HeardQueue[str] = HeardQueue(limit=2)
    for piece in "ab":
        assert list(queue.add(1, 0, piece)) == []
    assert list(queue.add(1, 0, "c")) == ["a"]
    assert len(queue) == 2
