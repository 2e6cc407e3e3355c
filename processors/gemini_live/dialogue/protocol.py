"""What the server's messages mean: a state machine without I/O; time is an argument.

``receive`` takes a message and gives what follows from it, in the order to act. It knows the turn under way, the
calls that wait for results, and the handle to resume by; it outlives connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....liveapi import FunctionResponse, ServerMessage, SessionResumptionUpdate
from ....pipeline.units import SECOND
from ..answers.decisions import AskAgain, Decision, TurnOver
from ..answers.policy import Cause
from ..answers.watch import AnswerWatch
from .calls import Calls, Late, ToolRules
from .content import ContentReader
from .outcomes import (
    Answer,
    Audio,
    CallTool,
    CancelTools,
    Code,
    CodeOutput,
    Consumed,
    Failed,
    Generated,
    GoingAway,
    Grounded,
    Interaction,
    LateWords,
    Media,
    Note,
    Opened,
    Outcome,
    Remark,
    TurnComplete,
    Used,
    UserEnded,
    UserSpeech,
    UserWords,
    Words,
)

__all__ = ["LiveProtocol"]


class LiveProtocol:
    """The state of one Live session. Times are nanoseconds of one clock.

    Args:
        next_turn: opens a model turn and returns its number.
        rules: which functions there are and how their results travel.
        watch: whether answers come, and what is done when they do not.
        writes: whether the model answers in text.
        ends_turns: whether the model ever says that a turn is over.
        salt: tells the keys of this conversation's calls from all others.
        claims: takes the id of a call, unless another session of the same call has it; see ``Calls``.
    """

    def __init__(
        self,
        next_turn: Callable[[], int],
        rules: ToolRules | None = None,
        *,
        watch: AnswerWatch | None = None,
        writes: bool = False,
        ends_turns: bool = True,
        salt: str = "",
        claims: Callable[[str], bool] = lambda call_id: True,
    ) -> None:
        self.handle = ""
        """The newest handle by which the session can be resumed."""
        self.resumable = False
        """Whether that handle leads to the session as it is now."""
        self.calls = Calls(rules or ToolRules(), salt, claims)
        self.watch = watch or AnswerWatch(writes=writes)
        self.user_speaking = False
        """By the server's ears."""
        self._content = ContentReader(next_turn, writes=writes, ends_turns=ends_turns)
        self._in_progress = False

    @property
    def busy(self) -> bool:
        """Whether something of the conversation is under way or due."""
        return self.talking or bool(self.calls)

    @property
    def talking(self) -> bool:
        """The same without functions that the model does not wait for: a session can be left with them pending."""
        asked = self.watch.expecting or bool(self.calls.pieces)
        return self._content.incomplete or asked or self.user_speaking or self._in_progress

    @property
    def deadline_ns(self) -> int | None:
        """When ``tick`` is to be called at the latest; ``None`` when no time matters."""
        found = [at for at in (self.watch.deadline_ns, self._content.deadline_ns) if at is not None]
        return min(found, default=None)

    def receive(self, message: ServerMessage, now_ns: int) -> list[Outcome]:
        """What follows from a message of the server. Every field counts, whatever else is set."""
        out: list[Outcome] = []
        if message.setup_complete is not None:
            out.append(Opened(message.setup_complete.session_id))
        activity = message.voice_activity
        if activity is not None:
            self._voice(activity.type.removeprefix("ACTIVITY_"), activity.audio_offset_ns, out)
        if message.voice_activity_detection_signal is not None:
            signal = message.voice_activity_detection_signal.vad_signal_type
            self._voice({"SOS": "START", "EOS": "END"}.get(signal.rpartition("_")[2], ""), None, out)
        content = message.server_content
        if content is not None:
            if content.speech_state == ("NON_SPEECH" if self.user_speaking else "SPEECH"):
                # A state, told again and again, where the others are edges.
                self._voice("END" if self.user_speaking else "START", None, out)
            if content.interrupted:
                self.calls.broken_off()
                out += self.watch.interrupted(now_ns)
            out += self._content.receive(content, now_ns, asked=self.watch.waiting)
            self._interaction(content.interaction_status, now_ns, out)
            if content.turn_complete and content.turn_complete_reason:
                out.append(Remark(f"the model ended its turn: {content.turn_complete_reason}"))
        if message.tool_call is not None:
            out.append(UserEnded())
            for call in message.tool_call.function_calls:
                out += self.calls.ask(call)
            if self.calls.pieces:
                out += self.watch.busy(now_ns)
        if content is not None and content.turn_complete:
            out += [
                Remark(f"the model did not finish its call of {name!r}: it is not made")
                for name in self.calls.pieces.drop()
            ]
        if message.tool_call_cancellation is not None:
            out += self.calls.cancel(message.tool_call_cancellation.ids)
        self._interaction(message.interaction_status, now_ns, out)
        if message.usage_metadata is not None:
            out.append(Used(message.usage_metadata))
        if message.session_resumption_update is not None:
            self._resumption(message.session_resumption_update, out)
        if message.go_away is not None:
            out.append(GoingAway(message.go_away.time_left_ns))
        if message.error is not None:
            error = message.error
            out.append(Failed(f"{error.status or 'error'} {error.code}: {error.message}"))
        return self._watched(out, now_ns)

    def unreadable(self) -> None:
        """A message, or a part of one, was not understood."""
        self.calls.pieces.spoil("a part of it was not understood")

    # What the call tells -----------------------------------------------------------------------

    def asked(self, cause: Cause, now_ns: int) -> list[Outcome]:
        """The model was given something: an answer is due."""
        return self._decided(self.watch.asked(now_ns, cause), now_ns)

    def user_started(self, now_ns: int) -> None:
        """Somebody hears the user speak."""
        self._content.user_since = True
        self.watch.user_started(now_ns)

    def user_stopped(self, now_ns: int) -> None:
        """Nobody hears the user speak any more."""
        self.watch.user_stopped(now_ns)

    def result(
        self,
        call_id: str,
        body: dict[str, Any],
        scheduling: str = "",
        *,
        continues: bool = False,
        undone: bool = False,
        now_ns: int,
    ) -> list[FunctionResponse] | Late | None:
        """What to send for a function's result; ``None`` when nobody waits for it (withdrawn, or answered)."""
        given = self.calls.result(call_id, body, scheduling, continues=continues, undone=undone)
        if given is not None and not continues:
            self.watch.function_ended(now_ns)
        if given and scheduling != "SILENT":
            self.watch.asked(now_ns, "result")
        return given

    def void(self, turn: int, now_ns: int) -> None:
        """Turns up to ``turn`` are not to be heard: what still comes of them is ignored."""
        self._content.void(turn)
        if self._content.voided:
            self.watch.cut(now_ns)

    def went_on(self, now_ns: int) -> list[Outcome]:
        """The turn that the service has cut is heard all the same: nobody had interrupted it."""
        return self._decided(self.watch.went_on(now_ns), now_ns)

    def tick(self, now_ns: int) -> list[Outcome]:
        """Time has passed. To be called at ``deadline_ns``."""
        return [*self._content.tick(now_ns), *self._decided(self.watch.tick(now_ns), now_ns)]

    def lost(self, now_ns: int) -> list[Outcome]:
        """The connection is over: what the model was about to say on it is lost."""
        out = self._content.lost()
        if self.user_speaking:
            self.user_speaking = False
            out.append(UserSpeech(False))
        self._in_progress = self.resumable = False
        self.calls.broken_off()
        self.watch.lost(now_ns)
        return out

    def up(self, now_ns: int, *, told: bool) -> list[Outcome]:
        """There is a connection again. ``told``: to a new session, which knows in words of what waits."""
        return self._decided(self.watch.up(now_ns, told=told), now_ns)

    def afresh(self) -> None:
        """What follows is a new session, which knows nothing of the old one's calls."""
        self.handle = ""
        self.calls.orphan()
        self.watch.orphaned()

    # Inside ------------------------------------------------------------------------------------

    def _watched(self, outcomes: list[Outcome], now_ns: int) -> list[Outcome]:
        """Tell the watch of them; what it decides comes where it belongs, after its cause."""
        watch, out = self.watch, []
        for outcome in outcomes:
            out.append(outcome)
            decided: list[Decision] = []
            match outcome:
                case Audio(turn, pcm, rate):
                    decided = watch.sound(now_ns, turn, len(pcm) // 2 * SECOND // rate)
                case Media(turn):
                    decided = watch.sound(now_ns, turn, 0)
                case Words(turn, text) | LateWords(turn, text):
                    decided = watch.words(now_ns, turn, text)
                case UserWords(text, answered):
                    if text.strip() and not answered:
                        decided = watch.asked(now_ns, "words")
                case CallTool():
                    decided = watch.called(now_ns)
                case CancelTools(ids):
                    for _ in ids:
                        watch.function_ended(now_ns)
                case Answer():
                    # Of a call that no function was asked for: it is answered like any other.
                    watch.called(now_ns)
                    watch.function_ended(now_ns)
                    decided = watch.asked(now_ns, "result")
                case Note() | Code() | CodeOutput() | Grounded():
                    decided = watch.busy(now_ns)
                case Generated():
                    decided = watch.generated(now_ns)
                case TurnComplete(_, reason, waits, cut):
                    if not cut:
                        self.calls.answered(sounded=watch.sounds)
                    decided = watch.completed(now_ns, reason=reason, waits=waits, cut=cut)
            out += self._decided(decided, now_ns)
        return out

    def _decided(self, decisions: list[Decision], now_ns: int) -> list[Outcome]:
        out: list[Outcome] = []
        for decision in decisions:
            if isinstance(decision, TurnOver):
                self._content.over(now_ns, out)
                continue
            if isinstance(decision, AskAgain):
                # The wish is the same, whether the model goes about it anew or not.
                self.calls.may_repeat()
            out.append(decision)
        return out

    def _voice(self, edge: str, offset_ns: int | None, out: list[Outcome]) -> None:
        if edge not in ("START", "END"):
            return
        out.append(UserEnded())
        self.user_speaking = edge == "START"
        out.append(UserSpeech(self.user_speaking, offset_ns))

    def _interaction(self, status: str, now_ns: int, out: list[Outcome]) -> None:
        if not status:
            return
        out.append(Interaction(status))
        if status in ("IN_PROGRESS", "IDLE"):
            self._in_progress = status == "IN_PROGRESS"
            self.watch.at_work(now_ns, is_so=self._in_progress)

    def _resumption(self, update: SessionResumptionUpdate, out: list[Outcome]) -> None:
        self.resumable = update.resumable and bool(update.new_handle)
        if not self.resumable:
            return
        self.handle = update.new_handle
        if update.last_consumed_client_message_index is not None:
            # Only together with its handle: it leads to the session as it was after that message.
            out.append(Consumed(update.last_consumed_client_message_index))
