"""What signal processing costs: microseconds per window or chunk, and the share of one core for one call.

    python benchmarks/bench_audio.py [--rounds 300]

Every row is timed in turns with the others, so that a busy machine slows all of them alike; printed are the
median and the fastest of all rounds. A window is 32 ms of audio, a chunk 20 ms.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from livegraph.audio import EnergyVad, Pcm, Resampler, SileroVad, crossfade, process_batch, rms_dbfs

_WINDOW = 512
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
    """One thing to measure: `step` is called once a round and does the work of `units` windows or chunks."""

    def __init__(self, name: str, unit_ms: int, units: int, step: Callable[[], object]) -> None:
        self.name = name
        self.unit_ms = unit_ms
        self.units = units
        self.step = step
        self.times_us: list[float] = []

    def measure(self) -> None:
        start = time.perf_counter_ns()
        self.step()
        self.times_us.append((time.perf_counter_ns() - start) / 1000 / self.units)

    def report(self) -> str:
        median, best = statistics.median(self.times_us), min(self.times_us)
        share = median / (self.unit_ms * 1000)
        return f"{self.name:<34}{median:>10.1f}{best:>10.1f}{share:>11.3%}"


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
        Row("crossfade, 48000", 20, 1, lambda: crossfade(chunk, chunk, 240)),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="what signal processing costs")
    parser.add_argument(
        "--rounds", type=int, default=300, help="times that each row is measured (default 300)"
    )
    rounds = parser.parse_args().rounds
    rows = _rows()
    for row in rows:
        row.step()  # loads the weights, computes the tables
    for _ in range(rounds):
        for row in rows:
            row.measure()
    print(f"{'':<34}{'us median':>10}{'us best':>10}{'of a core':>11}")
    for row in rows:
        print(row.report())


if __name__ == "__main__":
    main()
