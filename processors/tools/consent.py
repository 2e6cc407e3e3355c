"""Whether the caller has said yes: decided by what was heard, not by the model. Pure, with time as an argument.

A tool with ``confirm`` is asked for twice. The first time nothing is done and the model is told to ask; the second
time, with the same arguments, it is done if meanwhile the agent was heard to say something and the caller answered
yes. A yes counts once.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ...pipeline.units import SECOND

__all__ = ["Consents", "Verdict", "Words", "judge_words"]

Verdict = Literal["unasked", "waiting", "yes", "no"]

_LASTS_NS = 180 * SECOND
"""A yes that is older is none any more."""
_MOST = 32

_YES = (
    "yes yeah yep yup yah sure okay ok alright right correct exactly absolutely definitely certainly please"
    "|do it|go ahead|of course|sounds good|that is fine|that's fine|i confirm|confirmed|perfect|agreed|"
    "ja|jawohl|gerne|einverstanden|stimmt|richtig|genau|klar|oui|ouais|d'accord|volontiers|bien sûr|"
    "sí|si|claro|vale|de acuerdo|sì|certo|va bene|d'accordo|sim|está bem|com certeza|graag|prima|akkoord|"
    "tak|zgoda|ano|да|конечно|хорошо|так|evet|tamam|हाँ|हां|ji haan|نعم|כן|はい|ええ|お願いします|"
    "是|是的|好|好的|对|可以|네|예|좋아요|vâng|có|ya|boleh|joo|kyllä|igen|da"
)
_NO = (
    "no nope nah not never wait stop cancel wrong don't dont"
    "|do not|rather not|hold on|forget it|nein|nicht|falsch|halt|moment|lieber nicht|abbrechen|non|pas|attendez|"
    "arrêtez|espera|espere|cancela|mejor no|non|aspetta|annulla|não|espere|nee|niet|wacht|nie|ne|нет|не|стоп|"
    "hayır|नहीं|لا|לא|いいえ|いや|やめて|不|不是|不要|别|아니요|아니|không|tidak|bukan|ei|nem|nu"  # noqa: RUF001
)


@dataclass(frozen=True, slots=True)
class Words:
    """What means yes and what means no, beside what is known of common languages."""

    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


def judge_words(text: str, words: Words | None = None) -> Literal["yes", "no", "unclear"]:
    """What a caller's answer means; with a yes and a no in it, or neither, that is unclear."""
    words = words or Words()
    said = _plain(text)
    agreed = _holds(said, (*_phrases(_YES), *map(_plain, words.yes)))
    refused = _holds(said, (*_phrases(_NO), *map(_plain, words.no)))
    if agreed == refused:
        return "unclear"
    return "yes" if agreed else "no"


def _phrases(table: str) -> tuple[str, ...]:
    """Single words up to the first bar, then phrases between bars."""
    words, _, phrases = table.partition("|")
    return (*words.split(), *phrases.split("|"))


def _plain(text: str) -> str:
    lowered = text.casefold().replace("\u2019", "'")
    return " ".join(re.sub(r"[^\w' ]+", " ", lowered).split())


def _holds(said: str, phrases: Iterable[str]) -> bool:
    padded = f" {said} "
    return any(
        f" {phrase} " in padded
        # Languages that write no spaces.
        or (phrase and ord(phrase[0]) > 0x2E80 and phrase in said)
        for phrase in phrases
        if phrase
    )


@dataclass(slots=True)
class _Wish:
    asked_ns: int
    put: bool = False
    """Whether the agent was heard since: before, nobody has asked the caller anything."""
    verdict: Verdict = "waiting"
    said: str = ""
    decided_ns: int = 0


class Consents:
    """What the caller of one call has been asked, by a key for each wish, and has answered.

    Args:
        words: what else means yes and no.
    """

    def __init__(self, words: Words | None = None) -> None:
        self.words = words or Words()
        self._wishes: OrderedDict[str, _Wish] = OrderedDict()

    def ask(self, key: str, now_ns: int) -> None:
        """The model is told to ask the caller of ``key``."""
        self._wishes.pop(key, None)
        self._wishes[key] = _Wish(now_ns)
        while len(self._wishes) > _MOST:
            self._wishes.popitem(last=False)

    def agent_heard(self) -> None:
        """The agent has said something, and the caller has heard it."""
        for wish in self._wishes.values():
            wish.put = True

    def caller_heard(self, text: str, now_ns: int) -> list[tuple[str, bool]]:
        """The caller has said ``text``; gives what is decided by that: the key, and whether it was a yes."""
        meant = judge_words(text, self.words)
        if meant == "unclear":
            return []
        decided: list[tuple[str, bool]] = []
        for key, wish in self._wishes.items():
            # What was decided stands until it is made use of, but for a no that comes after a yes.
            changes = wish.verdict == "waiting" or (wish.verdict == "yes" and meant == "no")
            if wish.put and changes:
                wish.verdict, wish.said, wish.decided_ns = meant, text, now_ns
                decided.append((key, meant == "yes"))
        return decided

    def verdict(self, key: str, now_ns: int) -> Verdict:
        """How it stands with ``key``."""
        wish = self._wishes.get(key)
        if wish is None:
            return "unasked"
        since_ns = wish.decided_ns if wish.verdict in ("yes", "no") else wish.asked_ns
        if now_ns - since_ns > _LASTS_NS:
            del self._wishes[key]
            return "unasked"
        return wish.verdict

    def spend(self, key: str) -> None:
        """The answer to ``key`` was made use of: the next time it is asked anew."""
        self._wishes.pop(key, None)
