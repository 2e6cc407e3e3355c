"""A parsed document to a graph whose paths lead back into the document.

Codes: LG101 unknown key, LG102 wrong shape, LG103 key missing, LG104 more than one form, LG105 no version
(warning), LG106 unknown version, LG107 bad name, LG108 name taken, LG109 said twice, LG121 an edge that cannot be
read, LG122 an edge given twice; and those of ``registry``, ``convert`` and ``wiring``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..pipeline.convert import Steps, convert_group
from ..pipeline.convert.hints import show
from ..pipeline.errors import Fix, Problem
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.inputs import InputSpec
from ..pipeline.graph.presets import settled, with_preset
from ..pipeline.running.call_log import LogPolicy
from ..pipeline.spelling import nearest
from ..pipeline.turns.controller import TurnPolicy
from ..pipeline.turns.conversation_policy import ConversationPolicy
from .building import NodeBuilder
from .call_texts import read_inputs, unused
from .contradictions import contradictions, unmarked_turns
from .conversation_section import read_conversation, said_elsewhere
from .edges import apply_edges
from .form_checks import Shape, is_missing
from .forms import graph_form, linear_form, record_form, short_form
from .nodes import WrittenNode
from .origins import Tree
from .personas import are_personas
from .resources_section import ResourcesSection
from .sections import BOXES, FORMS, OF_ALL, OF_ONE, TOP
from .server_section import ServerSection
from .template_boxes import Templates, lower

__all__ = ["Draft", "Reading", "read_drafts"]

VERSION = 1


@dataclass(slots=True)
class Draft:
    """What a document says, with all that is wrong with its form, names and options."""

    graph: Graph
    title: str = ""
    description: str = ""
    turns: TurnPolicy = field(default_factory=TurnPolicy)
    conversation: ConversationPolicy = field(default_factory=ConversationPolicy)
    log: LogPolicy = field(default_factory=LogPolicy)
    server: ServerSection = field(default_factory=ServerSection)
    resources: ResourcesSection = field(default_factory=ResourcesSection)
    simulator: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, InputSpec] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    aliases: dict[Steps, Steps] = field(default_factory=dict)
    """Where the short form keeps an option that its node would have elsewhere."""
    uses: dict[str, str] = field(default_factory=dict)
    """What each node's processor is called, files by their whole path."""
    faulty: set[Steps] = field(default_factory=set)
    """Paths of the nodes some of whose options are wrong."""
    whole: bool = False
    """Whether every node and edge that the document names is in the graph."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One agent of a file: what is said of it, and what that means."""

    tree: Tree
    draft: Draft


def read_drafts(tree: Tree, *, name: str, templates: Templates) -> tuple[list[Reading], list[Problem]]:
    """Read what files say, all layers put together: one agent, or several below ``agents``.

    ``name`` is the agent's unless the files say one. The problems are those of no agent; paths are in ``tree``.
    """
    top = tree.data
    if not isinstance(top, dict) or "agents" not in top or are_personas(top["agents"]):
        return [Reading(tree, read_draft(tree, name=name, templates=templates))], []
    shape = Shape()
    readings: list[Reading] = []
    own = [key for key in top if key in TOP and key not in OF_ALL]
    shape.unknown_keys([key for key in top if key not in own], OF_ALL, (), "beside `agents`")
    for key in own:
        code, message = "LG101", f"`{key}` belongs to one agent, and stands beside `agents`"
        if key in FORMS:
            code, message = "LG104", f"`{key}` and `agents` in one file"
        shape.fault(code, message, (key,), "write it below the agent's name in `agents`", key=True)
    if not _version(top, shape):
        return [], shape.problems
    agents = shape.mapping(top["agents"], ("agents",), "`agents`", "write a name, and `agent:` below it")
    if agents == {}:
        shape.fault(
            "LG103", "the file declares no agent", ("agents",), "write `desk: {agent: ...}`", key=True
        )
    for each in agents or {}:
        path: Steps = ("agents", each)
        if shape.agent_name(each, path, key=True):
            part = tree.subtree(path)
            readings.append(Reading(part, read_draft(part, name=each, templates=templates, member=True)))
    return readings, shape.problems


def read_draft(tree: Tree, *, name: str, templates: Templates, member: bool = False) -> Draft:
    """Read what is said of one agent. A ``member`` is one of several in a file, which says the version."""
    shape = Shape()
    draft = Draft(Graph(name), problems=shape.problems)
    what = f"the agent `{name}`" if member else "an agent file"
    top = shape.mapping(
        tree.data, (), what, "write `agent:` below it" if member else "begin with `version: 1`"
    )
    if top is None:
        return draft
    keys = OF_ONE if member else TOP
    unknown = shape.unknown_keys(top, keys, (), f"in {what}" if member else "at the top of the file")
    if not member and not _version(top, shape):
        # What its keys mean in that version, this livegraph cannot know.
        return draft
    texts = _header(top, draft, shape, tree)
    personas = top.get("agents") if not member else None
    boxes = _section_boxes(top, shape)
    forms = [form for form in FORMS if form in top] or (["agent"] if personas is not None else [])
    for form in forms[1:]:
        message = f"`{form}` and `{forms[0]}` in one " + ("agent" if member else "file")
        shape.fault("LG104", message, (form,), f"one of {', '.join(FORMS)} is enough", key=True)
    if not forms:
        # Where one is only misspelt, that is the fault.
        if not any(nearest(key, (*FORMS, "agents")) for key in unknown):
            message = f"{what} declares no graph" if member else "the file declares no agent"
            shape.fault("LG103", message, (), "write `agent:`, `pipeline:` or `nodes:`")
        return draft
    templates.boxes = 0
    build = NodeBuilder(draft.graph, tree, shape, templates, draft.inputs, faulty=draft.faulty)
    build.call_fields.update(texts)
    draft.aliases, draft.uses = build.aliases, build.uses
    body = top.get(forms[0])
    if forms[0] == "agent":
        short_form(body, build, personas, boxes)
    elif personas is not None:
        message = f"`{forms[0]}` and `agents` in one file"
        hint = f"in `{forms[0]}` they are an option of gemini_live: `agents: {{desk: ...}}`"
        shape.fault("LG104", message, (forms[0],), hint, key=True)
    elif forms[0] == "pipeline":
        linear_form(body, build, boxes)
    else:
        for written in boxes:
            message = f"`{written.path[0]}` stands beside `nodes`, and nothing says what it is joined to"
            hint = f"write it as a node: `{written.path[0]}: {{use: {written.use}, from: ..., to: ...}}`"
            shape.fault("LG104", message, written.path, hint, key=True)
        graph_form(body, build)
    edges = shape.mapping(top.get("edges"), ("edges",), "`edges`", "write `a -> b: {when_full: block}`")
    if top.get("record") is not None:
        record_form(top["record"], build)
    readable = edges is not None and apply_edges(draft.graph, edges, build.lost, shape)
    lower(build)
    draft.turns = settled(draft.turns, draft.graph, draft.conversation)
    draft.graph = with_preset(draft.graph, draft.turns.preset)
    said_elsewhere(draft.conversation, draft.graph, top, shape)
    shape.problems += contradictions(draft.conversation, draft.turns)
    if build.whole:
        shape.problems += unmarked_turns(draft.graph, draft.turns)
    shape.problems += build.stray_mentions()
    if build.whole:
        used = {name for names in build.call_fields.values() for name in names}
        # A text with a fault may be where they belong.
        if not any(problem.code in ("LG171", "LG173", "LG174") for problem in shape.problems):
            shape.problems += unused(draft.inputs, used)
    draft.whole = build.whole and readable
    return draft


def _section_boxes(top: Mapping[str, Any], shape: Shape) -> list[WrittenNode]:
    """The boxes that sections of their own stand for."""
    found = []
    for section, box in BOXES.items():
        given = top.get(section)
        if given is None:
            continue
        options = shape.mapping(given, (section,), f"`{section}`")
        if options is not None:
            found.append(WrittenNode(section, box, options, (section,), (section,)))
    return found


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
        # 1.0 and v1 are no other version.
        meant = str(VERSION) if str(version).strip("vV.0 ") == str(VERSION) else None
        shape.fault("LG106", message, ("version",), hint, fix=meant)
        return not newer
    return True


def _header(top: Mapping[str, Any], draft: Draft, shape: Shape, tree: Tree) -> dict[Steps, set[str]]:
    """Read the sections beside the graph; returns the places of their texts, and the inputs that those use."""
    if "name" in top:
        name = shape.text(top["name"], ("name",), "`name`")
        if name is not None and shape.agent_name(name, ("name",)):
            draft.graph.name = name
    if top.get("title") is not None:
        draft.title = shape.text(top["title"], ("title",), "`title`") or ""
    if top.get("description") is not None:
        draft.description = shape.text(top["description"], ("description",), "`description`") or ""
    if top.get("turns") is not None:
        given = top["turns"]
        # A text is short for the preset alone.
        short = isinstance(given, str)
        written = {"preset": given} if short else given
        turns, problems = convert_group(TurnPolicy, written, path=("turns",), label="turns")
        if short:
            problems = [replace(problem, path=("turns",)) for problem in problems]
        shape.problems += problems
        draft.turns = turns or draft.turns
    if top.get("log") is not None:
        log, problems = convert_group(LogPolicy, top["log"], path=("log",), label="log")
        shape.problems += problems
        draft.log = log or draft.log
    if top.get("server") is not None:
        server, problems = convert_group(
            *(ServerSection, top["server"]),
            path=("server",),
            label="server",
            base_dir=tree.folder(("server",)),
        )
        shape.problems += problems
        draft.server = server or draft.server
    if top.get("resources") is not None:
        resources, problems = convert_group(
            ResourcesSection, top["resources"], path=("resources",), label="resources"
        )
        shape.problems += problems
        draft.resources = resources or draft.resources
    if top.get("simulator") is not None:
        draft.simulator = _simulator(top["simulator"], shape, tree.folder(("simulator", "brain")))
    if top.get("inputs") is not None:
        draft.inputs.update(read_inputs(top["inputs"], shape))
    if top.get("conversation") is None:
        return {}
    conversation, texts = read_conversation(top["conversation"], draft.inputs, shape)
    draft.conversation = conversation or draft.conversation
    return texts


def _simulator(value: Any, shape: Shape, base_dir: Path) -> dict[str, Any]:
    section = shape.mapping(value, ("simulator",), "`simulator`", "write `{brain: brain.yaml}`")
    shape.unknown_keys(section or (), ("brain",), ("simulator",), "below `simulator`")
    if not section or section.get("brain") is None:
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
