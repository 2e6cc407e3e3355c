"""What a caller brings along: values that an agent declares, and the texts that they go into.

::

    inputs: {caller: {type: text, max_length: 40, default: a guest, doc: who is calling}}
    agent:  {greeting: "Hello {{inputs.caller}}!"}

Values are checked before a call starts. They go only into options that are marked for it (``PerCall``), as text,
and what a value holds is never read as a reference itself.

Codes: LG176 unknown, LG177 missing, LG178 too long, not of the pattern or not one of the choices; LG202 and
LG203 for types and ranges.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..convert import Steps, convert
from ..convert.hints import show
from ..convert.scalars import CallText, EnvText
from ..errors import Problem
from ..options import MISSING, OptionSpec, Range, option_specs
from ..spelling import did_you_mean
from .call_files import CallFacts, fill_call_file, has_fields
from .declarations import NodeSpec

if TYPE_CHECKING:
    from .check import CheckResult

__all__ = ["CallText", "InputSpec", "accept", "fill_call_texts", "input_values", "varies_by_call"]

logger = logging.getLogger("livegraph.call")

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MATCH_WITHIN_S = 0.02
_TYPES: dict[str, Any] = {"text": str, "integer": int, "number": float, "boolean": bool}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input as the agent declares it."""

    type: Literal["text", "integer", "number", "boolean"] = "text"
    default: Any = MISSING
    """What it is when a call does not say; without one every call must."""
    max_length: int = 500
    """The most characters of a text."""
    pattern: str = ""
    """What the whole of a text must look like, a regular expression."""
    range: tuple[float, float] | None = None
    """The least and the greatest number."""
    choices: tuple[str, ...] = ()
    """The only texts allowed."""
    doc: str = ""

    @property
    def required(self) -> bool:
        """Whether every call must say it."""
        return self.default is MISSING


def accept(
    spec: InputSpec, name: str, value: Any, path: Steps = (), *, from_yaml: bool = False
) -> tuple[Any, list[Problem]]:
    """``value`` as the input declares it, and what is wrong with it."""
    bounds = None if spec.range is None else Range(*spec.range)
    option = OptionSpec(name, _TYPES[spec.type], range=bounds)
    made, problems = convert(option, value, path=path, from_yaml=from_yaml)
    if not problems and isinstance(made, str):
        problems = [
            Problem("LG178", message, path, hint=hint)
            for message, hint in _text_faults(spec, name, made, value)
        ]
    return made, problems


def input_values(
    specs: Mapping[str, InputSpec], given: Mapping[str, Any], *, from_text: bool = False
) -> tuple[dict[str, Any], list[Problem]]:
    """The value of every declared input for one call, and every fault.

    ``from_text`` reads numbers and booleans from their text, as a command line gives them.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in given:
        if name not in specs:
            hint = did_you_mean(str(name), specs, label="inputs") or "this agent takes no inputs"
            problems.append(
                Problem("LG176", f"there is no input `{str(name)[:60]}`", ("inputs", name), hint=hint)
            )
    for name, spec in specs.items():
        path = ("inputs", name)
        if name not in given:
            values[name] = spec.default
            if spec.required:
                hint = spec.doc or f"it takes {spec.type}"
                problems.append(Problem("LG177", f"the call needs the input `{name}`", path, hint=hint))
            continue
        value = given[name]
        raw = EnvText(value, value) if from_text and isinstance(value, str) and spec.type != "text" else value
        values[name], faults = accept(spec, name, raw, path)
        problems += faults
    return values, problems


def fill_call_texts(checked: CheckResult, facts: CallFacts) -> CheckResult:
    """``checked`` as it is in one call: inputs in its texts, and the names of its files."""
    nodes = dict(checked.nodes)
    for name, node in checked.nodes.items():
        filled = dict(_filled(node, facts))
        if filled:
            nodes[name] = replace(node, options={**node.options, **filled})
    return replace(checked, nodes=nodes)


def varies_by_call(checked: CheckResult) -> bool:
    """Whether ``fill_call_texts`` changes anything: most graphs are the same in every call."""
    return any(
        _has_texts(value) or (isinstance(value, Path) and has_fields(value))
        for node in checked.nodes.values()
        for value in node.options.values()
    )


def _filled(node: NodeSpec, facts: CallFacts) -> Iterator[tuple[str, Any]]:
    """The options that are others in this call."""
    specs: Mapping[str, OptionSpec] | None = None
    for name, value in node.options.items():
        if _has_texts(value):
            yield name, _with_inputs(value, facts.inputs)
        elif isinstance(value, Path) and has_fields(value):
            specs = specs or option_specs(node.processor)
            if name in specs and specs[name].call_file:
                yield name, fill_call_file(value, facts)


def _with_inputs(value: Any, inputs: Mapping[str, Any]) -> Any:
    """A value whose texts are filled in, those of the groups inside of it too."""
    if isinstance(value, CallText):
        return value.filled(inputs)
    if not _has_texts(value):
        return value
    if isinstance(value, Mapping):
        return {name: _with_inputs(one, inputs) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_with_inputs(one, inputs) for one in value]
    texts = {one.name: _with_inputs(getattr(value, one.name), inputs) for one in dataclasses.fields(value)}
    return replace(value, **texts)


def _has_texts(value: Any) -> bool:
    """Whether there is a text in it that each call fills in; groups of options are looked into."""
    if isinstance(value, Mapping):
        return any(_has_texts(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_has_texts(one) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return any(_has_texts(getattr(value, field.name)) for field in dataclasses.fields(value))
    return isinstance(value, CallText)


def _matches(pattern: str, name: str, text: str) -> bool:
    """Whether the whole of ``text`` is as ``pattern`` says; one that takes too long to tell is not.

    Patterns such as ``(a+)+$`` take years for the right text, and a caller chooses it.
    """
    import regex

    try:
        return regex.fullmatch(pattern, text, timeout=_MATCH_WITHIN_S) is not None
    except TimeoutError:
        logger.warning(
            "the pattern of the input %r takes too long for what a caller said; it was refused", name
        )
        return False


def _text_faults(spec: InputSpec, name: str, text: str, given: Any) -> Iterable[tuple[str, str]]:
    if len(text) > spec.max_length:
        yield f"`{name}` has {len(text)} characters, {spec.max_length} are allowed", ""
    elif _CONTROL.search(text):
        yield f"`{name}` holds a control character", "plain text only"
    elif spec.choices and text not in spec.choices:
        hint = did_you_mean(text, spec.choices, label="choices")
        yield f"`{name}` cannot be {show(given)}", hint
    elif spec.pattern and not _matches(spec.pattern, name, text):
        yield f"`{name}` does not look right: {show(given)}", f"it must match {spec.pattern}"
