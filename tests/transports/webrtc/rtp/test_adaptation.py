"""How speech is encoded follows from what callers report and from how busy the machine is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.units import MS
from livegraph.transports.webrtc.rtp.adaptation import Adaptation, complexity_for
from livegraph.transports.webrtc.rtp.sender import packet_ms
from livegraph.transports.webrtc.sdp.terms import OpusTerms


def reported(adaptation: Adaptation, loss: float, times: int = 20, trip_ms: float = 30) -> None:
    for _ in range(times):
        adaptation.reported(round(loss * 256), round(trip_ms * MS))


def test_copies_are_sent_from_two_percent_loss_on_and_not_below() -> None:
    """Not for who cannot use them; and they stop only when the line is clearly better."""
    adaptation = Adaptation(fec=True)
    reported(adaptation, 0.012)
    assert not adaptation.settings.fec
    reported(adaptation, 0.03)
    assert adaptation.settings.fec
    assert adaptation.settings.loss_percent == 3
    assert adaptation.settings.bit_rate >= 24_000  # below that libopus has no room for copies
    reported(adaptation, 0.016)
    assert adaptation.settings.fec
    reported(adaptation, 0.0)
    assert not adaptation.settings.fec
    deaf = Adaptation(fec=False)
    reported(deaf, 0.1)
    assert not deaf.settings.fec


def test_the_bit_rate_falls_in_congestion_and_rises_on_a_good_line() -> None:
    """Between 12 and 48 kb/s; a line that queues is congested before it loses."""
    adaptation = Adaptation()
    reported(adaptation, 0.0)
    assert adaptation.settings.bit_rate == 48_000
    reported(adaptation, 0.2)
    assert adaptation.settings.bit_rate == 12_000
    reported(adaptation, 0.0, times=40)
    assert adaptation.settings.bit_rate == 48_000
    reported(adaptation, 0.0, trip_ms=400)
    assert adaptation.settings.bit_rate == 12_000


@pytest.mark.parametrize(("wish", "rate"), [(20_000, 20_000), (8_000, 8_000), (510_000, 48_000)])
def test_what_the_caller_wants_at_most_is_kept_to(wish: int, rate: int) -> None:
    """`maxaveragebitrate`, also where it is below what we would go down to."""
    adaptation = Adaptation(most_bit_rate=wish)
    reported(adaptation, 0.0)
    assert adaptation.settings.bit_rate == rate


def test_an_estimate_of_the_caller_bounds_the_rate() -> None:
    """REMB counts headers too."""
    adaptation = Adaptation()
    reported(adaptation, 0.0)
    adaptation.estimated(41_600)
    assert adaptation.settings.bit_rate == 20_000
    adaptation.estimated(5_000)
    assert adaptation.settings.bit_rate == 12_000


def test_complexity_falls_with_load_and_does_not_flutter() -> None:
    """10 on an idle machine, 1 on a busy one, each step in order; a load at an edge gives one value."""
    steps = [complexity_for(load / 100, 10) for load in range(100)]
    assert steps[0] == 10
    assert steps[-1] == 1
    assert steps == sorted(steps, reverse=True)
    now, seen = 5, set()
    for load in (0.099, 0.101) * 20:
        now = complexity_for(load, now)
        seen.add(now)
    assert len(seen) <= 2
    assert now == 3
    assert complexity_for(0.0, 1) == 10


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.none() | st.integers(0, 10**10), st.floats(0, 2)), max_size=60
    ),
    st.booleans(),
    st.none() | st.integers(6_000, 510_000),
    st.none() | st.integers(0, 10**7),
)
def test_settings_are_always_such_that_an_encoder_takes_them(
    reports: list[tuple[int, int | None, float]], fec: bool, most: int | None, estimate: int | None
) -> None:
    """Whatever is reported."""
    adaptation = Adaptation(fec=fec, most_bit_rate=most)
    for lost, trip_ns, load in reports:
        adaptation.reported(lost, trip_ns)
        adaptation.loaded(load)
        if estimate is not None:
            adaptation.estimated(estimate)
        settings = adaptation.settings
        assert 6_000 <= settings.bit_rate <= 48_000
        assert 1 <= settings.complexity <= 10
        assert 0 <= settings.loss_percent <= 30
        assert fec or not settings.fec


@pytest.mark.parametrize(
    ("ptime", "most", "length"),
    [
        (None, None, 20),
        (40, None, 40),
        (60, 120, 60),
        (60, 40, 40),
        (10, None, 10),
        (None, 10, 10),
        (3, None, 10),
        (30, 30, 20),
    ],
)
def test_packets_are_as_long_as_the_caller_wants(ptime: int | None, most: int | None, length: int) -> None:
    """`ptime` and `maxptime`, as near as Opus comes."""
    assert packet_ms(OpusTerms(ptime_ms=ptime, max_ptime_ms=most)) == length


def test_celt_encodes_where_it_does_as_well_and_nothing_of_silk_is_wanted() -> None:
    """From 32 kb/s on, without copies and without DTX: those are SILK's."""
    adaptation = Adaptation(fec=True)
    assert adaptation.settings.celt
    reported(adaptation, 0.03)
    assert adaptation.settings.fec and not adaptation.settings.celt
    reported(adaptation, 0.0)
    assert adaptation.settings.celt
    adaptation.estimated(40_000)
    assert not adaptation.settings.celt
    assert not Adaptation(most_bit_rate=24_000).settings.celt
    assert not Adaptation(dtx=True).settings.celt
