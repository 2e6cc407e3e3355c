"""What ``serverContent`` means: turns of the model with their sound and words, and everything beside them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from ....liveapi import Blob, Part, ServerContent
from ....pipeline.units import SECOND
from .outcomes import (
    Audio,
    Code,
    CodeOutput,
    Cut,
    EndSound,
    EndWords,
    Generated,
    Grounded,
    Media,
    Note,
    Outcome,
    PagesRead,
    StartTurn,
    Transcribed,
    TurnComplete,
    UserEnded,
    UserPreview,
    UserWords,
    Words,
)

__all__ = ["ContentReader"]

_DEFAULT_RATE = 24_000
_RATE = re.compile(r"rate=(\d{4,6})")


class ContentReader:
    """The model's turn under way.

    Args:
        next_turn: opens a model turn and returns its number.
        writes: whether the model answers in text, so that its text is the answer.
    """

    def __init__(self, next_turn: Callable[[], int], *, writes: bool) -> None:
        self.answer_due = False
        """Whether the model was given something to answer and has not begun to."""
        self.incomplete = False
        """Whether a turn began whose ``turnComplete`` has not come."""
        self._next_turn = next_turn
        self._writes = writes
        self._turn = 0
        self._void = 0
        self._sounding = False
        """Whether content belongs to the turn under way; otherwise it begins a new one."""
        self._worded = False
        """Whether the words of the turn have not been ended."""
        self._cut = False
        """Whether the server interrupted and has not completed the turn: words that still come belong to it."""
        self._audio_ns = 0

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard: what still comes of them is ignored."""
        self._void = max(self._void, turn)

    def receive(self, content: ServerContent) -> list[Outcome]:
        """What follows, in the order to act: an interruption first, then content, then ends.

        Each field stands for itself: newer models send several in one message.
        """
        out: list[Outcome] = []
        if content.interrupted:
            self._interrupt(out)
        at_ns = self._audio_ns if self._sounding else 0
        for part in content.model_turn.parts if content.model_turn is not None else ():
            self._part(part, out)
        self._transcriptions(content, at_ns, out)
        if content.grounding_metadata is not None:
            out.append(Grounded(self._turn, content.grounding_metadata))
        if content.url_context_metadata is not None:
            out.append(PagesRead(self._turn, content.url_context_metadata))
        if content.generation_complete:
            out.append(UserEnded())
            self._end_sound(out)
            out.append(Generated(self._turn))
        if content.turn_complete:
            out.append(UserEnded())
            self.end(out)
            # The end of a turn that was cut is no answer to what cut it.
            self.answer_due = self.answer_due and self._cut
            self.incomplete = self._cut = False
            out.append(TurnComplete(self._turn, content.turn_complete_reason, content.waiting_for_input))
        return out

    def end(self, out: list[Outcome]) -> None:
        """No more of the turn follows."""
        self._end_sound(out)
        if self._worded:
            self._worded = False
            if self._turn > self._void:
                out.append(EndWords(self._turn, self._audio_ns))

    def lost(self) -> list[Outcome]:
        """The connection broke: what the model was about to say is lost."""
        out: list[Outcome] = []
        self.end(out)
        self.incomplete = self._cut = False
        return out

    # Parts -------------------------------------------------------------------------------------

    def _part(self, part: Part, out: list[Outcome]) -> None:
        if part.text:
            if self._writes and not part.thought:
                turn = self._open(out)
                if turn > self._void:
                    out.append(Words(turn, part.text, None))
            else:
                # A thought, or a remark beside the speech, whose words come as a transcription.
                out.append(Note(self._turn, part.text, part.thought))
        blob = part.inline_data
        if blob is not None and not part.thought:
            if blob.mime_type.lower().startswith("audio/") or not blob.mime_type:
                self._audio(blob, out)
            else:
                out.append(Media(self._open(out), blob.mime_type, blob.data))
        if part.executable_code is not None:
            code = part.executable_code
            out.append(Code(self._turn, code.code, code.language, code.id))
        if part.code_execution_result is not None:
            result = part.code_execution_result
            out.append(CodeOutput(self._turn, result.outcome, result.output, result.id))

    def _audio(self, blob: Blob, out: list[Outcome]) -> None:
        turn = self._open(out)
        pcm = blob.data if len(blob.data) % 2 == 0 else blob.data[:-1]
        declared = _RATE.search(blob.mime_type)
        rate = int(declared[1]) if declared else _DEFAULT_RATE
        if pcm and turn > self._void:
            out.append(Audio(turn, pcm, rate, self._audio_ns))
        self._audio_ns += len(pcm) // 2 * SECOND // rate

    def _transcriptions(self, content: ServerContent, at_ns: int, out: list[Outcome]) -> None:
        heard = content.input_transcription
        if heard is not None:
            out.append(Transcribed(True, heard))
            if heard.text:
                out.append(UserWords(heard.text))
                self.answer_due = self.answer_due or bool(heard.text.strip())
            if heard.finished:
                out.append(UserEnded())
        preview = content.interim_input_transcription
        if preview is not None and preview.text:
            out.append(Transcribed(True, preview, interim=True))
            out.append(UserPreview(preview.text))
        said = content.output_transcription
        if said is None:
            return
        out.append(Transcribed(False, said))
        if said.text and not self._cut:
            # Between the end of the sound and the end of the turn, words still belong to that turn.
            turn = self._turn if self._worded else self._open(out)
            if turn > self._void:
                out.append(Words(turn, said.text, at_ns if self._sounding else self._audio_ns))

    # Turns -------------------------------------------------------------------------------------

    def _open(self, out: list[Outcome]) -> int:
        """The turn that content now belongs to."""
        if not self._sounding:
            self.end(out)
            self._turn = self._next_turn()
            self._sounding = self._worded = self.incomplete = True
            self._cut = self.answer_due = False
            self._audio_ns = 0
            out.append(StartTurn(self._turn))
        return self._turn

    def _interrupt(self, out: list[Outcome]) -> None:
        out.append(UserEnded())
        self._sounding = self._worded = self.incomplete = False
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
