"""Pieces of a voice are given in order, each once; what never comes is told as a gap of its length."""

from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.units import MS
from livegraph.transports.socket.arrivals import Arrivals, Gap
from livegraph.transports.socket.signals import Sound


def piece(number: int, *, stamped: bool = True) -> Sound:
    """Of 20 ms."""
    return Sound(str(number).encode(), number, number * 20 if stamped else None)


def taken(numbers: list[int], *, stamped: bool = True) -> list[int | str]:
    """What comes out, a gap as its length."""
    arrivals, found = Arrivals(), []
    for at, number in enumerate(numbers):
        for one in arrivals.take(piece(number, stamped=stamped), 20, at * 20 * MS):
            found.append(f"gap {one.ms}" if isinstance(one, Gap) else int(one.payload))
    return found


def test_pieces_that_were_overtaken_are_waited_for() -> None:
    """Telnyx promises no order; twice the same piece is one."""
    assert taken([7, 8, 10, 9, 11, 11, 13, 12]) == [7, 8, 9, 10, 11, 12, 13]


def test_a_lost_piece_is_a_gap_of_its_length() -> None:
    """With its provider's clock, or without one; and it is not waited for without end."""
    assert taken([1, 2, 4, 5, 6, 7, 8]) == [1, 2, "gap 20", 4, 5, 6, 7, 8]
    assert taken([1, 2, 5, 6, 7, 8, 9], stamped=False) == [1, 2, "gap 40", 5, 6, 7, 8, 9]
    # What comes after its place was given up is too late.
    assert taken([1, 3, 4, 5, 6, 7, 2, 8]) == [1, "gap 20", 3, 4, 5, 6, 7, 8]


def test_a_far_side_that_counts_anew_is_followed() -> None:
    """A provider that begins again at 1 after hours does not fall silent."""
    assert taken([5_000, 5_001, 1, 2]) == [5_000, 5_001, 1, 2]
    # Forwards too: nobody has lost a quadrillion pieces.
    assert taken([1, 2, 1 << 50, (1 << 50) + 1, 3]) == [1, 2, 1 << 50, (1 << 50) + 1, 3]
    arrivals = Arrivals()
    for number in (1, 1 << 50):
        assert list(arrivals.take(piece(number), 20, 0))
    assert arrivals.lost == 0


def test_pieces_without_numbers_are_taken_as_they_come() -> None:
    """A socket keeps order itself."""
    arrivals = Arrivals()
    sounds = [Sound(b"b"), Sound(b"a")]
    assert [one for sound in sounds for one in arrivals.take(sound, 20, 0)] == sounds


@given(st.data())
def test_whatever_the_network_does_order_holds(data: st.DataObject) -> None:
    """Of pieces that are up to three places off and partly lost: no one twice, none out of order, none invented, and
    those that came with nothing lost around them are all there."""
    numbers = list(range(1, 60))
    shifts = data.draw(st.lists(st.integers(0, 3), min_size=59, max_size=59))
    order = [
        n for _, n in sorted(zip((n + s for n, s in zip(numbers, shifts, strict=True)), numbers, strict=True))
    ]
    lost = data.draw(st.sets(st.integers(2, 58), max_size=8))
    came = [number for number in order if number not in lost]
    if came[0] != 1:
        came.remove(1)
        came.insert(0, 1)
    got = [one for one in taken(came + list(range(60, 80))) if isinstance(one, int)]
    assert got == sorted(set(got))
    assert set(got) <= set(numbers) - lost | set(range(60, 80))
    if not lost:
        assert got == list(range(1, 80))
