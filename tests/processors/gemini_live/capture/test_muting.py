"""While the user is unheard nothing of theirs goes up; after it, all of it or none, as told."""

from __future__ import annotations

import numpy as np

from livegraph.pipeline.frames import AudioFrame, SpeechEndFrame, SpeechStartFrame
from livegraph.pipeline.units import MS
from livegraph.processors.gemini_live.capture.muting import Muting


def sound(number: int) -> AudioFrame:
    return AudioFrame(np.full(320, number, np.int16), 16_000, time_ns=number * 20 * MS)


def numbers(frames: list[object]) -> list[object]:
    return [
        int(frame.samples[0]) if isinstance(frame, AudioFrame) else type(frame).__name__[6:-5]
        for frame in frames
    ]


def test_what_is_dropped_never_comes() -> None:
    muting = Muting()
    assert muting.take(sound(1), muted=True, keeps=False) == []
    assert numbers([*muting.take(sound(2), muted=False, keeps=False)]) == [2]


def test_what_is_kept_comes_in_order_before_the_rest() -> None:
    muting = Muting()
    for frame in (SpeechStartFrame(), sound(1), sound(2), SpeechEndFrame()):
        assert muting.take(frame, muted=True, keeps=True) == []
    assert numbers([*muting.take(sound(3), muted=False, keeps=True)]) == ["Start", 1, 2, "End", 3]
    assert numbers([*muting.take(sound(4), muted=False, keeps=True)]) == [4]


def test_who_is_heard_again_in_the_middle_of_a_word_begins_then() -> None:
    """A turn that is marked here needs its beginning, though the real one was lost."""
    muting = Muting()
    muting.take(SpeechStartFrame(), muted=True, keeps=False)
    muting.take(sound(1), muted=True, keeps=False)
    assert numbers([*muting.take(sound(2), muted=False, keeps=False)]) == ["Start", 2]
    assert numbers([*muting.take(SpeechEndFrame(), muted=False, keeps=False)]) == ["End"]


def test_no_more_than_half_a_minute_is_kept() -> None:
    muting = Muting()
    for number in range(2_000):
        muting.take(sound(number), muted=True, keeps=True)
    given = numbers([*muting.take(sound(2_000), muted=False, keeps=True)])
    assert given == list(range(500, 2_001))
