"""The level-based detector: finds speech over a noise floor that it learns by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.audio import (
    AudioError,
    EnergyVad,
    SileroVad,
    SpeechDetector,
    SpeechStarted,
    VoiceActivity,
    read_wav,
    silence,
)
from support.pcm import DATA, chunks, noise, silero_reference

MS = 1_000_000


def test_mostly_agrees_with_silero() -> None:
    """On human speech three windows in four get the verdict of the real model, and hardly any false one."""
    pcm, expected = silero_reference()
    got = np.array(EnergyVad().process(pcm))
    assert np.mean((got >= 0.5) == (expected >= 0.5)) > 0.75
    assert np.mean(got[expected < 0.1] >= 0.5) < 0.05


@pytest.mark.parametrize("name", ["amiable", "do_something", "go_forward", "numbers"])
def test_finds_the_utterances_that_silero_finds(name: str) -> None:
    """Through the speech detector each recording is one utterance that begins where Silero hears it begin."""
    pcm, _ = read_wav(DATA.parent / "speech" / f"{name}.wav")
    found = [
        SpeechDetector(hang_over_ns=700 * MS).feed(vad.process(pcm), 0) for vad in (EnergyVad(), SileroVad())
    ]
    (energy, *_), (silero, *_) = found
    assert [isinstance(event, SpeechStarted) for event in found[0]].count(True) == 1
    assert abs(energy.at_ns - silero.at_ns) <= 100 * MS


@pytest.mark.parametrize("rms", [30.0, 300.0, 1500.0])
def test_steady_noise_becomes_the_floor(rms: float) -> None:
    """A second into any steady noise it is no longer taken for speech."""
    probabilities = EnergyVad().process(noise(16_000 * 5, rms))
    after = probabilities[16_000 // 512 :]
    assert max(after) < 0.5


def test_speech_over_learnt_noise_is_found() -> None:
    """Syllables 25 dB above a noise that has become the floor count as speech, and what follows does not."""
    pcm = noise(16_000 * 6, 100.0)
    syllables = np.abs(np.sin(np.arange(16_000) * np.pi / 3_200))  # five of 200 ms
    pcm[64_000:80_000] += (syllables * noise(16_000, 1800.0, seed=2)).astype(np.int16)
    probabilities = np.array(EnergyVad().process(pcm))
    assert np.mean(probabilities[126:156] >= 0.5) > 0.8
    assert max(probabilities[158:]) < 0.5


def test_silence_and_whispers_below_the_limit_are_no_speech() -> None:
    """Digital silence, and any rise out of it that stays below `lowest_dbfs`, are not speech."""
    vad = EnergyVad()
    assert max(vad.process(silence(16_000 * 3))) < 0.01
    assert max(vad.process(noise(16_000, 40.0))) < 0.5  # -58 dBFS


def test_a_call_that_opens_with_speech_is_heard_at_once() -> None:
    """No time of learning is needed: the first loud window is speech."""
    assert EnergyVad().process(noise(512, 1500.0))[0] > 0.9


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 1500), max_size=12))
def test_chunking_does_not_matter(sizes: list[int]) -> None:
    """The same values for any cut, and `pending` tells what waits."""
    pcm = silero_reference()[0][10_000:18_000]
    expected = EnergyVad().process(pcm)
    vad: VoiceActivity = EnergyVad()
    got = [p for chunk in chunks(pcm, [*sizes, 320]) for p in vad.process(chunk)]
    assert got == expected
    assert vad.pending == 8000 % 512
    vad.reset()
    assert vad.pending == 0
    assert vad.process(pcm) == expected


def test_refuses_what_is_not_mono_int16() -> None:
    """Floats and stereo are refused."""
    with pytest.raises(AudioError, match="mono int16"):
        EnergyVad().process(np.zeros((512, 2), np.int16))
