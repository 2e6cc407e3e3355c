"""The simulator's hearing: from the client's audio messages to utterances, sans I/O.

Time here is the position in the session's audio, not the clock: what is heard does not depend on how the
audio was cut into messages, or when they came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..audio import (
    AudioError,
    Pcm,
    Resampler,
    SileroVad,
    SpeechDetector,
    SpeechEnded,
    SpeechEvent,
    SpeechStarted,
    VoiceActivity,
    from_bytes,
    ns_to_samples,
    samples_to_ns,
)

__all__ = ["RATE", "Hearing", "HearingSettings", "Rest", "SpeechHeard", "SpeechOver"]

RATE = 16_000
"""What the detector and the ears take, in Hz."""

_MILLISECOND = 1_000_000
# Around the utterance that the ears get: a detector needs a moment to be sure.
_BEFORE = 300 * RATE // 1_000
_BEHIND = 200 * RATE // 1_000
_LONGEST = 120 * RATE
_MIME = re.compile(r"audio/(?:pcm|l16)\s*(?:;.*)?", re.IGNORECASE)
_MIME_RATE = re.compile(r";\s*rate\s*=\s*(\d{1,7})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HearingSettings:
    """How speech is told from silence.

    `automatic` off leaves that to the client. `threshold` and `exit_threshold` are speech probabilities,
    `min_speech_ns` the speech that it takes to be sure (the API's prefix padding), `silence_ns` the silence that
    ends an utterance. With `all_input` what was heard between two utterances belongs to the second.
    """

    automatic: bool = True
    threshold: float = 0.5
    exit_threshold: float = 0.35
    min_speech_ns: int = 150 * _MILLISECOND
    silence_ns: int = 800 * _MILLISECOND
    all_input: bool = False


@dataclass(frozen=True, slots=True)
class SpeechHeard:
    """Somebody speaks; `offset_ns` is up to where the session's audio had to be heard to know."""

    offset_ns: int


@dataclass(frozen=True, slots=True)
class SpeechOver:
    """An utterance is complete: mono at 16 kHz, with a little silence around."""

    offset_ns: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Rest:
    """All that ears need to know of the past: audio from sample `first` of the session on."""

    settings: HearingSettings
    first: int
    pcm: Pcm


class Hearing:
    """The ears' first stage, for one connection.

    Args:
        settings: see there.
        heard_samples: how much audio the session has heard on earlier connections, in samples at 16 kHz.
        vad: the detector of voice activity, fresh; Silero by default.
    """

    def __init__(
        self, settings: HearingSettings, heard_samples: int = 0, vad: VoiceActivity | None = None
    ) -> None:
        self.settings = settings
        self._automatic = settings.automatic
        self._vad = vad or SileroVad()
        self._detector = SpeechDetector(
            threshold=settings.threshold,
            exit_threshold=settings.exit_threshold,
            min_speech_ns=settings.min_speech_ns,
            hang_over_ns=settings.silence_ns,
            window_ns=samples_to_ns(self._vad.window_samples, RATE),
        )
        # Enough to reach back from the decision to before the onset. A burst of speech may stutter.
        self._look_back = _BEFORE + 4 * ns_to_samples(settings.min_speech_ns, RATE) + RATE
        self._resampler: Resampler | None = None
        self.heard_samples = heard_samples
        """All audio of the session so far, at 16 kHz."""
        self._kept: list[Pcm] = []
        self._kept_from = heard_samples
        self._onset = self._ended = heard_samples
        self._speaking = False

    @property
    def speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._speaking

    def audio(self, data: bytes, mime_type: str) -> list[SpeechHeard | SpeechOver]:
        """Take a message of raw PCM: 16 bit, little-endian, mono, at the rate that `mime_type` declares.

        Raises:
            AudioError: it is something else.
        """
        pcm = self._at_16_khz(from_bytes(data), _rate_of(mime_type))
        return self._take(pcm)

    def stream_end(self) -> list[SpeechHeard | SpeechOver]:
        """The microphone was closed: whatever is under way is complete."""
        events = self._take(self._resampler.flush()) if self._resampler else []
        self._resampler = None
        if self._automatic:
            ended = self._detector.finish()
            self._vad.reset()
            if ended is not None:
                events += self._events([ended])
        return events

    def start(self) -> list[SpeechHeard | SpeechOver]:
        """The client says that activity starts (manual detection). Twice is once."""
        if self._speaking:
            return []
        self._onset, self._speaking = self.heard_samples, True
        self._forget(keep=0)
        return [SpeechHeard(samples_to_ns(self.heard_samples, RATE))]

    def end(self) -> list[SpeechHeard | SpeechOver]:
        """The client says that activity ends."""
        if not self._speaking:
            return []
        return [self._over(self.heard_samples, self.heard_samples)]

    def so_far(self) -> Pcm:
        """What was heard of the utterance under way."""
        return self._kept_from_to(self._onset, self.heard_samples)

    def rest(self) -> Rest:
        """What was heard and belongs to no utterance yet; for when nobody speaks."""
        first = max(self._kept_from, self._ended)
        return Rest(self.settings, first, self._kept_from_to(first, self.heard_samples))

    @classmethod
    def of(cls, rest: Rest) -> Hearing:
        """Ears that have heard the same."""
        made = cls(rest.settings, rest.first)
        made._take(rest.pcm)
        return made

    def _at_16_khz(self, pcm: Pcm, rate: int) -> Pcm:
        if self._resampler is None or self._resampler.in_rate != rate:
            tail = self._resampler.flush() if self._resampler else np.zeros(0, np.int16)
            self._resampler = Resampler(rate, RATE)
            return np.concatenate((tail, self._resampler.process(pcm)))
        return self._resampler.process(pcm)

    def _take(self, pcm: Pcm) -> list[SpeechHeard | SpeechOver]:
        first = self.heard_samples - self._vad.pending
        self._kept.append(pcm)
        self.heard_samples += len(pcm)
        if not self._automatic:
            self._forget(keep=0)
            return []
        found = self._detector.feed(self._vad.process(pcm), samples_to_ns(first, RATE))
        events = self._events(found)
        self._forget(keep=self._look_back)
        return events

    def _events(self, found: list[SpeechEvent]) -> list[SpeechHeard | SpeechOver]:
        events: list[SpeechHeard | SpeechOver] = []
        for event in found:
            match event:
                case SpeechStarted():
                    self._onset = ns_to_samples(event.at_ns, RATE) - _BEFORE
                    self._speaking = True
                    events.append(SpeechHeard(event.decided_ns))
                case SpeechEnded():
                    end = ns_to_samples(event.at_ns, RATE) + _BEHIND
                    events.append(self._over(end, ns_to_samples(event.decided_ns, RATE)))
        return events

    def _over(self, end: int, decided: int) -> SpeechOver:
        self._speaking = False
        onset = self._ended if self.settings.all_input else self._onset
        pcm = self._kept_from_to(onset, end)
        self._ended = max(self._ended, end, onset)
        return SpeechOver(samples_to_ns(decided, RATE), pcm)

    def _kept_from_to(self, start: int, end: int) -> Pcm:
        kept = np.concatenate(self._kept) if self._kept else np.zeros(0, np.int16)
        first = max(0, start - self._kept_from)
        return kept[first : max(first, end - self._kept_from)].copy()

    def _forget(self, keep: int) -> None:
        """Drop the oldest audio beyond `keep` samples, but nothing of an utterance below 2 minutes."""
        if self._speaking or self.settings.all_input:
            keep = _LONGEST
        surplus = self.heard_samples - self._kept_from - keep
        while self._kept and surplus >= len(self._kept[0]):
            surplus -= len(self._kept[0])
            self._kept_from += len(self._kept.pop(0))


def _rate_of(mime_type: str) -> int:
    if mime_type and not _MIME.fullmatch(mime_type.strip()):
        raise AudioError(f"expected audio/pcm, got {mime_type[:40]!r}")
    found = _MIME_RATE.search(mime_type)
    return int(found[1]) if found else RATE
