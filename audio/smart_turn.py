"""How finished somebody sounds: the smart-turn v3 network (BSD-2-Clause, (c) Daily), by numpy and onnxruntime.

It hears the last eight seconds and says how probable it is that the speaker has finished. One query takes about
50 ms of a core. It errs: whole sentences that were read from a book sound unfinished to it, and half of those that were
cut off sound finished. So it may shorten or lengthen a wait, and never decides alone (`SpeakerPauses`).

The network is a file of 8.7 MB that does not come with this package; `find_model` says where it is looked for.
"""

from __future__ import annotations

import importlib.util
import os
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pcm import AudioError, Pcm

__all__ = ["HEARD_NS", "SmartTurn", "features", "find_model"]

HEARD_NS = 8_000_000_000
"""What it hears, at the most: what came before does not count."""
_RATE = 16_000
_SAMPLES = 8 * _RATE
_FFT, _HOP, _MELS = 400, 160, 80
_NAME = "smart-turn-v3.2-cpu.onnx"
_IN_PIPECAT = Path("audio", "turn", "smart_turn", "data", _NAME)


def find_model() -> Path | None:
    """The network's file on this machine, or `None`.

    Looked for in this order: what `LIVEGRAPH_TURN_MODEL` names, `livegraph/` in the user's cache folder
    (`$XDG_CACHE_HOME` or `~/.cache`), and the package `pipecat-ai`, which brings it along.
    """
    named = os.environ.get("LIVEGRAPH_TURN_MODEL")
    if named:
        return Path(named).expanduser()
    cache_folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = [cache_folder / "livegraph" / _NAME]
    pipecat = importlib.util.find_spec("pipecat")
    if pipecat is not None and pipecat.submodule_search_locations:
        found += [Path(folder) / _IN_PIPECAT for folder in pipecat.submodule_search_locations]
    return next((file for file in found if file.is_file()), None)


class SmartTurn:
    """The network, loaded once per process and file: `SmartTurn.load`. Safe to use from several threads."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @staticmethod
    def load(file: Path) -> SmartTurn:
        """The network of ``file``. Raises `ImportError` without onnxruntime, `AudioError` for another file."""
        return _loaded(file)

    def finished(self, pcm: Pcm) -> float:
        """How probable it is, 0 to 1, that whoever said this has finished. ``pcm``: mono at 16 kHz, up to its end."""
        heard = features(pcm)[np.newaxis]
        answer = self._session.run(None, {"input_features": heard})[0]
        return float(np.asarray(answer).reshape(-1)[0])


@lru_cache(maxsize=4)
def _loaded(file: Path) -> SmartTurn:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: a call's turn is not worth the whole machine.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for each fault, and no base of them
        raise AudioError(f"{file.name} is no network that can be run: {str(error)[:200]}") from error
    inputs = {each.name: list(each.shape)[1:] for each in session.get_inputs()}
    if inputs != {"input_features": [_MELS, 800]}:
        raise AudioError(f"{file.name} is not smart-turn v3: it takes {inputs}")
    return SmartTurn(session)


def features(pcm: Pcm) -> NDArray[np.float32]:
    """What the network sees of mono PCM at 16 kHz: log-mel energies of the last 8 s, shape (80, 800)."""
    heard = np.zeros(_SAMPLES, np.float32)
    if len(pcm):
        last = pcm[-_SAMPLES:]
        heard[_SAMPLES - len(last) :] = last.astype(np.float32) / 32_768
    heard = (heard - heard.mean()) / np.sqrt(heard.var() + np.float32(1e-7))
    padded = np.pad(heard, _FFT // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][:-1]
    power = np.abs(np.fft.rfft(windows * _window(), axis=1)).astype(np.float32) ** 2
    energies = np.log10(np.maximum(_filters() @ power.T, 1e-10))
    energies = np.maximum(energies, energies.max() - 8.0)
    made: NDArray[np.float32] = ((energies + 4.0) / 4.0).astype(np.float32)
    return made


@cache
def _window() -> NDArray[np.float32]:
    """A periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)


@cache
def _filters() -> NDArray[np.float32]:
    """Triangles of equal area from 0 to 8 kHz on Slaney's mel scale, shape (80, 201)."""
    edges = _to_hertz(np.linspace(0.0, float(_to_mel(np.array([_RATE / 2]))[0]), _MELS + 2))
    bins = np.linspace(0, _RATE / 2, _FFT // 2 + 1)
    rising = (bins - edges[:-2, np.newaxis]) / np.diff(edges)[:-1, np.newaxis]
    falling = (edges[2:, np.newaxis] - bins) / np.diff(edges)[1:, np.newaxis]
    area = 2.0 / (edges[2:] - edges[:-2])
    made: NDArray[np.float32] = (np.maximum(0, np.minimum(rising, falling)) * area[:, np.newaxis]).astype(
        np.float32
    )
    return made


_LINEAR_HZ = 200.0 / 3
"""Hertz to a mel below 1 kHz; above, 27 mels make a factor of 6.4 (M. Slaney, Auditory Toolbox, 1998)."""
_BREAK_HZ = 1_000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_STEP = np.log(6.4) / 27


def _to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_MEL + np.log(np.maximum(hertz, _BREAK_HZ) / _BREAK_HZ) / _STEP
    return np.where(hertz < _BREAK_HZ, hertz / _LINEAR_HZ, above)


def _to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_HZ * np.exp((np.maximum(mel, _BREAK_MEL) - _BREAK_MEL) * _STEP)
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, above)
