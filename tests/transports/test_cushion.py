"""A cushion is as large as its source needs, learned from what went wrong and from what did not."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.pipeline.frames import AudioFrame
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.cushion import Cushion
from livegraph.transports.playout import PlayoutBuffer

RATE = 8_000
PIECE = RATE // 50


def run(buffer: PlayoutBuffer, seconds: float, late_ms: int = 0, every: int = 1_000_000) -> list[bool]:
    """A source that speaks in real time, each ``every``-th piece late, against a beat of 20 ms: sound or silence."""
    pieces = int(seconds * 50)
    arrivals: list[int] = []
    for number in range(pieces):
        # A line keeps its order: what comes behind a late piece is late as well.
        late = late_ms if number % every == every - 1 else 0
        arrivals.append(max(number * 20 + late, arrivals[-1] if arrivals else 0))
    heard = []
    sound = np.full(PIECE, 5_000, np.int16)
    given = 0
    for beat in range(pieces):
        while given < pieces and arrivals[given] <= beat * 20:
            buffer.push(AudioFrame(sound, RATE, turn=1))
            given += 1
        heard.append(bool(buffer.pull(PIECE).any()))
    return heard


def test_it_grows_by_what_a_stutter_lacked_and_then_there_is_none() -> None:
    """Pieces 80 ms late twice a second: after the first of them nothing is missing any more."""
    cushion = Cushion(20 * MS)
    heard = run(PlayoutBuffer(RATE, cushion_ns=cushion), 8, late_ms=80, every=25)
    begun = heard.index(True)
    assert False in heard[begun:100]
    assert all(heard[150:])
    assert 80 * MS <= cushion.size_ns <= 120 * MS


def test_it_has_its_bounds() -> None:
    """However bad the source is it is 120 ms at most; a pause of the speaker is no stutter."""
    cushion = Cushion()
    for _ in range(20):
        cushion.stuttered(70 * MS)
    assert cushion.size_ns == 120 * MS
    patient = Cushion()
    buffer = PlayoutBuffer(RATE, cushion_ns=patient)
    for _ in range(4):
        buffer.push(AudioFrame(np.full(5 * PIECE, 5_000, np.int16), RATE, turn=1))
        for _ in range(40):
            buffer.pull(PIECE)
    assert patient.size_ns == 40 * MS


def test_it_shrinks_while_all_goes_well_but_not_to_what_has_just_failed() -> None:
    """10 ms in 10 s of sound, to 20; after a stutter at 20 ms no smaller than 30, for two minutes of sound."""
    cushion = Cushion()
    for _ in range(30):
        cushion.sounded(SECOND)
    assert cushion.size_ns == 20 * MS
    cushion.stuttered(35 * MS)
    assert cushion.size_ns == 60 * MS
    for _ in range(100):
        cushion.sounded(SECOND)
    assert cushion.size_ns == 30 * MS
    for _ in range(40):
        cushion.sounded(SECOND)
    assert cushion.size_ns == 20 * MS


@pytest.mark.parametrize("size_ms", [20, 60, 120])
def test_a_source_ahead_of_time_waits_for_no_cushion(size_ms: int) -> None:
    """A model sends half a second at once: its first sound is in the first packet."""
    buffer = PlayoutBuffer(RATE, cushion_ns=Cushion(size_ms * MS))
    buffer.push(AudioFrame(np.full(RATE // 2, 5_000, np.int16), RATE, turn=1))
    assert buffer.pull(PIECE).any()
