"""Messages between a pool and its workers, what is known of a worker's calls, and their numbers joined: no I/O."""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from livegraph.server.access.grant import Grant
from livegraph.server.calls.admission import Caller as Who
from livegraph.server.calls.admission import Entry
from livegraph.server.calls.served import Running
from livegraph.server.limits.caller import CallerLimits
from livegraph.server.offering import Answered, Offer
from livegraph.server.pool.joined_metrics import joined_text
from livegraph.server.pool.post import Held, Post
from livegraph.server.pool.wire import (
    METHODS,
    Ask,
    Cancelled,
    Done,
    Failed,
    Happened,
    Refused,
    Reported,
    Unframer,
    WireError,
    framed,
    packed,
    unpacked,
)
from livegraph.server.pool.worker import WorkerEvent, WorkerReport

MESSAGES = [
    Ask(1, "answer", packed([Offer(sdp="v=0")])),
    Cancelled(1),
    Done(2, packed(None)),
    Refused(3, 503, "full", "All lines are busy.", "", {"Retry-After": "10"}),
    Failed(4, "KeyError"),
    Reported(WorkerReport(active=3, cpu=0.25)),
    Happened("a call", True),
]


@given(st.lists(st.sampled_from(range(len(MESSAGES))), max_size=12), st.lists(st.integers(1, 40), min_size=1))
def test_messages_come_whole_however_the_stream_is_cut(chosen: list[int], cuts: list[int]) -> None:
    """In order, each once, and as they were."""
    sent = [MESSAGES[index] for index in chosen]
    data = b"".join(framed(message) for message in sent)
    unframer, came, at = Unframer(), [], 0
    for size in (cuts * (len(data) + 1))[: len(data)]:
        came += unframer.feed(data[at : at + size])
        at += size
    assert [framed(message) for message in came] == [framed(message) for message in sent]


@given(st.binary(min_size=4, max_size=200))
def test_what_is_no_message_is_refused_and_never_waited_for_beyond_its_bound(data: bytes) -> None:
    """Whatever comes: messages, nothing yet, or ``WireError``."""
    try:
        list(Unframer().feed(data))
    except WireError:
        return
    assert struct.unpack_from("!I", data)[0] <= 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("method", "given_"),
    [
        (
            "answer",
            [
                Offer(
                    sdp="v=0",
                    inputs=MappingProxyType({"name": "Ann", "age": 3}),
                    grant=Grant(identity="ann", agents=("a",), limits=CallerLimits(calls=2), report="full"),
                    headers={"traceparent": "00-1"},
                )
            ],
        ),
        ("renegotiate", ["id", "v=0", "offer", True]),
        ("add_candidates", ["id", [{"candidate": "x", "sdp_mid": None}]]),
        ("drain", [3.5]),
    ],
)
def test_what_is_asked_arrives_as_it_was(method: str, given_: list[Any]) -> None:
    """Offers with all that a grant may hold, and the rest."""
    assert list(unpacked(packed(given_), tuple[METHODS[method][0]])) == given_


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Answered, Answered("v=0", "answer", "id", "token")), (dict[str, Running], {"a": Running(1, 2)})],
)
def test_what_is_answered_arrives_as_it_was(kind: Any, value: object) -> None:
    """Answers, and what became of running calls."""
    assert unpacked(packed(value), kind) == value


def test_what_is_of_another_type_is_refused() -> None:
    """A worker of another version, say."""
    kinds, _ = METHODS["renegotiate"]
    with pytest.raises(WireError):
        unpacked(packed(["id", "v=0", "offer", "perhaps"]), tuple[kinds])
    with pytest.raises(NotImplementedError):
        packed(object())


# ---- a worker's calls ----


def held(told: list[str]) -> Held:
    """A call that notes what it is told."""
    return Held(Entry(Who()), lambda: told.append("reached"), lambda: told.append("over"))


def test_what_a_worker_tells_before_its_answer_has_arrived_counts() -> None:
    """The caller may be there, and gone again, before whoever asked has been woken."""
    post, told = Post("0-1", 0, worker=None), []  # type: ignore[arg-type, var-annotated]
    post.begin(0)
    post.take(WorkerEvent("a", over=False))
    post.take(WorkerEvent("a", over=True))
    assert post.place.calls == 1
    post.hold("a", held(told))
    assert told == ["reached", "over"]
    assert post.place.calls == 0
    assert post.held == {}


def test_a_worker_that_is_lost_gives_back_the_places_of_its_calls() -> None:
    """Each once; what it told of calls that nobody has is nothing."""
    post, told = Post("0-1", 0, worker=None), []  # type: ignore[arg-type, var-annotated]
    post.take(WorkerEvent("nobody's", over=True))
    for name in "ab":
        post.begin(0)
        post.hold(name, held(told))
    post.begin(0)
    post.failed(0)
    assert post.place.calls == 2
    assert post.lose() == 2
    assert told == ["over", "over"]
    assert (post.place.calls, post.lose()) == (0, 0)


# ---- numbers ----


def numbers(calls: int, seconds: float) -> bytes:
    """What one worker counts."""
    registry = CollectorRegistry()
    Counter("calls", "Calls", ["agent"], registry=registry).labels("a").inc(calls)
    Gauge("lag", "Lag", registry=registry).set(seconds)
    Histogram("length", "Length", registry=registry, buckets=(1, 10)).observe(seconds)
    return generate_latest(registry)


def test_numbers_of_workers_are_joined_with_the_pools() -> None:
    """Each sample has its worker; two workers of one place are added up; each family is there once."""
    own = CollectorRegistry()
    Counter("refused", "Refused", registry=own).inc(4)
    text = joined_text(own, [("0", numbers(3, 0.5)), ("1", numbers(2, 5.0)), ("0", numbers(1, 0.5))]).decode()
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["calls_total", (("agent", "a"), ("worker", "0"))] == 4
    assert found["calls_total", (("agent", "a"), ("worker", "1"))] == 2
    assert found["length_bucket", (("le", "1.0"), ("worker", "0"))] == 2
    assert found["length_count", (("worker", "1"),)] == 1
    assert found["refused_total", ()] == 4
    assert text.count("# TYPE calls_total counter") == 1
