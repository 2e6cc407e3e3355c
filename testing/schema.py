"""The JSON Schema of ``tests``: what an editor can offer while a test is written.

Names of nodes, ports and tools, and the fields of events, are the check's own: it knows the agent.
"""

from __future__ import annotations

from inspect import getdoc
from typing import Any

from ..language.describe import installed
from ..language.describe.schema_boxes import reference, text_schema
from ..language.describe.schema_types import Schema, mapping_schema, type_schema
from ..pipeline.end_reason import EndReason
from ..pipeline.turns.controller import TurnState
from .expecting import EXPECTATION_KEYS
from .feeding import STEP_KEYS
from .kinds import can_be_sent, event_types, frame_types
from .patterns import WHAT_KEYS
from .reading import CASE_KEYS

__all__ = ["file_schema", "suite_schema"]

_STEPS = {
    "say": "What a synthetic voice says into the microphone",
    "play": "A recording that is played into it, relative to this file",
    "text": "What the caller types",
    "pressed": "Keys of a telephone that the caller presses, one after the other",
}
_WHATS: dict[str, Schema] = {
    "state": {"description": "The conversation is in a state", "enum": [state.value for state in TurnState]},
    "sound": {"description": "There is sound at an output, or at the one named", "type": ["string", "null"]},
    "silence": {
        "description": "There is silence at an output, or at the one named",
        "type": ["string", "null"],
    },
}
_WHATS["persona"] = {"description": "One of `agents` speaks from here on", "type": ["string", "object"]}
_CASE = {
    "name": "What it shows; the test is known by it",
    "skip": "Why the test is not run",
    "live": "A recording of the wire, which answers in the place of the simulator",
}


def suite_schema() -> Schema:
    """Definitions for ``json_schema(tests=...)``: ``tests``, and what it refers to."""
    return {"tests": _cases(), "step": _step(), "expectation": _expectation(), "what": _what()}


def file_schema() -> Schema:
    """The schema of a file of tests that stands beside its agent."""
    # What boxes publish is known when they are loaded.
    list(installed(shipped_only=True))
    text = {"type": "string"}
    include = {"description": "Files that stand here", "type": ["string", "array"], "items": text}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "livegraph tests",
        "description": "Tests of an agent, for `livegraph test`",
        "type": "object",
        "properties": {
            "version": {"description": "Version of the language: 1", "enum": [1]},
            "agent": text_schema("The agent file that they are of, relative to this one"),
            "tests": reference("tests"),
        },
        "required": ["tests"],
        "additionalProperties": False,
        "$defs": {**suite_schema(), "include": include},
    }


def _cases() -> Schema:
    properties: Schema = {key: {} for key in CASE_KEYS}
    properties |= {key: text_schema(doc) for key, doc in _CASE.items()}
    properties |= {
        "feed": _list("What the caller does, in order", reference("step")),
        "expect": _list("What has to happen, in order", reference("expectation")),
        "mock": {"description": "Tools that are not run, and what they answer", "type": "object"},
        "inputs": {"description": "What the caller brings along", "type": "object"},
        "brain": _script("Rules for the simulator, or a file with them"),
        "scenario": _script("What the simulator does when, or a file that says it"),
        "timeout": _duration("The most that the call may last, by its own clock; 2min"),
    }
    case = mapping_schema(properties, ["name", "expect"])
    return _list("Tests of the agent, for `livegraph test`", case | {"type": "object"})


def _step() -> Schema:
    frames = [name for name, kind in frame_types().items() if can_be_sent(kind) and _is_ours(kind)]
    properties: Schema = {key: text_schema(doc) for key, doc in _STEPS.items()}
    properties |= {
        "frame": {
            "description": "A frame to be sent, by its type, with its fields",
            "type": ["object", "string"],
            "properties": {"type": {"anyOf": [{"enum": frames}, {"type": "string"}]}},
        },
        "disconnect": {
            "description": "The connection to the model is lost, or closed with a code",
            "type": ["object", "boolean"],
        },
        "skip": _duration("Time in which the caller does nothing"),
        "to": text_schema("The microphone, or the input, where there is more than one"),
        "voice": text_schema("Who says it, such as Puck"),
        "length": _duration("How much of the sound is played, from where it can be heard"),
        "name": text_schema("What `since` can count from"),
        "at": _duration("When it begins, by the clock of the call"),
        "wait": _duration("Time to pass before it begins"),
        "after": reference("what"),
    }
    known = {*STEP_KEYS, *(key for keys in STEP_KEYS.values() for key in keys)}
    assert known <= properties.keys()
    return mapping_schema(properties) | {
        "type": "object",
        "anyOf": [{"required": [key]} for key in (*STEP_KEYS, "include")],
    }


def _expectation() -> Schema:
    properties = _happenings()
    properties |= {
        "never": reference("what"),
        "ended_because": {"description": "The call ends for this reason", "enum": [*EndReason]},
        "hears_within": _duration("The caller hears something by then"),
        "no_gap_longer_than": _duration("The output never runs dry for longer in the middle of a turn"),
        "any_order": _list("Several, whichever comes first", reference("expectation")),
        "at": text_schema("The output whose gaps are measured, where there are several"),
        "name": text_schema("What `since` can count from"),
        "within": _duration("The most time since what was met before"),
        "not_before": _duration("The least time since what was met before"),
        "for": _duration("How long the state, the sound or the silence lasts"),
        "since": text_schema(
            "Count from the step or expectation of this name; `name.end` is the end of a step"
        ),
    }
    assert {*EXPECTATION_KEYS, *WHAT_KEYS} <= properties.keys()
    # Users' own events, which only their agent loads, are known to the check.
    return {
        "description": "One thing that has to happen",
        "type": ["object", "string"],
        "properties": properties,
    }


def _what() -> Schema:
    return {
        "description": "What is waited for, or must not be",
        "type": ["object", "string"],
        "properties": _happenings(),
    }


def _happenings() -> Schema:
    found: Schema = {
        name: {"description": _first_line(kind), "type": ["object", "string", "boolean", "number", "null"]}
        for name, kind in event_types().items()
        if _is_ours(kind)
    }
    places: Schema = {
        "at": text_schema("`node` or `node.port`"),
        "type": text_schema("Its type, such as tool_call"),
    }
    frame: Schema = {"description": "A frame that passes a port", "type": "object", "properties": places}
    return found | _WHATS | {"frame": frame}


def _is_ours(kind: type) -> bool:
    """Whether it is the same on every machine: what else is loaded, the check knows."""
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]


def _first_line(kind: type) -> str:
    return (getdoc(kind) or "").partition("\n")[0].rstrip(".")


def _script(description: str) -> Schema:
    return {"description": description, "type": ["string", "object"]}


def _list(description: str, items: Schema) -> Schema:
    return {"description": description, "type": "array", "items": items}


def _duration(description: str) -> Schema:
    made: dict[str, Any] = type_schema(int, "ns")
    return made | {"description": description}
