"""The sounds of a test: spoken by the simulator's voice, or from files."""

from __future__ import annotations

import numpy as np

from ..audio import Pcm, Resampler, ns_to_samples
from ..simulator.ears import Ears, NoEars, load_ears
from ..simulator.voice import DEFAULT_VOICE, SAMPLE_RATE, TonesVoice, Voice, load_voice
from ..transports.decode import AudioFile
from .model import Play, Say
from .sound_log import audible

__all__ = ["Speech", "sound_of"]

_INSTALL = "pip install 'livegraph[speech]'"


class Speech:
    """Ears and voice for all tests of a run: loaded once, when they are first needed. Blocking."""

    def __init__(self) -> None:
        self._voice: Voice | None = None
        self._ears: Ears | None = None

    @property
    def voice(self) -> Voice:
        """The best voice there is."""
        if self._voice is None:
            self._voice, _ = load_voice()
            self._voice.warm_up()
        return self._voice

    @property
    def ears(self) -> Ears:
        """The best ears there are."""
        if self._ears is None:
            self._ears, _ = load_ears()
        return self._ears

    def missing_to_say(self) -> str:
        """Why nothing can be said; empty when it can."""
        return f"there is no voice to speak with: {_INSTALL}" if isinstance(self.voice, TonesVoice) else ""

    def missing_to_hear(self) -> str:
        """Why the simulator understands nothing; empty when it does."""
        return f"the simulator cannot hear words: {_INSTALL}" if isinstance(self.ears, NoEars) else ""


def sound_of(step: Say | Play, rate: int, speech: Speech) -> Pcm:
    """What a step plays: mono at ``rate`` Hz. Raises ``TransportError`` when a file cannot be read. Blocking."""
    if isinstance(step, Say):
        spoken = list(speech.voice.speak(step.text, step.voice or DEFAULT_VOICE))
        resampler = Resampler(SAMPLE_RATE, rate)
        pcm = np.concatenate((resampler.process(np.concatenate(spoken)), resampler.flush()))
    else:
        file = AudioFile(step.file, rate)
        try:
            pieces = []
            while len(piece := file.read()):
                pieces.append(piece)
        finally:
            file.close()
        pcm = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    if step.length_ns is None:
        return pcm
    # From where it can be heard: 200 ms of a word, not of the breath before it.
    heard = audible(pcm)
    start = heard[0] if heard is not None else 0
    return pcm[start : start + ns_to_samples(step.length_ns, rate)]
