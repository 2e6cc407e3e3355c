"""What the server's messages mean: a state machine without I/O or time.

``receive`` takes a message and gives what follows from it, in the order to act: an interruption first, then
content, then ends. It knows the turn under way, the calls that wait for results, and the handle to resume by; it
outlives connections.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ....pipeline.units import SECOND
from ..wire import (
    Blob,
    FunctionCall,
    FunctionResponse,
    ServerContent,
    ServerMessage,
    Transcription,
)
from .outcomes import (
    Answer,
    Audio,
    CallTool,
    CancelTools,
    Cut,
    EndSound,
    EndWords,
    Failed,
    GoingAway,
    Outcome,
    Remark,
    StartTurn,
    TurnComplete,
    Used,
    UserEnded,
    UserPreview,
    UserSpeech,
    UserWords,
    Words,
)

__all__ = ["LiveProtocol"]

_DEFAULT_RATE = 24_000
_RATE = re.compile(r"rate=(\d{4,6})")
_MOST_PENDING = 512


@dataclass(frozen=True, slots=True)
class _Pending:
    name: str
    named_by_server: bool


class LiveProtocol:
    """The state of one Live session.

    Args:
        next_turn: opens a model turn and returns its number.
        functions: names of the functions there are; ``None`` when that is not known, and every call is passed on.
    """

    def __init__(self, next_turn: Callable[[], int], functions: frozenset[str] | None = None) -> None:
        self.handle = ""
        """The newest handle by which the session can be resumed."""
        self.functions = functions
        self.pending: dict[str, _Pending] = {}
        self.user_speaking = False
        """By the server's ears."""
        self.answer_due = False
        """Whether the model was given something to answer and has not begun to."""
        self._next_turn = next_turn
        self._turn = 0
        self._void = 0
        self._sounding = False
        """Whether content belongs to the turn under way; otherwise it begins a new one."""
        self._incomplete = False
        """Whether a turn began whose ``turnComplete`` has not come."""
        self._worded = False
        """Whether the words of the turn have not been ended."""
        self._cut = False
        """Whether the server interrupted and has not completed the turn: words that still come belong to it."""
        self._in_progress = False
        self._audio_ns = 0
        self._made_ids = itertools.count(1)

    @property
    def busy(self) -> bool:
        """Whether something of the conversation is under way or due."""
        return bool(
            self._incomplete or self.answer_due or self.pending or self.user_speaking or self._in_progress
        )

    def receive(self, message: ServerMessage) -> list[Outcome]:
        """What follows from a message of the server."""
        out: list[Outcome] = []
        if message.voice_activity is not None:
            self._voice(message.voice_activity.type.removeprefix("ACTIVITY_"), out)
        if message.voice_activity_detection_signal is not None:
            signal = message.voice_activity_detection_signal.vad_signal_type
            self._voice({"SOS": "START", "EOS": "END"}.get(signal.rpartition("_")[2], ""), out)
        if message.server_content is not None:
            self._content(message.server_content, out)
        if message.tool_call is not None:
            self._end_user(out)
            for call in message.tool_call.function_calls:
                self._call(call, out)
        if message.tool_call_cancellation is not None:
            known = [i for i in message.tool_call_cancellation.ids if self.pending.pop(i, None) is not None]
            if known:
                out.append(CancelTools(tuple(known)))
        self._progress(message.interaction_status)
        if message.usage_metadata is not None:
            out.append(Used(message.usage_metadata))
        update = message.session_resumption_update
        if update is not None and update.resumable and update.new_handle:
            self.handle = update.new_handle
        if message.go_away is not None:
            out.append(GoingAway(message.go_away.time_left))
        if message.error is not None:
            error = message.error
            out.append(Failed(f"{error.status or 'error'} {error.code}: {error.message}"))
        return out

    def sent_text(self) -> None:
        """The model was given text: an answer is due."""
        self.answer_due = True

    def result(
        self, call_id: str, name: str, result: dict[str, Any], scheduling: str
    ) -> FunctionResponse | None:
        """The message for a function's result; ``None`` when nobody waits for it (withdrawn, or answered)."""
        waiting = self.pending.pop(call_id, None)
        if waiting is None:
            return None
        if scheduling != "SILENT":
            self.answer_due = True
        # An id that we made up says nothing to the server: it then goes by the name.
        wire_id = call_id if waiting.named_by_server else ""
        return FunctionResponse(id=wire_id, name=name, response=result, scheduling=scheduling)

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard: what still comes of them is ignored."""
        self._void = max(self._void, turn)

    def lost(self) -> list[Outcome]:
        """The connection broke: what the model was about to say is lost."""
        out: list[Outcome] = []
        self._end_turn(out)
        if self.user_speaking:
            self.user_speaking = False
            out.append(UserSpeech(False))
        self._incomplete = self._cut = self._in_progress = False
        return out

    def renewed(self) -> list[Outcome]:
        """A new session knows nothing of the old one's calls."""
        self.handle = ""
        self.answer_due = False
        ids = tuple(self.pending)
        self.pending.clear()
        return [CancelTools(ids)] if ids else []

    # Content -----------------------------------------------------------------------------------

    def _content(self, content: ServerContent, out: list[Outcome]) -> None:
        if content.interrupted:
            self._interrupt(out)
        at_ns = self._audio_ns if self._sounding else 0
        if content.model_turn is not None:
            for part in content.model_turn.parts:
                if part.inline_data is not None and not part.thought:
                    self._audio(part.inline_data, out)
        self._transcriptions(content, at_ns, out)
        if content.generation_complete:
            self._end_user(out)
            self._end_sound(out)
        self._progress(content.interaction_status)
        if content.turn_complete:
            self._end_user(out)
            self._end_turn(out)
            # The end of a turn that was cut is no answer to what cut it.
            self.answer_due = self.answer_due and self._cut
            self._incomplete = self._cut = False
            out.append(TurnComplete())
            if content.turn_complete_reason:
                out.append(Remark(f"the model ended its turn: {content.turn_complete_reason}"))

    def _transcriptions(self, content: ServerContent, at_ns: int, out: list[Outcome]) -> None:
        heard: Transcription | None = content.input_transcription
        if heard is not None:
            if heard.text:
                out.append(UserWords(heard.text))
                self.answer_due = self.answer_due or bool(heard.text.strip())
            if heard.finished:
                self._end_user(out)
        preview = content.interim_input_transcription
        if preview is not None and preview.text:
            out.append(UserPreview(preview.text))
        said = content.output_transcription
        if said is not None and said.text and not self._cut:
            # Between the end of the sound and the end of the turn, words still belong to that turn.
            turn = self._turn if self._worded else self._open(out)
            if turn > self._void:
                out.append(Words(turn, said.text, at_ns if self._sounding else self._audio_ns))

    def _audio(self, blob: Blob, out: list[Outcome]) -> None:
        turn = self._open(out)
        pcm = blob.data if len(blob.data) % 2 == 0 else blob.data[:-1]
        declared = _RATE.search(blob.mime_type)
        rate = int(declared[1]) if declared else _DEFAULT_RATE
        if pcm and turn > self._void:
            out.append(Audio(turn, pcm, rate, self._audio_ns))
        self._audio_ns += len(pcm) // 2 * SECOND // rate

    def _open(self, out: list[Outcome]) -> int:
        """The turn that content now belongs to."""
        if not self._sounding:
            self._end_turn(out)
            self._turn = self._next_turn()
            self._sounding = self._worded = self._incomplete = True
            self._cut = self.answer_due = False
            self._audio_ns = 0
            out.append(StartTurn(self._turn))
        return self._turn

    def _interrupt(self, out: list[Outcome]) -> None:
        self._end_user(out)
        self._sounding = self._worded = self._incomplete = False
        self._cut = True
        # After turnComplete the sound may still be playing: the newest turn is cut whatever its state.
        if self._turn > self._void:
            self._void = self._turn
            out.append(Cut(self._turn))

    def _end_sound(self, out: list[Outcome]) -> None:
        if self._sounding:
            self._sounding = False
            if self._turn > self._void:
                out.append(EndSound(self._turn))

    def _end_turn(self, out: list[Outcome]) -> None:
        self._end_sound(out)
        if self._worded:
            self._worded = False
            if self._turn > self._void:
                out.append(EndWords(self._turn, self._audio_ns))

    # The rest ----------------------------------------------------------------------------------

    def _voice(self, edge: str, out: list[Outcome]) -> None:
        if edge not in ("START", "END"):
            return
        self._end_user(out)
        self.user_speaking = edge == "START"
        out.append(UserSpeech(self.user_speaking))

    def _end_user(self, out: list[Outcome]) -> None:
        out.append(UserEnded())

    def _progress(self, status: str) -> None:
        if status == "IN_PROGRESS":
            self._in_progress = True
        elif status == "IDLE":
            self._in_progress = False

    def _call(self, call: FunctionCall, out: list[Outcome]) -> None:
        call_id = call.id or f"local-{next(self._made_ids)}"
        if call_id in self.pending:
            out.append(
                Remark(f"the server asked twice for {call.name} under the id {call_id}; it is asked once")
            )
            return
        unknown = self.functions is not None and call.name not in self.functions
        if unknown or len(self.pending) >= _MOST_PENDING:
            why = (
                f"there is no function {call.name!r}" if unknown else "too many calls wait for their results"
            )
            out.append(Remark(f"{why}: the model is told so"))
            out.append(Answer(FunctionResponse(id=call.id, name=call.name, response={"error": why})))
            return
        self.pending[call_id] = _Pending(call.name, bool(call.id))
        out.append(CallTool(call_id, call.name, call.args))
