"""What is looked for in what both sides say, and what follows. Pure; a callable is asked by the box."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import regex

from ...pipeline.options import Doc, ModuleRef
from ..patterns import PatternError, Phrase, Slow
from ..utterances import Utterance
from .spellings import plain, words_pattern

__all__ = ["GuardRule", "Matcher", "Trip", "rule_faults"]


@dataclass(frozen=True, slots=True)
class GuardRule:
    """One rail. It is looked for by ``words``, by a ``pattern`` or by a ``check`` of one's own."""

    name: Annotated[str, Doc("what it is about; the event and the agent are told it")]
    words: Annotated[Sequence[str], Doc("words and phrases, whole and in any case of letters")] = ()
    pattern: Annotated[str, Doc("regular expression, in any case of letters")] = ""
    check: Annotated[
        ModuleRef | Callable[..., Any] | None,
        Doc("function that is given role and text, and says whether this is it; it has 80 ms"),
    ] = None
    heard: Annotated[Literal["both", "user", "agent"], Doc("whose words are looked at")] = "both"
    then: Annotated[
        Literal["redirect", "end", "report"],
        Doc("bring the agent back to its subject, say goodbye and hang up, or only tell whoever watches"),
    ] = "redirect"
    say: Annotated[str, Doc("what the agent says, word for word; left out, it is told to find words")] = ""
    to: Annotated[str, Doc("one of `agents` who takes over, or a human")] = ""


@dataclass(frozen=True, slots=True)
class Trip:
    """``rule`` was met by an utterance."""

    rule: GuardRule
    utterance: Utterance


class Matcher:
    """Looks at utterances as they grow; each rule is met once in an utterance. Raises ``PatternError``."""

    def __init__(self, rules: Iterable[GuardRule]) -> None:
        self.rules = tuple(rules)
        self.slow: list[str] = []
        """Names of rules whose pattern took too long; whoever reads them says so."""
        self._rails = [(rule, _Rail(rule)) for rule in self.rules]
        self._met: set[tuple[str, str, int]] = set()

    def look(self, utterance: Utterance) -> list[Trip]:
        """The rules that this utterance meets and had not met before."""
        found = []
        for rule, rail in self._rails:
            if not self.concerns(rule, utterance):
                continue
            try:
                if rail.found(utterance.text):
                    found.append(self.meet(rule, utterance))
            except Slow:
                self.slow.append(rule.name)
        return found

    def concerns(self, rule: GuardRule, utterance: Utterance) -> bool:
        """Whether ``rule`` looks at whose words these are, and has not been met by them."""
        met = (rule.name, utterance.role, utterance.number) in self._met
        return not met and rule.heard in ("both", utterance.role)

    def meet(self, rule: GuardRule, utterance: Utterance) -> Trip:
        """``utterance`` meets ``rule``."""
        self._met = {one for one in self._met if one[1] != utterance.role or one[2] >= utterance.number - 8}
        self._met.add((rule.name, utterance.role, utterance.number))
        return Trip(rule, utterance)


class _Rail:
    """What a rule looks for."""

    def __init__(self, rule: GuardRule) -> None:
        flags = regex.IGNORECASE | regex.FULLCASE
        self._words = Phrase(words_pattern(rule.words), flags=flags) if rule.words else None
        self._pattern = Phrase(rule.pattern) if rule.pattern else None

    def found(self, text: str) -> bool:
        """Whether it is in ``text``. Raises ``Slow``."""
        written = plain(text)
        if self._words is not None and self._words.found(written):
            return True
        # Whoever wrote a pattern may have had either way of writing in mind.
        return self._pattern is not None and any(map(self._pattern.found, dict.fromkeys((text, written))))


def rule_faults(rules: Sequence[GuardRule]) -> Iterator[tuple[tuple[str | int, ...], str, str, str]]:
    """Path, message, hint and code of what is wrong with ``rules``."""
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.name in names:
            yield (index, "name"), f"there are two rules named `{rule.name[:60]}`", "rename one", "LG220"
        names.add(rule.name)
        if not rule.name.strip():
            yield (
                (index, "name"),
                "a rule without a name",
                "the agent is told what it is about by it",
                "LG220",
            )
        if not rule.words and not rule.pattern and rule.check is None:
            yield (
                (index,),
                f"`{rule.name[:60]}` looks for nothing",
                "give it `words`, `pattern` or `check`",
                "LG220",
            )
        if any(not plain(word).strip() for word in rule.words):
            yield (index, "words"), "a word is empty", "leave it out", "LG220"
        if rule.to and rule.then != "redirect":
            yield (index, "to"), "`to` is for `then: redirect`", "leave it out", "LG220"
        if rule.pattern:
            try:
                Phrase(rule.pattern)
            except PatternError as error:
                yield (index, "pattern"), str(error), "", "LG251"
