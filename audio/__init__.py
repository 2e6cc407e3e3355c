"""Signal processing on plain numpy arrays: no frames, no I/O loop, nothing of the engine.

PCM is int16 throughout, shape `(samples,)` or `(samples, channels)`; times are integer nanoseconds. The names
below load their modules, and numpy, when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import when_used

if TYPE_CHECKING:
    from .backing import Backing
    from .energy import EnergyVad
    from .fades import fade_in, fade_out
    from .levels import SILENCE_DBFS, amplify, rms_dbfs
    from .mixdown import Ducking, Mixdown, MixedBlock
    from .pauses import SpeakerPauses
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
    from .smart_turn import SmartTurn
    from .speech import SpeechDetector, SpeechEnded, SpeechEvent, SpeechStarted, VoiceActivity
    from .wav import WavWriter, read_wav, write_wav
else:
    __getattr__, __dir__ = when_used(
        __name__,
        {
            "backing": ("Backing",),
            "energy": ("EnergyVad",),
            "fades": ("fade_in", "fade_out"),
            "levels": ("SILENCE_DBFS", "amplify", "rms_dbfs"),
            "mixdown": ("Ducking", "Mixdown", "MixedBlock"),
            "pauses": ("SpeakerPauses",),
            "pcm": (
                "AudioError",
                "Pcm",
                "float_to_pcm",
                "from_bytes",
                "ns_to_samples",
                "pcm_to_float",
                "samples_to_ns",
                "silence",
                "to_bytes",
                "to_mono",
            ),
            "resample": ("Resampler",),
            "silero": ("SileroVad", "process_batch"),
            "smart_turn": ("SmartTurn",),
            "speech": ("SpeechDetector", "SpeechEnded", "SpeechEvent", "SpeechStarted", "VoiceActivity"),
            "wav": ("WavWriter", "read_wav", "write_wav"),
        },
    )

__all__ = [
    "SILENCE_DBFS",
    "AudioError",
    "Backing",
    "Ducking",
    "EnergyVad",
    "Mixdown",
    "MixedBlock",
    "Pcm",
    "Resampler",
    "SileroVad",
    "SmartTurn",
    "SpeakerPauses",
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
