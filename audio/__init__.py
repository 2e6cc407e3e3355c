"""Signal processing on plain numpy arrays: no frames, no I/O loop, nothing of the engine.

PCM is int16 throughout, shape `(samples,)` or `(samples, channels)`; times are integer nanoseconds. The names
below load their modules, and numpy, when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .energy import EnergyVad
    from .fades import fade_in, fade_out
    from .levels import SILENCE_DBFS, amplify, rms_dbfs
    from .mixdown import Ducking, Mixdown, MixedBlock
    from .pcm import (
        AudioError,
        Pcm,
        float_to_pcm,
        from_bytes,
        ns_to_samples,
        pcm_to_float,
        samples_to_ns,
        silence,
        to_bytes,
        to_mono,
    )
    from .resample import Resampler
    from .silero import SileroVad, process_batch
    from .speech import SpeechDetector, SpeechEnded, SpeechEvent, SpeechStarted, VoiceActivity
    from .wav import WavWriter, read_wav, write_wav

__all__ = [
    "SILENCE_DBFS",
    "AudioError",
    "Ducking",
    "EnergyVad",
    "Mixdown",
    "MixedBlock",
    "Pcm",
    "Resampler",
    "SileroVad",
    "SpeechDetector",
    "SpeechEnded",
    "SpeechEvent",
    "SpeechStarted",
    "VoiceActivity",
    "WavWriter",
    "amplify",
    "fade_in",
    "fade_out",
    "float_to_pcm",
    "from_bytes",
    "ns_to_samples",
    "pcm_to_float",
    "process_batch",
    "read_wav",
    "rms_dbfs",
    "samples_to_ns",
    "silence",
    "to_bytes",
    "to_mono",
    "write_wav",
]

_HOMES = {
    "energy": ("EnergyVad",),
    "fades": ("fade_in", "fade_out"),
    "levels": ("SILENCE_DBFS", "amplify", "rms_dbfs"),
    "mixdown": ("Ducking", "MixedBlock", "Mixdown"),
    "pcm": (
        *("AudioError", "Pcm", "float_to_pcm", "from_bytes", "ns_to_samples"),
        *("pcm_to_float", "samples_to_ns", "silence", "to_bytes", "to_mono"),
    ),
    "resample": ("Resampler",),
    "silero": ("SileroVad", "process_batch"),
    "speech": ("SpeechDetector", "SpeechEnded", "SpeechEvent", "SpeechStarted", "VoiceActivity"),
    "wav": ("WavWriter", "read_wav", "write_wav"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
