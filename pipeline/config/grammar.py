"""A parsed document to a graph whose paths lead back into the document.

Codes: LG101 unknown key, LG102 wrong shape, LG103 key missing, LG104 more than one form, LG105 no version
(warning), LG106 unknown version, LG107 bad name, LG108 name taken, LG109 said twice, LG121 an edge that cannot be
read, LG122 an edge given twice; and those of ``registry``, ``convert`` and ``wiring``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..convert import Steps, convert_group
from ..convert.hints import show
from ..errors import Fix, Problem
from ..graph import Graph
from ..spelling import nearest
from ..turns import TurnPolicy
from .edges import apply_edges
from .forms import graph_form, linear_form, short_form
from .nodes import NodeBuilder
from .shape import Shape, is_missing

__all__ = ["Draft", "read_draft"]

VERSION = 1

_FORMS = ("agent", "pipeline", "nodes")
_TOP_KEYS = ("version", "name", "title", "description", *_FORMS, "edges", "turns", "simulator")


@dataclass(slots=True)
class Draft:
    """What a document says, with all that is wrong with its form, names and options."""

    graph: Graph
    title: str = ""
    description: str = ""
    turns: TurnPolicy = field(default_factory=TurnPolicy)
    simulator: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    aliases: dict[Steps, Steps] = field(default_factory=dict)
    """Where the short form keeps an option that its node would have elsewhere."""
    faulty: set[Steps] = field(default_factory=set)
    """Paths of the nodes some of whose options are wrong."""
    whole: bool = False
    """Whether every node and edge that the document names is in the graph."""


def read_draft(data: Any, *, base_dir: Path, name: str) -> Draft:
    """Read a parsed document. ``name`` is the agent's unless the document says one."""
    shape = Shape()
    draft = Draft(Graph(name), problems=shape.problems)
    top = shape.mapping(data, (), "an agent file", "begin with `version: 1`")
    if top is None:
        return draft
    unknown = shape.unknown_keys(top, _TOP_KEYS, (), "at the top of the file")
    if not _version(top, shape):
        # What its keys mean in that version, this livegraph cannot know.
        return draft
    _header(top, draft, shape, base_dir)
    forms = [form for form in _FORMS if form in top]
    for form in forms[1:]:
        message = f"`{form}` and `{forms[0]}` in one file"
        shape.fault("LG104", message, (form,), f"one of {', '.join(_FORMS)} is enough", key=True)
    if not forms:
        # Where one is only misspelt, that is the fault.
        if not any(nearest(key, _FORMS) for key in unknown):
            shape.fault("LG103", "the file declares no agent", (), "write `agent:`, `pipeline:` or `nodes:`")
        return draft
    build = NodeBuilder(draft.graph, base_dir, shape, draft.faulty)
    body = top[forms[0]]
    if forms[0] == "agent":
        draft.aliases = short_form(body, build)
    elif forms[0] == "pipeline":
        linear_form(body, build)
    else:
        graph_form(body, build)
    edges = shape.mapping(top.get("edges"), ("edges",), "`edges`", "write `a -> b: {when_full: block}`")
    readable = edges is not None and apply_edges(draft.graph, edges, build.lost, shape)
    draft.whole = build.whole and readable
    return draft


def _version(top: Mapping[str, Any], shape: Shape) -> bool:
    """Whether the rest can be read."""
    if "version" not in top:
        message, hint = "the file does not say its version", "begin with `version: 1`"
        fix = Fix(f"version: {VERSION}", "begin")
        shape.problems.append(Problem("LG105", message, (), hint=hint, warning=True, fix=fix))
        return True
    version = top["version"]
    if not is_missing(version) and str(version) != str(VERSION):
        newer = isinstance(version, int) and version > VERSION
        message = (
            f"the file is written in version {version} of the language, which is newer than this livegraph"
        )
        hint = f"this one reads version {VERSION}; pip install --upgrade livegraph gets the newest"
        if not newer:
            message, hint = f"`version` must be {VERSION}, not {show(version)}", f"write `version: {VERSION}`"
        shape.fault("LG106", message, ("version",), hint)
        return not newer
    return True


def _header(top: Mapping[str, Any], draft: Draft, shape: Shape, base_dir: Path) -> None:
    if "name" in top:
        name = shape.text(top["name"], ("name",), "`name`")
        if name is not None and shape.agent_name(name, ("name",)):
            draft.graph.name = name
    if top.get("title") is not None:
        draft.title = shape.text(top["title"], ("title",), "`title`") or ""
    if top.get("description") is not None:
        draft.description = shape.text(top["description"], ("description",), "`description`") or ""
    if top.get("turns") is not None:
        turns, problems = convert_group(TurnPolicy, top["turns"], path=("turns",), label="turns")
        shape.problems += problems
        draft.turns = turns or draft.turns
    if top.get("simulator") is not None:
        draft.simulator = _simulator(top["simulator"], shape, base_dir)


def _simulator(value: Any, shape: Shape, base_dir: Path) -> dict[str, Any]:
    section = shape.mapping(value, ("simulator",), "`simulator`", "write `{brain: brain.yaml}`")
    shape.unknown_keys(section or (), ("brain",), ("simulator",), "below `simulator`")
    if not section or not isinstance(section.get("brain"), str):
        return section or {}
    path = ("simulator", "brain")
    written = shape.text(section["brain"], path, "`brain`")
    if written is None:
        return {}
    brain = base_dir / written
    if not _is_file(brain):
        hint = f"it is looked for beside the agent file, in {brain.parent}"
        shape.fault("LG209", f"`brain` names a file that does not exist: `{section['brain']}`", path, hint)
    return {**section, "brain": brain}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, a null byte
        return False
