"""What ``serverContent`` means: turns of the model with their sound and words, and everything beside them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from ....liveapi import Blob, Part, ServerContent
from ....pipeline.units import MS, SECOND
from .outcomes import (
    Audio,
    Code,
    CodeOutput,
    Cut,
    EndSound,
    EndWords,
    Generated,
    Grounded,
    LateWords,
    Media,
    Note,
    Outcome,
    PagesRead,
    Remark,
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
_CUT_NS = 1 * SECOND
"""Sound that comes so long after an interruption belongs to the turn that was cut, unless that was completed."""
_LATE_NS = 3 * SECOND
"""Words that come so long after the end of a turn are its last ones, where nothing new was asked."""
_LATE_USER_NS = 1_500 * MS
"""Words of the user that come so soon after an answer were said before it: they are what was answered."""
_UTTERANCE_ENDS_NS = 1_200 * MS
"""Of a model that ends no turns: silence that ends an utterance."""
_SILENT_PEAK = 100
"""Samples below this are no voice (-50 dB)."""
_RATE = re.compile(r"rate=\"?(\d{4,6})", re.IGNORECASE)
_RATES = (
    8_000,
    11_025,
    12_000,
    16_000,
    22_050,
    24_000,
    32_000,
    44_100,
    48_000,
    88_200,
    96_000,
    176_400,
    192_000,
)
"""Those at which sound comes. What is declared beside them means the nearest."""
_LONGEST_PIECE = 20_000
"""Characters of words in one message: twenty minutes of speech."""
_RAW = ("", "audio/pcm", "audio/l16", "audio/raw", "audio/x-raw", "audio/lpcm")
"""Sound that is samples and nothing else. All else would be noise."""


class ContentReader:
    """The model's turn under way. Times are nanoseconds of one clock.

    Args:
        next_turn: opens a model turn and returns its number.
        writes: whether the model answers in text, so that its text is the answer.
        ends_turns: whether the model ever says that a turn is over; else silence ends it.
    """

    def __init__(self, next_turn: Callable[[], int], *, writes: bool, ends_turns: bool = True) -> None:
        self.incomplete = False
        """Whether a turn began whose ``turnComplete`` has not come."""
        self.user_since = False
        """Whether the user was heard to speak since the newest turn began."""
        self._next_turn = next_turn
        self._writes = writes
        self._ends_turns = ends_turns
        self._turn = 0
        self._void = 0
        self._sounding = False
        """Whether content belongs to the turn under way; otherwise it begins a new one."""
        self._worded = False
        """Whether the words of the turn have not been ended."""
        self._cut_ns: int | None = None
        """When the server interrupted a turn that it has not completed: what still comes belongs to it."""
        self._completed_ns: int | None = None
        self._spoken_ns: int | None = None
        """When a turn that had something in it was complete."""
        self._notes = ""
        """What an audio model wrote in a turn without sound."""
        self._audio_ns = 0
        self._half = b""
        """A byte that is half a sample: the next piece has the other half."""
        self._last_ns = 0
        self._unheard: set[str] = set()
        """Kinds of sound that were told not to be playable."""

    @property
    def voided(self) -> bool:
        """Whether the newest turn is not to be heard."""
        return self._turn <= self._void

    @property
    def deadline_ns(self) -> int | None:
        """When ``tick`` is to be called; ``None`` when no time matters."""
        if self._ends_turns or not self.incomplete:
            return None
        return self._last_ns + _UTTERANCE_ENDS_NS

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard: what still comes of them is ignored."""
        self._void = max(self._void, int(turn))

    def receive(self, content: ServerContent, now_ns: int, *, asked: bool) -> list[Outcome]:
        """What follows, in the order to act: an interruption first, then content, then ends.

        Each field stands for itself: newer models send several in one message. ``asked``: something waits for an
        answer.
        """
        out: list[Outcome] = []
        if content.interrupted:
            self._interrupt(now_ns, out)
        at_ns = self._audio_ns if self._sounding else 0
        for part in content.model_turn.parts if content.model_turn is not None else ():
            self._part(part, now_ns, out)
        self._heard(content, now_ns, out)
        self._said(content, at_ns, now_ns, asked, out)
        if content.grounding_metadata is not None:
            out.append(Grounded(self._turn, content.grounding_metadata))
        if content.url_context_metadata is not None:
            out.append(PagesRead(self._turn, content.url_context_metadata))
        if content.generation_complete:
            out.append(UserEnded())
            self._end_sound(out)
            # Of a turn with nothing in it there is no number: the one before was generated long ago.
            out.append(Generated(self._turn, self._audio_ns) if self.incomplete else Generated(0))
        if content.turn_complete:
            self._complete(content, now_ns, out)
        return out

    def tick(self, now_ns: int) -> list[Outcome]:
        """Time has passed: an utterance of a model that ends no turns may be over."""
        deadline_ns = self.deadline_ns
        out: list[Outcome] = []
        if deadline_ns is not None and now_ns >= deadline_ns:
            self.over(now_ns, out)
            out.append(UserEnded())
        return out

    def over(self, now_ns: int, out: list[Outcome]) -> None:
        """No more of the turn follows, though nothing says so."""
        self.end(out, broken=self._sounding and self._ends_turns)
        self.incomplete, self._cut_ns, self._completed_ns = False, None, now_ns
        self._spoken_ns = now_ns

    def end(self, out: list[Outcome], *, broken: bool = False) -> None:
        """No more of the turn follows. ``broken``: the model had more to say."""
        self._end_sound(out)
        if self._worded:
            self._worded = False
            if self._turn > self._void:
                out.append(EndWords(self._turn, self._audio_ns, broken))

    def lost(self) -> list[Outcome]:
        """The connection broke: what the model was about to say is lost."""
        out: list[Outcome] = []
        self.end(out, broken=self._sounding)
        self.incomplete, self._cut_ns, self._notes, self._spoken_ns = False, None, "", None
        return out

    # Parts -------------------------------------------------------------------------------------

    def _part(self, part: Part, now_ns: int, out: list[Outcome]) -> None:
        if part.text:
            if self._writes and not part.thought:
                if not self._is_cut(now_ns):
                    turn = self._open(out)
                    if turn > self._void:
                        out.append(Words(turn, part.text, None))
            else:
                # A thought, or a remark beside the speech, whose words come as a transcription.
                out.append(Note(self._turn, part.text, part.thought))
                if not part.thought:
                    self._notes += part.text
        blob = part.inline_data
        if blob is not None and not part.thought:
            kind = blob.mime_type.partition(";")[0].strip().lower()
            if kind in _RAW:
                self._audio(blob, now_ns, out)
            elif kind.startswith("audio/"):
                if kind not in self._unheard:
                    self._unheard.add(kind)
                    out.append(Remark(f"the model sends sound as {kind[:40]}, which cannot be played"))
            elif not self._is_cut(now_ns):
                out.append(Media(self._open(out), blob.mime_type, blob.data))
        if part.executable_code is not None:
            code = part.executable_code
            out.append(Code(self._turn, code.code, code.language, code.id))
        if part.code_execution_result is not None:
            result = part.code_execution_result
            out.append(CodeOutput(self._turn, result.outcome, result.output, result.id))

    def _audio(self, blob: Blob, now_ns: int, out: list[Outcome]) -> None:
        if self._is_cut(now_ns):
            return
        if not self._ends_turns and _is_silent(blob.data):
            # It goes on sending while it says nothing; that is no utterance.
            if self.incomplete:
                self._sound(blob, self._turn, out)
            return
        self._last_ns = now_ns
        self._sound(blob, self._open(out), out)

    def _sound(self, blob: Blob, turn: int, out: list[Outcome]) -> None:
        pcm = self._half + blob.data
        whole = len(pcm) // 2 * 2
        pcm, self._half = pcm[:whole], pcm[whole:]
        declared = _RATE.search(blob.mime_type)
        rate = _nearest_rate(int(declared[1])) if declared else _DEFAULT_RATE
        if pcm and turn > self._void:
            out.append(Audio(turn, pcm, rate, self._audio_ns))
        self._audio_ns += len(pcm) // 2 * SECOND // rate

    def _heard(self, content: ServerContent, now_ns: int, out: list[Outcome]) -> None:
        """What the user said, as text."""
        heard = content.input_transcription
        if heard is not None:
            out.append(Transcribed(True, heard))
            if heard.text:
                out.append(UserWords(heard.text, answered=self._is_answered(now_ns)))
            if heard.finished:
                out.append(UserEnded())
        preview = content.interim_input_transcription
        if preview is not None and preview.text:
            out.append(Transcribed(True, preview, interim=True))
            out.append(UserPreview(preview.text))

    def _is_answered(self, now_ns: int) -> bool:
        """Whether words of the user that come now are those to which the newest turn was the answer."""
        if self.user_since or self._cut_ns is not None or not self._turn:
            return False
        recent = self._completed_ns is not None and now_ns - self._completed_ns < _LATE_USER_NS
        return self.incomplete or recent

    def _said(self, content: ServerContent, at_ns: int, now_ns: int, asked: bool, out: list[Outcome]) -> None:
        """What the model says, as text."""
        said = content.output_transcription
        if said is None:
            return
        out.append(Transcribed(False, said))
        if not said.text or self._is_cut(now_ns):
            return
        self._last_ns = now_ns
        text = said.text[:_LONGEST_PIECE]
        if len(text) < len(said.text):
            out.append(
                Remark(
                    f"{len(said.text)} characters of what the model says came at once: the rest is dropped"
                )
            )
        if self._is_late(now_ns, asked):
            if self._turn > self._void:
                out.append(LateWords(self._turn, text, self._audio_ns))
            return
        # Between the end of the sound and the end of the turn, words still belong to that turn.
        turn = self._turn if self._worded else self._open(out)
        if turn > self._void:
            out.append(Words(turn, text, at_ns if self._sounding else self._audio_ns))

    def _is_late(self, now_ns: int, asked: bool) -> bool:
        """Whether words that come now are the last of a turn that is complete."""
        if self._worded or self._sounding or self._spoken_ns is None or asked or self.user_since:
            return False
        return now_ns - self._spoken_ns < _LATE_NS

    # Turns -------------------------------------------------------------------------------------

    def _open(self, out: list[Outcome]) -> int:
        """The turn that content now belongs to."""
        if not self._sounding:
            self.end(out)
            self._turn = self._next_turn()
            self._sounding = self._worded = self.incomplete = True
            self._cut_ns = self._completed_ns = self._spoken_ns = None
            self.user_since = False
            self._audio_ns, self._half, self._notes = 0, b"", ""
            out.append(StartTurn(self._turn))
        return self._turn

    def _is_cut(self, now_ns: int) -> bool:
        """Whether what comes now belongs to a turn that the server has interrupted."""
        return self._cut_ns is not None and now_ns - self._cut_ns < _CUT_NS

    def _interrupt(self, now_ns: int, out: list[Outcome]) -> None:
        out.append(UserEnded())
        sounding, worded = self._sounding, self._worded
        self._sounding = self._worded = self.incomplete = False
        self._cut_ns, self._notes = now_ns, ""
        # After turnComplete the sound may still be playing: the newest turn is cut whatever its state.
        if self._turn > self._void:
            self._void = int(self._turn)
            out.append(Cut(self._turn, sounding, worded))

    def _complete(self, content: ServerContent, now_ns: int, out: list[Outcome]) -> None:
        out.append(UserEnded())
        cut = self._cut_ns is not None or (self.incomplete and self._turn <= self._void)
        empty = not self.incomplete and not cut
        if empty and self._notes.strip():
            # It wrote instead of speaking: that is in the conversation, though nobody has heard it.
            written = self._notes
            out.append(Words(self._open(out), written, 0))
        self.end(out)
        self.incomplete, self._cut_ns, self._notes, self._completed_ns = False, None, "", now_ns
        if not empty:
            self._spoken_ns = now_ns
        out.append(TurnComplete(self._turn, content.turn_complete_reason, content.waiting_for_input, cut=cut))

    def _end_sound(self, out: list[Outcome]) -> None:
        if self._sounding:
            self._sounding = False
            if self._turn > self._void:
                out.append(EndSound(self._turn))


def _nearest_rate(declared: int) -> int:
    if not declared:
        return _DEFAULT_RATE
    return declared if declared in _RATES else min(_RATES, key=lambda rate: abs(rate - declared))


def _is_silent(pcm: bytes) -> bool:
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")
    return not len(samples) or int(np.abs(samples.astype(np.int32)).max()) < _SILENT_PEAK
