"""What is kept for callers who may come back: nobody fills it for others, and nothing fills the memory."""

from __future__ import annotations

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from livegraph.server.limits.shelf import Shelf


def test_who_puts_too_much_loses_their_own() -> None:
    """The oldest of theirs, as far as it takes; another's stays, however old."""
    shelf: Shelf[str] = Shelf(most=100, most_bytes=1_000, of_one_bytes=300)
    shelf.put("a", "ada's", 10, "ada")
    for number in range(20):
        shelf.put(f"m{number}", "mallory's", 100, "mallory")
    assert shelf.use("a") == "ada's"
    assert [number for number in range(20) if shelf.use(f"m{number}")] == [17, 18, 19]
    assert shelf.size == 310


def test_of_all_together_the_oldest_go() -> None:
    """What was used is the latest; what had an id makes room for what gets it."""
    shelf: Shelf[int] = Shelf(most=3, most_bytes=1_000, of_one_bytes=1_000)
    for number in range(3):
        shelf.put(str(number), number, 1, str(number))
    assert shelf.use("0") == 0
    shelf.put("3", 3, 1, "3")
    assert list(shelf) == [2, 0, 3]
    shelf.put("2", 7, 500, "2")
    shelf.put("4", 4, 600, "4")
    assert list(shelf) == [4]
    assert shelf.take("4") == 4 and shelf.take("4") is None and shelf.use("4") is None
    assert (len(shelf), shelf.size) == (0, 0)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60), st.sampled_from("abc"), st.booleans())))
def test_its_bounds_hold_whatever_is_done(deeds: list[tuple[int, int, str, bool]]) -> None:
    """After each step; and what is counted is what is there."""
    shelf: Shelf[tuple[int, str]] = Shelf(most=5, most_bytes=120, of_one_bytes=70)
    kept: OrderedDict[str, tuple[int, str]] = OrderedDict()
    for id, size, whose, puts in deeds:
        if puts:
            shelf.put(str(id), (size, whose), size, whose)
            kept[str(id)] = (size, whose)
        else:
            assert shelf.take(str(id)) in (None, kept.get(str(id)))
        there = list(shelf)
        assert len(shelf) == len(there) <= 5
        assert shelf.size == sum(size for size, _ in there) <= 120
        for one in "abc":
            assert sum(size for size, owner in there if owner == one) <= 70
