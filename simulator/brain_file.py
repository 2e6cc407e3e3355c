"""A brain's script: reading it from YAML, and refusing a faulty one with the place of every fault.

Example:
    version: 1
    greeting: ["Hello! How can I help?", "Hi there!"]
    rules:
      - hear: [opening hours, "when are you open [on] {day:date}"]
        ask: {day: "For which day?"}
        call: {tool: opening_hours, args: {day: "{day}"}}
        say_result: "On {day} we are open {result}."
        say_error: I cannot look that up now.
      - hear: {words: [joke|funny]}
        say: Why did the scarecrow win a prize? It was outstanding in its field.
      - hear: ^ shush $
        silent: true
    otherwise:
      - hear: what time is it
        say: I have no clock.
    fallback: I heard {heard}, but I do not know what to say to that.

``rules`` are tried in order; then the session's tools are matched by their names and descriptions (unless
``use_tools: false``); then the rules under ``otherwise``; then ``fallback`` is said. A rule that calls a tool
which the session has not declared is passed over. Where several texts are given they take turns.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from ..yaml12 import Node
from .brain_patterns import SLOT_KINDS, Pattern, PhraseError, compile_keywords, compile_phrase
from .brain_reply import Template, TemplateError, parse_template
from .brain_script import Ask, Call, Rule, Script
from .yaml_reader import Fault, Keys, ScriptError, YamlReader, listed, nearest, read_source

__all__ = [
    "RULE_KEYS",
    "SCRIPT_KEYS",
    "BrainError",
    "Fault",
    "Script",
    "default_brain",
    "load_brain",
    "parse_brain",
]


class BrainError(ScriptError):
    """A script that cannot be used."""


SCRIPT_KEYS = ("version", "greeting", "fallback", "cancelled", "use_tools", "rules", "otherwise")
RULE_KEYS = ("hear", "say", "ask", "call", "say_result", "say_error", "silent")
# May have no value in a session, so a template has to say what stands there instead.
_UNSURE = frozenset(("role", "abilities", "caller"))


def load_brain(path: Path | str) -> Script:
    """Read a script from a file.

    Raises:
        BrainError: the script is faulty.
        OSError: the file cannot be read.
    """
    return parse_brain(read_source(path, BrainError), str(path))


@functools.cache
def default_brain() -> Script:
    """The script that is used when none is given: ``default_brain.yaml`` of this package."""
    source = resources.files(__package__ or "livegraph.simulator").joinpath("default_brain.yaml")
    return parse_brain(source.read_text("utf-8"), "default_brain.yaml")


def parse_brain(text: str, file: str = "<string>") -> Script:
    """Read a script.

    Args:
        file: the name that faults are reported under.

    Raises:
        BrainError: the script is faulty.
    """
    reader = _Reader(file)
    return reader.read(text, reader.script, "empty; expected a mapping with 'version: 1' and 'rules'")


class _Reader(YamlReader):
    """Turns nodes into a script."""

    error = BrainError

    def script(self, root: Node) -> Script:
        keys = self.mapping(root, SCRIPT_KEYS, "a script")
        self.version(root, keys)
        common = set(_UNSURE)
        greeting = self.texts(keys, "greeting", common) or _builtin("Hello! How can I help you?")
        fallback = self.texts(keys, "fallback", common | {"heard"}) or _builtin(
            "Sorry, I do not know about that."
        )
        cancelled = self.texts(keys, "cancelled", common | {"heard"}) or _builtin("All right, never mind.")
        use_tools = self.flag(keys, "use_tools", True)
        rules, otherwise = (
            tuple(self.rule(node, f"{part}.{number}") for number, node in enumerate(self.items(keys, part)))
            for part in ("rules", "otherwise")
        )
        by_id = {rule.id: rule for rule in (*rules, *otherwise)}
        return Script(greeting, fallback, cancelled, use_tools, rules, otherwise, by_id)

    def rule(self, node: Node, rule_id: str) -> Rule:
        keys = self.mapping(node, RULE_KEYS, "a rule")
        if "hear" not in keys and node.pairs is not None:
            self.fault(node, "expected 'hear': what the rule listens for")
        patterns = tuple(self.patterns(keys["hear"][1])) if "hear" in keys else ()
        asks = tuple(self.asks(keys["ask"][1], patterns)) if "ask" in keys else ()
        slots = {name for pattern in patterns for name in pattern.kinds} | {ask.slot for ask in asks}
        everywhere = set.intersection(*(set(pattern.kinds) for pattern in patterns)) if patterns else set()
        sure = everywhere | {ask.slot for ask in asks}
        known = slots | _UNSURE | {"heard"}
        silent = self.flag(keys, "silent", False)
        unsure = (slots | _UNSURE) - sure
        say = self.texts(keys, "say", known, unsure)
        call = self.call(keys["call"][1], slots) if "call" in keys else None
        say_result = self.texts(keys, "say_result", known | {"result"}, unsure)
        say_error = self.texts(keys, "say_error", known | {"error"}, unsure)
        for ask in asks:
            for text in ask.say:
                for name in text.names.keys() - known:
                    self.fault(keys["ask"][1], f"unknown name {{{name}}} in the question for {ask.slot!r}")
        if not {"say", "call", "silent"} & keys.keys() and node.pairs is not None:
            self.fault(node, "expected one of 'say', 'call' and 'silent': what the rule does")
        for key in ("say_result", "say_error"):
            if key in keys and "call" not in keys:
                self.fault(keys[key][0], f"{key!r} without 'call': there is no result to speak of")
        if silent and {"say", "call", "ask"} & keys.keys():
            self.fault(keys["silent"][0], "'silent: true' cannot go with 'say', 'ask' or 'call'")
        return Rule(rule_id, patterns, say, asks, call, say_result, say_error, silent)

    def patterns(self, node: Node) -> Iterable[Pattern]:
        for item in node.items if node.items is not None else [node]:
            try:
                if item.pairs is not None:
                    keys = self.mapping(item, ("words",), "keywords")
                    yield compile_keywords(
                        [text for each in self.items(keys, "words") if (text := self.text(each))]
                    )
                elif source := self.text(item):
                    yield compile_phrase(source)
            except PhraseError as error:
                self.fault(item, str(error), error.at)

    def asks(self, node: Node, patterns: tuple[Pattern, ...]) -> Iterable[Ask]:
        kinds = {name: kind for pattern in patterns for name, kind in pattern.kinds.items()}
        for slot, (key, value) in self.mapping(node, None, "questions by slot").items():
            if not slot.isidentifier():
                self.fault(key, f"{slot!r} cannot be the name of a slot; expected letters, digits and '_'")
            kind = kinds.get(slot, "text")
            question = value
            if value.pairs is not None:
                keys = self.mapping(value, ("say", "kind"), "a question")
                if "say" not in keys:
                    self.fault(value, "expected 'say': the question")
                    continue
                question = keys["say"][1]
                if "kind" in keys and (text := self.text(keys["kind"][1])):
                    self.one_of(keys["kind"][1], text, SLOT_KINDS, "kind of slot")
                    kind = text
            yield Ask(slot, kind, self.templates(question))

    def call(self, node: Node, slots: set[str]) -> Call | None:
        if not node.collection:
            name = self.text(node)
            return Call(name, None) if name else None
        keys = self.mapping(node, ("tool", "args"), "a call")
        name = self.text(keys["tool"][1]) if "tool" in keys else None
        if "tool" not in keys and node.pairs is not None:
            self.fault(node, "expected 'tool': the name of the function to call")
        if "args" not in keys:
            return Call(name or "", None)
        arguments = self.mapping(keys["args"][1], None, "arguments by name")
        return Call(name or "", {key: self.argument(value, slots) for key, (_, value) in arguments.items()})

    def argument(self, node: Node, slots: set[str]) -> object:
        """A constant of YAML's own type, or a template."""
        if node.collection:
            self.fault(node, 'expected a text such as "{day}", a number, true or false')
            return None
        if not isinstance(node.value, str):
            return self.plain(node)
        template = self.template(node)
        self.names(node, template, slots | _UNSURE | {"heard"}, set())
        return template

    def texts(
        self, keys: Keys, key: str, known: Iterable[str], unsure: Iterable[str] = _UNSURE
    ) -> tuple[Template, ...]:
        """One text or several, with only the names in them that are known."""
        if key not in keys:
            return ()
        node = keys[key][1]
        made = []
        for item in node.items if node.items is not None else [node]:
            template = self.template(item)
            self.names(item, template, set(known), unsure)
            made.append(template)
        if not made:
            self.fault(node, f"{key!r} is empty; expected a text or a list of texts")
        return tuple(made)

    def names(self, node: Node, template: Template, known: set[str], unsure: Iterable[str]) -> None:
        for name, at in template.names.items():
            if name not in known:
                near = nearest(name, known)
                self.fault(node, f"unknown name {{{name}}}{near or f'; known are {listed(known)}'}", at)
        for name, at in template.unsure.items():
            if name in unsure and name in known:
                self.fault(
                    node, f"{{{name}}} may have no value here: say what instead, as {{{name}|something}}", at
                )

    def templates(self, node: Node) -> tuple[Template, ...]:
        items = node.items if node.items is not None else [node]
        return tuple(self.template(item) for item in items)

    def template(self, node: Node) -> Template:
        source = self.text(node)
        try:
            return parse_template(source or "")
        except TemplateError as error:
            self.fault(node, str(error), error.at)
            return Template(())


def _builtin(text: str) -> tuple[Template, ...]:
    return (parse_template(text),)
