"""What follows from the server's messages, carried out: sound downstream, words to the transcript, facts to the turns.

Everything here returns at once but ``play``, the task that hands sound downstream and may wait there for as
long as the speaker takes; an interruption empties what it has not handed over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...liveapi import FunctionResponse, ModalityTokenCount
from ...pipeline.errors import ServiceError
from ...pipeline.events import Usage
from ...pipeline.frames import (
    AudioFrame,
    Frame,
    ToolCallFrame,
    ToolCancelFrame,
    TurnEndFrame,
    TurnStartFrame,
    UsageFrame,
)
from ...pipeline.ports import Out
from ...pipeline.running.context import CallContext
from ...pipeline.units import SECOND
from .dialogue import outcomes as said
from .dialogue.transcripts import AgentTranscript, UserTranscript
from .prices import Meter
from .reports import Reports

__all__ = ["Dispatcher", "Outputs"]

_MOST_SOUND_NS = 300 * SECOND
"""What waits in front of the outgoing edge at most. The service sends faster than real time, and reading on is
what lets us hear an interruption; 14 MB."""
_OUT_RATE = 24_000
_NO_PROGRESS = (said.Opened, said.Consumed, said.GoingAway, said.UserEnded)
"""What is about connections, or says nothing by itself: a conversation does not go on for it."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where things go."""

    sound: Out[Any]
    tool_calls: Out[Any]
    usage: Out[Any]
    answer: Callable[[FunctionResponse], None]
    remark: Callable[[str], None]
    going_away: Callable[[int | None], None]
    consumed: Callable[[int], None]
    answering: Callable[[], None]
    """The model begins to answer."""
    called: Callable[[str, dict[str, Any]], None]
    """The model asks for a function."""


class Dispatcher:
    """Carries out outcomes of the protocol in one call.

    Args:
        hears: whether the server's ears are the ones to believe; not when a detector of ours reports speech.
    """

    def __init__(
        self,
        node: str,
        call: CallContext,
        outputs: Outputs,
        agent: AgentTranscript,
        user: UserTranscript,
        meter: Meter,
        *,
        hears: bool,
    ) -> None:
        self._node = node
        self._meter = meter
        self._reports = Reports(node, call)
        self._call = call
        self._outputs = outputs
        self._agent = agent
        self._user = user
        self._hears = hears
        self._waiting: deque[Frame] = deque()
        self._waiting_ns = 0
        self._filled = asyncio.Event()
        self._sending = False
        self._turn_began_ns = 0
        self._resampler: Any = None
        self.sound_ns = 0
        """Length of the newest turn's sound."""
        self.progress_ns = 0
        """When the conversation last moved, by the call's clock."""

    @property
    def pending(self) -> bool:
        """Whether sound waits to be handed over, or words to be heard."""
        return bool(self._waiting) or self._sending or self._agent.unheard

    def carry_out(self, outcomes: Iterable[said.Outcome]) -> None:
        """Do what follows, in order. Raises ``ServiceError`` for an error in band."""
        for outcome in outcomes:
            if not isinstance(outcome, _NO_PROGRESS):
                self.progress_ns = self._call.clock.now_ns()
            self._one(outcome)

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are void: drop their sound, close their words."""
        kept = [frame for frame in self._waiting if not 0 < frame.turn <= turn]
        self._waiting = deque(kept)
        self._waiting_ns = sum(frame.duration_ns for frame in kept)
        self._agent.cut(turn)

    async def play(self) -> None:
        """Hand sound downstream, as fast as it is taken."""
        while True:
            while not self._waiting:
                self._filled.clear()
                await self._filled.wait()
            frame = self._waiting.popleft()
            self._waiting_ns -= frame.duration_ns
            self._sending = True
            try:
                await self._outputs.sound.send(frame)
            finally:
                self._sending = False
            self.progress_ns = self._call.clock.now_ns()

    # One outcome -------------------------------------------------------------------------------

    def _one(self, outcome: said.Outcome) -> None:
        turns = self._call.turns
        match outcome:
            case said.Audio():
                self._sound(outcome)
            case said.Words(turn, text, at_ns):
                self._agent.add(turn, text, at_ns)
            case said.UserWords(text):
                self._user.add(text)
            case said.UserPreview(text):
                self._user.preview(text)
            case said.UserEnded():
                self._user.end()
            case said.Cut(turn):
                turns.interrupted(turn)
            case said.StartTurn(turn):
                self._turn_began_ns = self._call.clock.now_ns()
                self.sound_ns = 0
                self._outputs.answering()
                self._put(TurnStartFrame(turn=turn, time_ns=self._turn_began_ns))
            case said.EndSound(turn):
                self._put(TurnEndFrame(turn=turn, time_ns=self._turn_began_ns + self.sound_ns))
            case said.EndWords(turn, at_ns):
                self._agent.end(turn, at_ns)
            case said.TurnComplete():
                turns.turn_completed()
                self._reports(outcome)
            case said.UserSpeech(speaking):
                if self._hears:
                    (turns.user_started if speaking else turns.user_stopped)()
                self._reports(outcome)
            case said.CallTool(call_id, name, args):
                now_ns = self._call.clock.now_ns()
                self._outputs.called(name, args)
                self._outputs.tool_calls.emit(ToolCallFrame(call_id, name, args, time_ns=now_ns))
            case said.CancelTools(ids):
                self._outputs.tool_calls.emit(ToolCancelFrame(ids, time_ns=self._call.clock.now_ns()))
            case said.Answer(response):
                self._outputs.answer(response)
            case said.Used():
                self._used(outcome)
            case said.GoingAway(left_ns):
                self._outputs.going_away(left_ns)
            case said.Consumed(index):
                self._outputs.consumed(index)
            case said.Remark(text):
                self._outputs.remark(text)
            case said.Failed(text):
                raise ServiceError(f"the Live service reports {text}")
            case _:
                self._reports(outcome)

    def _sound(self, audio: said.Audio) -> None:
        samples = np.frombuffer(audio.pcm, dtype="<i2")
        if audio.rate != _OUT_RATE:
            samples = self._resampled(samples, audio.rate)
            if not len(samples):
                return
        time_ns = self._turn_began_ns + audio.at_ns
        frame = AudioFrame(samples, _OUT_RATE, turn=audio.turn, time_ns=time_ns)
        self.sound_ns = audio.at_ns + frame.duration_ns
        self._put(frame)

    def _resampled(self, samples: Any, rate: int) -> Any:
        """For a server that answers at another rate than the documented one."""
        from ...audio.resample import Resampler

        if self._resampler is None or self._resampler.in_rate != rate:
            self._resampler = Resampler(rate, _OUT_RATE)
        return self._resampler.process(samples)

    def _put(self, frame: Frame) -> None:
        if self._waiting_ns >= _MOST_SOUND_NS and not frame.marker:
            self._outputs.remark("more than five minutes of sound wait to be played: the rest is dropped")
            return
        self._waiting.append(frame)
        self._waiting_ns += frame.duration_ns
        self._filled.set()

    def _used(self, used: said.Used) -> None:
        usage = used.usage
        counted: dict[str, Any] = {
            "time_ns": self._call.clock.now_ns(),
            "input_tokens": usage.prompt_token_count,
            "output_tokens": usage.output_token_count,
            "total_tokens": usage.total_token_count,
            "input_by_modality": _by_modality(usage.prompt_tokens_details),
            "output_by_modality": _by_modality(usage.output_tokens_details),
            "thought_tokens": usage.thoughts_token_count,
            "tool_tokens": usage.tool_use_prompt_token_count,
            "cached_tokens": usage.cached_content_token_count,
            "cost_usd": self._meter.count(usage),
        }
        self._outputs.usage.emit(UsageFrame(**counted))
        if self._call.events.wants(Usage):
            total = self._meter.total_usd
            self._call.events.publish(Usage(node=self._node, call_cost_usd=total, **counted))


def _by_modality(details: list[ModalityTokenCount]) -> dict[str, int]:
    return {count.modality: count.token_count for count in details}
