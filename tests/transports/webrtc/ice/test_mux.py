"""One socket, many callers: each datagram reaches its own, and strangers reach nobody."""

from __future__ import annotations

import pytest

from livegraph.transports.webrtc.ice.mux import Mux, Seat, Source
from support.raw_caller import check

HERE: Source = ("198.51.100.7", 5_000)
THERE: Source = ("203.0.113.9", 6_000)


class Wire:
    """A channel that remembers."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Source]] = []
        self.dropped: list[Source] = []

    def send(self, data: bytes, to: Source) -> None:
        self.sent.append((data, to))

    def drop(self, source: Source) -> None:
        self.dropped.append(source)


class Ears:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.checks = self.nominated = 0

    def on_datagram(self, data: bytes) -> None:
        self.heard.append(data)

    def on_check(self) -> None:
        self.checks += 1

    def on_nominated(self) -> None:
        self.nominated += 1

    def on_lost(self, reason: str) -> None:
        raise AssertionError("a lite agent is never lost")


def seated(mux: Mux) -> tuple[Seat, Ears]:
    ears = Ears()
    return mux.join(ears, ()), ears


def knock(seat: Seat, **options: bool) -> bytes:
    return check(seat.credentials.ufrag, seat.credentials.pwd, **options)


def test_callers_are_told_apart_by_name_and_then_by_address() -> None:
    mux, wire = Mux(), Wire()
    (first, one), (second, two) = seated(mux), seated(mux)
    assert mux.receive(wire, HERE, knock(first)) and mux.receive(wire, THERE, knock(second))
    assert mux.receive(wire, HERE, b"\x80one") and mux.receive(wire, THERE, b"\x80two")
    assert (one.heard, two.heard) == ([b"\x80one"], [b"\x80two"])
    first.send(b"to one")
    second.send(b"to two")
    assert wire.sent[-2:] == [(b"to one", HERE), (b"to two", THERE)]
    assert (one.nominated, two.nominated, len(mux)) == (1, 1, 2)


def test_nothing_goes_to_who_has_not_proved_itself() -> None:
    """Neither an answer nor anything else; and nothing of strangers is kept."""
    mux, wire = Mux(), Wire()
    seat, ears = seated(mux)
    ufrag = seat.credentials.ufrag
    seat.send(b"too early")
    for data in (
        b"",
        b"\x00",
        b"\x80" * 40,
        b"\x16" * 40,
        check(ufrag, "wrong" * 6),
        check("nobody", "x" * 32),
    ):
        assert not mux.receive(wire, HERE, data)
    assert wire.sent == [] and ears.checks == 0 and ears.heard == []
    assert mux.counts == {"empty": 1, "stranger": 4, "unproved": 1}


def test_the_first_check_opens_the_way_and_only_a_nomination_changes_it() -> None:
    """A browser nominates with its second check: nobody has to wait for that. Other ways are open for what comes."""
    mux, wire = Mux(), Wire()
    seat, ears = seated(mux)
    seat.send(b"too early")
    assert not wire.sent
    mux.receive(wire, HERE, knock(seat, nominate=False))
    seat.send(b"x")
    assert wire.sent[-1] == (b"x", HERE) and ears.nominated == 1
    mux.receive(wire, THERE, knock(seat, nominate=False))
    seat.send(b"y")
    assert wire.sent[-1] == (b"y", HERE) and ears.nominated == 1
    assert mux.receive(wire, THERE, b"\x80")
    mux.receive(wire, THERE, knock(seat))
    seat.send(b"z")
    assert wire.sent[-1] == (b"z", THERE) and ears.nominated == 2


def test_after_the_way_is_lost_the_next_check_opens_another() -> None:
    """As when a TCP connection is closed under a call."""
    mux, wire = Mux(), Wire()
    seat, ears = seated(mux)
    mux.receive(wire, HERE, knock(seat))
    mux.lose(wire, HERE)
    seat.send(b"nobody there")
    assert len(wire.sent) == 1
    mux.receive(wire, THERE, knock(seat, nominate=False))
    seat.send(b"x")
    assert wire.sent[-1] == (b"x", THERE) and ears.nominated == 2


def test_a_nomination_from_elsewhere_moves_the_call_and_both_ways_are_heard() -> None:
    mux, wire = Mux(), Wire()
    seat, ears = seated(mux)
    mux.receive(wire, HERE, knock(seat))
    mux.receive(wire, THERE, knock(seat))
    seat.send(b"x")
    assert wire.sent[-1] == (b"x", THERE) and ears.nominated == 2
    assert mux.receive(wire, HERE, b"\x80old") and mux.receive(wire, THERE, b"\x80new")


def test_a_check_that_somebody_overheard_moves_nothing_and_keeps_nothing_alive() -> None:
    mux, wire = Mux(), Wire()
    seat, ears = seated(mux)
    overheard = knock(seat)
    mux.receive(wire, HERE, overheard)
    assert not mux.receive(wire, THERE, overheard)
    assert seat.remote_address == "198.51.100.7:5000" and len(wire.sent) == 1
    # The browser's own repetition is answered, and proves nothing new.
    assert mux.receive(wire, HERE, overheard)
    assert (len(wire.sent), ears.checks) == (2, 1)


def test_who_believes_that_we_are_in_control_is_put_right() -> None:
    mux, wire = Mux(), Wire()
    seat, ears = seated(mux)
    mux.receive(wire, HERE, knock(seat, controlled=True))
    assert len(wire.sent) == 1 and wire.sent[0][0][:2] == b"\x01\x11"
    assert (ears.checks, ears.nominated) == (0, 0)


@pytest.mark.parametrize("ways", [17, 200])
def test_ways_to_one_caller_are_bounded(ways: int) -> None:
    mux, wire = Mux(), Wire()
    seat, _ = seated(mux)
    mux.receive(wire, HERE, knock(seat))
    for port in range(ways):
        mux.receive(wire, ("192.0.2.1", 10_000 + port), knock(seat, nominate=False))
    assert len(seat.agent.ways) == len(mux.seated) == 16
    assert seat.remote_address == "198.51.100.7:5000"
    assert len(wire.dropped) == ways - 15


def test_an_address_belongs_to_who_proved_it_last() -> None:
    """A port behind NAT is given away; the first caller's packets to it would reach the second."""
    mux, wire = Mux(), Wire()
    (first, one), (second, two) = seated(mux), seated(mux)
    mux.receive(wire, HERE, knock(first))
    mux.receive(wire, HERE, knock(second))
    first.send(b"lost")
    assert wire.sent[-1][0] != b"lost"
    mux.receive(wire, HERE, b"\x80")
    assert (one.heard, two.heard) == ([], [b"\x80"])


def test_who_leaves_leaves_nothing_behind() -> None:
    mux, wire = Mux(), Wire()
    seat, _ = seated(mux)
    mux.receive(wire, HERE, knock(seat))
    late = knock(seat)
    mux.leave(seat)
    mux.leave(seat)
    assert not mux.receive(wire, HERE, late) and not mux.receive(wire, HERE, b"\x80")
    assert (len(mux), mux.seated, mux._named, wire.dropped) == (0, {}, {}, [HERE])
