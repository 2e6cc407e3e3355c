"""Levels in dBFS."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.audio import SILENCE_DBFS, AudioError, Pcm, rms_dbfs, silence
from support.pcm import tone


@pytest.mark.parametrize(
    ("pcm", "rms"),
    [
        (np.array([-32_768, -32_768], np.int16), 0.0),
        (tone(1_000, 16_000, 16_000, amplitude=32_767), -3.01),
        (tone(1_000, 16_000, 16_000, amplitude=3_276.8), -23.01),
        (np.array([[1, -1], [-1, 1]], np.int16), -90.31),
        (silence(100), SILENCE_DBFS),
        (silence(0), SILENCE_DBFS),
        (silence(0, 2), SILENCE_DBFS),
    ],
    ids=["full scale", "full sine", "-20 dB sine", "one bit, stereo", "silence", "empty", "empty stereo"],
)
def test_known_levels(pcm: Pcm, rms: float) -> None:
    """Levels that can be told by hand, the lowest and the highest among them."""
    assert rms_dbfs(pcm) == pytest.approx(rms, abs=0.01)


def test_one_bit_in_a_long_silence_is_not_below_the_floor() -> None:
    """Nothing measures less than `SILENCE_DBFS`, so the range of a meter is known."""
    pcm = silence(10_000_000)
    pcm[5] = 1
    assert rms_dbfs(pcm) == SILENCE_DBFS


def test_refuses_floats() -> None:
    """Floats have another full scale, so they are refused."""
    with pytest.raises(AudioError, match="int16"):
        rms_dbfs(np.zeros(4, np.float32))  # type: ignore[arg-type]
