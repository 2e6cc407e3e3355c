"""What a detector hears is brought up to one level, by what the voice itself is like."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.audio.leveller import Leveller
from livegraph.audio.pcm import Pcm


def noise(level_db: float, seconds: float = 1.0) -> Pcm:
    samples = np.random.default_rng(1).normal(0, 32_768 * 10 ** (level_db / 20), int(16_000 * seconds))
    return np.clip(samples, -32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize(("level_db", "gain_db"), [(-18, 0), (-24, 0), (-38, 14), (-48, 24), (-60, 24)])
def test_a_voice_that_was_heard_is_brought_to_one_level(level_db: float, gain_db: float) -> None:
    leveller = Leveller(16_000)
    leveller.spoken(noise(level_db))
    assert leveller.gain_db == pytest.approx(gain_db, abs=0.3)


def test_a_louder_voice_counts_at_once_and_a_softer_one_slowly() -> None:
    """The first word of a loud caller must not be distorted for long; a pause must not raise the gain."""
    leveller = Leveller(16_000)
    leveller.spoken(noise(-48))
    leveller.spoken(noise(-20, 0.05))
    assert leveller.gain_db == 0
    leveller.spoken(noise(-48, 2.0))
    assert leveller.gain_db < 1


def test_nothing_wraps_around() -> None:
    leveller = Leveller(16_000)
    louder = leveller.process(np.array([30_000, -30_000, 0], np.int16))
    assert list(louder) == [32_767, -32_768, 0]


def test_a_loud_voice_is_left_as_it_is() -> None:
    leveller = Leveller(16_000)
    leveller.spoken(noise(-18))
    pcm = noise(-18)
    assert leveller.process(pcm) is pcm
