"""When a turn of the user is over, as the gate judges it: by their pauses, and an end-of-turn model if there is one."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import numpy as np

from ..audio.pauses import SpeakerPauses
from ..audio.pcm import Pcm
from ..audio.smart_turn import HEARD_NS, SmartTurn
from ..audio.speech import SpeechDetector
from ..pipeline.turns.conversation import Conversation
from ..pipeline.units import MS, SECOND

__all__ = ["TurnEnd"]

_ASK_AFTER_NS = 200 * MS
"""The model hears how a sentence falls off, and what was shorter is no pause."""
_STARTED_NS = 600 * MS
"""Somebody who speaks before an answer has got as far as that was not interrupting it: they had not finished."""
_AGAIN_NS = 300 * MS
"""So much beyond the longest silence that is waited for, what is said belongs to what was said before."""
_MOST_AT_WORK = 2

_at_work = 0
"""Queries of all calls: each takes a core for 50 ms, and one that would have to wait is of no use."""


class TurnEnd:
    """Of one microphone: tells ``pauses`` what becomes of each silence, and asks the model about it.

    Args:
        rate: of the microphone, in Hz.
        ask: ``Processor.offload``.
        spawn: ``Processor.spawn``.
    """

    def __init__(
        self,
        pauses: SpeakerPauses,
        model: SmartTurn | None,
        conversation: Conversation,
        rate: int,
        *,
        ask: Callable[[Callable[[Pcm], float], Pcm], Awaitable[float]],
        spawn: Callable[..., object],
    ) -> None:
        self.pauses = pauses
        self._model, self._conversation = model, conversation
        self._ask, self._spawn = ask, spawn
        self._kept: deque[Pcm] = deque()
        self._samples, self._most = 0, rate * HEARD_NS // SECOND
        self._asked = False
        self._silence = 0
        """The number of the silence at hand: a word on one before is of no use."""
        self._ended_ns: int | None = None
        """Where the last turn ended, by media time."""
        self._heard_ns = 0
        """When the caller had last heard the agent by then, by the call's clock."""

    def hear(self, pcm: Pcm) -> None:
        """The microphone hears this next, and it is judged."""
        if self._model is None:
            return
        self._kept.append(pcm)
        self._samples += len(pcm)
        while self._samples - len(self._kept[0]) >= self._most:
            self._samples -= len(self._kept.popleft())

    def look(self, speech: SpeechDetector) -> None:
        """Ask the model, if it is time; what has come of it counts for the silence that it was asked about."""
        silent_ns = speech.unvoiced_ns
        if not silent_ns:
            if self._asked:
                self._asked, self._silence = False, self._silence + 1
            return
        if self._asked or self._model is None or silent_ns < _ASK_AFTER_NS or _at_work >= _MOST_AT_WORK:
            return
        self._asked = True
        self._spawn(
            self._judge(self._model, np.concatenate(list(self._kept)), self._silence), name="end of turn"
        )

    async def _judge(self, model: SmartTurn, heard: Pcm, silence: int) -> None:
        global _at_work
        _at_work += 1
        try:
            finished = await self._ask(model.finished, heard)
        finally:
            _at_work -= 1
        if silence == self._silence and self._asked:
            self.pauses.judged(finished)

    def started(self, at_ns: int) -> None:
        """Speech has begun at ``at_ns`` of media time: it goes on with what was said before, or answers the agent."""
        ended_ns, self._ended_ns = self._ended_ns, None
        if ended_ns is None:
            return
        silent_ns = at_ns - ended_ns
        sounds_ns = self._conversation.sounds_ns
        unanswered = self._conversation.heard_ns == self._heard_ns
        barely = sounds_ns is not None and sounds_ns < _STARTED_NS
        if silent_ns <= self.pauses.longest_ns + _AGAIN_NS and (unanswered or barely):
            self.pauses.cut_off(silent_ns)
        elif not unanswered:
            self.pauses.answered()

    def ended(self, at_ns: int) -> None:
        """Speech was taken to have ended at ``at_ns`` of media time."""
        self._ended_ns, self._heard_ns = at_ns, self._conversation.heard_ns
        if self._asked:
            self._asked, self._silence = False, self._silence + 1
