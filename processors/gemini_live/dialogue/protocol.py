"""What the server's messages mean: a state machine without I/O or time.

``receive`` takes a message and gives what follows from it, in the order to act. It knows the turn under way, the
calls that wait for results, and the handle to resume by; it outlives connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....liveapi import FunctionResponse, ServerMessage, SessionResumptionUpdate
from .calls import Calls, Late, ToolRules
from .content import ContentReader
from .outcomes import (
    Consumed,
    Failed,
    GoingAway,
    Interaction,
    Opened,
    Outcome,
    Remark,
    Used,
    UserEnded,
    UserSpeech,
)

__all__ = ["LiveProtocol"]


class LiveProtocol:
    """The state of one Live session.

    Args:
        next_turn: opens a model turn and returns its number.
        rules: which functions there are and how their results travel.
        writes: whether the model answers in text.
    """

    def __init__(
        self, next_turn: Callable[[], int], rules: ToolRules | None = None, *, writes: bool = False
    ) -> None:
        self.handle = ""
        """The newest handle by which the session can be resumed."""
        self.resumable = False
        """Whether that handle leads to the session as it is now."""
        self.calls = Calls(rules or ToolRules())
        self.user_speaking = False
        """By the server's ears."""
        self._content = ContentReader(next_turn, writes=writes)
        self._in_progress = False

    @property
    def busy(self) -> bool:
        """Whether something of the conversation is under way or due."""
        return self.talking or bool(self.calls)

    @property
    def talking(self) -> bool:
        """The same without functions that the model does not wait for: a session can be left with them pending."""
        content = self._content
        return content.incomplete or content.answer_due or self.user_speaking or self._in_progress

    def receive(self, message: ServerMessage) -> list[Outcome]:
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
                self.calls.interrupted()
            out += self._content.receive(content)
            self._interaction(content.interaction_status, out)
            if content.turn_complete and content.turn_complete_reason:
                out.append(Remark(f"the model ended its turn: {content.turn_complete_reason}"))
        if message.tool_call is not None:
            out.append(UserEnded())
            for call in message.tool_call.function_calls:
                out += self.calls.ask(call)
        if message.tool_call_cancellation is not None:
            out += self.calls.cancel(message.tool_call_cancellation.ids)
        self._interaction(message.interaction_status, out)
        if message.usage_metadata is not None:
            out.append(Used(message.usage_metadata))
        if message.session_resumption_update is not None:
            self._resumption(message.session_resumption_update, out)
        if message.go_away is not None:
            out.append(GoingAway(message.go_away.time_left_ns))
        if message.error is not None:
            error = message.error
            out.append(Failed(f"{error.status or 'error'} {error.code}: {error.message}"))
        return out

    def expects_answer(self) -> None:
        """The model was given something: an answer is due."""
        self._content.answer_due = True

    def result(
        self, call_id: str, body: dict[str, Any], scheduling: str = "", *, continues: bool = False
    ) -> list[FunctionResponse] | Late | None:
        """What to send for a function's result; ``None`` when nobody waits for it (withdrawn, or answered)."""
        given = self.calls.result(call_id, body, scheduling, continues=continues)
        if given and scheduling != "SILENT":
            self.expects_answer()
        return given

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard: what still comes of them is ignored."""
        self._content.void(turn)

    def lost(self) -> list[Outcome]:
        """The connection is over: what the model was about to say on it is lost."""
        out = self._content.lost()
        if self.user_speaking:
            self.user_speaking = False
            out.append(UserSpeech(False))
        self._in_progress = self.resumable = False
        return out

    def afresh(self) -> None:
        """What follows is a new session, which knows nothing of the old one's calls."""
        self.handle = ""
        self._content.answer_due = False
        self.calls.orphan()

    # Inside ------------------------------------------------------------------------------------

    def _voice(self, edge: str, offset_ns: int | None, out: list[Outcome]) -> None:
        if edge not in ("START", "END"):
            return
        out.append(UserEnded())
        self.user_speaking = edge == "START"
        out.append(UserSpeech(self.user_speaking, offset_ns))

    def _interaction(self, status: str, out: list[Outcome]) -> None:
        if not status:
            return
        out.append(Interaction(status))
        if status == "IN_PROGRESS":
            self._in_progress = True
        elif status == "IDLE":
            self._in_progress = False

    def _resumption(self, update: SessionResumptionUpdate, out: list[Outcome]) -> None:
        self.resumable = update.resumable and bool(update.new_handle)
        if not self.resumable:
            return
        self.handle = update.new_handle
        if update.last_consumed_client_message_index is not None:
            # Only together with its handle: it leads to the session as it was after that message.
            out.append(Consumed(update.last_consumed_client_message_index))
