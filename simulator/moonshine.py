"""Moonshine tiny-en: English speech recognition by numpy and onnxruntime alone.

The model files travel in the wheel ``moonshine-voice==0.1.0`` (MIT). That package is found but never
imported: importing it loads a sound device library. Private to the simulator; use `livegraph.simulator.ears`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000

_START, _END = 1, 2
_LAYERS, _HEADS, _HEAD_SIZE = 6, 8, 36
# English speech stays below 6.5 tokens a second: more means that the decoder turns in circles.
_TOKENS_PER_SECOND = 6.5
# The encoder's convolutions need this many samples for one output step.
_MIN_SAMPLES = 1_600
_MODEL_FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")


def find_model() -> Path | None:
    """The folder of the installed model files, or None when the package or a file of it is missing."""
    spec = importlib.util.find_spec("moonshine_voice")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "assets" / "tiny-en"
        if all((folder / name).is_file() for name in _MODEL_FILES):
            return folder
    return None


class Moonshine:
    """One loaded recogniser. Several threads may use it at once: nothing of an utterance is kept.

    Args:
        folder: where the three model files are (`find_model`).

    Raises:
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The arena keeps the peak of the longest utterance for ever; without it memory follows the utterance.
        options.enable_cpu_mem_arena = False

        def load(name: str) -> Any:
            return onnxruntime.InferenceSession(
                str(folder / name), options, providers=["CPUExecutionProvider"]
            )

        self._encoder = load("encoder_model.ort")
        self._decoder = load("decoder_model_merged.ort")
        self._tokens = _read_tokens((folder / "tokenizer.bin").read_bytes())
        sides = [
            (i, side, kind)
            for i in range(_LAYERS)
            for side in ("decoder", "encoder")
            for kind in ("key", "value")
        ]
        self._past = [f"past_key_values.{i}.{side}.{kind}" for i, side, kind in sides]
        self._present = [f"present.{i}.{side}.{kind}" for i, side, kind in sides]
        # What changes after the first step: the encoder's keys and values stay as they were.
        self._growing = [n for n, name in enumerate(self._past) if ".decoder." in name]
        self._step_outputs = ["logits", *(self._present[n] for n in self._growing)]

    def transcribe(self, samples: npt.NDArray[np.float32]) -> str:
        """The words in `samples` (16 kHz mono in [-1, 1], at most about 20 s), with case and punctuation."""
        if len(samples) < _MIN_SAMPLES:
            samples = np.pad(samples, (0, _MIN_SAMPLES - len(samples)))
        values = samples[None, :]
        mask = np.ones(values.shape, np.int64)
        hidden = self._encoder.run(None, {"input_values": values, "attention_mask": mask})[0]
        limit = max(6, int(len(samples) / SAMPLE_RATE * _TOKENS_PER_SECOND))
        return self._text(self._decode(hidden, mask, limit))

    def _decode(self, hidden: npt.NDArray[np.float32], mask: npt.NDArray[np.int64], limit: int) -> list[int]:
        """Greedy decoding, one token a step, with the keys and values of earlier steps kept."""
        nothing = np.zeros((1, _HEADS, 0, _HEAD_SIZE), np.float32)
        feed: dict[str, Any] = {
            # This export wants the mask of the raw samples here, not of the encoder's steps.
            "encoder_attention_mask": mask,
            "encoder_hidden_states": hidden,
            "input_ids": np.array([[_START]], np.int64),
            "use_cache_branch": np.array([False]),
            **dict.fromkeys(self._past, nothing),
        }
        logits, *cache = self._decoder.run(["logits", *self._present], feed)
        feed.update(zip(self._past, cache, strict=True), use_cache_branch=np.array([True]))
        found: list[int] = []
        while (token := int(logits[0, -1].argmax())) != _END and len(found) < limit:
            found.append(token)
            feed["input_ids"] = np.array([[token]], np.int64)
            logits, *cache = self._decoder.run(self._step_outputs, feed)
            feed.update((self._past[n], value) for n, value in zip(self._growing, cache, strict=True))
        return found

    def _text(self, ids: list[int]) -> str:
        raw = b"".join(self._tokens[i] for i in ids if i > _END and i < len(self._tokens))
        return raw.decode("utf-8", errors="ignore").replace("\u2581", " ").strip()


def _read_tokens(data: bytes) -> list[bytes]:
    """The vocabulary: tokens one after another, each behind its length in one byte, or two from 128 up."""
    tokens: list[bytes] = []
    at = 0
    while at < len(data):
        size = data[at]
        at += 1
        if size >= 128:
            size = size - 128 + 128 * data[at]
            at += 1
        tokens.append(data[at : at + size])
        at += size
    return tokens
