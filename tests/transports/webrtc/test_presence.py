"""When a caller counts as there, as away, and as lost for good."""

from __future__ import annotations

from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.webrtc.presence import Presence


def test_a_caller_who_is_silent_for_long_enough_is_told_of() -> None:
    presence = Presence(5 * SECOND)
    presence.connected(1 * SECOND)
    for step in range(50):
        presence.heard(1 * SECOND + 20 * MS * step)
    last = presence.heard_ns
    assert presence.silence(last + 5 * SECOND - 1) == ""
    assert presence.silence(last + 5 * SECOND) == "nothing was heard of the caller for 5s"


def test_one_whose_signs_come_far_apart_is_given_more_time_but_not_for_ever() -> None:
    """A caller that sends nothing but checks, up to 6 s apart, and then one whose last checks were quick again."""
    presence = Presence(5 * SECOND)
    presence.connected(0)
    presence.heard(4 * SECOND)
    presence.heard(10 * SECOND)
    assert presence.silence(21 * SECOND) == ""
    assert presence.silence(22 * SECOND) != ""
    presence.heard(60 * SECOND)
    assert presence.silence(74 * SECOND) == "" and presence.silence(75 * SECOND) != ""
    for step in range(8):
        presence.heard(60 * SECOND + 20 * MS * step)
    assert presence.silence(presence.heard_ns + 5 * SECOND) != ""


def test_one_who_is_away_comes_back_by_a_sign_of_life_or_is_given_up() -> None:
    presence = Presence(5 * SECOND)
    presence.connected(0)
    presence.lost(5 * SECOND, "gone", 30 * SECOND)
    assert presence.away and presence.silence(20 * SECOND) == ""
    assert not presence.is_given_up(35 * SECOND - 1) and presence.is_given_up(35 * SECOND)
    assert presence.heard(20 * SECOND) and not presence.away
    assert not presence.is_given_up(60 * SECOND)
    assert not presence.heard(21 * SECOND)


def test_one_who_has_left_comes_back_by_another_connection_only() -> None:
    presence = Presence(5 * SECOND)
    presence.connected(0)
    presence.lost(1 * SECOND, "the caller hung up", 30 * SECOND)
    presence.left(1 * SECOND, 10 * SECOND)
    assert not presence.heard(2 * SECOND) and presence.away
    assert presence.is_given_up(11 * SECOND)
    presence.connected(5 * SECOND)
    assert not presence.away and not presence.is_given_up(60 * SECOND)


def test_a_loop_that_was_held_up_has_not_listened() -> None:
    """What came meanwhile was not read: the caller is given the time that was lost, and no more."""
    presence = Presence(500 * MS)
    presence.connected(0)
    presence.held_up(2_000 * MS, 2_500 * MS)
    assert not presence.silence(2_499 * MS)
    assert presence.silence(2_500 * MS)
    presence.heard(4_900 * MS)
    presence.held_up(3_000 * MS, 5_000 * MS)
    assert presence.heard_ns == 5_000 * MS
