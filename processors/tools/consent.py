"""Whether the caller has said yes: decided by what was heard, not by the model. Pure, with time as an argument.

A tool with ``confirm`` is asked for twice. The first time nothing is done and the model is told to ask; the second
time, with the same arguments, it is done if meanwhile the agent was heard to say something and the caller answered
yes. A yes counts once.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from ...pipeline.units import SECOND
from .yes_or_no import Words, judge_words

__all__ = ["Consents", "Verdict"]

Verdict = Literal["unasked", "waiting", "yes", "no"]

_LASTS_NS = 180 * SECOND
"""A yes that is older is none any more."""
_MOST = 32


@dataclass(slots=True)
class _Wish:
    asked_ns: int
    put: bool = False
    """Whether the agent was heard since: before, nobody has asked the caller anything."""
    spoken_since: bool = False
    """Whether the caller has said anything to it."""
    verdict: Verdict = "waiting"
    decided_ns: int = 0


class Consents:
    """What the caller of one call has been asked, by a key for each wish, and has answered.

    There is one open question at a time, whichever box has asked: else a yes would be one to all of them.

    Args:
        words: what else means yes and no.
        room: those of all boxes of the call; this one joins them.
    """

    def __init__(self, words: Words | None = None, room: list[Consents] | None = None) -> None:
        self.words = words or Words()
        self._wishes: OrderedDict[str, _Wish] = OrderedDict()
        self._room = [] if room is None else room
        self._room.append(self)

    def leave(self) -> None:
        """Its box is gone, and so are its questions."""
        self._room.remove(self)

    def ask(self, key: str, now_ns: int) -> bool:
        """The model is to ask the caller of ``key``; whether it may now.

        It may not while another question is open to which the caller has not said a word. What they said in the place
        of an answer gives that question up: they want something else.
        """
        for each in self._room:
            for other, wish in list(each._wishes.items()):
                if wish.verdict == "waiting" and (each is not self or other != key):
                    if not wish.spoken_since and now_ns - wish.asked_ns <= _LASTS_NS:
                        return False
                    del each._wishes[other]
        self._wishes.pop(key, None)
        self._wishes[key] = _Wish(now_ns)
        while len(self._wishes) > _MOST:
            self._wishes.popitem(last=False)
        return True

    def knows(self, key: str) -> bool:
        """Whether ``key`` was asked for and not made use of."""
        return key in self._wishes

    def give_up(self) -> None:
        """Somebody else speaks for the agent: what the caller answers to them is no answer to what was asked before."""
        for key in [key for key, wish in self._wishes.items() if wish.verdict == "waiting"]:
            del self._wishes[key]

    def agent_heard(self, *, asks: bool = True) -> None:
        """The agent has said something, and the caller has heard it.

        Args:
            asks: whether it may have been the question. A line that stands in the agent file, such as *Are you still
                there?*, is none, and what is answered to it is no answer to the question before.
        """
        for wish in self._wishes.values():
            if wish.verdict == "waiting":
                wish.put = asks

    def caller_heard(self, text: str, now_ns: int) -> list[tuple[str, bool]]:
        """The caller has said ``text``; gives what is decided by that: the key, and whether it was a yes."""
        meant = judge_words(text, self.words)
        decided: list[tuple[str, bool]] = []
        for key, wish in self._wishes.items():
            if wish.verdict == "waiting" and not wish.put:
                continue
            wish.spoken_since = True
            # What was decided stands until it is made use of, but for a no that comes after a yes.
            changes = wish.verdict == "waiting" or (wish.verdict == "yes" and meant == "no")
            if meant != "unclear" and changes:
                wish.verdict, wish.decided_ns = meant, now_ns
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
