"""Speech for tests: recorded from people, synthesised, and joined into what a caller says.

All audio here is mono ``int16`` at 16 kHz, which is what the model hears.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

__all__ = [
    "RATE",
    "Utterance",
    "arrange",
    "levels_db",
    "read_wav",
    "recorded",
    "resampled",
    "spoken",
    "write_wav",
]

RATE = 16_000
"""Samples a second of every utterance made here."""

Pcm = npt.NDArray[np.int16]

_RECORDINGS = Path(__file__).resolve().parents[1] / "data" / "speech"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A WAV file and the words in it, with case and punctuation."""

    path: Path
    text: str

    @property
    def pcm(self) -> Pcm:
        """The samples at ``RATE``."""
        return resampled(*read_wav(self.path), RATE)


def recorded(name: str) -> Utterance:
    """A person's utterance from ``tests/data/speech``: amiable, do_something, go_forward or numbers."""
    texts: dict[str, str] = json.loads((_RECORDINGS / "transcripts.json").read_text("utf-8"))
    return Utterance(_RECORDINGS / f"{name}.wav", texts[f"{name}.wav"])


def spoken(text: str, *, speed: float = 1.0) -> Utterance:
    """``text`` in a synthetic voice: the same samples each time, made once per machine and text.

    Skips the test that asks where the ``speech`` extra is not installed.
    """
    name = hashlib.sha256(f"hibari-tts 0.2.1|{RATE}|{speed}|{text}".encode()).hexdigest()[:24]
    path = _cache() / f"{name}.wav"
    if not path.exists():
        synthetic = np.asarray(_voice()(text, speed=speed, seed=0), np.float64)
        pcm = np.clip(np.rint(synthetic * 32_767), -32_768, 32_767).astype(np.int16)
        # Another test process may want the same file: it appears whole or not at all.
        unfinished = path.with_suffix(f".{os.getpid()}")
        write_wav(unfinished, resampled(pcm, 24_000, RATE))
        unfinished.replace(path)
    return Utterance(path, text)


def arrange(path: Path, *parts: Utterance | float) -> Path:
    """Write utterances and pauses (float seconds) one after another to ``path``: what a caller says."""
    pieces = [part.pcm if isinstance(part, Utterance) else _silence(part) for part in parts]
    write_wav(path, np.concatenate(pieces))
    return path


def read_wav(path: Path) -> tuple[Pcm, int]:
    """The samples and the rate of a 16-bit WAV file; of several channels the first."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: {file.getsampwidth() * 8}-bit samples, expected 16")
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return pcm[:: file.getnchannels()], file.getframerate()


def write_wav(path: Path, pcm: Pcm, rate: int = RATE) -> None:
    """Write mono 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())


def resampled(pcm: Pcm, rate: int, to: int) -> Pcm:
    """The whole signal at another rate, by its spectrum: exact, and independent of the code under test."""
    if rate == to or not len(pcm):
        return pcm
    count = round(len(pcm) * to / rate)
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    bins = count // 2 + 1
    fitted = np.zeros(bins, np.complex128)
    shared = min(bins, len(spectrum))
    fitted[:shared] = spectrum[:shared]
    return np.clip(np.rint(np.fft.irfft(fitted, count) * (count / len(pcm))), -32_768, 32_767).astype(
        np.int16
    )


def levels_db(pcm: Pcm, rate: int, *, window_ms: int = 20) -> npt.NDArray[np.float64]:
    """The level of each window in dB below full scale (RMS); digital silence is -120."""
    size = rate * window_ms // 1_000
    windows = pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float64) / 32_768
    power: npt.NDArray[np.float64] = np.mean(windows**2, axis=1)
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))
    return levels


def _silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.int16)


@functools.cache
def _voice() -> Any:
    try:
        from hibari import Hibari
    except ImportError:
        pytest.skip("no synthetic speech: install the extra `speech` (hibari-tts, onnxruntime)")
    return Hibari()


@functools.cache
def _cache() -> Path:
    folder = Path(tempfile.gettempdir()) / f"livegraph-test-speech-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
