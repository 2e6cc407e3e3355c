"""Voice activity by Silero VAD v6.2, evaluated by numpy alone.

The network sees windows of 512 samples at 16 kHz (32 ms) together with the 64 samples before them, and keeps
an LSTM state from window to window: one `SileroVad` per call. The weights (MIT, see `data/NOTICE`) are read
once per process, at the first use.

Each layer is one matrix product over all windows at hand, so evaluating many calls together
(`process_batch`) costs a fraction of evaluating them one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .pcm import AudioError, Float, Pcm

__all__ = ["SileroVad", "judge_batch", "process_batch"]

_WEIGHTS = Path(__file__).parent / "data" / "silero_vad_v6_16k.npz"

_RATE = 16_000
_WINDOW = 512
_CONTEXT = 64
_PAD = 64
_FFT = 256
_HOP = 128
_BINS = 129
_STATE = 128
_ROOM = _CONTEXT + _WINDOW + _RATE // 25
_MOST_ROOM = 16 * _ROOM
"""Above it, what a long recording needed is given back."""
_SCALE = np.float32(1.0 / 32_768.0)
_INT16 = np.dtype(np.int16)


class SileroVad:
    """The speech probability of one stream of 16 kHz mono PCM, window by window.

    Holds the stream's state; not to be used from two threads at once.
    """

    sample_rate = _RATE
    """The only rate it hears, in Hz."""

    window_samples = _WINDOW
    """Samples per probability."""

    __slots__ = ("_buffer", "_cell", "_filled", "_hidden", "gain")

    gain: float
    """What is heard is multiplied by this before it is judged, and limited to full scale; 1 or more."""

    _buffer: Pcm  # the context, then what waits, then room
    _filled: int
    _cell: Float
    _hidden: Float

    def __init__(self) -> None:
        self._buffer = np.zeros(_ROOM, np.int16)
        self.gain = 1.0
        self.reset()

    @property
    def pending(self) -> int:
        """Samples received that wait for their window to fill or to be judged; 0 to 511 after ``process``."""
        return self._filled - _CONTEXT

    def process(self, pcm: Pcm) -> list[float]:
        """Take any number of samples, shape `(samples,)`; return a probability (0 to 1) per window filled.

        The first window returned starts `pending` samples (as read before the call) ahead of `pcm`.
        Raises `AudioError` when `pcm` is not mono int16.
        """
        return self.judge() if self.add(pcm) else []

    def add(self, pcm: Pcm) -> int:
        """Take samples as ``process`` does and only keep them; returns how many windows wait to be judged."""
        if pcm.dtype is not _INT16 or pcm.ndim != 1:
            _check_mono(pcm)
        begin = self._filled
        self._filled = end = begin + len(pcm)
        if end > len(self._buffer):
            self._buffer = np.concatenate((self._buffer, np.zeros(2 * end - len(self._buffer), np.int16)))
        self._buffer[begin:end] = pcm
        return (end - _CONTEXT) // _WINDOW

    def judge(self) -> list[float]:
        """The probabilities of all windows that wait."""
        probabilities = []
        start, last = 0, self._filled - _CONTEXT - _WINDOW
        while start <= last:
            window = self._buffer[None, start : start + _CONTEXT + _WINDOW]
            probability, self._hidden, self._cell = _forward(window, self._hidden, self._cell, (self.gain,))
            probabilities.append(float(probability[0]))
            start += _WINDOW
        self._drop(start)
        return probabilities

    def reset(self) -> None:
        """Forget all that was heard, as before a new call."""
        self._buffer[:_CONTEXT] = 0
        self._filled = _CONTEXT
        self._hidden = np.zeros((1, _STATE), np.float32)
        self._cell = np.zeros((1, _STATE), np.float32)

    def _drop(self, samples: int) -> None:
        """Windows were judged: what is left is the context of the next one, and what waits for it."""
        left = self._filled - samples
        self._buffer[:left] = self._buffer[samples : self._filled]
        self._filled = left
        if len(self._buffer) > _MOST_ROOM:
            self._buffer = self._buffer[:_ROOM].copy()


def process_batch(vads: Sequence[SileroVad], chunks: Sequence[Pcm]) -> list[list[float]]:
    """Do `vads[i].process(chunks[i])` for all i, evaluating the windows of different streams together.

    Chunks may differ in length. Raises `AudioError` when a stream is given twice, since its windows depend on each
    other; no stream has changed then. See ``judge_batch``.
    """
    _check_distinct(vads)
    for pcm in chunks:
        _check_mono(pcm)
    for vad, pcm in zip(vads, chunks, strict=True):
        vad.add(pcm)
    return judge_batch(vads)


def judge_batch(vads: Sequence[SileroVad]) -> list[list[float]]:
    """Do `vads[i].judge()` for all i, evaluating the windows of different streams together.

    The probabilities equal those of single evaluation but for rounding (below 1e-6). Raises `AudioError` when a stream
    is given twice.
    """
    _check_distinct(vads)
    results: list[list[float]] = [[] for _ in vads]
    start = 0
    ready = [i for i, vad in enumerate(vads) if vad._filled >= _CONTEXT + _WINDOW]
    while ready:
        count = len(ready)
        windows = np.concatenate([vads[i]._buffer[start : start + _CONTEXT + _WINDOW] for i in ready])
        hidden = np.concatenate([vads[i]._hidden for i in ready])
        cell = np.concatenate([vads[i]._cell for i in ready])
        gains = [vads[i].gain for i in ready]
        windows = windows.reshape(count, _CONTEXT + _WINDOW)
        probabilities, hidden, cell = _forward(windows, hidden, cell, gains)
        for row, (i, probability) in enumerate(zip(ready, probabilities.tolist(), strict=True)):
            results[i].append(probability)
            # Copies: a view would keep the whole batch's state alive for as long as its slowest stream.
            vads[i]._hidden = hidden[row : row + 1].copy()
            vads[i]._cell = cell[row : row + 1].copy()
        start += _WINDOW
        ready = [i for i in ready if vads[i]._filled >= start + _CONTEXT + _WINDOW]
    for vad, result in zip(vads, results, strict=True):
        if result:
            vad._drop(len(result) * _WINDOW)
    return results


def _check_mono(pcm: Pcm) -> None:
    if pcm.dtype != np.int16 or pcm.ndim != 1:
        raise AudioError(f"voice detection needs mono int16 PCM, got {pcm.dtype} of shape {pcm.shape}")


def _check_distinct(vads: Sequence[SileroVad]) -> None:
    if len({id(vad) for vad in vads}) != len(vads):
        raise AudioError("a stream can only be once in a batch")


class _Weights(NamedTuple):
    """The network's matrices, input x output, ready to be multiplied from the right."""

    window: Float  # 256: Hann
    conv1: Float  # 3 x 129 x 128, flattened to two dimensions, as the other convolutions
    bias1: Float
    conv2: Float
    bias2: Float
    conv3: Float
    bias3: Float
    conv4: Float
    bias4: Float
    lstm: Float  # 256 (input, hidden) x 512 (input, forget and output gate, cell)
    lstm_bias: Float
    out: Float  # 128
    out_bias: Float


@lru_cache(maxsize=1)
def _weights() -> _Weights:
    with np.load(_WEIGHTS) as data:
        w = {name: np.asarray(data[name], np.float32) for name in data.files}

    def taps(name: str, first: int, last: int) -> Float:
        # (out, in, tap) -> (tap * in, out), matching frames laid side by side in time.
        kernel = w[name][:, :, first:last]
        return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))

    # sigmoid(x) = tanh(x / 2) / 2 + 1/2: with the halves in the weights one tanh serves all four gates, and
    # nothing can overflow. The cell's candidate, third of four, goes last to keep the sigmoids together.
    order = np.r_[0:256, 384:512, 256:384]
    half = np.r_[np.full(384, 0.5), np.ones(128)].astype(np.float32)
    lstm = np.concatenate((w["lstm_cell.weight_ih"], w["lstm_cell.weight_hh"]), axis=1)[order] * half[:, None]
    lstm_bias = (w["lstm_cell.bias_ih"] + w["lstm_cell.bias_hh"])[order] * half
    return _Weights(
        # The network's first layer is a Fourier transform written as a convolution: its first row is the window alone.
        window=np.ascontiguousarray(w["stft_conv.weight"][0, 0]),
        conv1=taps("conv1.weight", 0, 3),
        bias1=w["conv1.bias"],
        conv2=taps("conv2.weight", 0, 3),
        bias2=w["conv2.bias"],
        # Two frames go into conv3 and one into conv4: the other taps only ever meet padding.
        conv3=taps("conv3.weight", 1, 3),
        bias3=w["conv3.bias"],
        conv4=taps("conv4.weight", 1, 2),
        bias4=w["conv4.bias"],
        lstm=np.ascontiguousarray(lstm.T),
        lstm_bias=lstm_bias,
        out=w["final_conv.weight"].reshape(_STATE) * np.float32(0.5),
        out_bias=w["final_conv.bias"] * np.float32(0.5),
    )


def _frames(padded: Float, count: int, width: int, step: int) -> Float:
    """Copy `count` overlapping frames of `width` from each row, `step` apart: `(rows * count, width)`."""
    rows, item = padded.shape[0], padded.itemsize
    # The constructor of arrays, not `as_strided`: that takes longer than what is done with the frames.
    view: Float = np.ndarray(
        (rows, count, width), np.float32, padded, 0, (padded.strides[0], step * item, item)
    )
    return view.reshape(rows * count, width)


def _forward(windows: Pcm, hidden: Float, cell: Float, gains: Sequence[float]) -> tuple[Float, Float, Float]:
    """Evaluate N windows `(N, 64 + 512)`, amplified by N gains, with states `(N, 128)`: probabilities, new states."""
    w = _weights()
    n = len(windows)

    signal = np.empty((n, _CONTEXT + _WINDOW + _PAD), np.float32)
    heard = signal[:, :-_PAD]
    np.multiply(windows, np.array(gains, np.float32)[:, None] * _SCALE, out=heard)
    if max(gains) > 1.0:
        np.minimum(np.maximum(heard, -1.0, out=heard), 1.0, out=heard)
    signal[:, -_PAD:] = signal[:, -_PAD - 2 : -2 * _PAD - 2 : -1]  # reflected, the last sample not repeated

    spectrum = np.fft.rfft(_frames(signal, 4, _FFT, _HOP) * w.window)
    padded = np.zeros((n, 6, _BINS), np.float32)
    np.abs(spectrum.reshape(n, 4, _BINS), out=padded[:, 1:5], casting="same_kind")

    first = _frames(padded.reshape(n, -1), 4, 3 * _BINS, _BINS) @ w.conv1
    first += w.bias1
    padded = np.zeros((n, 5, 128), np.float32)
    np.maximum(first.reshape(n, 4, 128), 0.0, out=padded[:, 1:])

    second = _frames(padded.reshape(n, -1), 2, 3 * 128, 2 * 128) @ w.conv2
    second += w.bias2
    np.maximum(second, 0.0, out=second)
    third = second.reshape(n, 2 * 64) @ w.conv3
    third += w.bias3
    np.maximum(third, 0.0, out=third)
    fourth = third @ w.conv4
    fourth += w.bias4

    entry = np.empty((n, 2 * _STATE), np.float32)
    np.maximum(fourth, 0.0, out=entry[:, :_STATE])
    entry[:, _STATE:] = hidden
    gates = entry @ w.lstm
    gates += w.lstm_bias
    np.tanh(gates, out=gates)
    sigmoids = gates[:, : 3 * _STATE]
    sigmoids *= 0.5
    sigmoids += 0.5
    candidate = gates[:, :_STATE] * gates[:, 3 * _STATE :]
    cell = cell * gates[:, _STATE : 2 * _STATE]
    cell += candidate
    hidden = np.tanh(cell)
    hidden *= gates[:, 2 * _STATE : 3 * _STATE]

    logits = np.maximum(hidden, 0.0) @ w.out
    logits += w.out_bias
    np.tanh(logits, out=logits)
    logits *= 0.5
    logits += 0.5
    return logits, hidden, cell
