"""The JSON Schemas of brains and scenarios, for editors. What is inside of an action is the reader's own to check."""

from __future__ import annotations

from typing import Any

from .brain_file import RULE_KEYS, SCRIPT_KEYS
from .scenario_acts import ACTIONS
from .scenario_file import EVENTS, FILTERS, SETTINGS

__all__ = ["brain_schema", "scenario_schema"]

_Schema = dict[str, Any]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_VERSION: _Schema = {"description": "Version of the language: 1", "enum": [1]}
_TEXTS: _Schema = {"type": ["string", "array"], "items": {"type": "string"}}
_SCRIPT = {
    "version": _VERSION,
    "greeting": _TEXTS | {"description": "What it says when it is asked to greet; several take turns"},
    "fallback": _TEXTS | {"description": "What it says when no rule fits; {heard} is what it heard"},
    "cancelled": _TEXTS | {"description": "What it says when a question is taken back"},
    "use_tools": {
        "description": "Whether tools are called by their names and descriptions",
        "type": "boolean",
    },
    "rules": {"description": "Tried in order", "type": "array", "items": {"$ref": "#/$defs/rule"}},
    "otherwise": {"description": "Tried after the tools", "type": "array", "items": {"$ref": "#/$defs/rule"}},
}
_RULE = {
    "hear": {
        "description": "What it listens for: phrases with [optional] words and {slots:kind}, or {words: [...]}",
        "type": ["string", "array", "object"],
    },
    "say": _TEXTS | {"description": "What it answers"},
    "ask": {"description": "Questions for slots that were not filled", "type": "object"},
    "call": {"description": "The tool that it calls: a name, or {tool, args}", "type": ["string", "object"]},
    "say_result": _TEXTS | {"description": "What it says of the {result}"},
    "say_error": _TEXTS | {"description": "What it says of an {error}"},
    "silent": {"description": "It says nothing", "type": "boolean"},
}


def brain_schema() -> _Schema:
    """The schema of a brain."""
    rule = _closed({key: _RULE.get(key, {}) for key in RULE_KEYS}) | {"required": ["hear"]}
    return {
        "$schema": _DRAFT,
        "title": "livegraph brain",
        "description": "What the simulator answers in the place of the model",
        **_closed({key: _SCRIPT.get(key, {}) for key in SCRIPT_KEYS}),
        "required": ["version"],
        "$defs": {"rule": rule},
    }


def scenario_schema() -> _Schema:
    """The schema of a scenario."""
    when = _closed({key: {} for key in (*EVENTS, *FILTERS)}) | {"type": ["object", "string"]}
    act = _closed({key: {} for key in ACTIONS}) | {
        "type": ["object", "string"],
        "minProperties": 1,
        "maxProperties": 1,
    }
    scene = _closed({"when": when, "do": {"type": ["array", "string", "object"], "items": act}})
    return {
        "$schema": _DRAFT,
        "title": "livegraph scenario",
        "description": "What happens in the simulator, and what goes wrong",
        **_closed(
            {
                "version": _VERSION,
                "brain": {"description": "File with a brain, relative to this one", "type": "string"},
                "settings": _closed({key: {} for key in SETTINGS}),
                "scenes": {
                    "description": "Each plays whenever what is under `when` happens",
                    "type": "array",
                    "items": scene | {"required": ["when", "do"]},
                },
            }
        ),
        "required": ["version"],
    }


def _closed(properties: _Schema) -> _Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}
