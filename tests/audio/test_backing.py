"""A loop beneath another sound: no seam, lowered while that is heard, and never a click."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.audio import AudioError, Backing, rms_dbfs

RATE = 24_000
TICK = RATE // 50


def tone(seconds: float, level: int = 8_000) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


def quiet() -> np.ndarray:
    return np.zeros(TICK, np.int16)


def played(backing: Backing, sounds: list[np.ndarray]) -> list[np.ndarray]:
    return [backing.under(sound) for sound in sounds]


def test_it_goes_on_for_ever_without_a_seam() -> None:
    """Where the loop begins again, no step is higher than in the loop itself."""
    backing = Backing(tone(1.037), RATE, gain_db=0)
    sound = np.concatenate(played(backing, [quiet()] * 400)).astype(int)[RATE:]
    steps = np.abs(np.diff(sound))
    assert steps.max() <= np.abs(np.diff(tone(1.0).astype(int))).max() * 1.5
    assert rms_dbfs(sound[-RATE:].astype(np.int16)) == pytest.approx(rms_dbfs(tone(1.0)), abs=1)


def test_it_is_lowered_while_somebody_speaks_and_comes_back_after() -> None:
    backing = Backing(tone(1.0), RATE, gain_db=-6, duck_db=20, hold_s=0.2)
    voice = np.full(TICK, 6_000, np.int16)
    before = played(backing, [quiet()] * 50)
    under = [mixed - voice for mixed in played(backing, [voice] * 50)]
    after = played(backing, [quiet()] * 50)
    assert rms_dbfs(np.concatenate(before[-10:])) - rms_dbfs(np.concatenate(under[-10:])) == pytest.approx(
        20, abs=1
    )
    assert rms_dbfs(np.concatenate(after[-10:])) == pytest.approx(
        rms_dbfs(np.concatenate(before[-10:])), abs=1
    )
    levels = [rms_dbfs(block) for block in after[:10]]
    assert max(levels) < rms_dbfs(np.concatenate(before[-10:])) - 10, "it is held down for 0.2 s"


def test_it_never_overflows_and_leaves_the_other_sound_whole() -> None:
    backing = Backing(tone(1.0, 32_000), RATE, gain_db=0, duck_db=0)
    loud = np.full(TICK, 32_000, np.int16)
    for mixed in played(backing, [loud] * 50):
        assert mixed.dtype == np.int16 and len(mixed) == TICK
        assert mixed.max() <= 32_767 and mixed.min() >= -1_000


def test_what_is_no_loop_is_refused() -> None:
    with pytest.raises(AudioError):
        Backing(tone(0.05), RATE)
    with pytest.raises(AudioError):
        Backing(np.zeros((RATE, 2), np.int16), RATE)
