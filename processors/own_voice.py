"""What a detector hears, less what of it is the agent's own voice."""

from __future__ import annotations

from collections.abc import Callable

from ..audio.echo import EchoGuard
from ..audio.pcm import Pcm
from ..audio.speech import SpeechDetector
from ..pipeline.turns.conversation import Conversation
from ..pipeline.units import SECOND

__all__ = ["OwnVoice"]

_EXIT = 0.15
"""By how much a probability may be below the threshold and still belong to speech, as the detector of speech has it."""
_FIRST_NS = 1 * SECOND
_HIGHER = 0.15
"""By how much the bar is higher at the beginning of what the agent says."""
_BELIEVED = 25
"""Windows for which somebody who was found to speak over the agent, without a pause, is no echo: 0.8 s."""


class OwnVoice:
    """One microphone (``rate`` in Hz) in a call whose agent may be heard by it."""

    def __init__(self, rate: int, conversation: Conversation, speech: SpeechDetector) -> None:
        self._conversation, self._speech = conversation, speech
        self._echo = EchoGuard(rate)
        self.hear: Callable[[Pcm], None] = self._echo.hear
        """The microphone hears this next. It may not be changed afterwards."""
        self._leave = conversation.on_sounded(self._echo.play)
        self._believed = 0
        """Windows for which the caller's speech is not taken for an echo, whatever it is like."""

    def without(self, probabilities: list[float], threshold: float) -> list[float]:
        """The probabilities of speech of the newest windows, none of which is the agent's own voice.

        While the agent has just begun to speak, and echo cancellers are still at a loss, the bar is higher.
        """
        if max(probabilities, default=0.0) < threshold - _EXIT:
            # After a pause somebody else may speak.
            self._believed = 0
            return probabilities
        if self._believed > 0 and (self._speech.speaking or self._speech.onset_ns is not None):
            # Asked at each window of an onset, what is alike by chance would stop and start the agent.
            self._believed -= len(probabilities)
            return probabilities
        sounds_ns = self._conversation.sounds_ns
        if sounds_ns is None:
            return probabilities
        if self._echo.echo:
            return [0.0] * len(probabilities)
        self._believed = _BELIEVED
        if sounds_ns < _FIRST_NS and not self._speech.speaking:
            return [max(0.0, one - _HIGHER) for one in probabilities]
        return probabilities

    def leave(self) -> None:
        """Hear nothing more."""
        self._leave()
