"""The options of one persona, and of one human to whom a call can go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

from ....pipeline.options import Doc, PerCall, Range
from ....pipeline.processor import NameUsed, OptionFault
from ....pipeline.spelling import did_you_mean
from ..options import fields as opt
from ..options.groups import Thinking

__all__ = [
    "HUMAN",
    "Agents",
    "FirstAgent",
    "HandOverRule",
    "Kept",
    "Persona",
    "Transfer",
    "functions_named",
    "persona_faults",
    "with_humans",
]

HUMAN = "human"
"""A colleague that need not be declared: whoever answers where the call is passed on to."""

_OWN_FUNCTIONS = ("end_call", "hand_over_to_*", "transfer_to_*", "hand_back_to_*")
"""What personas may call that no box of the graph offers."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_SIP = re.compile(r"sips?:[^\s<>\"]+")
_NUMBER = re.compile(r"\+?[0-9][0-9 ().\-/]{1,30}")


@dataclass(frozen=True, slots=True)
class HandOverRule:
    """A hand-over that happens without the model: when what is said matches."""

    to: Annotated[str, Doc("the colleague who takes over")]
    when: Annotated[str, Doc("regular expression, looked for in what is said; in any case")]
    heard: Annotated[Literal["user", "agent"], Doc("whose words are looked at")] = "user"
    reason: Annotated[str, Doc("what the colleague is told")] = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What of the conversation a colleague is told, where neither all nor nothing will do."""

    roles: Annotated[
        Sequence[Literal["user", "agent", "context", "tool"]], Doc("of whom; empty is everybody")
    ] = ()
    last: Annotated[int | None, Range(1), Doc("so many of the newest entries")] = None
    without: Annotated[Sequence[str], Doc("functions of which nothing is told")] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where a call goes that a human takes over; whichever transport can do one of these does it."""

    sip: Annotated[str, Doc("SIP URI, as in sip:desk@example.org")] = ""
    number: Annotated[str, Doc("telephone number, as in +44 20 7946 0000")] = ""
    callback: Annotated[bool, Doc("whether somebody calls back instead")] = False
    then: Annotated[
        Literal["stay", "end"], Doc("whether the agent stays in the call until it is taken over")
    ] = "stay"

    def __post_init__(self) -> None:
        if self.sip and not _SIP.fullmatch(self.sip):
            raise ValueError(f"{self.sip!r} is no SIP URI, such as sip:desk@example.org")
        if self.number and not _NUMBER.fullmatch(self.number):
            raise ValueError(f"{self.number!r} is no telephone number, such as +44 20 7946 0000")


@dataclass(frozen=True, slots=True)
class Persona:
    """One of several who speak in a call. What is left out is as the box says."""

    instructions: Annotated[str, PerCall(), Doc("who it is and how it behaves")] = ""
    description: Annotated[str, Doc("what it is for, as its colleagues are told")] = ""
    greeting: Annotated[str, PerCall(), Doc("what it says first when it comes to the phone")] = ""
    voice: opt.Voice = ""
    voice_id: opt.VoiceId = ""
    language: opt.Language = ""
    model: opt.Model = ""
    temperature: opt.Temperature = None
    thinking: Annotated[Thinking | None, Doc("how much it thinks")] = None
    hand_over: Annotated[
        Sequence[str | HandOverRule], Doc("colleagues to whom it hands over: by a function, or by a rule")
    ] = ()
    returns_to: Annotated[str, Doc("to whom it hands back when its part is done")] = ""
    history: Annotated[
        Literal["all", "spoken", "summary", "none"] | Kept,
        Doc("what it is told of the conversation before it: spoken leaves out functions and context"),
    ] = "all"
    phrase: Annotated[
        str, Doc("what the caller hears, of whoever hands over, while it comes to the phone")
    ] = "One moment, please."
    transfer: Annotated[Transfer | None, Doc("a human: the call is passed on to this address")] = None

    @property
    def offers(self) -> tuple[str, ...]:
        """To whom it hands over by a function, in order."""
        return tuple(each for each in self.hand_over if isinstance(each, str))

    @property
    def rules(self) -> tuple[HandOverRule, ...]:
        """When it hands over without being asked."""
        return tuple(each for each in self.hand_over if isinstance(each, HandOverRule))

    def overrides(self) -> dict[str, Any]:
        """The options of the box that are another's for this persona."""
        names = ("instructions", "voice", "voice_id", "language", "model", "temperature", "thinking")
        given = {name: getattr(self, name) for name in names if getattr(self, name)}
        if self.temperature is not None:
            given["temperature"] = self.temperature
        return given


Agents = Annotated[
    Mapping[str, Persona], PerCall(), Doc("several personas, by name, who hand the caller over to each other")
]
FirstAgent = Annotated[str, Doc("the one of `agents` who begins; left out, the first")]


def with_humans(personas: Mapping[str, Persona]) -> dict[str, Persona]:
    """``personas``, and ``human`` where somebody hands over to it and nobody has said who that is."""
    found = dict(personas)
    named = {name for each in personas.values() for name in (*each.offers, *(rule.to for rule in each.rules))}
    if HUMAN in named and HUMAN not in found:
        found[HUMAN] = Persona(transfer=Transfer())
    return found


def persona_faults(given: Mapping[str, Persona], first: str) -> Iterator[OptionFault]:
    """What does not fit together; the paths begin at the box's options."""
    everybody = with_humans(given)
    speaking = [name for name, each in given.items() if each.transfer is None]
    if given and not speaking:
        yield OptionFault("agents", "nobody of `agents` speaks: all of them are humans", code="LG250")
    if first and first not in speaking:
        hint = did_you_mean(first, speaking, label="agents")
        yield OptionFault("first_agent", f"there is no agent `{first}` to begin with", hint, code="LG250")
    for name, each in given.items():
        at = ("agents", name)
        if not _NAME.fullmatch(name):
            hint = "letters, digits, `_` and `-`, beginning with a letter, at most 40"
            yield OptionFault(at, f"`{name[:60]}` cannot name an agent of a call", hint, code="LG250")
        if each.transfer is not None:
            told = [one.name for one in fields(each) if one.name not in ("transfer", "description", "phrase")]
            useless = [one for one in told if getattr(each, one) != getattr(Persona(), one)]
            if useless:
                message = f"`{useless[0]}` means nothing for `{name}`, who is a human"
                yield OptionFault((*at, useless[0]), message, "leave it out, or `transfer`", code="LG250")
        for index, one in enumerate(each.hand_over):
            to = one if isinstance(one, str) else one.to
            where = (*at, "hand_over", index, *(() if isinstance(one, str) else ("to",)))
            yield from _target_faults(to, name, everybody, where)
            if isinstance(one, HandOverRule):
                yield from _pattern_faults(one.when, (*at, "hand_over", index, "when"))
        if each.returns_to:
            yield from _target_faults(each.returns_to, name, everybody, (*at, "returns_to"))


def functions_named(given: Mapping[str, Persona]) -> Iterator[NameUsed]:
    """The functions that ``history.without`` speaks of, with their places from the box's options on."""
    for name, each in given.items():
        for index, function in enumerate(each.history.without if isinstance(each.history, Kept) else ()):
            at = ("agents", name, "history", "without", index)
            yield NameUsed("functions", function, at, _OWN_FUNCTIONS, elsewhere=True)


def _target_faults(
    to: str, name: str, everybody: Mapping[str, Persona], at: tuple[str | int, ...]
) -> Iterator[OptionFault]:
    if to == name:
        yield OptionFault(at, f"`{name}` hands over to itself", "name a colleague", code="LG250")
    elif to not in everybody:
        hint = did_you_mean(to, [one for one in everybody if one != name], label="agents")
        yield OptionFault(at, f"there is no agent `{to[:60]}`", hint, code="LG250")


def _pattern_faults(pattern: str, at: tuple[str | int, ...]) -> Iterator[OptionFault]:
    from ...patterns import PatternError, Phrase

    if not pattern.strip():
        told = "an empty pattern is found in all that is said"
        yield OptionFault(at, told, "write what is to be heard, or the name alone", code="LG250")
        return
    try:
        Phrase(pattern)
    except PatternError as error:
        yield OptionFault(at, str(error), code="LG251")
