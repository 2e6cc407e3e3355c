"""An echo is told from a voice, at whatever level and after whatever delay it comes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from livegraph.audio.echo import EchoGuard
from livegraph.audio.pcm import Pcm
from support.speech import recorded, spoken


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


def test_chance_does_not_last() -> None:
    """Two people who talk at once are alike now and then, but seldom, and never for long."""
    played, voice = piece("go_forward", samples=32_000), piece("numbers", samples=32_000)
    guard, found = EchoGuard(16_000), []
    for at in range(0, len(voice), 512):
        guard.play(played[at : at + 512], 16_000)
        guard.hear(voice[at : at + 512])
        found.append(guard.echo)
    assert sum(found) <= len(found) // 8


@pytest.mark.parametrize("words", ["Stop. Please stop.", "What time do you open on Sunday?"])
def test_a_person_with_the_agents_own_voice_is_none_from_the_first_window_on(words: str) -> None:
    """Where a word of the agent begins or ends, power changes at once: what is heard then is not like it for that."""
    story = spoken(
        "There was a wanderer who walked through seven valleys and over seven hills, on and on."
    ).pcm
    voice = spoken(words).pcm
    onset = int(np.flatnonzero(np.abs(voice) > 500)[0])
    heard = np.concatenate((np.zeros(8_000, np.int16), voice[onset:]))[:12_800]
    looks, alike = 0, 0
    for start in range(0, len(story) - len(heard), 700):
        guard = EchoGuard(16_000)
        for at in range(0, len(heard), 512):
            guard.play(story[start + at : start + at + 512], 16_000)
            guard.hear(heard[at : at + 512])
            if at >= 8_192:
                looks += 1
                alike += guard.echo
    assert looks > 500
    assert alike <= looks * 0.04


def test_a_room_is_known_by_its_delay() -> None:
    """Walls make an echo less like the sound: once its delay is known it is told all the same."""
    played = piece("go_forward", samples=32_000)
    rng = np.random.default_rng(3)
    walls = rng.normal(size=4_000) * np.exp(-np.arange(4_000) / 500) * 0.12
    walls[0] = 1
    heard = delayed(np.convolve(played, walls)[: len(played)], 1_600, -10)
    guard, found = EchoGuard(16_000), []
    for at in range(0, len(played), 512):
        guard.play(played[at : at + 512], 16_000)
        guard.hear(heard[at : at + 512])
        found.append(guard.echo)
    assert sum(found[8:]) >= len(found[8:]) * 0.7


def test_an_hour_of_silence_holds_nothing() -> None:
    """What was never heard needs no room: buffers are made with the first sound."""
    tracemalloc.start()
    try:
        guard = EchoGuard(16_000)
        quiet = np.zeros(480, np.int16)
        for _ in range(3_000):
            guard.play(quiet, 24_000)
            guard.hear(quiet[:320])
        silent, _ = tracemalloc.get_traced_memory()
        tone = np.random.default_rng(1).normal(0, 3_000, 480).astype(np.int16)
        for _ in range(300):
            guard.play(tone, 24_000)
            guard.hear(tone[:320])
        _ = guard.echo
        full, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert silent < 16_000
    assert full < 50_000


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
