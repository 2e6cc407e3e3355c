"""Type hints of options as JSON Schema.

A scalar may also be text that holds ``${VAR}``, whatever its type: what it becomes is known only when the file is
read. Inside of a template a list or a mapping may be ``${params.name}``, and text, lists and mappings may stand in
another file (``include``). To keep editors' messages short, a value is one flat schema (``type: [number, string]``
with a ``pattern`` that binds only text and a ``minimum`` that binds only numbers) wherever that is possible.
"""

from __future__ import annotations

import collections.abc
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from ...pipeline.convert.hints import (
    choices_of,
    describe,
    group_fields,
    is_file_word,
    is_group,
    is_module_ref,
    strip,
    union_members,
)
from ...pipeline.options import OptionSpec, Range, Secret
from ...pipeline.units import DURATION_UNITS, FREQUENCY_UNITS, SIZE_UNITS
from .boxes import OptionFacts, describe_option
from .docstrings import annotated_docs, field_docs

__all__ = [
    "INCLUDE",
    "PARAM",
    "VARIABLE",
    "Schema",
    "choice_schema",
    "group_schema",
    "includable",
    "mapping_schema",
    "must",
    "option_schema",
    "type_schema",
    "with_former_names",
]

Schema = dict[str, Any]

VARIABLE = r"\$\{"
"""Text in which the environment is put in."""

PARAM = r"^\$\{params\.[A-Za-z0-9_]+\}$"
"""A parameter of a template, which may be a list or a mapping."""
INCLUDE: Schema = {"$ref": "#/$defs/include"}

_SEQUENCES = (
    list,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.Collection,
    collections.abc.Iterable,
    collections.abc.Set,
)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_NEVER: Schema = {"not": {}}
"""What a type that only a program can give takes from a file."""


def option_schema(spec: OptionSpec, doc: str = "") -> Schema:
    """The schema of one option, with its description, default, unit and range."""
    facts = describe_option(spec, doc)
    made = type_schema(spec.type, spec.unit, spec.range)
    said = _description(facts)
    if said:
        made["description"] = said
    if spec.offered:
        made = {"anyOf": [{"enum": list(spec.offered)}, made]} | ({"description": said} if said else {})
    # An editor would write `null` where nothing is meant, and one of them stumbles over it.
    if not facts.required and not facts.secret and facts.default is not None:
        made["default"] = facts.default
    if facts.deprecated:
        made |= {"deprecated": True, "deprecationMessage": facts.deprecated}
    return made


def with_former_names(properties: Schema, specs: Iterable[OptionSpec]) -> Schema:
    """``properties`` and, marked as deprecated, the names that options had before."""
    former = {
        renamed.old: properties[spec.name]
        | {"deprecated": True, "deprecationMessage": f"It is called {spec.name} since {renamed.since}."}
        for spec in specs
        for renamed in spec.renamed
    }
    return former | properties


def must(specs: Iterable[OptionSpec]) -> list[str]:
    """The options that have to be there under their own name."""
    return [spec.name for spec in specs if spec.required and not spec.renamed]


def group_schema(cls: type) -> Schema:
    """The schema of a mapping that becomes a dataclass or a struct."""
    docs = field_docs(cls) | annotated_docs(cls)
    fields = group_fields(cls)
    specs = [spec for _, spec in fields.values()]
    properties = {
        shown: option_schema(spec, docs.get(attribute, "")) for shown, (attribute, spec) in fields.items()
    }
    return mapping_schema(with_former_names(properties, specs), must(specs))


def mapping_schema(properties: Schema, required: Sequence[str] = ()) -> Schema:
    """A mapping with these keys and no others; what must be there may stand in a file that it includes."""
    made: Schema = {
        "type": ["object", "string"],
        "pattern": PARAM,
        "patternErrorMessage": "Expected a mapping.",
        "properties": {"include": INCLUDE, **properties},
        "additionalProperties": False,
    }
    if required:
        made |= {"if": {"required": ["include"]}, "else": {"required": list(required)}}
    return made


def includable(schema: Schema) -> Schema:
    """``schema``, whose types are no mappings, or the text or list of a file that is included."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {
        "type": [*kinds, "object"],
        "properties": {"include": INCLUDE},
        "additionalProperties": False,
        "minProperties": 1,
    }


def choice_schema(*choices: Any) -> Schema:
    """One of ``choices``, or a variable."""
    return {"anyOf": [{"enum": list(choices)}, {"type": "string", "pattern": VARIABLE}]}


def type_schema(hint: Any, unit: str = "", bounds: Range | None = None) -> Schema:
    """The schema of a value of this type."""
    if is_module_ref(hint):
        return {"type": "string", "minLength": 1}
    hint, own_bounds, own_unit = strip(hint)
    unit, bounds = own_unit or unit, own_bounds or bounds
    if is_file_word(hint):
        return type_schema(str)
    if is_module_ref(hint) or hint is Path:
        return {"type": "string", "minLength": 1}
    members = union_members(hint)
    if len(members) > 1:
        return _union([type_schema(member, unit, bounds) for member in members])
    if hint is Any or hint is object:
        return {}
    if hint is None or hint is type(None):
        return {"type": "null"}
    if hint is str:
        return includable({"type": "string"})
    if hint is Secret:
        return {"type": "string"}
    if hint is bool:
        return {
            "type": ["boolean", "string"],
            "pattern": VARIABLE,
            "patternErrorMessage": "Expected true, false or ${VARIABLE}.",
        }
    if hint is int or hint is float:
        return _number(hint, unit, bounds)
    if choices := choices_of(hint):
        return choice_schema(*(getattr(one, "value", one) for one in choices))
    return _collection(get_origin(hint) or hint, get_args(hint), unit, bounds)


def _number(kind: type, unit: str, bounds: Range | None) -> Schema:
    if unit == "ns" and kind is int:
        return {
            # Nothing is nothing in any unit; every other number wants one.
            "type": ["string", "integer"],
            "pattern": rf"^\s*[0-9]+(\.[0-9]+)?\s*{_any_case(DURATION_UNITS)}\s*$|{VARIABLE}",
            "patternErrorMessage": "Expected a duration such as 200ms, 1.5s or 2min.",
            "if": {"type": "integer"},
            "then": {"const": 0, "errorMessage": "A duration needs a unit: 200ms, 1.5s or 2min."},
        }
    if unit == "B" and kind is int:
        return {
            "type": ["string", "integer"],
            "pattern": rf"^\s*[0-9]+(\.[0-9]+)?\s*{_any_case(SIZE_UNITS)}\s*$|{VARIABLE}",
            "patternErrorMessage": "Expected a size such as 500MB or 1.5GB.",
            "if": {"type": "integer"},
            "then": {"const": 0, "errorMessage": "A size needs a unit: 500MB or 1.5GB."},
        }
    made: Schema = {"type": ["integer" if kind is int else "number", "string"], "pattern": VARIABLE}
    if unit == "Hz" and kind is int:
        made["pattern"] = rf"^\s*[0-9]+(\.[0-9]+)?\s*{_any_case(FREQUENCY_UNITS)}\s*$|{VARIABLE}"
        made["patternErrorMessage"] = "Expected a rate such as 16kHz, 8000Hz or 8000."
    else:
        made["patternErrorMessage"] = "Expected a number or ${VARIABLE}."
    if bounds is not None and bounds.low is not None:
        made["minimum"] = bounds.low
    if bounds is not None and bounds.high is not None:
        made["maximum"] = bounds.high
    return made


def _collection(base: Any, args: tuple[Any, ...], unit: str, bounds: Range | None) -> Schema:
    if base is tuple and args and Ellipsis not in args:
        items = [type_schema(arg, unit, bounds) for arg in args]
        return _list({"prefixItems": items, "minItems": len(items), "maxItems": len(items)})
    if base is tuple or base in _SEQUENCES:
        return _list({"items": type_schema(args[0], unit, bounds) if args else {}})
    if base in _MAPPINGS:
        made = mapping_schema({})
        inner = type_schema(args[1], unit, bounds) if len(args) == 2 else {}
        return made | {"additionalProperties": inner or True}
    return group_schema(base) if is_group(base) else dict(_NEVER)


def _list(items: Schema) -> Schema:
    return includable(
        {"type": ["array", "string"], "pattern": PARAM, "patternErrorMessage": "Expected a list."} | items
    )


def _union(members: list[Schema]) -> Schema:
    kinds = [member for member in members if member != _NEVER]
    if any(member == {} for member in kinds):
        return {}
    unique = list({json.dumps(member, sort_keys=True): member for member in kinds}.values())
    nullable = {"type": "null"} in unique
    unique = [member for member in unique if member != {"type": "null"}]
    if not unique:
        return {"type": "null"} if nullable else dict(_NEVER)
    if len(unique) == 1 and "type" in unique[0]:
        only = dict(unique[0])
        if nullable:
            kind = only["type"]
            only["type"] = [*(kind if isinstance(kind, list) else [kind]), "null"]
        return only
    flat: list[Schema] = []
    for member in unique:
        # `anyOf` in `anyOf`: choices beside something else.
        flat += member["anyOf"] if set(member) == {"anyOf"} else [member]
    return {"anyOf": [*flat, *([{"type": "null"}] if nullable else [])]}


def _description(facts: OptionFacts) -> str:
    """``Silence that ends speech (a duration, 32ms to 5s)``: what editors show."""
    doc = facts.doc[:1].upper() + facts.doc[1:]
    kind = describe(int, facts.unit) if facts.unit else ""
    if facts.secret:
        kind = "a secret: write ${NAME}, never the value"
    inputs = "may hold {{inputs.name}}" if facts.per_call else ""
    if facts.call_file:
        inputs = "may hold {{call.id}}, {{call.time}}, {{inputs.name}}"
    live = "live: a change reaches running calls" if facts.live else ""
    takes = ", ".join(part for part in (kind, facts.range, inputs, live) if part)
    return f"{doc} ({takes})" if doc and takes else doc or takes


def _any_case(units: dict[str, int]) -> str:
    """A pattern for the names of units, however they are written."""
    names = sorted(units, key=lambda name: (-len(name), name))
    return "(" + "|".join(re.sub("[a-z]", lambda x: f"[{x[0]}{x[0].upper()}]", name) for name in names) + ")"
