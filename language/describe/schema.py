"""The JSON Schema (draft 2020-12) of agent files, for editors and other tools.

It covers every form and section and all installed processors; what a node takes is chosen by its ``use:``. It is
made of what ``check`` itself reads, and says no more than ``check`` does about shape: names, wiring and formats are
the check's own. Only keywords that editors know since draft 7 bind anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...pipeline.errors import Problem
from ...pipeline.graph.declarations import PolicyChange
from ...pipeline.graph.inputs import InputSpec
from ...pipeline.running.call_log import LogPolicy
from ...pipeline.turns.controller import TurnPolicy
from ...pipeline.turns.conversation_policy import ConversationPolicy
from ..resources_section import ResourcesSection
from ..sections import BODIES, BOXES, FORMS, OF_ALL, OF_ONE, TOP
from ..server_section import ServerSection
from ..templates import ParamSpec
from .boxes import installed
from .schema_boxes import (
    NODE_NAME,
    Boxes,
    box_definitions,
    named,
    persona_schema,
    record_section,
    reference,
    short_form,
    text_schema,
)
from .schema_types import INCLUDE, PARAM, VARIABLE, Schema, group_schema, mapping_schema

__all__ = ["json_schema"]

_AGENT_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_PROFILE = r".+"
_PRESETS = "^(auto|service|local|telephone)$"
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_EDGE = r"\s*[^\s>]+\s*->\s*[^\s>]+\s*"


_HAS_GRAPH = {"anyOf": [{"required": [key]} for key in (*FORMS, "include")]}
"""What tells an agent of several from a persona of one."""


def json_schema(*, shipped_only: bool = False, tests: Schema | None = None) -> Schema:
    """The schema of agent files, as plain data.

    ``shipped_only`` knows no processors but livegraph's own, and is the same on every machine. A processor that does
    not load is known by its name, and takes any options. ``tests`` defines the section of that name and what it
    refers to, as ``livegraph.testing.schema.suite_schema`` does; without it anything may stand there.
    """
    boxes = {
        name: None if isinstance(found, Problem) else found
        for name, found in installed(shipped_only=shipped_only)
    }
    top = _top()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "livegraph agent file",
        "description": "An agent as a graph: `agent` (short), `pipeline` (boxes in order) or `nodes` (named).",
        "type": "object",
        "properties": top,
        "additionalProperties": False,
        "anyOf": [{"required": [key]} for key in (*FORMS, "agents", "include")],
        "allOf": [
            *_one_form(),
            {
                # Personas of one agent have no graphs; what stands beside them is that agent's.
                "if": {
                    "required": ["agents"],
                    "properties": {"agents": {"additionalProperties": _HAS_GRAPH}},
                },
                "then": {"properties": {key: False for key in top if key not in (*OF_ALL, "include")}},
            },
        ],
        # Where templates may be declared, a box may have any name.
        "if": {"anyOf": [{"required": ["templates"]}, {"required": ["include"]}]},
        "then": {"properties": _graphs("open.")},
        "else": {"properties": _graphs("")},
        "$defs": _definitions(boxes, {"tests": {}} if tests is None else tests),
    }


def _top() -> Schema:
    """The keys of a file. What holds nodes is said below, by whether there are templates."""
    said: Schema = {
        "version": {
            "description": "Version of the language: 1",
            "anyOf": [{"enum": [1]}, {"type": "string", "pattern": f"^1$|{VARIABLE}"}],
        },
        "name": text_schema(
            "Name of the agent in addresses; left out, the file's", f"^{_AGENT_NAME}$|{VARIABLE}"
        ),
        **_member(),
        "agents": {"description": "Several agents in one file, by name; or several personas of one"},
    }
    return {**_of(TOP, said), "include": INCLUDE}


def _member() -> Schema:
    """The keys of one agent."""
    said: Schema = {
        "title": {"type": ["string", "null"], "description": "What people call the agent"},
        "description": {"type": ["string", "null"], "description": "One sentence on what it does"},
        "agent": reference("short"),
        **{key: {} for key in BODIES},
    }
    said |= {section: _box_section(box) for section, box in BOXES.items()}
    return _of(OF_ONE, said)


def _box_section(box: str) -> Schema:
    """The options of a box, in a section of their own."""
    return {"anyOf": [reference(f"box.{box}"), {"type": "null"}]}


def _of(sections: Iterable[str], said: Schema) -> Schema:
    """A schema for each of ``sections``: what is ``said`` of it here, or the definition of its name."""
    return {key: said[key] if key in said else reference(key) for key in sections}


def _graphs(prefix: str) -> Schema:
    # What has no graph of its own is a persona of one agent.
    either = {"if": _HAS_GRAPH, "then": reference(f"{prefix}member"), "else": reference("persona")}
    members = named(_AGENT_NAME, either)
    return {
        **{key: reference(f"{prefix}{key}") for key in BODIES},
        "agents": members,
    }


def _one_form() -> list[Schema]:
    # One by one rather than by `oneOf`, so that the message is about the key that is too many.
    return [
        {
            "if": {"required": [form]},
            "then": {"properties": {other: False for other in FORMS if other != form}},
        }
        for form in FORMS
    ]


def _definitions(boxes: Boxes, tests: Mapping[str, object]) -> Schema:
    edge = _nullable(group_schema(PolicyChange), "What a queue does when it is full, and when that is")
    edge["properties"]["max_frames"]["minimum"] = 1
    made: Schema = {
        "short": short_form(boxes),
        "edge": edge,
        "edges": named(_EDGE, reference("edge"))
        | {"description": "Policies of edges, by `node -> node` or `node.port -> node.port`; new edges too"},
        "turns": _nullable(
            group_schema(TurnPolicy) | {"pattern": f"{_PRESETS}|{PARAM}"},
            "How speech over the agent is judged, or a preset alone; reaches running calls",
            text=True,
        ),
        "conversation": _nullable(
            group_schema(ConversationPolicy), "How the agent behaves in a conversation; reaches running calls"
        ),
        "log": _nullable(group_schema(LogPolicy), "What its boxes log; reaches running calls"),
        "record": record_section(boxes),
        "server": _nullable(group_schema(ServerSection), "How `livegraph run` serves it"),
        "resources": _nullable(
            group_schema(ResourcesSection),
            "What workers of the agent's own take of their nodes, on a cluster; without it all workers serve it",
        ),
        "simulator": _nullable(
            mapping_schema({"brain": text_schema("File with the simulator's script, relative to this one")}),
            "How the local simulator plays the model; of no meaning to Google",
        ),
        "inputs": named(NODE_NAME, _nullable(_declaration(InputSpec), "A value that each call brings along"))
        | {"description": "What a caller brings along, for texts to name as `{{inputs.name}}`"},
        **tests,
        "template": _template(),
        "templates": named(NODE_NAME, reference("template"))
        | {"description": "Sub-graphs with parameters and exposed ports, used as boxes"},
        "profiles": named(_PROFILE, _profile())
        | {"description": "Changes to the file by name, one of which --profile chooses"},
        **box_definitions(boxes),
        "persona": persona_schema(boxes),
    }
    for prefix in ("", "open."):
        properties = _member() | {key: reference(f"{prefix}{key}") for key in BODIES}
        made[f"{prefix}member"] = mapping_schema(properties) | {
            "description": "One of several agents",
            "type": "object",
            "anyOf": [{"required": [key]} for key in (*FORMS, "include")],
            "allOf": _one_form(),
        }
    return made


def _template() -> Schema:
    properties = {
        "doc": text_schema("What it does"),
        "params": named(_WORD, _nullable(_declaration(ParamSpec), "A parameter, inside as `${params.name}`")),
        "ports": named(_WORD, reference("ends"))
        | {"description": "Ports of nodes inside, by the names that they have outside"},
        "pipeline": reference("open.pipeline"),
        "nodes": reference("open.nodes"),
        "edges": reference("edges"),
    }
    return mapping_schema(properties) | {"description": "A sub-graph that is used as a box", "type": "object"}


def _profile() -> Schema:
    """What it changes; only the outermost keys are judged, for anything may be left out or taken away with ``null``."""
    properties: Schema = {key: {} for key in TOP if key not in ("version", "profiles")}
    return mapping_schema(properties) | {"type": ["object", "null"]}


def _declaration(cls: type) -> Schema:
    """An input or a parameter: all that can be said of it may be left out, its default too."""
    made = group_schema(cls)
    return {key: value for key, value in made.items() if key not in ("if", "else")}


def _nullable(schema: Mapping[str, object], description: str, *, text: bool = False) -> Schema:
    kinds = ["object", "string", "null"] if text else ["object", "null"]
    return {**schema, "type": kinds, "description": description}
