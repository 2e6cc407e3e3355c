"""Sound that whoever pulls keeps for a while counts as played when it is heard, not when it is given."""

from __future__ import annotations

import numpy as np

from livegraph.pipeline.frames import AudioFrame, TurnEndFrame
from livegraph.pipeline.turns.outputs import Outputs
from livegraph.pipeline.units import MS
from livegraph.transports.speaker import Speaker

RATE = 24_000


class Notes:
    """What a conversation is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []
        self.outputs = Outputs()

    def attach(self, playout: object) -> None:
        pass

    def played(self, turn: int, position_ns: int) -> None:
        self.told.append(("played", turn, position_ns // MS))

    def played_out(self, turn: int) -> None:
        self.told.append(("out", turn, 0))


def speaker(heard_after_ms: int) -> tuple[Speaker, Notes]:
    notes = Notes()
    made = Speaker(notes, RATE)  # type: ignore[arg-type]
    made.heard_after_ns = heard_after_ms * MS
    sound = np.full(RATE // 10, 1_000, np.int16)
    made._buffer.push(AudioFrame(sound, RATE, turn=1))
    made.mark(TurnEndFrame(turn=1))
    return made, notes


def test_without_a_buffer_beyond_it_is_told_at_once() -> None:
    """As every output but a browser has it."""
    made, notes = speaker(0)
    made.pull(480)
    assert notes.told == [("played", 1, 20)]


def test_with_one_it_is_told_when_it_is_heard() -> None:
    """60 ms later, in order; the end as well, and only then is everything over."""
    made, notes = speaker(60)
    made.finish()
    for _ in range(3):
        made.pull(480)
    assert notes.told == []
    made.pull(480)
    assert notes.told == [("played", 1, 20)]
    for _ in range(2):
        made.pull(480)
    assert notes.told[-1] == ("played", 1, 60)
    assert not made.drained
    for _ in range(4):
        made.pull(480)
    assert notes.told[-2:] == [("played", 1, 100), ("out", 1, 0)]
    assert made.drained


def test_what_was_cut_is_not_told_later() -> None:
    """A flush voids what was given and not yet heard."""
    made, notes = speaker(100)
    made.pull(480)
    made.flush(1)
    for _ in range(20):
        made.pull(480)
    assert notes.told == []
