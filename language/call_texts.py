"""``inputs``: what a caller brings along, and the texts that take it as ``{{inputs.name}}``.

Codes: LG170 a declaration that makes no sense, LG171 no such input, LG172 an option that takes none, LG173 mixed with
``${...}``, LG174 not a reference, LG175 an input that nothing uses (warning).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ..pipeline.convert import Steps, convert_group
from ..pipeline.convert.scalars import CallText, EnvText
from ..pipeline.errors import Problem
from ..pipeline.graph.inputs import InputSpec, accept
from ..pipeline.options import MISSING
from ..pipeline.spelling import did_you_mean, sure
from .form_checks import Shape

__all__ = ["call_text", "mentions", "read_inputs", "unused", "with_text"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_MENTION = re.compile(r"\{\{\s*inputs\b[^}]*\}?\}?")
_ANY = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_-]*)\s*\}\}")


def read_inputs(value: Any, shape: Shape) -> dict[str, InputSpec]:
    """The declarations of the section ``inputs``."""
    section = shape.mapping(value, ("inputs",), "`inputs`", "write `caller: {type: text}` below it")
    specs: dict[str, InputSpec] = {}
    for name, given in (section or {}).items():
        path: Steps = ("inputs", name)
        if not _NAME.fullmatch(name):
            hint = "letters, digits, `_` and `-`, beginning with a letter"
            shape.fault("LG107", f"`{name[:60]}` cannot name an input", path, hint, key=True)
            continue
        spec, problems = convert_group(InputSpec, {} if given is None else given, path=path, label=name)
        shape.problems += problems
        specs[name] = spec if spec is not None else InputSpec()
        if spec is not None:
            shape.problems += _declared_faults(name, spec, path)
    return specs


def _declared_faults(name: str, spec: InputSpec, path: Steps) -> list[Problem]:
    if spec.pattern:
        try:
            re.compile(spec.pattern)
        except (re.error, RecursionError, OverflowError) as error:
            message = f"the pattern of `{name}` is not a regular expression: {error}"
            return [Problem("LG170", message, (*path, "pattern"))]
    for key, kinds in (("pattern", ("text",)), ("choices", ("text",)), ("range", ("integer", "number"))):
        if getattr(spec, key) and spec.type not in kinds:
            message = f"`{key}` means nothing for `{name}`, which is of type {spec.type}"
            hint = f"it is for {' and '.join(kinds)}"
            return [Problem("LG170", message, (*path, key), key=True, hint=hint)]
    if spec.max_length < 1:
        return [Problem("LG203", "`max_length` must be at least 1", (*path, "max_length"))]
    if spec.default is MISSING:
        return []
    return accept(spec, name, spec.default, (*path, "default"), from_yaml=True)[1]


def call_text(
    value: Any, specs: Mapping[str, InputSpec] | None, path: Steps, shape: Shape
) -> CallText | None:
    """The text of an option that may use inputs, when this one does. ``specs`` of ``None`` has any input."""
    if isinstance(value, EnvText):
        if _MENTION.search(value.written):
            hint = "a text takes what callers bring along, or the environment: not both"
            shape.fault("LG173", "`{{inputs...}}` and `${...}` in one text", path, hint)
        return None
    if not isinstance(value, str) or "{{" not in value:
        return None
    text = CallText(value)
    for match in _MENTION.finditer(value):
        if not CallText(match[0]).names():
            shape.problems.append(
                Problem(
                    "LG174",
                    f"`{match[0][:60]}` is not a reference to an input",
                    path,
                    hint="write {{inputs.name}}",
                    part=match[0],
                )
            )
    for name in text.names() if specs is not None else ():
        if specs is not None and name not in specs:
            hint = did_you_mean(name, specs, label="inputs") or "declare it below `inputs`"
            written = re.search(r"\{\{\s*inputs\s*\.\s*" + re.escape(name) + r"\s*\}\}", value)
            shape.problems.append(
                Problem(
                    "LG171",
                    f"there is no input `{name}`",
                    path,
                    hint=hint,
                    part=written[0] if written else "",
                )
            )
    for match in _ANY.finditer(value):
        if specs and (match[1] in specs or sure(match[1], list(specs))):
            message, hint = f"`{match[0]}` is plain text", f"write {{{{inputs.{match[1]}}}}} for the input"
            shape.problems.append(Problem("LG174", message, path, hint=hint, warning=True, part=match[0]))
    return text if text.names() else None


def with_text(value: Any, at: Steps, text: CallText) -> Any:
    """``value``, an option as its type has it, with ``text`` where the file has it."""
    if not at:
        return text
    step, rest = at[0], at[1:]
    if isinstance(value, Mapping):
        return {key: with_text(one, rest, text) if key == step else one for key, one in value.items()}
    if isinstance(value, list | tuple) and isinstance(step, int):
        return [with_text(one, rest, text) if index == step else one for index, one in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and hasattr(value, str(step)):
        return dataclasses.replace(value, **{str(step): with_text(getattr(value, str(step)), rest, text)})
    # A fault of its own was found there.
    return value


def mentions(data: Any, path: Steps = ()) -> dict[Steps, str]:
    """The places whose text, as it is written, has ``{{inputs`` in it, with the first that it has."""
    if isinstance(data, dict):
        pairs = [((*path, key), value) for key, value in data.items()]
    elif isinstance(data, list):
        pairs = [((*path, index), value) for index, value in enumerate(data)]
    else:
        text = data.written if isinstance(data, EnvText) else data
        match = _MENTION.search(text) if isinstance(text, str) else None
        return {path: match[0]} if match else {}
    return {at: text for where, value in pairs for at, text in mentions(value, where).items()}


def unused(specs: Mapping[str, InputSpec], used: set[str]) -> list[Problem]:
    """A warning for every input that no text uses."""
    return [
        Problem(
            "LG175",
            f"nothing uses the input `{name}`",
            ("inputs", name),
            key=True,
            warning=True,
            hint=f"write {{{{inputs.{name}}}}} where it belongs",
        )
        for name in specs
        if name not in used
    ]
