"""Which worker takes a call, how long a restart waits, whose call a name is of: pure functions of what is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline.units import MS, SECOND
from livegraph.server.pool.backoff import Backoff
from livegraph.server.pool.names import joined, parted
from livegraph.server.pool.placing import Place, load_of, roomiest
from livegraph.server.pool.scaling import Scaling
from livegraph.server.pool.worker import WorkerReport

REPORT = WorkerReport


def test_a_burst_is_spread_before_anything_is_measured() -> None:
    """Forty calls at once on four idle workers are ten each: each place counts from when it is taken."""
    places = [Place() for _ in range(4)]
    for number in range(40):
        roomiest(places, number * MS).take(number * MS)
    assert [place.calls for place in places] == [10, 10, 10, 10]


def test_the_one_that_computes_least_takes_the_call_not_the_one_with_fewest() -> None:
    """Three calls that cost much leave less room than five that cost little."""
    dear = Place(REPORT(active=3, cpu=0.8), calls=3)
    cheap = Place(REPORT(active=5, cpu=0.2), calls=5)
    assert roomiest([dear, cheap], 0) is cheap


def test_a_loop_that_comes_late_has_no_room() -> None:
    """Something else holds the machine's core: few calls and little CPU do not make up for it."""
    late = Place(REPORT(active=1, cpu=0.1, lag_ns=50 * MS), calls=1)
    busy = Place(REPORT(active=8, cpu=0.5), calls=8)
    assert roomiest([late, busy], 0) is busy


def test_what_was_placed_fades_as_the_measurement_shows_it() -> None:
    """A call counts by itself for as long as the measurement looks back, and not longer."""
    place = Place()
    place.take(0)
    loads = [load_of(place, 0.03, second * SECOND) for second in range(5)]
    assert loads == sorted(loads, reverse=True)
    assert loads[3] == loads[4] < loads[0]


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1), st.integers(0, 200)), min_size=1, max_size=12))
def test_there_is_always_one(measured: list[tuple[int, float, int]]) -> None:
    """Whatever was measured, one of the workers is chosen, and none with a higher load than another."""
    places = [Place(REPORT(active=a, cpu=c, lag_ns=lag * MS), calls=a) for a, c, lag in measured]
    chosen = roomiest(places, 0)
    assert chosen in places


def test_restarts_that_do_not_last_wait_longer_and_longer() -> None:
    """At once, then 1, 2, 4 seconds and so on to 30; what lived for a while is started at once again."""
    backoff = Backoff()
    assert [backoff.after(SECOND) // SECOND for _ in range(8)] == [0, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.after(60 * SECOND) == 0
    assert backoff.after(SECOND) == SECOND


@given(st.from_regex(r"[0-9]{1,3}-[0-9]{1,5}", fullmatch=True), st.text(min_size=1))
def test_a_name_leads_back_to_its_worker(worker: str, name: str) -> None:
    """Whatever a worker calls its calls."""
    assert parted(joined(worker, name)) == (worker, name)


@pytest.mark.parametrize("name", ["", "abc", "0-1"])
def test_a_name_without_a_worker_carries_none(name: str) -> None:
    """As those of a desk in this process are."""
    assert parted(name) == ("", name)


def test_a_pool_grows_at_once_and_shrinks_with_patience() -> None:
    """By as many as the load needs, within bounds; down one at a time, and only after it was so for a while."""
    scaling = Scaling(2, 10, full=0.5, empty=0.3, patience_ns=10 * SECOND)
    assert scaling.wanted(0, 1, 0.0) == 2
    assert scaling.wanted(0, 2, 0.9) == 2
    assert scaling.wanted(0, 2, 2.4) == 5
    assert scaling.wanted(0, 2, 90.0) == 10
    assert scaling.wanted(0, 12, 1.0) == 10
    assert scaling.wanted(20 * SECOND, 4, 0.5) == 4
    assert scaling.wanted(29 * SECOND, 4, 0.5) == 4
    assert scaling.wanted(30 * SECOND, 4, 0.5) == 3
    assert scaling.wanted(31 * SECOND, 3, 0.5) == 3
    # A busy moment begins the wait anew.
    assert scaling.wanted(39 * SECOND, 3, 0.8) == 3
    assert scaling.wanted(45 * SECOND, 3, 0.5) == 3
    assert scaling.wanted(55 * SECOND, 3, 0.5) == 2
    assert scaling.wanted(99 * SECOND, 2, 0.0) == 2


@given(st.integers(1, 20), st.floats(0, 30))
def test_scaling_stays_within_its_bounds(workers: int, load: float) -> None:
    """Whatever there is."""
    assert 2 <= Scaling(2, 6).wanted(0, workers, load) <= 6
