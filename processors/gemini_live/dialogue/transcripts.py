"""Who said what: pieces of text become utterances, told as frames and events and kept as history.

What the agent says is told when its sound is heard, and an utterance that was cut holds what was heard of it.
Transcript frames carry no turn number: what was said stays said when its turn is interrupted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ....pipeline.events import Transcript
from ....pipeline.frames import Role, TranscriptFrame
from ....pipeline.running.context import CallContext
from ....pipeline.units import SECOND
from .history import History, HistoryEntry

__all__ = ["AgentTranscript", "UserTranscript"]

Emit = Callable[[TranscriptFrame], None]

_LONG = 2_000
_TOO_LONG = 4_000
"""Characters of an utterance that nobody ends: it ends with a sentence, or then in any case."""


class _Teller:
    """Tells of utterances of one role, which are numbered from 1."""

    def __init__(self, call: CallContext, emit: Emit, history: History, role: Role) -> None:
        self._call = call
        self._emit = emit
        self._history = history
        self._role: Role = role
        self._utterances = 0

    def number(self) -> int:
        self._utterances += 1
        return self._utterances

    def piece(self, utterance: int, piece: str, whole: str, turn: int) -> None:
        self._emit(TranscriptFrame(self._role, piece, time_ns=self._call.clock.now_ns()))
        self.publish(utterance, whole, turn, final=False)

    def final(self, utterance: int, whole: str, turn: int, *, interrupted: bool = False) -> None:
        whole = whole.strip()
        now_ns = self._call.clock.now_ns()
        self._emit(TranscriptFrame(self._role, whole, final=True, interrupted=interrupted, time_ns=now_ns))
        if whole:
            time_s = round(now_ns / SECOND, 3)
            self._history.add(HistoryEntry(self._role, whole, interrupted, time_s=time_s))
        self.publish(utterance, whole, turn, final=True, interrupted=interrupted)

    def publish(
        self, utterance: int, text: str, turn: int, *, final: bool, interrupted: bool = False
    ) -> None:
        if self._call.events.wants(Transcript):
            self._call.events.publish(
                Transcript(
                    time_ns=self._call.clock.now_ns(),
                    role=self._role,
                    utterance=utterance,
                    text=text.strip(),
                    final=final,
                    turn=turn,
                    interrupted=interrupted,
                )
            )


class UserTranscript:
    """What the user says and writes."""

    def __init__(self, call: CallContext, emit: Emit, history: History) -> None:
        self._teller = _Teller(call, emit, history, "user")
        self._utterance = 0
        self._text = ""

    @property
    def under_way(self) -> list[HistoryEntry]:
        """What has been said of an utterance that is not whole."""
        return [HistoryEntry("user", self._text.strip())] if self._text.strip() else []

    def add(self, piece: str) -> None:
        """A piece to append."""
        if not self._text and not piece.strip():
            return
        self._text += piece
        self._teller.piece(self._number(), piece, self._text, 0)
        sentence = self._text.rstrip().endswith((".", "!", "?"))
        if len(self._text) > (_LONG if sentence else _TOO_LONG):
            self.end()

    def preview(self, guess: str) -> None:
        """What the user may be saying beyond what is certain."""
        if guess.strip():
            self._teller.publish(self._number(), self._text + guess, 0, final=False)

    def end(self) -> None:
        """The utterance is whole. Without one this does nothing."""
        if self._text:
            self._teller.final(self._number(), self._text, 0)
            self._utterance, self._text = 0, ""

    def wrote(self, text: str) -> None:
        """An utterance of its own that came as text."""
        self.end()
        self._teller.final(self._number(), text, 0)
        self._utterance = 0

    def _number(self) -> int:
        # One that was only ever guessed at keeps its number for what was really said.
        self._utterance = self._utterance or self._teller.number()
        return self._utterance


class _Utterance:
    """What the agent says in one turn."""

    __slots__ = ("heard", "number", "said")

    def __init__(self, number: int) -> None:
        self.number = number
        self.said = ""
        self.heard = ""


class AgentTranscript:
    """What the agent says, as it is heard. ``changed`` is set when an utterance is over."""

    def __init__(
        self, call: CallContext, emit: Emit, history: History, changed: asyncio.Event | None = None
    ) -> None:
        self._call = call
        self._changed = changed or asyncio.Event()
        self._teller = _Teller(call, emit, history, "agent")
        self._open: dict[int, _Utterance] = {}

    @property
    def unheard(self) -> bool:
        """Whether an utterance has not been heard to its end."""
        return bool(self._open)

    @property
    def under_way(self) -> list[HistoryEntry]:
        """What has been heard of utterances that are not whole."""
        heard = [utterance.heard.strip() for utterance in self._open.values()]
        return [HistoryEntry("agent", text, interrupted=True) for text in heard if text]

    def add(self, turn: int, piece: str, at_ns: int | None) -> None:
        """A piece that is heard when the sound of ``turn`` has been played up to ``at_ns``; ``None``: now."""
        utterance = self._open.get(turn)
        if utterance is None:
            utterance = self._open[turn] = _Utterance(self._teller.number())
        utterance.said += piece
        if at_ns is None:
            self._heard(turn, piece)
            return
        self._call.turns.say(turn, at_ns, lambda: self._heard(turn, piece))

    def end(self, turn: int, at_ns: int) -> None:
        """The turn has no more words; it is whole when its sound, ``at_ns`` long, has been heard."""
        utterance = self._open.get(turn)
        if utterance is None:
            return
        if at_ns:
            self._call.turns.say(turn, at_ns, lambda: self._finish(turn))
        else:
            # Nothing will be played of it: nobody would ever report it as heard.
            utterance.heard = utterance.said
            self._finish(turn)

    def cut(self, turn: int) -> None:
        """Turns up to ``turn`` are void: what was heard of them is all."""
        for number in [number for number in self._open if number <= turn]:
            self._finish(number, interrupted=True)

    def _heard(self, turn: int, piece: str) -> None:
        utterance = self._open.get(turn)
        if utterance is not None:
            utterance.heard += piece
            self._teller.piece(utterance.number, piece, utterance.heard, turn)

    def _finish(self, turn: int, *, interrupted: bool = False) -> None:
        utterance = self._open.pop(turn, None)
        self._changed.set()
        # Of an utterance that was cut before its first word, nobody needs to know.
        if utterance is not None and utterance.heard:
            self._teller.final(utterance.number, utterance.heard, turn, interrupted=interrupted)
