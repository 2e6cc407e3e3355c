"""The model's side of a session: its turn, from the brain's actions to sound, tool calls and the turn's end.

Sans I/O: times come as arguments, work goes to the outbox.

    begin -> (sentences | tool call -> responses)* -> generationComplete -> played to the end -> turnComplete
                              interrupt, at any point: interrupted -> turnComplete
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..audio import Pcm, samples_to_ns
from ..processors.gemini_live.wire import FunctionCall, FunctionResponse
from .behaviour import Behaviour, Ids
from .brain import Action, Brain, CallTool, Say
from .outbox import Outbox
from .settings import Settings
from .speaking import RATE, Speech
from .store import Conversation, PendingCall
from .voice import split_sentences

__all__ = ["Replies"]

_log = logging.getLogger(__name__)

# Sentences are made ahead of the speech by this much: enough to never run dry, and little to throw away.
_AHEAD = 4 * RATE


@dataclass(slots=True)
class _Turn:
    speech: Speech
    not_before_ns: int
    """When the next output may come: the model thinks."""
    agenda: deque[str | list[CallTool]] = field(default_factory=deque)
    """Sentences and tool calls still to come."""
    making: tuple[int, str] | None = None
    """The key and the text of the sentence that is being made into sound."""
    waiting: set[str] = field(default_factory=set)
    """Ids of the blocking calls that hold the turn open."""
    answers: list[Action] = field(default_factory=list)
    """What the brain has to say to the responses that came while others are missing."""
    generated_ns: int | None = None

    def due_ns(self) -> int | None:
        """When its next output comes; None while it waits for work or for a response."""
        if self.generated_ns is not None:
            return max(self.generated_ns, self.speech.play_end_ns)
        more_comes = self.making is not None or bool(self.agenda and isinstance(self.agenda[0], str))
        if self.speech.has_chunk(more_comes=more_comes):
            return max(self.not_before_ns, self.speech.next_ns)
        if more_comes or (self.waiting and not self.agenda):
            return None
        return max(self.not_before_ns, self.speech.last_ns or 0)


class Replies:
    """Owns the model's turn and the calls that wait for responses.

    Args:
        outbox: where messages and work go.
        conversation: the session's memory.
        brain: decides what is said; may be exchanged at any time.
    """

    def __init__(
        self,
        outbox: Outbox,
        conversation: Conversation,
        brain: Brain,
        settings: Settings,
        behaviour: Behaviour,
        ids: Ids,
    ) -> None:
        self.brain = brain
        self.settings = settings
        self._out = outbox
        self._conversation = conversation
        self._behaviour = behaviour
        self._ids = ids
        self._turn: _Turn | None = None
        self._later: list[Action] = []

    @property
    def open(self) -> bool:
        """Whether a turn is under way, up to its `turnComplete`."""
        return self._turn is not None

    @property
    def due_ns(self) -> int | None:
        """When to call `step`."""
        return self._turn.due_ns() if self._turn else None

    def begin(self, actions: Sequence[Action], not_before_ns: int) -> None:
        """Open a turn that does `actions`, none before the given time."""
        self._turn = _Turn(Speech(self._behaviour.timing), not_before_ns)
        self._plan(self._turn, actions)

    def step(self, now_ns: int) -> None:
        """Do what is due."""
        turn = self._turn
        if turn is None:
            return
        if turn.generated_ns is not None:
            self._close(turn)
        elif turn.speech.has_chunk(more_comes=False):
            chunk = turn.speech.take(now_ns)
            if len(chunk.pcm):
                self._out.audio(chunk.pcm)
            if chunk.text and self.settings.output_transcripts:
                self._out.output_transcription(chunk.text)
            self._make_next(turn)
            if not turn.agenda and not turn.making and not turn.speech.has_chunk(more_comes=False):
                turn.not_before_ns = now_ns + self._behaviour.timing.scaled(
                    self._behaviour.timing.after_last_chunk_ns
                )
        elif turn.agenda and isinstance(calls := turn.agenda[0], list):
            turn.agenda.popleft()
            self._call(turn, calls)
        elif not turn.waiting:
            self._out.generation_complete()
            turn.generated_ns = now_ns

    def spoken(self, key: int, pcm: Pcm) -> bool:
        """The sound of a sentence is ready. False: it is of no turn that is open."""
        turn = self._turn
        if turn is None or turn.making is None or turn.making[0] != key:
            return False
        text = turn.making[1]
        turn.making = None
        turn.speech.add(text, pcm)
        self._make_next(turn)
        return True

    def interrupt(self) -> None:
        """Cut the turn off. With none open nothing happens."""
        turn = self._turn
        if turn is None:
            return
        self._out.interrupted()
        cancelled = sorted(turn.waiting)
        for id_ in cancelled:
            self._conversation.calls[id_].muted = True
        if cancelled and self._behaviour.send_cancellation:
            self._out.tool_call_cancellation(cancelled)
            for id_ in cancelled:
                self.brain.cancelled(self._conversation.calls.pop(id_).key)
        self._close(turn)

    def respond(self, response: FunctionResponse, now_ns: int) -> bool:
        """Take a tool's response. True: it is to be spoken of at once, by cutting off whatever is said."""
        call = self._find(response)
        if call is None:
            _log.info("a response to a call that is unknown or was cancelled: %.60s", response.id)
            return False
        result = dict(response.response or {})
        if not response.scheduling and response.asked_scheduling:
            del result["scheduling"]
        self._conversation.add_input("tool", f"{call.name}: {json.dumps(result, ensure_ascii=False)}")
        turn = self._turn
        goes_on = response.will_continue is True
        actions = self._ask_brain(call, result, goes_on=goes_on)
        if turn is not None and call.id in turn.waiting:
            turn.answers += actions
            if not goes_on:
                turn.waiting.discard(call.id)
                del self._conversation.calls[call.id]
            if not turn.waiting:
                turn.not_before_ns = now_ns + self._behaviour.timing.scaled(
                    self._behaviour.timing.tool_think_ns
                )
                answers, turn.answers = turn.answers, []
                self._plan(turn, answers)
            return False
        if not goes_on:
            del self._conversation.calls[call.id]
        scheduling = "" if call.blocking else response.asked_scheduling
        if call.muted or scheduling == "SILENT" or not actions:
            return False
        self._later += actions
        return scheduling == "INTERRUPT"

    def begin_later(self, now_ns: int) -> None:
        """With no turn open, speak of the responses that came while this was not possible."""
        if self._later and self._turn is None:
            actions, self._later = self._later, []
            timing = self._behaviour.timing
            self.begin(actions, now_ns + timing.scaled(timing.tool_think_ns))

    def drop(self) -> None:
        """The connection is gone: of the turn under way only what was sent is remembered."""
        if self._turn is not None:
            self._remember(self._turn)
            self._turn = None

    def _plan(self, turn: _Turn, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Say(text=text):
                    turn.agenda.extend(split_sentences(text))
                case CallTool():
                    if turn.agenda and isinstance(calls := turn.agenda[-1], list):
                        calls.append(action)
                    else:
                        turn.agenda.append([action])
        self._make_next(turn)

    def _make_next(self, turn: _Turn) -> None:
        if turn.making is None and turn.agenda and turn.speech.waiting_samples < _AHEAD:
            text = turn.agenda[0]
            if isinstance(text, str):
                turn.agenda.popleft()
                turn.making = (self._out.speak(text, self.settings.voice), text)

    def _call(self, turn: _Turn, calls: Sequence[CallTool]) -> None:
        sent: list[FunctionCall] = []
        for call in calls:
            blocking = self.settings.is_blocking(call.name)
            id_ = self._ids.call(blocking=blocking)
            while id_ in self._conversation.calls:
                id_ = self._ids.call(blocking=blocking)
            self._conversation.calls[id_] = PendingCall(id_, call.name, call.call_key, blocking)
            if blocking:
                turn.waiting.add(id_)
            sent.append(FunctionCall(id=id_, name=call.name, args=dict(call.args)))
            text = f"{call.name}({json.dumps(call.args, ensure_ascii=False)})"
            self._conversation.add("call", text)
            self._conversation.tokens.made(0, text)
        self._out.tool_call(sent)
        self._make_next(turn)

    def _find(self, response: FunctionResponse) -> PendingCall | None:
        """By id; on Vertex AI, where clients may leave it out, by name: the oldest."""
        if response.id or not self.settings.vertex:
            return self._conversation.calls.get(response.id)
        named = (call for call in self._conversation.calls.values() if call.name == response.name)
        return next(named, None)

    def _ask_brain(self, call: PendingCall, result: Mapping[str, object], *, goes_on: bool) -> list[Action]:
        if not goes_on:
            return self.brain.tool_result(call.key, result)
        # The brain forgets a call with its result; here another one follows.
        before = self.brain.snapshot()
        actions = self.brain.tool_result(call.key, result)
        self.brain.restore({**self.brain.snapshot(), "calls": before["calls"]})
        return actions

    def _close(self, turn: _Turn) -> None:
        self._remember(turn)
        self._turn = None
        self._out.turn_complete(self._conversation.tokens.close_turn(vertex=self.settings.vertex))

    def _remember(self, turn: _Turn) -> None:
        self._conversation.add("model", turn.speech.sent_text)
        self._conversation.tokens.made(samples_to_ns(turn.speech.sent_samples, RATE))
