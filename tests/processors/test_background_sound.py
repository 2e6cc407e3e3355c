"""A loop beneath the voice: files as people have them, and what is no loop is told before a call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.audio import Pcm, write_wav
from livegraph.pipeline import Graph, run_virtual
from livegraph.processors import BackgroundSound, loop_file
from livegraph.processors.app import AppIn


def tone(seconds: float, rate: int, channels: int = 1) -> Pcm:
    """A loud hum whose end does not fit its beginning."""
    times = np.arange(round(seconds * rate)) / rate
    samples = np.rint(12_000 * np.sin(2 * np.pi * 97.3 * times)).astype(np.int16)
    return samples if channels == 1 else np.repeat(samples[:, None], channels, axis=1)


async def hum(bed: BackgroundSound, rate: int) -> Pcm:
    """Three seconds of what is beneath silence, from when there is something."""
    backing = bed.under(rate)
    first = backing.under(np.zeros(480, np.int16))
    while not first.any():
        await asyncio.sleep(0.02)
        first = backing.under(np.zeros(480, np.int16))
    return np.concatenate([first, *(backing.under(np.zeros(480, np.int16)) for _ in range(150))])


def faults(path: Path) -> list[str]:
    return [fault.message for fault in BackgroundSound.check_options({"file": path})]


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_files_of_any_rate_and_channels_are_played_without_a_click(
    tmp_path: Path, rate: int, channels: int
) -> None:
    """And come in from silence: no step between two samples is larger than the hum's own, at seams neither."""
    path = tmp_path / "office.wav"
    write_wav(path, tone(0.7, rate, channels), rate)
    assert faults(path) == []

    async def main() -> Pcm:
        graph = Graph()
        graph.add("voice", AppIn)
        graph.add("bed", BackgroundSound, file=path, gain=0.0)
        graph.connect("voice.audio", "bed.audio")
        call = graph.plan().call()
        async with call:
            return await hum(call.processor("bed", BackgroundSound), 24_000)

    heard = run_virtual(main())
    largest = 12_000 * 2 * np.pi * 97.3 / 24_000
    assert abs(int(heard[0])) < 100 and np.abs(heard[-4_800:]).max() > 8_000
    assert np.abs(np.diff(heard.astype(int))).max() < 1.3 * largest


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: None, "there is no file"),
        (lambda path: path.mkdir(), "there is no file"),
        (lambda path: path.write_bytes(b""), "not a WAV file"),
        (lambda path: path.write_text("ID3 music"), "not a WAV file"),
        (lambda path: write_wav(path, tone(0.0, 16_000), 16_000), "at least 0.1 s"),
        (lambda path: write_wav(path, tone(0.05, 16_000), 16_000), "at least 0.1 s"),
    ],
    ids=["missing", "folder", "empty", "music", "silent", "short"],
)
def test_what_is_no_loop_is_told_before_a_call(
    tmp_path: Path, spoil: Callable[[Path], object], why: str
) -> None:
    path = tmp_path / "office.wav"
    spoil(path)
    (message,) = faults(path)
    assert why in message and "office.wav" in message


def test_calls_share_what_is_read_and_resampled_once_beside_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a file that was replaced between two calls is read anew."""
    path = tmp_path / "office.wav"
    write_wav(path, tone(0.7, 44_100), 44_100)
    work: list[str] = []

    def noted(name: str) -> Callable[..., Any]:
        function = getattr(loop_file, name)

        def note(*args: Any) -> Any:
            assert threading.current_thread() is not threading.main_thread()
            work.append(name)
            return function(*args)

        return note

    graph = Graph()
    graph.add("voice", AppIn)
    graph.add("bed", BackgroundSound, file=path)
    graph.connect("voice.audio", "bed.audio")
    plan = graph.plan()
    for name in ("read_wav", "Resampler"):
        monkeypatch.setattr(loop_file, name, noted(name))

    async def main() -> None:
        async with plan.held(), plan.call() as one, plan.call() as other:
            for call in (one, other):
                for rate in (24_000, 8_000):
                    await hum(call.processor("bed", BackgroundSound), rate)
            write_wav(path, tone(0.9, 24_000), 24_000)
            async with plan.call() as third:
                await hum(third.processor("bed", BackgroundSound), 24_000)

    run_virtual(main())
    assert work == ["read_wav", "Resampler", "Resampler", "read_wav"]
