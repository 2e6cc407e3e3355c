"""Fades: they begin and end where they should, never click, and leave their input alone."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.audio import AudioError, fade_in, fade_out, silence

FULL = np.full(1_000, 30_000, np.int16)


def test_fade_in_rises_from_silence() -> None:
    """The first samples are next to silent, the rise never falls back, and the rest is untouched."""
    got = fade_in(FULL, 100)
    assert got[0] < 10
    assert np.all(np.diff(got) >= 0)
    assert np.array_equal(got[100:], FULL[100:])


def test_fade_out_mirrors_fade_in() -> None:
    """The end falls just as the beginning rises."""
    assert np.array_equal(fade_out(FULL, 100), fade_in(FULL, 100)[::-1])


@pytest.mark.parametrize("fade", [fade_in, fade_out])
def test_short_and_empty_audio(fade) -> None:  # type: ignore[no-untyped-def]
    """Audio shorter than the fade fades as a whole; no audio and no fade are no special cases."""
    assert len(fade(FULL[:10], 100)) == 10
    assert len(fade(silence(0), 100)) == 0
    assert np.array_equal(fade(FULL, 0), FULL)
    with pytest.raises(AudioError, match="-1 samples"):
        fade(FULL, -1)


def test_channels_fade_alike() -> None:
    """In stereo both channels get the same fade."""
    stereo = np.stack((FULL, -FULL), axis=1)
    assert np.array_equal(fade_in(stereo, 50)[:, 0], fade_in(FULL, 50))
    assert np.array_equal(fade_in(stereo, 50)[:, 1], -fade_in(FULL, 50))


def test_arguments_are_left_alone() -> None:
    """Frames are shared between readers, so nothing is changed in place, not even where no fade falls."""
    before = FULL.copy()
    for result in (
        fade_in(before, 10),
        fade_out(before, 10),
        fade_in(before, 0),
    ):
        assert not np.shares_memory(result, before)
    assert np.array_equal(before, FULL)
