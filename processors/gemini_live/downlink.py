"""What follows from the server's messages, carried out: sound downstream, words to the transcript, facts to the turns.

Everything here returns at once but ``play``, the task that hands sound downstream and may wait there for as
long as the speaker takes; an interruption empties what it has not handed over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...liveapi import ModalityTokenCount
from ...pipeline.events import Usage
from ...pipeline.frames import (
    AudioFrame,
    Frame,
    ToolCallFrame,
    ToolCancelFrame,
    TranscriptFrame,
    Turn,
    TurnEndFrame,
    TurnStartFrame,
    UsageFrame,
)
from ...pipeline.ports import Out
from ...pipeline.running.context import CallContext
from ...pipeline.units import SECOND
from .dialogue import outcomes as said
from .dialogue.transcripts import AgentTranscript, UserTranscript
from .event_publisher import EventPublisher
from .prices import Meter

__all__ = ["Downlink", "Ports"]

_MOST_SOUND_NS = 300 * SECOND
"""What waits in front of the outgoing edge at most. The service sends faster than real time, and reading on is
what lets us hear an interruption; 14 MB."""
_OUT_RATE = 24_000
_LONGEST_FRAME = _OUT_RATE
"""A second. The service sends less at a time; whoever sends a minute in one piece is to be cut off within it."""
_NO_PROGRESS = (said.Opened, said.Consumed, said.GoingAway, said.UserEnded)
"""What is about connections, or says nothing by itself: a conversation does not go on for it."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The outputs of the box, and what is connected to its inputs."""

    sound: Out[Any]
    tool_calls: Out[Any]
    transcript: Callable[[TranscriptFrame], None]
    usage: Out[Any]
    speech_reported: bool
    video: bool


class Downlink:
    """Carries out outcomes of the protocol in one call.

    Args:
        changed: set whenever something was handed over.
        warn: told what is lost.
    """

    def __init__(
        self,
        node: str,
        call: CallContext,
        ports: Ports,
        agent: AgentTranscript,
        user: UserTranscript,
        meter: Meter,
        changed: asyncio.Event,
        warn: Callable[[str], None],
    ) -> None:
        self._node = node
        self._meter = meter
        self._publish = EventPublisher(node, call)
        self._call = call
        self._ports = ports
        self._agent = agent
        self._user = user
        # The server's ears are the ones to believe, unless a detector of ours reports speech.
        self._hears = not ports.speech_reported
        self._changed = changed
        self._warn = warn
        self.agent = ""
        """The persona that speaks, where there are several."""
        self._waiting: deque[Frame] = deque()
        self._waiting_ns = 0
        self._filled = asyncio.Event()
        self._sending = False
        self._turn_began_ns = 0
        self._resampler: Any = None
        self._filling: tuple[Turn, Callable[[], bool]] | None = None
        """A turn that is cut as soon as another begins, while it sounds."""
        self.sound_ns = 0
        """Length of the newest turn's sound."""
        self.progress_ns = 0
        """When the conversation last moved, by the call's clock."""

    @property
    def pending(self) -> bool:
        """Whether sound waits to be handed over, or words to be heard."""
        return bool(self._waiting) or self._sending or self._agent.unheard

    @property
    def handed_over(self) -> bool:
        """Whether all sound has gone downstream, though it may not have been heard."""
        return not self._waiting and not self._sending

    def take(self, outcome: said.Outcome) -> None:
        """Do what follows from one outcome."""
        if not isinstance(outcome, _NO_PROGRESS):
            self.progress_ns = self._call.clock.now_ns()
        self._one(outcome)

    def ends_with_next(self, turn: Turn, sounds: Callable[[], bool]) -> None:
        """``turn`` fills a silence: where another begins while ``sounds`` says so, nothing more of it is heard."""
        self._filling = turn, sounds

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
                await self._ports.sound.send(frame)
            finally:
                self._sending = False
            self.progress_ns = self._call.clock.now_ns()
            self._changed.set()

    # One outcome -------------------------------------------------------------------------------

    def _one(self, outcome: said.Outcome) -> None:
        conversation = self._call.conversation
        match outcome:
            case said.Audio():
                self._sound(outcome)
            case said.Words(turn, text, at_ns):
                self._agent.add(turn, text, at_ns)
            case said.LateWords(turn, text, at_ns):
                self._agent.late(turn, text, at_ns)
            case said.UserWords(text, answered):
                self._user.add(text, late=answered)
                if not answered:
                    conversation.user_said(text)
            case said.UserPreview(text):
                self._user.preview(text)
                conversation.user_said(text, so_far=True)
            case said.UserEnded():
                self._user.end()
            case said.Cut(turn, sounding, worded):
                conversation.cut_by_service(turn if isinstance(turn, Turn) else Turn(turn, self._node))
                if not conversation.is_void(turn):
                    self._ends_early(turn, sounding=sounding, worded=worded)
            case said.StartTurn(turn):
                self._end_filling(turn)
                self._turn_began_ns = self._call.clock.now_ns()
                self.sound_ns = 0
                if self._resampler is not None:
                    self._resampler.reset()
                self._user.answering()
                self._put(TurnStartFrame(turn=turn, time_ns=self._turn_began_ns))
            case said.EndSound(turn):
                if self._resampler is not None:
                    self._piece(self._resampler.flush(), turn)
                self._put(TurnEndFrame(turn=turn, time_ns=self._turn_began_ns + self.sound_ns))
            case said.Generated(turn, sound_ns):
                self._agent.generated(turn, sound_ns)
                self._publish(outcome)
            case said.EndWords(turn, at_ns, broken):
                self._agent.end(turn, at_ns, broken=broken)
            case said.TurnComplete():
                conversation.turn_completed(self._node)
                self._publish(outcome)
            case said.UserSpeech(speaking):
                if self._hears:
                    (conversation.user_started if speaking else conversation.user_stopped)()
                self._publish(outcome)
            case said.CallTool(call_id, name, args, key):
                now_ns = self._call.clock.now_ns()
                self._ports.tool_calls.emit(
                    ToolCallFrame(call_id, name, args, key, agent=self.agent, time_ns=now_ns)
                )
            case said.CancelTools(ids):
                self._ports.tool_calls.emit(ToolCancelFrame(ids, time_ns=self._call.clock.now_ns()))
            case said.Used():
                self._used(outcome)
            case _:
                self._publish(outcome)

    def _end_filling(self, turn: int) -> None:
        """The agent has something to say in ``turn``: what filled the silence until then ends."""
        filling, self._filling = self._filling, None
        if filling is not None and filling[0] < turn and filling[1]():
            self._call.conversation.interrupted(filling[0])

    def _ends_early(self, turn: int, *, sounding: bool, worded: bool) -> None:
        """A turn that the service has cut may be heard to where it came: no more of it will."""
        if sounding:
            self._put(TurnEndFrame(turn=turn, time_ns=self._turn_began_ns + self.sound_ns))
        if worded:
            self._agent.end(turn, self.sound_ns)

    def _sound(self, audio: said.Audio) -> None:
        samples = np.frombuffer(audio.pcm, dtype="<i2")
        if audio.rate != _OUT_RATE:
            samples = self._resampled(samples, audio.rate)
        for first in range(0, len(samples), _LONGEST_FRAME):
            self._piece(samples[first : first + _LONGEST_FRAME], audio.turn)

    def _piece(self, samples: Any, turn: int) -> None:
        if len(samples):
            time_ns = self._turn_began_ns + self.sound_ns
            frame = AudioFrame(samples, _OUT_RATE, turn=turn, time_ns=time_ns)
            self.sound_ns += frame.duration_ns
            self._put(frame)

    def _resampled(self, samples: Any, rate: int) -> Any:
        """For a server that answers at another rate than the documented one."""
        from ...audio.resample import Resampler

        if self._resampler is None or self._resampler.in_rate != rate:
            self._resampler = Resampler(rate, _OUT_RATE)
        return self._resampler.process(samples)

    def _put(self, frame: Frame) -> None:
        if self._waiting_ns >= _MOST_SOUND_NS and not frame.marker:
            self._warn("more than five minutes of sound wait to be played: the rest is dropped")
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
        self._ports.usage.emit(UsageFrame(**counted))
        if self._call.events.wants(Usage):
            total = self._meter.total_usd
            self._call.events.publish(Usage(node=self._node, call_cost_usd=total, **counted))


def _by_modality(details: list[ModalityTokenCount]) -> dict[str, int]:
    return {count.modality: count.token_count for count in details}
