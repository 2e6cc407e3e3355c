"""The simulator's ears: from an utterance of audio to the words in it.

`load_ears` gives the best that is installed: `MoonshineEars` with the ``speech`` extra, `NoEars` without it.
Both are synchronous, deterministic and keep nothing between calls, so one of them serves every session of a
process, from any thread.
"""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np
import numpy.typing as npt

from . import moonshine

__all__ = ["SAMPLE_RATE", "Ears", "MoonshineEars", "NoEars", "load_ears", "spoken_seconds"]

SAMPLE_RATE = moonshine.SAMPLE_RATE
"""Every `Ears` takes 16 kHz."""

_FRAME = SAMPLE_RATE // 50  # 20 ms
# Speech at a microphone lies above -45 dBFS; below -55 the recogniser invents words ("You", "Thank you").
_SILENCE_RMS = 32_768 * 10 ** (-55 / 20)
_SPOKEN_RMS = 32_768 * 10 ** (-45 / 20)
# The model's quality collapses past 25 s. A cut is looked for in the last part of the piece.
_LONGEST_S, _CUT_WITHIN_S = 20, 6

Pcm = npt.NDArray[np.int16]


class Ears(Protocol):
    """Whatever turns one utterance into text."""

    def transcribe(self, pcm: Pcm) -> str:
        """The words of one utterance; ``""`` when there are none.

        Args:
            pcm: mono samples at 16 kHz, of any length.
        """
        ...


class MoonshineEars:
    """Moonshine tiny-en (English, MIT): about 0.03 of real time on one thread; word error rate 2 to 6 %.

    Raises:
        ModuleNotFoundError: the ``speech`` extra is not installed; the message says what to install.
    """

    def __init__(self) -> None:
        folder = moonshine.find_model()
        if folder is None:
            raise ModuleNotFoundError(f"moonshine-voice 0.1.0 is not installed: {_INSTALL}")
        self._model = moonshine.Moonshine(folder)

    def transcribe(self, pcm: Pcm) -> str:
        """See `Ears.transcribe`. Long audio is cut at quiet places into pieces of at most 20 s."""
        texts = [
            self._model.transcribe(piece.astype(np.float32) / np.float32(32_768))
            for piece in _pieces(pcm)
            if _loudness(piece).max(initial=0.0) > _SILENCE_RMS
        ]
        return " ".join(text for text in texts if text)


class NoEars:
    """The fallback without a recogniser: says how long somebody spoke, as ``(speech, 1.4 s)``.

    It makes up no words, and the text is never empty for audible speech, so a dialogue still goes on: turns
    change, and a brain may have a rule for it (the default one has).
    """

    def transcribe(self, pcm: Pcm) -> str:
        """See `Ears.transcribe`."""
        seconds = spoken_seconds(pcm)
        return f"(speech, {seconds:.1f} s)" if seconds >= 0.1 else ""


def spoken_seconds(pcm: Pcm) -> float:
    """From the first audible 20 ms to the last one (above -45 dBFS), in seconds; 0.0 for silence."""
    audible = np.flatnonzero(_loudness(pcm) > _SPOKEN_RMS)
    return float(audible[-1] - audible[0] + 1) * _FRAME / SAMPLE_RATE if len(audible) else 0.0


def load_ears() -> tuple[Ears, str]:
    """The best ears that are installed, and a note: ``""``, or what is missing and how to install it.

    Loading the model takes about half a second.
    """
    missing = [
        package
        for package, found in (
            ("onnxruntime", importlib.util.find_spec("onnxruntime") is not None),
            ("moonshine-voice", moonshine.find_model() is not None),
        )
        if not found
    ]
    if missing:
        note = f"the simulator cannot understand words ({' and '.join(missing)} missing): {_INSTALL}"
        return NoEars(), note
    return MoonshineEars(), ""


_INSTALL = "pip install 'livegraph[speech]'"


def _loudness(pcm: Pcm) -> npt.NDArray[np.float64]:
    """The root mean square of every 20 ms, the last frame filled up with zeros."""
    frames = np.pad(pcm, (0, -len(pcm) % _FRAME)).reshape(-1, _FRAME).astype(np.float64)
    loudness: npt.NDArray[np.float64] = np.sqrt(np.mean(frames * frames, axis=1))
    return loudness


def _pieces(pcm: Pcm) -> list[Pcm]:
    """`pcm` in pieces of at most 20 s, cut in the middle of the quietest 200 ms of each piece's last 6 s."""
    pieces = []
    while len(pcm) > _LONGEST_S * SAMPLE_RATE:
        end = _LONGEST_S * SAMPLE_RATE
        start = end - _CUT_WITHIN_S * SAMPLE_RATE
        around = np.convolve(_loudness(pcm[start:end]), np.ones(10), mode="same")
        cut = start + int(around.argmin()) * _FRAME
        pieces.append(pcm[:cut])
        pcm = pcm[cut:]
    return [*pieces, pcm] if len(pcm) else pieces
