"""Who speaks, and who takes over when: a state machine without I/O; time is an argument.

It is asked about every function that the model calls and every word that is said, and answers with what is to be
done: ``HandOver``, ``PassOn`` or ``Refused``. Whoever carries a hand-over out says so with ``took_over``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ....pipeline.units import SECOND
from ...patterns import Phrase, Slow
from ...tools.catalog import FunctionSpec
from .persona import HUMAN, Persona, Transfer, with_humans

__all__ = ["Decision", "Desk", "HandOver", "PassOn", "Refused"]

_MOST_IN_A_ROW = 3
"""Hand-overs while the user says nothing: colleagues that send each other the caller would do so for ever."""
_RULE_AGAIN_NS = 2 * SECOND
"""A transcript grows while a hand-over goes on: what set it off does not set off another."""

_REASON = {"type": "string", "description": "why, in a few words"}
_SUMMARY = {
    "type": "string",
    "description": "what the colleague has to know: who the caller is, what they want, what was settled",
}


@dataclass(frozen=True, slots=True)
class HandOver:
    """``to`` speaks from now on."""

    to: str
    reason: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class PassOn:
    """The call goes to the human ``to``."""

    to: str
    reason: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """It is not done; ``why`` is for the model."""

    why: str


Decision = HandOver | PassOn | Refused


class Desk:
    """The personas of one call.

    Args:
        personas: by name, humans too.
        first: who begins; left out, the first who is no human.
    """

    def __init__(self, personas: Mapping[str, Persona], first: str = "") -> None:
        self.personas = with_humans(personas)
        # Rules of other boxes may pass a call on where no persona does.
        self.personas.setdefault(HUMAN, Persona(transfer=Transfer()))
        speaking = [name for name, each in self.personas.items() if each.transfer is None]
        self.current = first or speaking[0]
        self.slow: list[str] = []
        """Patterns that took too long; whoever reads them says so."""
        self._rules = {
            name: [(rule, Phrase(rule.when)) for rule in each.rules] for name, each in self.personas.items()
        }
        self._in_a_row = 0
        self._deaf_until_ns = 0
        self._going = False

    @property
    def persona(self) -> Persona:
        """Who speaks."""
        return self.personas[self.current]

    def functions(self, name: str = "") -> tuple[FunctionSpec, ...]:
        """By what the model of ``name``, or of who speaks, hands over."""
        return tuple(
            self._function(function, to) for function, to in self._ways(name or self.current).items()
        )

    def called(self, function: str, reason: str = "", summary: str = "") -> Decision | None:
        """The model of who speaks calls a function; ``None`` when it is none of these."""
        to = self._ways(self.current).get(function)
        return None if to is None else self.asked(to, reason, summary)

    def asked(self, to: str, reason: str = "", summary: str = "") -> Decision:
        """Somebody wants ``to`` to take over."""
        target = self.personas.get(to)
        if target is None:
            return Refused(f"there is no colleague {to!r}: there are {', '.join(self.personas)}")
        if target.transfer is not None:
            return PassOn(to, reason, summary)
        if self._going:
            return Refused("a colleague is just taking over")
        if to == self.current:
            return Refused(f"{to} is speaking already")
        if self._in_a_row >= _MOST_IN_A_ROW:
            return Refused("the caller was handed on several times without a word: help them yourself")
        self._going = True
        return HandOver(to, reason, summary)

    def heard(self, role: Literal["user", "agent"], text: str, now_ns: int) -> Decision | None:
        """``text`` is what ``role`` has said so far of an utterance; what follows by the rules of who speaks."""
        if role == "user" and text.strip():
            self._in_a_row = 0
        if now_ns < self._deaf_until_ns or self._going:
            return None
        for rule, phrase in self._rules[self.current]:
            if rule.heard != role:
                continue
            try:
                found = phrase.found(text)
            except Slow:
                self.slow.append(rule.when)
                continue
            if found:
                self._deaf_until_ns = now_ns + _RULE_AGAIN_NS
                return self.asked(rule.to, rule.reason or f"the {_WHO[role]} said {_quoted(text)}")
        return None

    def took_over(self, to: str, now_ns: int) -> None:
        """``to`` speaks."""
        self.current, self._going = to, False
        self._in_a_row += 1
        self._deaf_until_ns = now_ns + _RULE_AGAIN_NS

    def failed(self) -> None:
        """Nobody took over: it is as it was."""
        self._going = False

    def _ways(self, name: str) -> dict[str, str]:
        """Function names, and to whom each leads."""
        me = self.personas[name]
        ways: dict[str, str] = {}
        for to in me.offers:
            human = self.personas[to].transfer is not None
            ways[f"{'transfer' if human else 'hand_over'}_to_{to.replace('-', '_')}"] = to
        if me.returns_to and me.returns_to not in me.offers:
            ways[f"hand_back_to_{me.returns_to.replace('-', '_')}"] = me.returns_to
        return ways

    def _function(self, function: str, to: str) -> FunctionSpec:
        target = self.personas[to]
        wants = target.history == "summary" or target.transfer is not None
        does = {
            "transfer": f"Pass the call on to a person ({to})",
            "hand_over": f"Hand the caller over to your colleague {to}",
            "hand_back": f"Your part is done: hand the caller back to your colleague {to}",
        }[function.partition("_to_")[0]]
        about = f", who is for: {target.description}" if target.description else ""
        properties = {"reason": _REASON, "summary": _SUMMARY}
        required = ["reason", "summary"] if wants else ["reason"]
        parameters = {"type": "object", "properties": properties, "required": required}
        # It must not talk on meanwhile: another takes the floor.
        return FunctionSpec(
            function, f"{does}{about}. You need not announce it at length.", parameters, blocking=True
        )


_WHO = {"user": "caller", "agent": "agent"}


def _quoted(text: str) -> str:
    line = " ".join(text.split()).replace('"', "'")
    return f"'{line[-160:]}'"
