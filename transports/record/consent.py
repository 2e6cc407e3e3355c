"""Whether a caller agrees to be recorded, by what they say. Sans-IO, and in doubt it is no."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from ...pipeline.events import Event, Interrupted, SpeechChanged, StateChanged, Transcript
from ...pipeline.options import Doc, InputName, Range, Unit
from ...pipeline.units import SECOND

__all__ = ["NO", "YES", "Answer", "Asking", "Consent", "understand"]

Answer = Literal["yes", "no", "unclear"]

YES = (
    *("yes", "yeah", "yep", "yup", "sure", "ok", "okay", "of course", "certainly", "absolutely", "go ahead"),
    *(
        "you may",
        "you can",
        "that is fine",
        "that's fine",
        "i agree",
        "i consent",
        "no problem",
        "i don't mind",
    ),
    *(
        "ja",
        "gerne",
        "oui",
        "sí",
        "si",
        "claro",
        "vale",
        "sì",
        "certo",
        "sim",
        "tak",
        "da",
        "はい",
        "好的",
        "可以",
    ),
)
NO = (
    *(
        "no",
        "nope",
        "nah",
        "not",
        "don't",
        "do not",
        "never",
        "rather not",
        "please don't",
        "not sure",
        "stop",
    ),
    *("i disagree", "i refuse", "nein", "nicht", "non", "não", "nie", "нет", "いいえ", "不"),
)

_ASKED_AT_MOST = 3

_WORD = re.compile(r"[^\w']+")


def understand(said: str, yes: Iterable[str] = YES, no: Iterable[str] = NO) -> Answer:
    """What an utterance answers to "may this call be recorded?".

    The longest phrases count first, so that "no problem" is a yes and "not sure" a no; where there is a yes and a no it
    is a no, and where there is neither it is unclear.
    """
    text = f" {_plain(said)} "
    found: set[Answer] = set()
    phrases: list[tuple[str, Answer]] = [(_plain(one), "yes") for one in yes]
    phrases += [(_plain(one), "no") for one in no]
    for phrase, means in sorted(phrases, key=lambda pair: -len(pair[0])):
        if phrase and f" {phrase} " in text:
            found.add(means)
            text = text.replace(f" {phrase} ", " | ")
    if "no" in found:
        return "no"
    return "yes" if "yes" in found else "unclear"


def _plain(text: str) -> str:
    return _WORD.sub(" ", text.casefold().replace("\u2019", "'")).strip()


@dataclass(frozen=True, slots=True)
class Consent:
    """How the caller agrees to be recorded. Nothing is written, nor kept in memory, before the yes; a no is final."""

    ask: Annotated[str, Doc("question that the agent asks after its greeting")] = ""
    input: Annotated[
        str,
        InputName("boolean"),
        Doc("boolean input of the agent that answers instead, where the caller was asked before the call"),
    ] = ""
    yes: Annotated[tuple[str, ...], Doc("words and phrases that mean yes")] = YES
    no: Annotated[tuple[str, ...], Doc("words and phrases that mean no, and count more")] = NO
    within_ns: Annotated[
        int, Unit("ns"), Range(SECOND, 600 * SECOND), Doc("how long an answer is waited for; then it is no")
    ] = 30 * SECOND


class Asking:
    """Whether the caller has said yes. Told of every event, and of the time; the question is part of the first turn.

    Where the caller cut the agent off, nobody knows whether the question was heard: it is to be asked again.
    """

    def __init__(self, consent: Consent) -> None:
        self._consent = consent
        self._times = 1
        self._speaking = self._cut = False
        self._asked_ns: int | None = None
        self._voice_ns: int | None = None
        """When the caller's last utterance began."""

    def see(self, event: Event) -> Literal["yes", "no", "ask_again"] | None:
        """What follows from ``event``; ``None`` for nothing yet."""
        match event:
            case Interrupted():
                self._cut = self._cut or self._speaking
            case SpeechChanged(speaking=True):
                self._voice_ns = event.time_ns
            case StateChanged():
                return self._state(event)
            case Transcript(role="user", final=True) if self._hears:
                answer = understand(event.text, self._consent.yes, self._consent.no)
                return None if answer == "unclear" else answer
        return self.tick(event.time_ns)

    def tick(self, now_ns: int) -> Literal["no"] | None:
        """Time has passed."""
        late = self._asked_ns is not None and now_ns - self._asked_ns > self._consent.within_ns
        return "no" if late else None

    @property
    def _hears(self) -> bool:
        """Whether what the caller says now was begun when the question had been heard."""
        return self._asked_ns is not None and (self._voice_ns is None or self._voice_ns >= self._asked_ns)

    def _state(self, event: StateChanged) -> Literal["no", "ask_again"] | None:
        if event.state == "speaking":
            self._speaking = True
        elif event.state != "paused" and self._speaking:
            self._speaking = False
            if self._asked_ns is not None:
                return None
            if not self._cut and event.state != "interrupted":
                self._asked_ns = event.time_ns
                return None
            self._cut = False
            self._times += 1
            return "ask_again" if self._times <= _ASKED_AT_MOST else "no"
        return None
