"""The three lengths of the grammar: ``agent`` (short), ``pipeline`` (linear), ``nodes`` (graph)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.convert.scalars import trap
from ..pipeline.errors import ConfigError
from ..pipeline.graph import registry
from ..pipeline.options import option_specs
from .building import NodeBuilder
from .form_checks import Shape, meant
from .nodes import WrittenNode
from .personas import TOOLS, own_state, tools_of_personas, with_personas
from .sections import TOP
from .short import agent_keys, home_part, parts
from .wiring import Box, infer

__all__ = ["graph_form", "linear_form", "record_form", "short_form"]

_AGENT_KEYS = agent_keys()


def short_form(
    value: Any, build: NodeBuilder, personas: Any = None, more: Sequence[WrittenNode] = ()
) -> None:
    """``agent``: what most agents are made of, in a row; with ``personas`` several speak in it. ``more`` come last."""
    shape = build.shape
    agent = shape.mapping(value, ("agent",), "`agent`", "write `instructions:` and `tools:` below it")
    if agent is None:
        build.nameless = True
        return
    _unknown_agent_keys(agent, build)
    sections: dict[str, dict[str, Any]] = {}
    for part in parts():
        key, given = part.section, agent.get(part.section)
        if part.optional and (given is False or _switched(given, key, shape)):
            continue
        hint = (
            f"leave it out: it is on unless it says `{key}: false`" if given is True and part.optional else ""
        )
        if given is True and not part.optional:
            hint = "leave it out: it is there"
        sections[key] = shape.mapping(given, ("agent", key), f"`{key}`", hint) or {}
    if personas is not None:
        sections.setdefault(TOOLS, {})
        sections[TOOLS] = own_state(personas, build) | sections[TOOLS]
    row: list[WrittenNode] = []
    for part in parts():
        if part.section not in sections:
            continue
        if part.needs and agent.get(part.needs) in (None, []):
            if part.box == TOOLS and personas is not None:
                row += tools_of_personas(personas, sections[part.section], build)
            continue
        given = sections[part.section]
        own = {key: agent[key] for key in part.keys if key in agent}
        at: Steps = ("agent", part.section)
        # Where the file keeps options that their node would have elsewhere.
        if part.home:
            for key in [key for key in part.keys if key in own and key in given]:
                shape.fault("LG109", f"`{key}` is said twice", (*at, key), "keep one of the two", key=True)
            build.aliases.update({("agent", key): (*at, key) for key in given if key not in agent})
            if personas is not None:
                given = given | with_personas(personas, build)
            row.append(WrittenNode(part.box, part.box, given | own, ("agent",), ("agent",)))
        else:
            build.aliases.update({(*at, key): ("agent", key) for key in own})
            row.append(WrittenNode(part.box, part.box, own | given, at, at))
        if part.box == TOOLS and personas is not None:
            row += tools_of_personas(personas, sections[part.section], build)
    _row([*row, *more], build)


def _switched(value: Any, key: str, shape: Shape) -> bool:
    """Complain of `vad: off` and its like, which YAML 1.1 took for `false`."""
    found = trap(value, "bool") if isinstance(value, str) else None
    if found is None or found[2] != "false":
        return False
    why, hint, meant = found
    shape.fault("LG207", f"`{key}` takes false or a mapping: {why}", ("agent", key), hint, fix=meant)
    return True


def linear_form(value: Any, build: NodeBuilder, more: Sequence[WrittenNode] = ()) -> None:
    """``pipeline``: boxes in order, wired by what they offer and take. ``more`` come last."""
    at = (*build.at, "pipeline")
    items = build.shape.sequence(value, at, "`pipeline`", "write one box a line: `- vad_gate`")
    row: list[WrittenNode] = []
    for index, item in enumerate(items or ()):
        written = _item(item, (*at, index), {box.name for box in row}, build)
        if written is not None:
            row.append(written)
    build.nameless = not items or len(row) < len(items)
    if items == []:
        build.shape.fault(
            "LG310", "`pipeline` has no boxes", at, "begin with a source: `- webrtc_in`", key=True
        )
    _row([*row, *more], build)


def graph_form(value: Any, build: NodeBuilder) -> None:
    """``nodes``: every node with its name, every edge said."""
    at = (*build.at, "nodes")
    nodes = build.shape.mapping(value, at, "`nodes`", "write `mic: {use: webrtc_in}` below it")
    build.nameless = not nodes
    if nodes == {}:
        build.shape.fault(
            "LG310", "`nodes` has none", at, "begin with a source: `mic: {use: webrtc_in}`", key=True
        )
    row: list[WrittenNode] = []
    for name, node in (nodes or {}).items():
        written = _node(name, node, (*at, name), build)
        if written is None:
            build.broken.add(build.prefix + name)
        else:
            build.insert(written)
            row.append(written)
    for written in row:
        build.connect(written)


def record_form(value: Any, build: NodeBuilder) -> None:
    """``record``: a recorder, which stands beside the graph; only its path may be said. No fault of it ends a call."""
    at: Steps = ("record",)
    given = {"path": value} if isinstance(value, str) else value
    options = build.shape.mapping(given, at, "`record`", "write `record: {path: ...}`")
    if options is None:
        build.broken.add("record")
        return
    written = WrittenNode("record", "recorder", options, at, at)
    written.on_error = "skip_frame"
    build.insert(written)


def _unknown_agent_keys(agent: Mapping[str, Any], build: NodeBuilder) -> None:
    home = home_part()
    unknown = [key for key in agent if key not in _AGENT_KEYS]
    for name in build.shape.first_unknown(unknown, ("agent",), "below `agent`"):
        hint, certain = meant(name, _AGENT_KEYS, [key for key in _AGENT_KEYS if key not in agent])
        if name in _options_of(home.box):
            hint, certain = f"it is an option of {home.box}: write `{home.section}: {{{name}: ...}}`", None
        elif name in TOP:
            hint, certain = f"`{name}` stands at the top of the file, beside `agent`", None
        message = f"unknown key `{name[:60]}` below `agent`"
        build.shape.fault("LG101", message, ("agent", name), hint, key=True, fix=certain)


def _options_of(box: str) -> Mapping[str, Any]:
    try:
        found = registry.find(box)
    except ConfigError:
        return {}
    return {} if found is None else option_specs(found)


def _item(item: Any, path: Steps, taken: set[str], build: NodeBuilder) -> WrittenNode | None:
    """One item of the row: a name, ``{name: {options}}`` or ``{use: name, ...}``."""
    shape = build.shape
    use, use_path, given = item, path, {}
    if isinstance(item, dict) and "use" in item:
        use, use_path = item["use"], (*path, "use")
        given = {key: value for key, value in item.items() if key != "use"}
    elif isinstance(item, dict) and len(item) == 1:
        use = next(iter(item))
        path = use_path = (*path, use)
        options = shape.mapping(item[use], path, f"the options of `{use[:60]}`")
        if options is None:
            return None
        given = options
    elif isinstance(item, dict):
        first = next(iter(item), "vad_gate")[:60]
        hint = f"one box is one key; its options are indented further than `{first}:`"
        names = ", ".join(f"`{key[:30]}`" for key in list(item)[:3])
        message = (
            f"an item of `pipeline` has several keys: {names}" if item else "an item of `pipeline` is empty"
        )
        shape.fault("LG102", message, path, hint)
        return None
    use = shape.text(use, use_path, "a box", "write the name of a processor")
    if use is None:
        return None
    name = _numbered(build.prefix + _short_name(use), taken)
    if "as" in given:
        where = (*path, "as")
        named = shape.text(given["as"], where, "`as`")
        given = {key: value for key, value in given.items() if key != "as"}
        if named is not None and shape.node_name(named, where):
            if build.prefix + named in taken:
                shape.fault("LG108", f"there is a node `{named}` already", where, "choose another name")
                return None
            name = build.prefix + named
    return build.written(name, use, given, path, use_path)


def _node(name: str, node: Any, path: Steps, build: NodeBuilder) -> WrittenNode | None:
    """One node of the graph form: ``{use: name, ...}``, or just the processor's name."""
    shape = build.shape
    if not shape.node_name(name, path, key=True):
        return None
    if isinstance(node, str):
        use = shape.text(node, path, "a node")
        return None if use is None else build.written(build.prefix + name, use, {}, path, path)
    given = shape.mapping(node, path, f"the node `{name}`", "write `{use: vad_gate, from: mic}`")
    if given is None:
        return None
    if "use" not in given:
        hint = f"write `use: {name if name in registry.names() else 'vad_gate'}`"
        shape.fault("LG103", f"the node `{name}` does not say which processor it is", path, hint, key=True)
        return None
    use = shape.text(given["use"], (*path, "use"), "`use`", "write the name of a processor")
    if use is None:
        return None
    rest = {key: value for key, value in given.items() if key != "use"}
    return build.written(build.prefix + name, use, rest, path, (*path, "use"))


def _row(row: list[WrittenNode], build: NodeBuilder) -> None:
    boxes: list[Box] = []
    for written in row:
        processor = build.insert(written)
        if processor is not None:
            boxes.append(Box(written.name, processor, written.path, *written.explicit))
    edges, problems = infer(boxes)
    # With a box missing from the row, what follows it would look ambiguous or take from the wrong one.
    if build.whole:
        build.shape.problems += problems
    build.graph.edges += edges
    for written in row:
        build.connect(written)


def _short_name(use: str) -> str:
    """What a box is called that has no name of its own: ``./box.py:MyBox`` is ``my_box``."""
    last = re.split(r"[:/]", use.removesuffix(".py"))[-1]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()
    return re.sub(r"[^a-z0-9_]|^(?=[0-9])", "_", snake) or "box"


def _numbered(name: str, taken: set[str]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found
