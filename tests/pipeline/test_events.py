"""Observers hear what they asked for, in order and at once; nobody pays for what nobody hears."""

from __future__ import annotations

import json
import logging

import msgspec
import pytest

from livegraph.pipeline import Turn
from livegraph.pipeline.events import Event, EventBus, Interrupted, SpeechChanged, StateChanged


class Custom(Event, frozen=True, kw_only=True):
    """An event of a program's own."""

    what: str


def test_observers_hear_their_kind_and_its_subclasses_in_order() -> None:
    """Subscription order, whatever the kind."""
    bus = EventBus()
    heard: list[tuple[str, int]] = []
    bus.subscribe(Event, lambda event: heard.append(("all", event.time_ns)))
    bus.subscribe(Interrupted, lambda event: heard.append(("cut", event.turn)))
    bus.publish(Interrupted(time_ns=1, turn=7))
    bus.publish(SpeechChanged(time_ns=2, speaking=True))
    assert heard == [("all", 1), ("cut", 7), ("all", 2)]


def test_nobody_wants_what_nobody_subscribed_to() -> None:
    """Also after the last observer left; leaving twice changes nothing."""
    bus = EventBus()
    assert not bus.wants(Interrupted)
    leave = bus.subscribe(Interrupted, lambda event: None)
    assert bus.wants(Interrupted)
    assert not bus.wants(StateChanged)
    leave()
    leave()
    assert not bus.wants(Interrupted)


def test_programs_add_their_own_events() -> None:
    """Subclassing is all."""
    bus = EventBus()
    heard: list[str] = []
    bus.subscribe(Custom, lambda event: heard.append(event.what))
    bus.publish(Custom(time_ns=0, what="x"))
    assert heard == ["x"]


def test_one_observer_twice_hears_twice_and_leaves_once() -> None:
    """Each subscription ends by itself."""
    bus = EventBus()
    heard: list[int] = []

    def observer(event: Interrupted) -> None:
        heard.append(event.turn)

    leave = bus.subscribe(Interrupted, observer)
    bus.subscribe(Interrupted, observer)
    bus.publish(Interrupted(time_ns=0, turn=1))
    leave()
    bus.publish(Interrupted(time_ns=0, turn=2))
    assert heard == [1, 1, 2]


def test_an_observer_that_raises_is_removed_and_named(caplog: pytest.LogCaptureFixture) -> None:
    """The others hear the event; it is logged once."""
    bus = EventBus()
    heard: list[int] = []

    def broken(event: Interrupted) -> None:
        raise ValueError("no")

    bus.subscribe(Interrupted, broken)
    bus.subscribe(Interrupted, lambda event: heard.append(event.turn))
    with caplog.at_level(logging.ERROR):
        bus.publish(Interrupted(time_ns=0, turn=1))
        bus.publish(Interrupted(time_ns=0, turn=2))
    assert heard == [1, 2]
    assert ["broken" in record.getMessage() for record in caplog.records] == [True]


def test_subscribing_and_leaving_within_an_observer_is_safe() -> None:
    """What is under way is not disturbed; the next event finds the new state."""
    bus = EventBus()
    heard: list[str] = []

    def late(event: Interrupted) -> None:
        heard.append(f"late {event.turn}")

    def once(event: Interrupted) -> None:
        heard.append(f"once {event.turn}")
        leave()
        bus.subscribe(Interrupted, late)

    leave = bus.subscribe(Interrupted, once)
    bus.publish(Interrupted(time_ns=0, turn=1))
    bus.publish(Interrupted(time_ns=0, turn=2))
    assert heard == ["once 1", "late 2"]


def test_events_are_plain_data_whoever_speaks() -> None:
    """The number of a turn and the name of its source, so that any encoder can write them."""
    event = Interrupted(time_ns=1, turn=Turn(3, "live"))
    assert json.loads(msgspec.json.encode(event)) == {"time_ns": 1, "turn": 3, "source": "live"}
    assert type(event.turn) is int
