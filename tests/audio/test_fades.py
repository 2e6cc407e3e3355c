"""Fades: they begin and end where they should, never click, and leave their input alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import AudioError, crossfade, fade_in, fade_out, silence
from support.pcm import noise, tone

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
    assert np.array_equal(crossfade(stereo, stereo, 50), stereo[:1].repeat(1_950, axis=0))


def test_arguments_are_left_alone() -> None:
    """Frames are shared between readers, so nothing is changed in place, not even where no fade falls."""
    before, after = FULL.copy(), FULL.copy()
    for result in (
        fade_in(before, 10),
        fade_out(before, 10),
        crossfade(before, after, 10),
        fade_in(before, 0),
    ):
        assert not np.shares_memory(result, before)
    assert np.array_equal(before, FULL)
    assert np.array_equal(after, FULL)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 400))
def test_crossfade_of_equal_sound_is_that_sound(first: int, second: int, samples: int) -> None:
    """The weights add up to one; the result is shorter by the overlap, as long as both sides allow."""
    overlap = min(first, second, samples)
    got = crossfade(FULL[:first], FULL[:second], samples)
    assert np.array_equal(got, np.full(first + second - overlap, 30_000, np.int16))


def test_crossfade_joins_without_a_click() -> None:
    """Between a positive and a negative constant, no step is larger than the ramp's steepest."""
    got = crossfade(FULL, -FULL, 100).astype(np.int32)
    assert np.abs(np.diff(got)).max() <= 60_000 * np.pi / 2 / 100 + 1
    assert np.array_equal(got[:900], FULL[:900])
    assert np.array_equal(got[1_000:], -FULL[100:].astype(np.int32))


def test_fades_do_not_overflow() -> None:
    """Full-scale samples of opposite sign mix without wrapping round."""
    low, high = np.full(64, -32_768, np.int16), np.full(64, 32_767, np.int16)
    got = crossfade(low, high, 64)
    assert np.all(np.diff(got.astype(np.int32)) >= 0)


def test_crossfade_refuses_different_layouts() -> None:
    """Mono does not melt into stereo."""
    with pytest.raises(AudioError, match="crossfade"):
        crossfade(tone(100, 8_000, 10), noise(20, 10).reshape(10, 2), 5)
