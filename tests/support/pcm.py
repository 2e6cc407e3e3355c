"""Sound for the tests of signal processing: tones, noise, and cutting a signal into chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from livegraph.audio.pcm import Float, Pcm

DATA = Path(__file__).parents[1] / "data" / "audio"


def tone(frequency: float, rate: int, samples: int, amplitude: float = 20_000.0) -> Pcm:
    """A sine of `frequency` Hz, rounded to int16."""
    phase = 2.0 * np.pi * frequency * np.arange(samples) / rate
    return np.rint(amplitude * np.sin(phase)).astype(np.int16)


def noise(samples: int, rms: float, seed: int = 1) -> Pcm:
    """White noise of the given RMS amplitude, always the same for a seed."""
    return np.rint(np.random.default_rng(seed).normal(0.0, rms, samples)).astype(np.int16)


def chunks(pcm: Pcm, sizes: Sequence[int]) -> Iterator[Pcm]:
    """Cut `pcm` into chunks of `sizes`, the last of which repeats until all is used."""
    at = 0
    for size in sizes:
        yield pcm[at : at + size]
        at += size
    step = max(1, sizes[-1] if sizes else len(pcm))
    for start in range(at, len(pcm), step):
        yield pcm[start : start + step]


def silero_reference() -> tuple[Pcm, Float]:
    """Human speech at 16 kHz, and the official model's probability of each of its windows."""
    with np.load(DATA / "silero_reference.npz") as data:
        return data["pcm"], data["probability"]
