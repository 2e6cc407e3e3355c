"""When somebody starts and stops speaking, decided from the probabilities of a voice activity detector.

A pure state machine: no clock, no I/O. Time is media time in integer nanoseconds and comes in with the
probabilities, so the outcome depends on the audio alone, however it was cut into chunks.

    silent --(voiced)--> candidate --(voiced for min_speech)--> speaking --(unvoiced for hang_over)--> silent
                             |
                             +--(paused as long as it was voiced)--> silent, without an event

A window turns voiced at `threshold` and unvoiced only below `exit_threshold`, so a probability that hovers
about the threshold does not flutter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from .pauses import SpeakerPauses
from .pcm import AudioError, Pcm

__all__ = ["SpeechDetector", "SpeechEnded", "SpeechEvent", "SpeechStarted", "VoiceActivity"]


class VoiceActivity(Protocol):
    """What a detector of voice activity offers: `SileroVad` and `EnergyVad` are two."""

    @property
    def sample_rate(self) -> int:
        """The rate of the PCM it takes, in Hz."""

    @property
    def window_samples(self) -> int:
        """Samples per probability."""

    @property
    def pending(self) -> int:
        """Samples received that wait for their window to fill."""

    def process(self, pcm: Pcm) -> list[float]:
        """Take mono PCM; return one probability (0 to 1) per window filled."""

    def reset(self) -> None:
        """Forget all that was heard."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks."""

    at_ns: int
    """Where the speech begins: the start of its first voiced window, before the decision."""

    decided_ns: int
    """Up to where the audio had to be heard to decide so."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Nobody speaks any more."""

    at_ns: int
    """Where the speech ends: the end of its last voiced window, before the hang-over."""

    decided_ns: int
    """Up to where the audio had to be heard to decide so."""


SpeechEvent = SpeechStarted | SpeechEnded


class SpeechDetector:
    """Turn probabilities into `SpeechStarted` and `SpeechEnded`, which always alternate.

    Args:
        threshold: the probability from which a window is voiced, 0 to 1.
        exit_threshold: the probability below which it is unvoiced again; 0.15 under `threshold` by default.
        min_speech_ns: voiced time that makes speech; shorter bursts (a click, a cough) are ignored.
        hang_over_ns: unvoiced time that ends it; shorter pauses belong to the speech.
        window_ns: what one probability covers; 32 ms by default.
        pauses: what is known of the speaker's pauses: then those decide what silence ends speech, and are told of
            each pause and each end.

    Raises `AudioError` for values out of range.
    """

    __slots__ = (
        "_exit_threshold",
        "_hang_over_ns",
        "_heard_ns",
        "_min_speech_ns",
        "_onset_ns",
        "_pauses",
        "_threshold",
        "_voiced_end_ns",
        "_voiced_ns",
        "_window_ns",
        "speaking",
        "voiced",
    )

    speaking: bool
    """Whether the last event was a start."""
    voiced: bool
    """Whether the last window was: false from the first quiet one on, well before the speech counts as ended."""

    _heard_ns: int | None
    _onset_ns: int | None

    def __init__(
        self,
        *,
        threshold: float = 0.5,
        exit_threshold: float | None = None,
        min_speech_ns: int = 64_000_000,
        hang_over_ns: int = 500_000_000,
        window_ns: int = 32_000_000,
        pauses: SpeakerPauses | None = None,
    ) -> None:
        if window_ns <= 0:
            raise AudioError(f"needed: window_ns above 0, got {window_ns}")
        self._window_ns = window_ns
        self._pauses = pauses
        self.retune(
            threshold=threshold,
            exit_threshold=exit_threshold,
            min_speech_ns=min_speech_ns,
            hang_over_ns=hang_over_ns,
        )
        self.reset()

    def retune(
        self,
        *,
        threshold: float,
        exit_threshold: float | None = None,
        min_speech_ns: int,
        hang_over_ns: int,
    ) -> None:
        """Judge what comes from now on by these; speech and silence under way are kept.

        Raises `AudioError` for values out of range, and changes nothing then.
        """
        if exit_threshold is None:
            exit_threshold = max(0.0, threshold - 0.15)
        if not 0.0 <= exit_threshold <= threshold <= 1.0:
            raise AudioError(
                f"needed: 0 <= exit_threshold <= threshold <= 1, got {exit_threshold} and {threshold}"
            )
        if min_speech_ns < 0 or hang_over_ns < 0:
            raise AudioError(
                f"needed: min_speech_ns and hang_over_ns of 0 or more, got {min_speech_ns} and {hang_over_ns}"
            )
        self._threshold = threshold
        self._exit_threshold = exit_threshold
        self._min_speech_ns = min_speech_ns
        self._hang_over_ns = hang_over_ns

    @property
    def unvoiced_ns(self) -> int:
        """For how long nothing has been voiced in speech that has not ended; 0 while it is voiced, and in silence."""
        if not self.speaking or self._heard_ns is None:
            return 0
        return self._heard_ns - self._voiced_end_ns

    @property
    def onset_ns(self) -> int | None:
        """Where the present speech began, also while it is too short to be sure; None in silence."""
        return self._onset_ns

    @property
    def heard_ns(self) -> int | None:
        """The end of the last window seen; None at first."""
        return self._heard_ns

    def feed(self, probabilities: Iterable[float], start_ns: int) -> list[SpeechEvent]:
        """Take the probabilities of adjoining windows, the first of which begins at `start_ns`.

        Windows may leave gaps between calls (audio that got lost): the time passes, unvoiced. Raises
        `AudioError` when they overlap what was heard before.
        """
        if self._heard_ns is not None and start_ns < self._heard_ns:
            raise AudioError(
                f"audio at {start_ns} ns after audio up to {self._heard_ns} ns: time runs forward"
            )
        events: list[SpeechEvent] = []
        for probability in probabilities:
            ended = self._end_if_silent(start_ns)
            if ended is not None:
                events.append(ended)
            end_ns = start_ns + self._window_ns
            event = self._window(probability, start_ns, end_ns)
            if event is not None:
                events.append(event)
            self._heard_ns = start_ns = end_ns
        return events

    def finish(self) -> SpeechEnded | None:
        """End the stream: return the end of the speech that is under way, if any, and forget all."""
        ended = None
        if self.speaking and self._heard_ns is not None:
            ended = SpeechEnded(self._voiced_end_ns, self._heard_ns)
        self.reset()
        return ended

    def reset(self) -> None:
        """Forget all that was heard, without an event."""
        self.speaking = False
        self.voiced = False
        self._onset_ns = None
        self._voiced_ns = 0
        self._voiced_end_ns = 0
        self._heard_ns = None

    def _window(self, probability: float, start_ns: int, end_ns: int) -> SpeechEvent | None:
        self.voiced = probability >= (self._exit_threshold if self.voiced else self._threshold)
        if not self.voiced:
            return self._end_if_silent(end_ns)
        if self._onset_ns is None:
            self._onset_ns = start_ns
            self._voiced_ns = 0
        if self._pauses is not None and self.speaking and start_ns > self._voiced_end_ns:
            self._pauses.paused(start_ns - self._voiced_end_ns)
        self._voiced_ns += self._window_ns
        self._voiced_end_ns = end_ns
        if self.speaking or self._voiced_ns < self._min_speech_ns:
            return None
        self.speaking = True
        return SpeechStarted(self._onset_ns, end_ns)

    def _end_if_silent(self, now_ns: int) -> SpeechEnded | None:
        """Close what has been unvoiced too long by `now_ns`: speech with an event, a candidate without."""
        if self._onset_ns is None:
            return None
        unvoiced_ns = now_ns - self._voiced_end_ns
        if self.speaking:
            hang_over_ns = self._hang_over_ns if self._pauses is None else self._pauses.silence_ns
            if unvoiced_ns == 0 or unvoiced_ns < hang_over_ns:
                return None
            self.speaking = self.voiced = False
            self._onset_ns = None
            if self._pauses is not None:
                self._pauses.ended()
            return SpeechEnded(self._voiced_end_ns, now_ns)
        # A candidate survives the short gaps within a word, but not a pause as long as itself.
        if unvoiced_ns >= self._voiced_ns:
            self.voiced = False
            self._onset_ns = None
        return None
