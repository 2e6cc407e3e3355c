"""A connection is replaced in a pause, in time, and not without need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import MS, SECOND
from livegraph.processors.gemini_live.session.renewal import Renewal

AFTER_NS = 510 * SECOND


def due(renewal: Renewal, now_ns: int, quiet_since_ns: int | None, *, able: bool, hope: bool) -> bool:
    """Whether it is to be replaced now."""
    at_ns = renewal.due_ns(quiet_since_ns, able=able, hope=hope)
    return at_ns is not None and now_ns >= at_ns


def test_nothing_is_replaced_before_its_time() -> None:
    """However quiet it is."""
    renewal = Renewal(SECOND, AFTER_NS)
    assert not due(renewal, 510 * SECOND, 0, able=True, hope=True)
    assert due(renewal, 511 * SECOND, 0, able=True, hope=True)


@pytest.mark.parametrize(("quiet_ms", "is_due"), [(None, False), (0, False), (299, False), (300, True)])
def test_a_pause_is_longer_than_a_breath(quiet_ms: int | None, is_due: bool) -> None:
    """300 ms."""
    renewal = Renewal(0, AFTER_NS)
    now_ns = 520 * SECOND
    since_ns = None if quiet_ms is None else now_ns - quiet_ms * MS
    assert due(renewal, now_ns, since_ns, able=True, hope=True) is is_due


def test_who_cannot_come_back_stays_until_the_server_demands_it() -> None:
    """Then in a pause if there is no hope for a handle, at the deadline in any case."""
    renewal = Renewal(0, AFTER_NS)
    assert not due(renewal, 900 * SECOND, 0, able=False, hope=True)
    renewal.go_away(40 * SECOND, 900 * SECOND)
    assert not due(renewal, 901 * SECOND, 0, able=False, hope=True)
    assert due(renewal, 901 * SECOND, 0, able=False, hope=False)
    assert due(renewal, 935 * SECOND, None, able=False, hope=True)


def test_the_deadline_leaves_time_to_come_back() -> None:
    """Five seconds, or a quarter of what there is; a server that does not say is taken to mean soon."""
    for left_s, deadline_s in ((50, 45), (8, 6), (0, 0), (None, 7.5)):
        renewal = Renewal(0, AFTER_NS)
        renewal.go_away(None if left_s is None else left_s * SECOND, SECOND)
        deadline_ns = SECOND + round(deadline_s * SECOND)
        assert due(renewal, deadline_ns, None, able=True, hope=True)
        assert not due(renewal, deadline_ns - 1, None, able=True, hope=True)


def test_an_early_word_is_no_hurry() -> None:
    """Told a second after the beginning that there are 300 s left, it begins 60 s before the deadline."""
    renewal = Renewal(0, AFTER_NS)
    renewal.go_away(300 * SECOND, SECOND)
    deadline_ns = 296 * SECOND
    assert not due(renewal, deadline_ns - 60 * SECOND - 1, 0, able=True, hope=True)
    assert due(renewal, deadline_ns - 60 * SECOND, 0, able=True, hope=True)


def test_a_second_word_can_only_bring_the_end_nearer() -> None:
    """The earlier deadline counts."""
    renewal = Renewal(0, AFTER_NS)
    renewal.go_away(50 * SECOND, 0)
    renewal.go_away(60 * SECOND, 2 * SECOND)
    assert due(renewal, 45 * SECOND, None, able=True, hope=True)


def test_a_reason_of_ours_waits_for_a_pause_and_not_for_ever() -> None:
    """A minute."""
    renewal = Renewal(0, AFTER_NS)
    renewal.ask(SECOND)
    assert not due(renewal, 2 * SECOND, None, able=True, hope=True)
    assert due(renewal, 2 * SECOND, SECOND, able=True, hope=True)
    assert due(renewal, 61 * SECOND, None, able=True, hope=True)


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.one_of(st.none(), st.integers(0, 100))), min_size=1, max_size=5
    )
)
def test_before_the_server_ends_it_it_is_replaced(words: list[tuple[int, int | None]]) -> None:
    """Whatever it says and however often: by then at the latest it is due."""
    renewal, now_ns, ends_ns = Renewal(0, AFTER_NS), 0, None
    for wait_s, left_s in words:
        now_ns += wait_s * SECOND
        renewal.go_away(None if left_s is None else left_s * SECOND, now_ns)
        if left_s is not None:
            ends_ns = min(ends_ns or 10**18, now_ns + left_s * SECOND)
    if ends_ns is not None:
        assert due(renewal, max(ends_ns, now_ns), None, able=False, hope=True)
