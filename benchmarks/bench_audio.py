"""What signal processing costs: microseconds per window or chunk, and the share of one core for one call.

    python benchmarks/bench_audio.py [--rounds 100]

The rows take turns, so that a busy machine slows all of them alike, and do several steps a turn. *first* is
the median of the first steps, when other work has filled the CPU's caches, as in a process with many things
to do; *warm* is the median of the others, and *best* the fastest of all; the share of a core goes by *warm*.
A window is 32 ms of audio, a chunk 20 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

# Shares of one core are asked for. Threads also do not pay: at these sizes they wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from livegraph.audio import EnergyVad, Pcm, Resampler, SileroVad, process_batch, rms_dbfs

_WINDOW = 512
_STEPS = 8
_PAIRS = [
    (48_000, 16_000),
    (24_000, 48_000),
    (16_000, 48_000),
    (8_000, 16_000),
    (24_000, 16_000),
    (44_100, 16_000),
    (16_000, 44_100),
    (44_100, 48_000),
]


class Row:
    """One thing to measure: `step` does the work of `units` windows or chunks."""

    def __init__(self, name: str, unit_ms: int, units: int, step: Callable[[], object]) -> None:
        self.name = name
        self.unit_ms = unit_ms
        self.units = units
        self.step = step
        self.first_us: list[float] = []
        self.warm_us: list[float] = []

    def measure(self) -> None:
        for step in range(_STEPS):
            start = time.perf_counter_ns()
            self.step()
            took_us = (time.perf_counter_ns() - start) / 1000 / self.units
            (self.warm_us if step else self.first_us).append(took_us)

    def report(self) -> str:
        first, warm = statistics.median(self.first_us), statistics.median(self.warm_us)
        share = warm / (self.unit_ms * 1000)
        return f"{self.name:<34}{first:>9.1f}{warm:>9.1f}{min(self.warm_us):>9.1f}{share:>11.3%}"


def _speechlike(samples: int) -> Pcm:
    """Noise with syllables: the cost depends on the length alone, but nothing should be constant."""
    envelope = 0.5 + 0.5 * np.sin(np.arange(samples) / 800)
    return (
        (np.random.default_rng(0).normal(0, 4_000, samples) * envelope).clip(-32_768, 32_767).astype(np.int16)
    )


def _silero(streams: int) -> Row:
    vads = [SileroVad() for _ in range(streams)]
    windows = [_speechlike(_WINDOW)] * streams
    if streams == 1:
        return Row("silero, one call", 32, 1, lambda: vads[0].process(windows[0]))
    return Row(f"silero, {streams} calls in a batch", 32, streams, lambda: process_batch(vads, windows))


def _resampler(in_rate: int, out_rate: int, channels: int = 1) -> Row:
    resampler = Resampler(in_rate, out_rate, channels)
    chunk = _speechlike(in_rate // 50)
    if channels > 1:
        chunk = np.repeat(chunk[:, None], channels, axis=1)
    layout = "" if channels == 1 else f", {channels} channels"
    return Row(f"resample {in_rate} to {out_rate}{layout}", 20, 1, lambda: resampler.process(chunk))


def _rows() -> list[Row]:
    energy, window = EnergyVad(), _speechlike(_WINDOW)
    chunk = _speechlike(960)
    return [
        *(_silero(streams) for streams in (1, 2, 8, 32, 128)),
        Row("energy", 32, 1, lambda: energy.process(window)),
        *(_resampler(*pair) for pair in _PAIRS),
        _resampler(48_000, 16_000, 2),
        Row("rms_dbfs, 48000", 20, 1, lambda: rms_dbfs(chunk)),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="what signal processing costs")
    parser.add_argument("--rounds", type=int, default=100, help="turns of each row (default 100)")
    rounds = parser.parse_args().rounds
    rows = _rows()
    for row in rows:
        row.step()  # loads the weights, computes the tables
    for _ in range(rounds):
        for row in rows:
            row.measure()
    print(f"{'':<34}{'us first':>9}{'us warm':>9}{'us best':>9}{'of a core':>11}")
    for row in rows:
        print(row.report())


if __name__ == "__main__":
    main()
