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

import difflib
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml

from .brain_patterns import SLOT_KINDS, Pattern, PhraseError, compile_keywords, compile_phrase
from .brain_reply import Template, TemplateError, parse_template
from .brain_script import Ask, Call, Rule, Script

__all__ = ["BrainError", "Fault", "Script", "default_brain", "load_brain", "parse_brain"]

_LARGEST = 1_000_000
_SCRIPT_KEYS = ("version", "greeting", "fallback", "cancelled", "use_tools", "rules", "otherwise")
_RULE_KEYS = ("hear", "say", "ask", "call", "say_result", "say_error", "silent")
# May have no value in a session, so a template has to say what stands there instead.
_UNSURE = frozenset(("previous", "said", "role", "abilities"))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a script; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class BrainError(ValueError):
    """A script that cannot be used. `faults` has all that was found; the message is one line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def load_brain(path: Path | str) -> Script:
    """Read a script from a file.

    Raises:
        BrainError: the script is faulty.
        OSError: the file cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        return parse_brain(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BrainError([Fault(str(path), line, 1, "not UTF-8 text")]) from None


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
    if len(text) > _LARGEST:
        raise BrainError([Fault(file, 1, 1, f"larger than {_LARGEST // 1_000_000} MB")])
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BrainError([Fault(file, line, column, f"not YAML: {error.problem or error.context}")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BrainError([Fault(file, 1, 1, f"not YAML: {str(error).splitlines()[0]}")]) from None
    if root is None:
        raise BrainError([Fault(file, 1, 1, "empty; expected a mapping with 'version: 1' and 'rules'")])
    script = reader.script(root)
    if reader.faults:
        raise BrainError(sorted(reader.faults, key=lambda fault: (fault.line, fault.column)))
    return script


_Keys = dict[str, tuple[yaml.Node, yaml.Node]]


class _Reader:
    """Turns nodes into a script and notes every fault with its place."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.faults: list[Fault] = []

    def fault(self, node: yaml.Node, message: str, at: int | None = None) -> None:
        """Note a fault at a node, or at character `at` of its text where that stands on one line."""
        mark = node.start_mark
        column = mark.column + 1
        if (
            at is not None
            and isinstance(node, yaml.ScalarNode)
            and node.start_mark.line == node.end_mark.line
        ):
            column += at + (node.style in ("'", '"'))
        self.faults.append(Fault(self._file, mark.line + 1, column, message))

    def script(self, root: yaml.Node) -> Script:
        keys = self.mapping(root, _SCRIPT_KEYS, "a script")
        if "version" not in keys:
            self.fault(root, "expected 'version: 1'")
        elif not (isinstance(node := keys["version"][1], yaml.ScalarNode) and node.value == "1"):
            self.fault(node, "unknown version; expected 1")
        common = {"role", "abilities", "previous", "said"}
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

    def rule(self, node: yaml.Node, rule_id: str) -> Rule:
        keys = self.mapping(node, _RULE_KEYS, "a rule")
        if "hear" not in keys and isinstance(node, yaml.MappingNode):
            self.fault(node, "expected 'hear': what the rule listens for")
        patterns = tuple(self.patterns(keys["hear"][1])) if "hear" in keys else ()
        asks = tuple(self.asks(keys["ask"][1], patterns)) if "ask" in keys else ()
        slots = {name for pattern in patterns for name in pattern.kinds} | {ask.slot for ask in asks}
        everywhere = set.intersection(*(set(pattern.kinds) for pattern in patterns)) if patterns else set()
        sure = everywhere | {ask.slot for ask in asks}
        known = slots | _UNSURE | {"heard"}
        silent = self.flag(keys, "silent", False)
        say = self.texts(keys, "say", known, slots - sure)
        call = self.call(keys["call"][1], slots) if "call" in keys else None
        say_result = self.texts(keys, "say_result", known | {"result"}, slots - sure)
        say_error = self.texts(keys, "say_error", known | {"error"}, slots - sure)
        for ask in asks:
            for text in ask.say:
                for name in text.names.keys() - known:
                    self.fault(keys["ask"][1], f"unknown name {{{name}}} in the question for {ask.slot!r}")
        if not {"say", "call", "silent"} & keys.keys() and isinstance(node, yaml.MappingNode):
            self.fault(node, "expected one of 'say', 'call' and 'silent': what the rule does")
        for key in ("say_result", "say_error"):
            if key in keys and "call" not in keys:
                self.fault(keys[key][0], f"{key!r} without 'call': there is no result to speak of")
        if silent and {"say", "call", "ask"} & keys.keys():
            self.fault(keys["silent"][0], "'silent: true' cannot go with 'say', 'ask' or 'call'")
        return Rule(rule_id, patterns, say, asks, call, say_result, say_error, silent)

    def patterns(self, node: yaml.Node) -> Iterable[Pattern]:
        for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            try:
                if isinstance(item, yaml.MappingNode):
                    keys = self.mapping(item, ("words",), "keywords")
                    yield compile_keywords(
                        [text for each in self.items(keys, "words") if (text := self.text(each))]
                    )
                elif source := self.text(item):
                    yield compile_phrase(source)
            except PhraseError as error:
                self.fault(item, str(error), error.at)

    def asks(self, node: yaml.Node, patterns: tuple[Pattern, ...]) -> Iterable[Ask]:
        kinds = {name: kind for pattern in patterns for name, kind in pattern.kinds.items()}
        for slot, (key, value) in self.mapping(node, None, "questions by slot").items():
            if not slot.isidentifier():
                self.fault(key, f"{slot!r} cannot be the name of a slot; expected letters, digits and '_'")
            kind = kinds.get(slot, "text")
            question = value
            if isinstance(value, yaml.MappingNode):
                keys = self.mapping(value, ("say", "kind"), "a question")
                if "say" not in keys:
                    self.fault(value, "expected 'say': the question")
                    continue
                question = keys["say"][1]
                if "kind" in keys and (text := self.text(keys["kind"][1])):
                    self.one_of(keys["kind"][1], text, SLOT_KINDS, "kind of slot")
                    kind = text
            yield Ask(slot, kind, self.templates(question))

    def call(self, node: yaml.Node, slots: set[str]) -> Call | None:
        if isinstance(node, yaml.ScalarNode):
            name = self.text(node)
            return Call(name, None) if name else None
        keys = self.mapping(node, ("tool", "args"), "a call")
        name = self.text(keys["tool"][1]) if "tool" in keys else None
        if "tool" not in keys and isinstance(node, yaml.MappingNode):
            self.fault(node, "expected 'tool': the name of the function to call")
        if "args" not in keys:
            return Call(name or "", None)
        arguments = self.mapping(keys["args"][1], None, "arguments by name")
        return Call(name or "", {key: self.argument(value, slots) for key, (_, value) in arguments.items()})

    def argument(self, node: yaml.Node, slots: set[str]) -> object:
        """A constant of YAML's own type, or a template; a list of them."""
        if isinstance(node, yaml.SequenceNode) and all(isinstance(i, yaml.ScalarNode) for i in node.value):
            return [self.argument(item, slots) for item in node.value]
        if not isinstance(node, yaml.ScalarNode):
            self.fault(node, 'expected a text such as "{day}", a number, true or false, or a list of them')
            return None
        kind = node.tag.rpartition(":")[2]
        if kind in ("int", "float", "bool", "null"):
            constant: object = yaml.safe_load(node.value)
            if constant in (float("inf"), float("-inf")) or constant != constant:
                self.fault(node, "expected a number that JSON can hold")
            return constant
        template = self.template(node)
        self.names(node, template, slots | _UNSURE | {"heard"}, set())
        return template

    def texts(
        self, keys: _Keys, key: str, known: Iterable[str], unsure: Iterable[str] = ()
    ) -> tuple[Template, ...]:
        """One text or several, with only the names in them that are known."""
        if key not in keys:
            return ()
        node = keys[key][1]
        made = []
        for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            template = self.template(item)
            self.names(item, template, set(known), _UNSURE | set(unsure))
            made.append(template)
        if not made:
            self.fault(node, f"{key!r} is empty; expected a text or a list of texts")
        return tuple(made)

    def names(self, node: yaml.Node, template: Template, known: set[str], unsure: Iterable[str]) -> None:
        for name, at in template.names.items():
            if name not in known:
                near = _nearest(name, known)
                self.fault(node, f"unknown name {{{name}}}{near or f'; known are {_listed(known)}'}", at)
        for name, at in template.unsure.items():
            if name in unsure and name in known:
                self.fault(
                    node, f"{{{name}}} may have no value here: say what instead, as {{{name}|something}}", at
                )

    def templates(self, node: yaml.Node) -> tuple[Template, ...]:
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return tuple(self.template(item) for item in items)

    def template(self, node: yaml.Node) -> Template:
        source = self.text(node)
        try:
            return parse_template(source or "")
        except TemplateError as error:
            self.fault(node, str(error), error.at)
            return Template(())

    def text(self, node: yaml.Node) -> str | None:
        """A text of at least one character, or None with the fault noted. Numbers are taken as written."""
        if not isinstance(node, yaml.ScalarNode):
            found = "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
            self.fault(node, f"expected a text, found {found}; a text with {{ or [ in front needs quotes")
            return None
        if node.tag.endswith(":bool") or node.tag.endswith(":null") or not node.value.strip():
            found = f"{node.value}; put it into quotes" if node.value.strip() else "nothing"
            self.fault(node, f"expected a text, found {found}")
            return None
        return str(node.value)

    def flag(self, keys: _Keys, key: str, default: bool) -> bool:
        if key not in keys:
            return default
        node = keys[key][1]
        if not (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool")):
            self.fault(node, "expected true or false")
            return default
        return bool(yaml.safe_load(node.value))

    def items(self, keys: _Keys, key: str) -> list[yaml.Node]:
        if key not in keys:
            return []
        node = keys[key][1]
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, f"expected a list under {key!r}")
            return []
        nodes: list[yaml.Node] = node.value
        return nodes

    def mapping(self, node: yaml.Node, allowed: tuple[str, ...] | None, what: str) -> _Keys:
        """The entries of a mapping by key; unknown and doubled keys are noted and left out."""
        keys: _Keys = {}
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, f"expected {what}: a mapping{f' with {_listed(allowed)}' if allowed else ''}")
            return keys
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in keys:
                self.fault(key, f"{name!r} stands here twice")
            elif allowed is None or self.one_of(key, name, allowed, "key"):
                keys[name] = (key, value)
        return keys

    def one_of(self, node: yaml.Node, name: str, allowed: tuple[str, ...], what: str) -> bool:
        if name in allowed:
            return True
        near = _nearest(name, allowed)
        self.fault(node, f"unknown {what} {name!r}{near or f'; expected {_listed(allowed)}'}")
        return False


def _builtin(text: str) -> tuple[Template, ...]:
    return (parse_template(text),)


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) if isinstance(names, set) else ", ".join(names)
