"""Text rules: what becomes of texts before they go on.

Ports: ``text`` in and ``out``; ``replies`` out, for what is answered here. Rules are tried in order, each a regular
expression in any case of letters: ``replace`` puts something in the place of what was found (``{1}`` is its first
group), ``drop`` lets the text go no further, ``reply`` answers it, and it goes no further either. Several replacements
follow each other.

Example:
    text_rules: {rules: [{match: ASAP, replace: as soon as possible}, {match: ^/help, reply: Just ask me.}]}
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ..pipeline import Doc, In, OptionFault, Out, Processor, TextFrame
from .patterns import PatternError, Phrase, Slow

__all__ = ["TextRule", "TextRules"]

_GROUP = re.compile(r"\{(\d{1,2})\}")


@dataclass(frozen=True, slots=True)
class TextRule:
    """One rule; of ``replace``, ``reply`` and ``drop`` it has one."""

    match: Annotated[str, Doc("regular expression, in any case of letters")]
    replace: Annotated[
        str | None, Doc("what stands in the place of what was found; {1} is its first group")
    ] = None
    reply: Annotated[str | None, Doc("what is answered; the text goes no further")] = None
    drop: Annotated[bool, Doc("whether the text goes no further, and nothing is answered")] = False


class TextRules(Processor):
    """Replace, answer or drop texts by rules.

    Example:
        text_rules: {rules: [{match: ASAP, replace: as soon as possible}]}
    """

    text: In[TextFrame] = In(doc="what somebody wrote")
    out: Out[TextFrame] = Out(doc="what goes on")
    replies: Out[TextFrame] = Out(doc="what is answered here")

    def __init__(
        self, *, rules: Annotated[Sequence[TextRule], Doc("what is looked for, and what follows")]
    ) -> None:
        self._rules = [(rule, Phrase(rule.match)) for rule in rules]

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        for index, rule in enumerate(options.get("rules", ())):
            said = [rule.replace is not None, rule.reply is not None, rule.drop]
            if sum(said) != 1:
                message = "a rule has one of `replace`, `reply` and `drop`"
                yield OptionFault(("rules", index), message, "say what follows, once")
            try:
                phrase = Phrase(rule.match)
            except PatternError as error:
                yield OptionFault(("rules", index, "match"), str(error), code="LG251")
                continue
            wanted = [int(found[1]) for found in _GROUP.finditer(rule.replace or "")]
            if wanted and max(wanted) > phrase.groups:
                message = f"`{{{max(wanted)}}}` is no group of the pattern, which has {phrase.groups}"
                yield OptionFault(
                    ("rules", index, "replace"), message, "put what it stands for into parentheses"
                )

    def on_text(self, frame: TextFrame) -> None:
        text = frame.text
        for rule, phrase in self._rules:
            try:
                found = phrase.matches(text)
            except Slow:
                self.log.warning(
                    "%s: the pattern %r takes too long for what was written", self.name, rule.match
                )
                continue
            if not found:
                continue
            if rule.drop:
                return
            if rule.reply is not None:
                self.replies.emit(TextFrame(text=rule.reply))
                return
            made, at = "", 0
            for start, end, groups in found:
                made += text[at:start] + _filled(rule.replace or "", groups)
                at = end
            text = made + text[at:]
        if text.strip():
            self.out.emit(TextFrame(text=text))


def _filled(template: str, groups: Sequence[str | None]) -> str:
    """``template`` with what was found in the places of ``{1}``, ``{2}``, ..."""
    return _GROUP.sub(lambda one: groups[int(one[1])] or "", template)
