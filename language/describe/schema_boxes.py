"""Boxes in the JSON Schema: what a node may be in each of the three forms, chosen by its ``use:``.

Where a file declares templates, any word may be a box: those definitions begin with ``open.``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import quote

from ...pipeline.graph.declarations import OnError
from ...pipeline.options import OptionSpec, option_specs
from ...pipeline.processor import Processor
from ..personas import TOOLS
from ..short import home_part, parts
from .docstrings import box_doc
from .schema_types import (
    INCLUDE,
    VARIABLE,
    Schema,
    choice_schema,
    group_schema,
    includable,
    mapping_schema,
    must,
    option_schema,
    with_former_names,
)

__all__ = [
    "NODE_NAME",
    "Boxes",
    "box_definitions",
    "named",
    "persona_schema",
    "reference",
    "short_form",
    "text_schema",
]

NODE_NAME = "[A-Za-z_][A-Za-z0-9_-]*"

_REFERENCE = rf":|\.py$|{VARIABLE}"
"""A processor that is not known by name: ``mypkg.mymodule:MyBox``, ``./box.py:MyBox``."""
Boxes = Mapping[str, type[Processor] | None]
"""Processors by name; ``None`` for one that does not load, of which only the name is known."""


def box_definitions(boxes: Boxes) -> Schema:
    """Everything about boxes that other parts of the schema refer to."""
    made: Schema = {
        "include": {
            "description": "What stands in another file: a text, or the keys of one or more YAML files",
            "type": ["string", "array"],
            "items": {"type": "string"},
        },
        "ends": {
            "type": ["string", "array"],
            "pattern": rf"^\s*{NODE_NAME}(\.\w+)?\s*$|{VARIABLE}",
            "patternErrorMessage": "Expected `node` or `node.port`.",
            "items": {"type": "string"},
        },
        "any_options": {"type": ["object", "null"]},
    }
    for prefix in ("", "open."):
        made[f"{prefix}use"] = _use(boxes, closed=not prefix)
        made[f"{prefix}bare"] = _use(boxes, closed=not prefix, bare=True)
        made[f"{prefix}node"] = _node(boxes, prefix)
        made[f"{prefix}item"] = _item(boxes, prefix)
        made[f"{prefix}nodes"] = named(NODE_NAME, reference(f"{prefix}node")) | {
            "description": "Boxes by name; `from` and `to` say what each is joined to",
        }
        made[f"{prefix}pipeline"] = includable({"type": "array"}) | {
            "description": "Boxes in order; each input takes the nearest box before it that offers its type",
            "items": reference(f"{prefix}item"),
        }
    for name, cls in boxes.items():
        if cls is not None:
            made[f"box.{name}"] = _options(cls)
            made[f"item.{name}"] = _box(name, cls, ("use", "as", "from", "to", "on_error"))
            made[f"node.{name}"] = _box(name, cls, ("use", "from", "to", "on_error"))
    return made


def named(pattern: str, schema: Schema) -> Schema:
    """A mapping of names to what ``schema`` takes."""
    return {
        "type": ["object", "null"],
        "properties": {"include": INCLUDE},
        # `include` names nothing: it brings in more of the same.
        "patternProperties": {f"^(?!include$){pattern}$": schema},
        "additionalProperties": False,
    }


def short_form(boxes: Boxes) -> Schema:
    """What stands below ``agent``."""
    home = home_part()
    properties: Schema = {key: _option(home.box, key) for key in home.keys}
    for part in parts():
        for key in part.keys if part is not home else ():
            properties[key] = {"anyOf": [_option(part.box, key), {"type": "null"}]}
    for part in sorted(parts(), key=lambda one: not one.home):
        cls = boxes.get(part.box)
        properties[part.section] = mapping_schema(
            _refer(part.box, {} if cls is None else option_specs(cls))
        ) | {
            "description": f"Options of {part.box}",
            "type": ["object", "null"],
        }
        if part.optional:
            properties[part.section] |= {
                "description": f"Options of {part.box}; false leaves it out",
                "type": ["object", "null", "boolean"],
                "if": {"type": "boolean"},
                "then": {"const": False},
            }
    return mapping_schema(properties) | {
        "description": "A voice agent in the short form: livegraph puts the boxes around it",
        "type": ["object", "null"],
    }


def persona_schema(boxes: Boxes) -> Schema:
    """One of ``agents`` that has no graph of its own: what the Live box takes, and tools."""
    home = boxes.get(home_part().box)
    if home is None:
        return {}
    _, persona = get_args(option_specs(home)["agents"].type)
    made = group_schema(persona)
    made["properties"] = made["properties"] | {
        "tools": _option(TOOLS, "tools"),
        "share_state": {
            "type": "boolean",
            "default": True,
            "description": "Whether its tools share their state with those of its colleagues",
        },
    }
    return made | {"description": "One of several who speak in a call"}


def record_section(boxes: Boxes) -> Schema:
    """What stands below ``record``: the path alone, or options of the recorder."""
    cls = boxes.get("recorder")
    specs = {} if cls is None else option_specs(cls)
    made = mapping_schema(_refer("recorder", specs), must(specs.values()))
    return {key: value for key, value in made.items() if not key.startswith("pattern")} | {
        "description": "How calls are kept: where, in what form, for how long, and who has to agree",
        "type": ["object", "null", "string"],
    }


def reference(*steps: str) -> Schema:
    """A reference to a definition, or to something inside of it."""
    # A name of an entry point may hold anything: escaped as a JSON pointer in the fragment of an address.
    escaped = (quote(step.replace("~", "~0").replace("/", "~1")) for step in steps)
    return {"$ref": "/".join(("#/$defs", *escaped))}


def text_schema(description: str, pattern: str = "") -> Schema:
    """A text of this form."""
    made: Schema = {"description": description, "type": "string"}
    return made | ({"pattern": pattern} if pattern else {})


def _options(cls: type[Processor]) -> Schema:
    specs = option_specs(cls)
    properties = {option: option_schema(spec) for option, spec in specs.items()}
    return mapping_schema(with_former_names(properties, specs.values())) | {
        "description": box_doc(cls).purpose,
        "type": ["object", "null"],
    }


def _box(name: str, cls: type[Processor], keys: tuple[str, ...]) -> Schema:
    """The options of a box beside the keys that every node may have."""
    specs = option_specs(cls)
    own = _node_keys()
    required = [option for option in must(specs.values()) if option not in keys]
    properties = _refer(name, specs) | {key: own[key] for key in keys}
    return mapping_schema(properties, required) | {
        "description": box_doc(cls).purpose,
        "type": "object" if required else ["object", "null"],
    }


def _refer(name: str, specs: Mapping[str, OptionSpec]) -> Schema:
    """The options of a box, and their former names, by reference to what was said of them once."""
    former = [renamed.old for spec in specs.values() for renamed in spec.renamed]
    return {option: _option(name, option) for option in [*former, *specs]}


def _option(name: str, option: str) -> Schema:
    return reference(f"box.{name}", "properties", option)


def _node_keys() -> Schema:
    ends = reference("ends")
    return {
        "use": reference("open.use"),
        "as": text_schema("Name of the node; left out, the processor's", f"^{NODE_NAME}$|{VARIABLE}"),
        "from": ends | {"description": "What the inputs take: `node` or `node.port`, or a list of them"},
        "to": ends | {"description": "Where the outputs go: `node` or `node.port`, or a list of them"},
        "on_error": choice_schema(*get_args(OnError))
        | {"description": "What a fault of this node does to the call", "default": get_args(OnError)[0]},
    }


def _use(boxes: Boxes, *, closed: bool, bare: bool = False) -> Schema:
    """The name of a processor; a ``bare`` one stands without options, so it must not need any."""
    needy = [
        name for name, cls in boxes.items() if bare and cls is not None and must(option_specs(cls).values())
    ]
    names = [name for name in boxes if name not in needy]
    purposes = [
        box_doc(cls).purpose if cls is not None else "" for name, cls in boxes.items() if name in names
    ]
    other: Schema = {"type": "string", "pattern": _REFERENCE} if closed else {"type": "string"}
    if needy and not closed:
        other["not"] = {"enum": needy}
    return {
        "description": "A processor: its name, `mypkg.mymodule:MyBox` or `./box.py:MyBox`; or a template",
        "anyOf": [{"enum": names, "enumDescriptions": purposes}, other],
    }


def _snippets(boxes: Boxes, *, in_order: bool) -> list[Schema]:
    """What an editor puts in where a box may stand: its name, with the options that it needs."""
    made: list[Schema] = []
    for number, (name, cls) in enumerate(boxes.items()):
        needed = [] if cls is None else must(option_specs(cls).values())
        values = {option: f"${{{number + 1}:{option}}}" for number, option in enumerate(needed)}
        body: Any = name
        if needed:
            body = {name: values} if in_order else {"use": name, **values}
        made.append(
            {
                "label": name,
                "description": "" if cls is None else box_doc(cls).purpose,
                "body": body,
                "sortText": f"{number:03}",
            }
        )
    return made


def _by_use(boxes: Boxes, kind: str) -> list[Schema]:
    """For each processor, what a node that uses it may have."""
    return [
        {
            "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
            "then": reference(f"{kind}.{name}"),
        }
        for name, cls in boxes.items()
        if cls is not None
    ]


def _node(boxes: Boxes, prefix: str) -> Schema:
    """A node of ``nodes``: the name of its processor, or ``{use: ..., ...}``."""
    return {
        "type": ["object", "string"],
        "defaultSnippets": _snippets(boxes, in_order=False),
        "if": {"type": "string"},
        "then": reference(f"{prefix}bare"),
        "else": {
            "if": {"required": ["include"]},
            "else": {"required": ["use"]},
            "properties": {"use": reference(f"{prefix}use"), "include": INCLUDE},
            "allOf": _by_use(boxes, "node"),
        },
    }


def _item(boxes: Boxes, prefix: str) -> Schema:
    """An item of ``pipeline``: a name, ``{name: {options}}`` or ``{use: name, ...}``."""
    options = {
        name: reference("any_options")
        if cls is None
        else {"allOf": [reference(f"item.{name}"), {"properties": {"use": False}}]}
        for name, cls in boxes.items()
    }
    return {
        "type": ["string", "object"],
        "defaultSnippets": _snippets(boxes, in_order=True),
        "if": {"type": "string"},
        "then": reference(f"{prefix}bare"),
        "else": {
            "if": {"required": ["use"]},
            "then": {"properties": {"use": reference(f"{prefix}use")}, "allOf": _by_use(boxes, "item")},
            "else": {
                "properties": {"include": INCLUDE, **options},
                "patternProperties": {_REFERENCE: reference("any_options")},
                "additionalProperties": reference("any_options") if prefix else False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        },
    }
