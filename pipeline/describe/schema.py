"""The JSON Schema (draft 2020-12) of agent files, for editors and other tools.

It covers all three forms and every installed processor; what a node takes is chosen by its ``use:``. It is made of
what ``check`` itself reads, and says no more than ``check`` does about shape: names, wiring and
formats are the check's own. Only keywords that editors know since draft 7 bind anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args
from urllib.parse import quote

from ..errors import Problem
from ..graph import OnError, PolicyChange
from ..options import OptionSpec, option_specs
from ..processor import Processor
from ..turns import TurnPolicy
from .boxes import installed
from .docstrings import box_doc
from .schema_types import (
    VARIABLE,
    Schema,
    choice_schema,
    group_schema,
    must,
    option_schema,
    with_former_names,
)

__all__ = ["json_schema"]

_AGENT_NAME = rf"^[A-Za-z0-9_][A-Za-z0-9_.-]*$|{VARIABLE}"
_NODE_NAME = "[A-Za-z_][A-Za-z0-9_-]*"
_REFERENCE = rf":|\.py$|{VARIABLE}"
"""A processor that is not known by name: ``mypkg.mymodule:MyBox``, ``./box.py:MyBox``."""
_EDGE = r"^\s*[^\s>]+\s*->\s*[^\s>]+\s*$"
_FORMS = ("agent", "pipeline", "nodes")
_LIVE_KEYS = ("instructions", "greeting", "voice", "language", "model")
_SECTIONS = {
    "live": "gemini_live",
    "webrtc_in": "webrtc_in",
    "vad": "vad_gate",
    "tool_router": "tool_router",
    "webrtc_out": "webrtc_out",
}

_Boxes = Mapping[str, type[Processor] | None]


def json_schema(*, shipped_only: bool = False) -> Schema:
    """The schema of agent files, as plain data.

    ``shipped_only`` knows no processors but livegraph's own, and is the same on every machine. A processor that does
    not load is known by its name, and takes any options.
    """
    boxes = {
        name: None if isinstance(found, Problem) else found
        for name, found in installed(shipped_only=shipped_only)
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "livegraph agent file",
        "description": "An agent as a graph: `agent` (short), `pipeline` (boxes in order) or `nodes` (named).",
        "type": "object",
        "properties": _top(boxes),
        "additionalProperties": False,
        "anyOf": [{"required": [form]} for form in _FORMS],
        # One by one rather than by `oneOf`, so that the message is about the key that is too many.
        "allOf": [
            {
                "if": {"required": [form]},
                "then": {"properties": {other: False for other in _FORMS if other != form}},
            }
            for form in _FORMS
        ],
        "$defs": _definitions(boxes),
    }


def _top(boxes: _Boxes) -> Schema:
    return {
        "version": {
            "description": "Version of the language: 1",
            "anyOf": [{"enum": [1]}, {"type": "string", "pattern": f"^1$|{VARIABLE}"}],
        },
        "name": _text("Name of the agent in addresses; left out, the file's", _AGENT_NAME),
        "title": {"type": ["string", "null"], "description": "What people call the agent"},
        "description": {"type": ["string", "null"], "description": "One sentence on what it does"},
        "agent": _short_form(boxes),
        "pipeline": {
            "description": "Boxes in order; each input takes the nearest box before it that offers its type",
            "type": "array",
            "items": _ref("item"),
        },
        "nodes": {
            "description": "Boxes by name; `from` and `to` say what each is joined to",
            "type": ["object", "null"],
            "patternProperties": {f"^{_NODE_NAME}$": _ref("node")},
            "additionalProperties": False,
        },
        "edges": {
            "description": "Policies of edges, by `node -> node` or `node.port -> node.port`; new edges too",
            "type": ["object", "null"],
            "patternProperties": {_EDGE: _ref("edge")},
            "additionalProperties": False,
        },
        "turns": _nullable(group_schema(TurnPolicy), "How speech over the agent is judged"),
        "simulator": {
            "description": "How the local simulator plays the model; of no meaning to Google",
            "type": ["object", "null"],
            "properties": {
                "brain": _text("File with the simulator's script, relative to this one"),
            },
            "additionalProperties": False,
        },
    }


def _definitions(boxes: _Boxes) -> Schema:
    definitions: Schema = {
        "item": _item(boxes),
        "node": _node(boxes),
        "use": _use(boxes),
        "ends": {
            "type": ["string", "array"],
            "pattern": rf"^\s*{_NODE_NAME}(\.\w+)?\s*$|{VARIABLE}",
            "patternErrorMessage": "Expected `node` or `node.port`.",
            "items": {"type": "string"},
        },
        "edge": _nullable(group_schema(PolicyChange), "What a queue does when it is full, and when that is"),
        "any_options": {"type": ["object", "null"]},
    }
    for name in ("max_frames",):
        definitions["edge"]["properties"][name]["minimum"] = 1
    for name, cls in boxes.items():
        if cls is not None:
            definitions[f"box.{name}"] = _options(cls)
            definitions[f"item.{name}"] = _box(name, cls, ("use", "as", "from", "to", "on_error"))
            definitions[f"node.{name}"] = _box(name, cls, ("use", "from", "to", "on_error"))
    return definitions


def _options(cls: type[Processor]) -> Schema:
    specs = option_specs(cls)
    properties = {option: option_schema(spec) for option, spec in specs.items()}
    return {
        "description": box_doc(cls).purpose,
        "type": ["object", "null"],
        "properties": with_former_names(properties, specs.values()),
        "additionalProperties": False,
    }


def _box(name: str, cls: type[Processor], keys: tuple[str, ...]) -> Schema:
    """The options of a box beside the keys that every node may have."""
    specs = option_specs(cls)
    own = _node_keys()
    required = [option for option in must(specs.values()) if option not in keys]
    made: Schema = {
        "description": box_doc(cls).purpose,
        "type": "object" if required else ["object", "null"],
        "properties": _refer(name, specs) | {key: own[key] for key in keys},
        "additionalProperties": False,
    }
    return made | ({"required": required} if required else {})


def _refer(name: str, specs: Mapping[str, OptionSpec]) -> Schema:
    """The options of a box, and their former names, by reference to what was said of them once."""
    former = [renamed.old for spec in specs.values() for renamed in spec.renamed]
    return {option: _option(name, option) for option in [*former, *specs]}


def _option(name: str, option: str) -> Schema:
    return _ref(f"box.{name}", "properties", option)


def _ref(*steps: str) -> Schema:
    """A reference to a definition, or to something inside of it."""
    # A name of an entry point may hold anything: escaped as a JSON pointer in the fragment of an address.
    escaped = (quote(step.replace("~", "~0").replace("/", "~1")) for step in steps)
    return {"$ref": "/".join(("#/$defs", *escaped))}


def _node_keys() -> Schema:
    ends = _ref("ends")
    return {
        "use": _ref("use"),
        "as": _text("Name of the node; left out, the processor's", f"^{_NODE_NAME}$|{VARIABLE}"),
        "from": ends | {"description": "What the inputs take: `node` or `node.port`, or a list of them"},
        "to": ends | {"description": "Where the outputs go: `node` or `node.port`, or a list of them"},
        "on_error": choice_schema(*get_args(OnError))
        | {"description": "What a fault of this node does to the call", "default": get_args(OnError)[0]},
    }


def _use(boxes: _Boxes) -> Schema:
    purposes = [box_doc(cls).purpose if cls is not None else "" for cls in boxes.values()]
    return {
        "description": "A processor: its name, `mypkg.mymodule:MyBox` or `./box.py:MyBox`",
        "anyOf": [
            {"enum": list(boxes), "enumDescriptions": purposes},
            {"type": "string", "pattern": _REFERENCE},
        ],
    }


def _by_use(boxes: _Boxes, kind: str) -> list[Schema]:
    """For each processor, what a node that uses it may have."""
    return [
        {
            "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
            "then": _ref(f"{kind}.{name}"),
        }
        for name, cls in boxes.items()
        if cls is not None
    ]


def _node(boxes: _Boxes) -> Schema:
    """A node of ``nodes``: the name of its processor, or ``{use: ..., ...}``."""
    return {
        "type": ["object", "string"],
        "if": {"type": "string"},
        "then": _ref("use"),
        "else": {
            "required": ["use"],
            "properties": {"use": _ref("use")},
            "allOf": _by_use(boxes, "node"),
        },
    }


def _item(boxes: _Boxes) -> Schema:
    """An item of ``pipeline``: a name, ``{name: {options}}`` or ``{use: name, ...}``."""
    options = {
        name: _ref("any_options")
        if cls is None
        else {"allOf": [_ref(f"item.{name}"), {"properties": {"use": False}}]}
        for name, cls in boxes.items()
    }
    return {
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": _ref("use"),
        "else": {
            "if": {"required": ["use"]},
            "then": {"properties": {"use": _ref("use")}, "allOf": _by_use(boxes, "item")},
            "else": {
                "properties": options,
                "patternProperties": {_REFERENCE: _ref("any_options")},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
        },
    }


def _short_form(boxes: _Boxes) -> Schema:
    properties: Schema = {key: _option("gemini_live", key) for key in _LIVE_KEYS}
    properties["tools"] = {"anyOf": [_option("tool_router", "tools"), {"type": "null"}]}
    for key, name in _SECTIONS.items():
        cls = boxes.get(name)
        specs = {} if cls is None else option_specs(cls)
        properties[key] = {
            "description": f"Options of {name}",
            "type": ["object", "null"],
            "properties": _refer(name, specs),
            "additionalProperties": False,
        }
    properties["vad"] |= {
        "description": "Options of vad_gate; false leaves it out",
        "type": ["object", "null", "boolean"],
        "if": {"type": "boolean"},
        "then": {"const": False},
    }
    return {
        "description": "A voice agent in the short form: livegraph puts the boxes around it",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": False,
    }


def _text(description: str, pattern: str = "") -> Schema:
    made: Schema = {"description": description, "type": "string"}
    return made | ({"pattern": pattern} if pattern else {})


def _nullable(schema: Schema, description: str) -> Schema:
    return schema | {"type": [schema["type"], "null"], "description": description}
