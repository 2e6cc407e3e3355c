"""How long a silence has to be before it is the end of what somebody says, learnt from the pauses that they make.

A pure state machine: no clock, no I/O. Some people breathe for 150 ms between two sentences, others look for a word
for a second; one length of silence for all of them cuts the slow ones off or keeps the quick ones waiting. So the
longest of a speaker's recent pauses, but for one in ten, counts, with a margin. An end-of-turn model may have its say:
what it takes for finished is waited for less, what it takes for unfinished more; it never decides alone.
"""

from __future__ import annotations

import math
from collections import deque

from .pcm import AudioError

__all__ = ["SpeakerPauses"]

_MS = 1_000_000
_SHORTEST_PAUSE_NS = 100 * _MS
"""What is shorter lies within a word: the closure before a p, t or k."""
_REMEMBERED = 16
_SHARE = 0.9
_FACTOR, _MARGIN_NS = 1.25, 50 * _MS
_CALMER = 0.95
"""With each turn that had no pause, and was answered in peace, all that is remembered shrinks to so much of it."""
_FINISHED, _UNFINISHED = 0.6, 0.15
"""From which probability on a model's word is taken for finished, and up to which for unfinished: of whole sentences
smart-turn takes one in twenty for unfinished, of those cut off half for finished. Between, it says nothing."""
_LESS, _MORE = 0.85, 1.8


class SpeakerPauses:
    """The pauses of one speaker, and the silence that ends a turn of theirs.

    Args:
        expected_ns: the silence that ends a turn before anything is known of the speaker.
        shortest_ns, longest_ns: between which it stays, whatever is learnt or said by a model.

    Raises `AudioError` unless 0 < shortest <= longest.
    """

    __slots__ = ("_expected_ns", "_finished", "_lengths_ns", "_paused", "longest_ns", "shortest_ns")

    def __init__(self, *, expected_ns: int, shortest_ns: int, longest_ns: int) -> None:
        self._lengths_ns: deque[int] = deque(maxlen=_REMEMBERED)
        self._paused = False
        """Whether there was a pause in this turn."""
        self._finished: float | None = None
        """How finished a model takes the turn for in which there is a pause now."""
        self._expected_ns = -1
        self.retune(expected_ns=expected_ns, shortest_ns=shortest_ns, longest_ns=longest_ns)

    def retune(self, *, expected_ns: int, shortest_ns: int, longest_ns: int) -> None:
        """Judge by these from now on. Another ``expected_ns`` begins anew with this speaker. Raises `AudioError`."""
        if not 0 < shortest_ns <= longest_ns:
            raise AudioError(f"needed: 0 < shortest_ns <= longest_ns, got {shortest_ns} and {longest_ns}")
        self.shortest_ns, self.longest_ns = shortest_ns, longest_ns
        if expected_ns != self._expected_ns:
            self._expected_ns = expected_ns
            self._lengths_ns.clear()
            # As if so many pauses had been heard: one that is longer than all does not decide at once.
            self._lengths_ns.extend([_pause_of(expected_ns)] * 6)

    @property
    def silence_ns(self) -> int:
        """The silence that ends a turn now; with a model's word on this pause, where there is one."""
        silence_ns = self._learnt_ns
        if self._finished is not None and self._finished >= _FINISHED:
            silence_ns *= _LESS
        elif self._finished is not None and self._finished <= _UNFINISHED:
            silence_ns *= _MORE
        return int(min(self.longest_ns, max(self.shortest_ns, silence_ns)))

    def paused(self, length_ns: int) -> None:
        """The speaker was silent for so long in the middle of a turn, and has gone on."""
        self._finished = None
        if length_ns >= _SHORTEST_PAUSE_NS:
            self._paused = True
            self._lengths_ns.append(length_ns)

    def judged(self, finished: float) -> None:
        """A model takes the turn for finished by this probability, 0 to 1; it is about the pause under way."""
        self._finished = finished

    def ended(self) -> None:
        """The turn was taken for ended."""
        self._finished = None

    def cut_off(self, length_ns: int) -> None:
        """It was not: the speaker went on after ``length_ns`` of silence, before anybody had answered."""
        self._paused = True
        # Twice, so that it is believed at once: to cut people off is worse than to wait.
        self._lengths_ns.extend([length_ns] * 2)

    def answered(self) -> None:
        """It was: somebody else has spoken since."""
        if not self._paused:
            for index, length_ns in enumerate(self._lengths_ns):
                self._lengths_ns[index] = int(length_ns * _CALMER)
        self._paused = False

    @property
    def _learnt_ns(self) -> float:
        by_length = sorted(self._lengths_ns)
        learnt_ns = by_length[math.ceil(_SHARE * len(by_length)) - 1] * _FACTOR + _MARGIN_NS
        return min(self.longest_ns, max(self.shortest_ns, learnt_ns))


def _pause_of(silence_ns: float) -> int:
    """The longest pause that is expected where ``silence_ns`` ends a turn."""
    return max(0, int((silence_ns - _MARGIN_NS) / _FACTOR))
