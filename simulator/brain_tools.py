"""The tools a session declared: which of them an utterance asks for, and with which arguments.

A stand-in for what the model does with function declarations: keywords and kinds of values, not
understanding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .brain_reply import label
from .brain_slots import find
from .brain_text import Heard, normal, stem
from .brain_words import EVERYDAY, KINDS, SYNONYMS

__all__ = ["DeclaredTool", "Parameter", "best_tool", "coerce", "read_tools"]

_EVERYDAY = frozenset(map(stem, EVERYDAY))
_SYNONYMS = tuple(frozenset(map(stem, group)) for group in SYNONYMS)

_NAME_WEIGHT, _TEXT_WEIGHT, _SAME_WEIGHT, _PARAMETER_WEIGHT, _EVIDENCE_WEIGHT = 3.0, 1.0, 0.6, 1.0, 1.0
# One word of the tool's name, or two of its description.
_THRESHOLD = 1.7


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool."""

    name: str
    kind: str
    """text, name, place, date, time, number, integer, or other: a choice, what is no single value, and yes and no."""
    required: bool
    description: str = ""

    @property
    def label(self) -> str:
        """The name as words."""
        return label(self.name)


@dataclass(frozen=True, slots=True)
class DeclaredTool:
    """A declared function."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    weights: Mapping[str, float] = field(repr=False)
    """How much each stem in an utterance speaks for this tool."""

    @property
    def label(self) -> str:
        """The name as words."""
        return label(self.name)


def read_tools(declarations: Iterable[Mapping[str, object]]) -> tuple[DeclaredTool, ...]:
    """The tools of ``functionDeclarations``: parameters as OpenAPI or JSON Schema, camelCase or snake_case.

    What has no name is left out; what a schema says beyond types, enums and required is ignored.
    """
    tools = []
    for declaration in declarations:
        name = declaration.get("name")
        if not isinstance(name, str) or not name:
            continue
        description = _text(declaration.get("description"))
        for key in ("parameters", "parametersJsonSchema", "parameters_json_schema"):
            schema = declaration.get(key)
            if isinstance(schema, Mapping):
                break
        else:
            schema = {}
        parameters = tuple(_parameters(schema))
        tools.append(DeclaredTool(name, description, parameters, _weights(name, description, parameters)))
    return tuple(tools)


def best_tool(tools: Sequence[DeclaredTool], heard: Heard) -> DeclaredTool | None:
    """The tool the utterance asks for, of equals the first one; None when no score is high enough."""
    said = {stem(word) for word in heard.words} - _EVERYDAY
    given = {kind for kind in ("date", "time") if next(find(kind, heard), None)}
    shared = {word: sum(word in tool.weights for tool in tools) for word in said}
    best, best_score = None, _THRESHOLD
    for tool in tools:
        # A word that speaks for every tool tells little about which one is meant.
        score = sum(tool.weights[word] / shared[word] ** 0.5 for word in said & tool.weights.keys())
        # A tool whose name was said in full is meant, whatever its sisters have in common with the words.
        name = {stem(word) for word in tool.label.split()} - _EVERYDAY
        if len(name) > 1 and name <= said:
            score += _NAME_WEIGHT
        # "Are you there on Sunday?" says little, but it names a day to a tool that needs one.
        if score and any(parameter.kind in given for parameter in tool.parameters):
            score += _EVIDENCE_WEIGHT
        if score > best_score:
            best, best_score = tool, score
    return best


def coerce(parameter: Parameter, value: object) -> object:
    """`value` as the type that the schema asks for, where that is possible."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    if parameter.kind in ("number", "integer"):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return value
        return int(number) if number.is_integer() else number
    if parameter.kind == "other":
        return value
    return value if isinstance(value, str) else str(value)


def _parameters(schema: Mapping[object, object]) -> Iterable[Parameter]:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping):
        return
    needed = set(map(str, required)) if isinstance(required, list | tuple) else set()
    for name, described in properties.items():
        if isinstance(name, str):
            entry = described if isinstance(described, Mapping) else {}
            yield _parameter(name, entry, name in needed)


def _parameter(name: str, schema: Mapping[object, object], required: bool) -> Parameter:
    description = _text(schema.get("description"))
    options = schema.get("anyOf")
    if isinstance(options, list):
        # What may be null as well.
        real = [each for each in options if isinstance(each, Mapping) and each.get("type") != "null"]
        schema = real[0] if real else schema
    kind = _text(schema.get("type")).lower()
    if kind in ("number", "integer"):
        return Parameter(name, kind, required, description)
    if kind not in ("", "string") or schema.get("enum"):
        return Parameter(name, "other", required, description)
    words = set(label(name).split())
    kinds = [each for each, known in KINDS.items() if known & words]
    return Parameter(name, kinds[0] if kinds else "text", required, description)


def _weights(name: str, description: str, parameters: Sequence[Parameter]) -> dict[str, float]:
    weights: dict[str, float] = {}

    def add(text: str, weight: float) -> None:
        for word in normal(text).split():
            if (root := stem(word)) not in _EVERYDAY and not root.isdigit():
                weights[root] = max(weights.get(root, 0.0), weight)

    add(label(name), _NAME_WEIGHT)
    add(description, _TEXT_WEIGHT)
    for parameter in parameters:
        add(parameter.label, _PARAMETER_WEIGHT)
    for group in _SYNONYMS:
        known = max((weights[word] for word in group & weights.keys()), default=0.0) * _SAME_WEIGHT
        if known:
            weights.update((word, max(known, weights.get(word, 0.0))) for word in group)
    return weights


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


Arguments = dict[str, object]
"""What a tool is called with: JSON values by parameter name."""
