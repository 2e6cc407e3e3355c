"""The model's side of a session: its turn, from actions to sound, tool calls and the turn's end.

Sans I/O: times come as arguments, work goes to the output.

    begin -> (sentences | tool call -> responses)* -> generationComplete -> played to the end -> turnComplete
                              interrupt, at any point: interrupted -> turnComplete

A 2.x model ends its turn after a call, and says the rest in another one when it has the responses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from ..audio import Pcm, ns_to_samples, samples_to_ns
from ..liveapi import FunctionResponse, ServerContent, Transcription
from .actions import Action, CallTool, Cue, Ponder, Reject, Show, Think
from .behaviour import Ids, Timing
from .brain import Brain
from .call_pieces import in_pieces
from .mind import Thought
from .model_calls import ModelCalls, results_of
from .model_turn import ModelTurn, Stuck, Text, plan
from .oddities import Oddities
from .server_output import ServerOutput
from .session_setup import SessionSetup
from .session_store import PendingCall, SessionMemory
from .speaking import RATE, Speech
from .timers import Timers

__all__ = ["Replies"]

_log = logging.getLogger(__name__)

# Sentences are made ahead of the speech by this much: enough to never run dry, and little to throw away.
_AHEAD = 4 * RATE
_MOST_REPEATED = 8


class Replies:
    """Owns the model's turn and the calls that wait for responses.

    Args:
        output: where messages and work go.
        memory: the session's memory.
        brain: decides what is said; may be exchanged at any time.
        settings: what was asked for; may be exchanged at any time.
        oddities: the oddities of this connection.
    """

    def __init__(
        self,
        output: ServerOutput,
        memory: SessionMemory,
        brain: Brain,
        settings: SessionSetup,
        timing: Timing,
        ids: Ids,
        oddities: Oddities,
        timers: Timers,
    ) -> None:
        self.brain = brain
        self.settings = settings
        self.on_result: Callable[[PendingCall, Mapping[str, object]], list[Action] | None] = lambda *_: None
        """Asked before the brain what to say to a result; None leaves it to the brain."""
        self.after_result: Callable[[list[Action]], list[Action]] = lambda actions: actions
        """Asked what becomes of what the brain says to a result."""
        self.on_cue: Callable[[tuple[object, ...], int], None] = lambda *_: None
        """Told when a scenario goes on, and with what."""
        self._out = output
        self._memory = memory
        self._timing = timing
        self._oddities = oddities
        self._calls = ModelCalls(memory, ids, oddities)
        self._timers = timers
        self._turn: ModelTurn | None = None
        self.over_ns: int | None = None
        """When the last turn ended."""

    @property
    def open(self) -> bool:
        """Whether a turn is under way, up to its `turnComplete`."""
        return self._turn is not None

    @property
    def pending(self) -> bool:
        """Whether a turn is open of which nothing has come yet."""
        turn = self._turn
        return turn is not None and not turn.begun

    @property
    def due_ns(self) -> int | None:
        """When to call `step`."""
        return self._turn.due_ns() if self._turn else None

    def begin(self, actions: Sequence[Action], not_before_ns: int) -> None:
        """Open a turn that does `actions`, none before the given time."""
        self._turn = ModelTurn(Speech(self._timing, self._oddities), not_before_ns)
        self._plan(self._turn, actions)

    def step(self, now_ns: int) -> None:
        """Do what is due."""
        turn = self._turn
        if turn is None:
            return
        if turn.generated_ns is not None:
            self._close(turn, now_ns)
        elif turn.speech.has_chunk(more_comes=False):
            turn.begun = True
            self._speak(turn, now_ns)
        elif turn.agenda and not isinstance(turn.agenda[0], str):
            turn.begun = True
            match turn.agenda.popleft():
                case list() as calls:
                    self._call(turn, calls)
                case Think(text=text):
                    turn.made.add(thought=text)
                    if self.settings.thoughts:
                        self._out.thought(text)
                case Show(content=content):
                    self._out.content(content)
                case Text(text=text):
                    turn.written += text
                    turn.made.add(text=text)
                    self._out.text(text)
                case Reject(reason=reason):
                    turn.reason = reason
                    turn.generated_ns = now_ns
                case Stuck():
                    turn.stuck = True
                case Cue(acts=acts):
                    self.on_cue(acts, now_ns)
            self._make_next(turn)
        elif not turn.waiting:
            if self._oddities.generation_complete:
                self._out.content(ServerContent(generation_complete=True))
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

    def thought(self, key: int, answer: Thought | None) -> bool:
        """The mind has answered. False: a turn that is no more had asked it."""
        turn = self._turn
        if turn is None or turn.pondering != key:
            return False
        turn.pondering = None
        rest = list(turn.agenda)
        turn.agenda.clear()
        plan(turn.agenda, self.brain.thought(answer), speaks=self.settings.speaks)
        turn.agenda.extend(rest)
        self._make_next(turn)
        return True

    def interrupt(self, now_ns: int) -> None:
        """Cut the turn off, and withdraw the calls that the model waits for. With neither nothing happens."""
        turn = self._turn
        if turn is None and (held := self._held):
            # It has said what it had to say before, and is cut off before the rest.
            turn = ModelTurn(Speech(self._timing, self._oddities), now_ns, waiting=held)
        if turn is None:
            return
        self._out_interrupted(turn)
        if self._oddities.repeat_calls:
            again = [call.made for call in self._memory.calls if not call.muted]
            self._memory.to_repeat = again[-_MOST_REPEATED:]
        for call in turn.waiting:
            call.muted = True
        if turn.waiting and self.settings.cancels:
            self._out.tool_call_cancellation(sorted(call.id for call in turn.waiting))
            for call in turn.waiting:
                self._calls.done(call)
                if not self._oddities.repeat_calls:
                    self.brain.cancelled(call.key)
        self._close(turn, now_ns)

    def cancel_calls(self) -> None:
        """Withdraw all calls that wait. A turn that they hold open is held until the user says something."""
        calls, self._memory.calls = self._memory.calls, []
        if calls:
            self._out.tool_call_cancellation([call.id for call in calls])
        for call in calls:
            self.brain.cancelled(call.key)

    def respond(self, response: FunctionResponse, now_ns: int) -> bool:
        """Take a tool's response. True: it is to be spoken of at once, by cutting off whatever is said."""
        found = self._calls.take(response, self.settings)
        if found is None:
            return False
        call, result = found
        turn = self._turn
        goes_on = response.will_continue is True
        actions = self.on_result(call, result)
        if actions is None:
            actions = self.after_result(results_of(self.brain, call, result, goes_on=goes_on))
        if not goes_on:
            self._calls.done(call)
        if turn is not None and any(each is call for each in turn.waiting):
            self._answered(turn, call, actions, now_ns, goes_on=goes_on)
            return False
        scheduling = "WHEN_IDLE" if call.blocking or not self.settings.can.tool_scheduling else ""
        scheduling = scheduling or response.asked_scheduling
        if call.muted or scheduling == "SILENT" or not actions:
            return False
        self._memory.later += actions
        return scheduling == "INTERRUPT"

    def begin_later(self, now_ns: int) -> None:
        """With no turn open, speak of the responses that came while this was not possible."""
        if self._memory.later and self._turn is None and not self._held:
            actions, self._memory.later = self._memory.later, []
            self.begin(actions, now_ns + self._timing.scaled(self._timing.tool_think_ns))

    def drop(self) -> None:
        """The connection is gone: of the turn under way only what was sent is remembered."""
        if (turn := self._turn) is not None:
            turn.made.add(audio_ns=samples_to_ns(turn.speech.sent_samples, RATE))
            self._remember(turn)
            self._turn = None

    def _answered(
        self, turn: ModelTurn, call: PendingCall, actions: list[Action], now_ns: int, *, goes_on: bool
    ) -> None:
        """A blocking call has a response; the turn goes on when all of them have."""
        turn.answers += actions
        if not goes_on:
            turn.waiting = [each for each in turn.waiting if each is not call]
        if not turn.waiting:
            turn.not_before_ns = now_ns + self._timing.scaled(self._timing.tool_think_ns)
            answers, turn.answers = turn.answers, []
            self._plan(turn, answers)

    def _plan(self, turn: ModelTurn, actions: Sequence[Action]) -> None:
        plan(turn.agenda, actions, speaks=self.settings.speaks)
        self._make_next(turn)

    def _make_next(self, turn: ModelTurn) -> None:
        if turn.making is None and turn.agenda and isinstance(ask := turn.agenda[0], Ponder):
            if turn.pondering is None:
                turn.agenda.popleft()
                turn.pondering = self._out.reflect(ask.request)
            return
        if turn.pondering is not None:
            return
        if turn.making is None and turn.agenda and turn.speech.waiting_samples < _AHEAD:
            text = turn.agenda[0]
            if isinstance(text, str):
                turn.agenda.popleft()
                turn.making = (self._out.speak(text, self.settings.voice), text)

    def _out_interrupted(self, turn: ModelTurn) -> None:
        """``interrupted``, and what is late of the sound before it."""
        late = ns_to_samples(self._oddities.sound_after_interrupted_ns, RATE)
        pcm = turn.speech.rest(late) if late and turn.speech.chunks else None
        if pcm is None or not len(pcm):
            if self._oddities.interrupted:
                self._out.content(ServerContent(interrupted=True))
            return
        half = len(pcm) // 2
        self._out.speech(pcm[:half], "", together=True, interrupted=self._oddities.interrupted)
        self._out.speech(pcm[half:], "", together=False)

    def _speak(self, turn: ModelTurn, now_ns: int) -> None:
        chunk = turn.speech.take(now_ns)
        text = chunk.text if self.settings.output_transcripts else ""
        if text and (late_ns := self._oddities.output_words_after_ns):
            said = ServerContent(output_transcription=Transcription(text=text))
            self._timers.at(now_ns + late_ns, lambda _: None if turn.cut else self._out.content(said))
            text = ""
        # The newer models sometimes put both into one message: whoever reads one field only loses the other.
        self._out.speech(chunk.pcm, text, together=not self.settings.older and turn.speech.chunks % 3 == 0)
        self._make_next(turn)
        if not turn.agenda and not turn.making and not turn.speech.has_chunk(more_comes=False):
            turn.not_before_ns = now_ns + self._timing.scaled(self._timing.after_last_chunk_ns)

    def _call(self, turn: ModelTurn, wanted: Sequence[CallTool]) -> None:
        sent, pending = self._calls.make(wanted, self.settings)
        if not self.settings.older:
            # A 2.x model waits too, but ends its turn first.
            turn.waiting += [call for call in pending if call.blocking]
        for call in wanted:
            turn.made.add(text=f"{call.name}({dict(call.args)})")
        status = "IN_PROGRESS" if self._tells_status else ""
        if self._oddities.calls_in_pieces:
            for piece in (piece for call in sent for piece in in_pieces(call)):
                self._out.tool_call([piece], status=status)
        else:
            self._out.tool_call(sent, status=status)

    @property
    def _held(self) -> list[PendingCall]:
        """The calls whose responses a 2.x model waits for, with no turn open."""
        if not self.settings.older:
            return []
        return [call for call in self._memory.calls if call.blocking and not call.muted]

    @property
    def _tells_status(self) -> bool:
        return self.settings.can.turn_end == "interaction_status"

    def _close(self, turn: ModelTurn, now_ns: int) -> None:
        turn.made.add(audio_ns=samples_to_ns(turn.speech.sent_samples, RATE))
        usage = self._memory.context.usage(turn.made, vertex=self.settings.vertex)
        self._remember(turn)
        self._turn = None
        self.over_ns = now_ns
        turn.cut = turn.generated_ns is None
        if turn.cut:
            self.brain.was_cut(turn.speech.sent_text + turn.written)
        status = ""
        if self._tells_status:
            status = "IN_PROGRESS" if self._memory.calls or self._memory.later else "IDLE"
        self._out.turn_complete(usage, self._oddities, status, turn.reason)

    def _remember(self, turn: ModelTurn) -> None:
        self._memory.context.add("model", turn.speech.sent_text + turn.written, **turn.made.counts())
