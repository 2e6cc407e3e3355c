"""Turns that we mark: they begin before their onset was noticed, hold all that was said, and a cough is none."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import MS, AudioFrame, TurnState
from livegraph.processors.gemini_live.capture.activity import ActivityWindow, Step

LISTENING, SPEAKING, PAUSED = TurnState.LISTENING, TurnState.SPEAKING, TurnState.PAUSED
INTERRUPTED = TurnState.INTERRUPTED


def frame(number: int) -> AudioFrame:
    """The 20 ms from ``number`` times 20 ms on."""
    return AudioFrame(np.full(320, number, np.int16), 16_000, time_ns=number * 20 * MS)


def shown(steps: Iterable[Step]) -> list[str]:
    """Runs of frames as ``first-last``."""
    found: list[str] = []
    for step in steps:
        if not isinstance(step, AudioFrame):
            found.append(step)
            continue
        number = int(step.samples[0])
        first, _, last = found[-1].partition("-") if found else ("", "", "")
        if last and int(last) == number - 1:
            found[-1] = f"{first}-{number}"
        else:
            found.append(f"{number}-{number}")
    return found


def test_a_turn_begins_with_its_pre_roll() -> None:
    """Speech since 400 ms is noticed at 500 ms; with 100 ms of pre-roll the turn begins at 300 ms."""
    window = ActivityWindow(100 * MS)
    steps: list[Step] = []
    for number in range(25):
        steps += window.audio(frame(number), LISTENING)
    assert steps == []
    steps += window.started(400 * MS, LISTENING)
    steps += window.audio(frame(25), LISTENING)
    assert window.open
    steps += window.stopped()
    steps += window.audio(frame(26), LISTENING)
    assert shown(steps) == ["start", "15-25", "end"]


def test_a_gate_that_holds_back_itself_gives_its_pre_roll_afterwards() -> None:
    """What came long before the turn is none of it."""
    window = ActivityWindow(300 * MS)
    steps = [*window.audio(frame(3), LISTENING), *window.started(2000 * MS, LISTENING)]
    for number in range(85, 90):
        steps += window.audio(frame(number), LISTENING)
    assert shown(steps) == ["start", "85-89"]


def test_a_cough_over_the_agent_is_no_turn() -> None:
    """The agent goes on, and the service never hears of it; the next turn is whole."""
    window = ActivityWindow(0)
    steps = [*window.audio(frame(0), SPEAKING), *window.started(0, PAUSED)]
    steps += [*window.audio(frame(1), PAUSED), *window.stopped(), *window.audio(frame(2), PAUSED)]
    steps += window.audio(frame(3), SPEAKING)
    assert steps == []
    steps += window.started(4 * 20 * MS, LISTENING)
    steps += window.audio(frame(4), LISTENING)
    assert shown(steps) == ["start", "4-4"]


def test_an_interruption_is_a_turn_from_its_first_sound() -> None:
    """Held back until it is certain, then sent at once."""
    window = ActivityWindow(0)
    steps = [*window.audio(frame(0), SPEAKING), *window.started(0, PAUSED)]
    for number in range(1, 20):
        steps += window.audio(frame(number), PAUSED)
    assert steps == []
    steps += window.decide(INTERRUPTED)
    steps += window.audio(frame(20), INTERRUPTED)
    steps += window.stopped()
    assert shown(steps) == ["start", "0-20", "end"]


def test_an_interruption_that_was_over_before_it_was_certain() -> None:
    """It is a whole turn all the same."""
    window = ActivityWindow(0)
    steps = [*window.audio(frame(0), SPEAKING), *window.started(0, PAUSED), *window.stopped()]
    steps += window.decide(INTERRUPTED)
    assert shown(steps) == ["start", "0-0", "end"]
    assert not window.open


@given(
    st.lists(
        st.tuples(st.sampled_from(["audio", "start", "stop", "decide"]), st.sampled_from(list(TurnState))),
        max_size=60,
    )
)
def test_turns_are_well_formed(events: list[tuple[str, TurnState]]) -> None:
    """Starts and ends alternate, sound comes only between them, in order and once; and little is held."""
    window = ActivityWindow(100 * MS)
    steps: list[Step] = []
    number = 0
    for what, state in events:
        if what == "audio":
            steps += window.audio(frame(number), state)
            number += 1
        elif what == "start":
            steps += window.started(number * 20 * MS, state)
        elif what == "stop":
            steps += window.stopped()
        else:
            steps += window.decide(state)
    is_open, last = False, -1
    for step in steps:
        if isinstance(step, AudioFrame):
            assert is_open and int(step.samples[0]) > last
            last = int(step.samples[0])
        else:
            assert is_open is (step == "end")
            is_open = not is_open
    assert is_open is window.open
