"""The simulator's voice: from an answer's text to sound, a sentence at a time.

`load_voice` gives the best that is installed: `HibariVoice` with the ``speech`` extra, `TonesVoice` without
it. Both are synchronous and deterministic: the same sentence in the same voice is the same samples, wherever
it stands. Neither keeps anything between calls, so one of them serves every session of a process.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .tones import tones
from .voice_names import DEFAULT_VOICE, VOICE_NAMES, character_of, is_known_voice
from .voice_text import is_readable, pronounceable, split_sentences

__all__ = [
    "DEFAULT_VOICE",
    "SAMPLE_RATE",
    "VOICE_NAMES",
    "HibariVoice",
    "TonesVoice",
    "Voice",
    "is_known_voice",
    "load_voice",
    "split_sentences",
]

SAMPLE_RATE = 24_000
"""Every `Voice` makes 24 kHz, the Live API's output rate."""

Pcm = npt.NDArray[np.int16]
_NOTHING = np.zeros(0, np.int16)
_FADE = SAMPLE_RATE // 200  # 5 ms


class Voice(Protocol):
    """Whatever reads text aloud."""

    def warm_up(self) -> None:
        """Do now what the first sentence would otherwise wait for. Harmless when repeated."""
        ...

    def speak(self, text: str, voice_name: str = DEFAULT_VOICE) -> Iterator[Pcm]:
        """Read `text` aloud: mono samples at 24 kHz, one array per sentence with a sound, as each is ready.

        Raises:
            ValueError: `voice_name` is not one of `VOICE_NAMES`.
        """
        ...

    def speak_sentence(self, sentence: str, voice_name: str = DEFAULT_VOICE) -> Pcm:
        """One item of `split_sentences` as mono samples at 24 kHz; empty when nothing in it can be read.

        Raises:
            ValueError: `voice_name` is not one of `VOICE_NAMES`.
        """
        ...


class HibariVoice:
    """hibari-tts (English, Apache-2.0): about 30 ms a sentence on one thread.

    Raises:
        ModuleNotFoundError: the ``speech`` extra is not installed.
    """

    def __init__(self) -> None:
        from hibari import Hibari

        self._hibari = Hibari()

    def warm_up(self) -> None:
        """Load the pronunciation rules, which takes a third of a second."""
        self.speak_sentence("Hello.")

    def speak(self, text: str, voice_name: str = DEFAULT_VOICE) -> Iterator[Pcm]:
        """See `Voice.speak`."""
        return _each_sentence(self, text, voice_name)

    def speak_sentence(self, sentence: str, voice_name: str = DEFAULT_VOICE) -> Pcm:
        """See `Voice.speak_sentence`."""
        pitch, pace = character_of(voice_name)
        if not is_readable(sentence):
            return _NOTHING
        # Played faster by `pitch`, so made slower by as much: the pitch changes and the pace stays.
        sound = self._hibari(pronounceable(sentence), speed=pace / pitch, seed=0)
        return _pcm(_faster(sound, pitch))


class TonesVoice:
    """The fallback without a synthesiser: a tone per syllable, with the rhythm and melody of speech."""

    def warm_up(self) -> None:
        """There is nothing to load."""

    def speak(self, text: str, voice_name: str = DEFAULT_VOICE) -> Iterator[Pcm]:
        """See `Voice.speak`."""
        return _each_sentence(self, text, voice_name)

    def speak_sentence(self, sentence: str, voice_name: str = DEFAULT_VOICE) -> Pcm:
        """See `Voice.speak_sentence`."""
        pitch, pace = character_of(voice_name)
        return _pcm(tones(sentence, SAMPLE_RATE, pitch, pace)) if is_readable(sentence) else _NOTHING


def load_voice() -> tuple[Voice, str]:
    """The best voice that is installed, and a note: ``""``, or what is missing and how to install it.

    Loading takes up to a second; `Voice.warm_up` is left to the caller.
    """
    missing = [
        package
        for package, module in (("onnxruntime", "onnxruntime"), ("hibari-tts", "hibari"))
        if importlib.util.find_spec(module) is None
    ]
    if missing:
        names = " and ".join(missing)
        return (
            TonesVoice(),
            f"the simulator answers in tones ({names} missing): pip install 'livegraph[speech]'",
        )
    return HibariVoice(), ""


def _each_sentence(voice: Voice, text: str, voice_name: str) -> Iterator[Pcm]:
    character_of(voice_name)  # refused by the call already, not by the first sample asked for
    sounds = (voice.speak_sentence(sentence, voice_name) for sentence in split_sentences(text))
    return (sound for sound in sounds if len(sound))


def _faster(sound: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
    """`sound` in ``1/factor`` of the samples, through its spectrum: nothing folds back and no click appears.

    The transform takes the sound for a circle, so both ends are padded with silence first.
    """
    wanted = round(len(sound) / factor)
    if wanted == len(sound) or not wanted:
        return sound
    pad = SAMPLE_RATE // 100
    # Whole sizes on both sides of the transform keep the factor exact to a millionth.
    size = len(sound) + 2 * pad
    made = round(size / factor)
    spectrum = np.fft.rfft(np.pad(sound, pad))
    bins = min(size, made) // 2 + 1
    changed = np.fft.irfft(spectrum[:bins], made).astype(np.float32) * np.float32(made / size)
    return changed[round(pad / factor) :][:wanted]


def _pcm(sound: npt.NDArray[np.float32]) -> Pcm:
    """Floats in [-1, 1] as int16, faded at both ends."""
    ramp = np.linspace(0.0, 1.0, min(_FADE, len(sound)), dtype=np.float32)
    sound = sound.astype(np.float32)
    sound[: len(ramp)] *= ramp
    sound[len(sound) - len(ramp) :] *= ramp[::-1]
    return np.rint(np.clip(sound, -1.0, 1.0) * 32_767).astype(np.int16)
