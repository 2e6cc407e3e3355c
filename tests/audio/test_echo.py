"""An echo is told from a voice, at whatever level and after whatever delay it comes."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.audio.echo import EchoGuard
from livegraph.audio.pcm import Pcm
from support.speech import recorded


def piece(name: str, at: int = 4_000, samples: int = 16_000) -> Pcm:
    return np.asarray(recorded(name).pcm)[at : at + samples]


def guard_of(played: Pcm, heard: Pcm) -> EchoGuard:
    """Both at once, 20 ms at a time."""
    guard = EchoGuard(16_000)
    for at in range(0, min(len(played), len(heard)), 320):
        guard.play(played[at : at + 320], 16_000)
        guard.hear(heard[at : at + 320])
    return guard


def delayed(pcm: Pcm, samples: int, level_db: float) -> Pcm:
    late = np.concatenate((np.zeros(samples), pcm.astype(np.float64)))[: len(pcm)] * 10 ** (level_db / 20)
    return np.rint(late).astype(np.int16)


@pytest.mark.parametrize("level_db", [-10, -20])
@pytest.mark.parametrize("delay_ms", [0, 60, 300, 600])
def test_the_agents_own_voice_is_an_echo(level_db: float, delay_ms: int) -> None:
    played = piece("go_forward")
    assert guard_of(played, delayed(played, delay_ms * 16, level_db)).echo


@pytest.mark.parametrize("level_db", [-10, -20])
def test_somebody_who_speaks_over_it_is_none(level_db: float) -> None:
    played, voice = piece("go_forward"), piece("numbers")
    mixed = np.clip(voice.astype(np.int32) + delayed(played, 1_600, level_db), -32_768, 32_767)
    assert not guard_of(played, voice).echo
    assert not guard_of(played, mixed.astype(np.int16)).echo


def test_silence_is_no_echo() -> None:
    assert not guard_of(piece("numbers"), np.zeros(16_000, np.int16)).echo
    assert not guard_of(np.zeros(16_000, np.int16), piece("numbers")).echo


def test_the_rates_may_differ() -> None:
    tone = np.random.default_rng(1).normal(0, 3_000, 24_000).astype(np.int16)
    from livegraph.audio.resample import Resampler

    heard = Resampler(24_000, 16_000).process(tone)
    guard = EchoGuard(16_000)
    for at in range(0, 24_000, 480):
        guard.play(tone[at : at + 480], 24_000)
    guard.hear(heard[-4_000:-200])
    assert guard.echo
