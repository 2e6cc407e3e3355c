"""What is different between two plans of one agent, and whether calls of the one can go on as calls of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..options import MISSING, OptionSpec, Secret, option_specs
from ..running.call_log import LogPolicy
from ..turns.controller import TurnPolicy
from ..turns.conversation_policy import ConversationPolicy
from ..units import format_duration
from .check import CheckResult
from .declarations import NodeSpec

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["Differences", "NodeChanges", "Retuning", "compare", "compare_nodes"]


@dataclass(frozen=True, slots=True)
class Retuning:
    """One live option that has another value."""

    node: str
    option: str
    before: Any
    after: Any
    shown: str
    """For people: ``gate.threshold 0.5 -> 0.7``."""


@dataclass(frozen=True, slots=True)
class Differences:
    """All that is different."""

    live: tuple[Retuning, ...] = ()
    turns: TurnPolicy | None = None
    """How turns are judged from now on, when that is different."""
    conversation: ConversationPolicy | None = None
    """How the agent behaves from now on, when that is different."""
    log: LogPolicy | None = None
    """What is logged from now on, when that is different."""
    graph: tuple[str, ...] = ()
    """Nodes and edges that are new or gone, for people: a running call takes them on by ``change_to``."""
    fixed: tuple[str, ...] = ()
    """What a running call cannot take on, for people: ``live.voice``, ``node tools is new``, ``tools.py``."""

    def __bool__(self) -> bool:
        return bool(self.live or self.graph or self.fixed or self.turns or self.conversation or self.log)

    @property
    def tunable(self) -> bool:
        """Whether running calls can take all of it with the graph that they have."""
        return not self.fixed and not self.graph

    @property
    def takable(self) -> bool:
        """Whether running calls can take all of it, though their graphs change."""
        return not self.fixed

    @property
    def changes(self) -> dict[str, dict[str, Any]]:
        """The live options as ``Call.tune`` takes them."""
        made: dict[str, dict[str, Any]] = {}
        for one in self.live:
            made.setdefault(one.node, {})[one.option] = one.after
        return made

    @property
    def shown(self) -> tuple[str, ...]:
        """What running calls can take on, for people."""
        turns = () if self.turns is None else ("turns",)
        log = () if self.log is None else (f"log.level {self.log.level or 'as the program'}",)
        manners = () if self.conversation is None else ("conversation",)
        return (*self.graph, *(one.shown for one in self.live), *turns, *manners, *log)


def compare(before: Plan, after: Plan) -> Differences:
    """How ``after`` differs from ``before``. Where things stand in their files makes no difference."""
    found = _Found()
    old, new = before.checked, after.checked
    _compare_nodes(old, new, found)
    _compare_edges(old, new, found)
    if before.inputs != after.inputs:
        found.fixed.append("inputs")
    if before.limits != after.limits:
        found.fixed.append("limits")
    for file in {**old.modules, **new.modules}:
        # One that only one of them has belongs to a node that is new or gone, or to an option that is told.
        if file in old.modules and file in new.modules and old.modules[file] is not new.modules[file]:
            found.fixed.append(file.name)
    turns = after.turns if after.turns != before.turns else None
    conversation = after.conversation if after.conversation != before.conversation else None
    log = after.log if after.log != before.log else None
    if not found.graph:
        # Where nodes come and go a resampler may keep the others at what they run at: whoever makes the change sees.
        found.fixed += found.formats
    graph, fixed = tuple(dict.fromkeys(found.graph)), tuple(dict.fromkeys(found.fixed))
    return Differences(tuple(found.live), turns, conversation, log, graph, fixed)


@dataclass(frozen=True, slots=True)
class NodeChanges:
    """How the nodes of one graph differ from those of another, by name."""

    same: tuple[str, ...]
    added: tuple[str, ...]
    other: tuple[str, ...]
    """Of another class, or with other options than live ones."""
    tuned: Mapping[str, Mapping[str, Any]]
    """Live options that have another value; those nodes are among ``same``."""


def compare_nodes(old: Mapping[str, NodeSpec], new: Mapping[str, NodeSpec]) -> NodeChanges:
    """Which nodes are the same, new, or others; those that are gone are in ``old`` alone."""
    same: list[str] = []
    added: list[str] = []
    other: list[str] = []
    tuned: dict[str, dict[str, Any]] = {}
    for name, node in new.items():
        if name not in old:
            added.append(name)
            continue
        found = _Found()
        if old[name].processor is not node.processor:
            found.fixed.append(name)
        else:
            _compare_options(old[name], node, found)
        (other if found.fixed else same).append(name)
        if found.live and not found.fixed:
            tuned[name] = {one.option: one.after for one in found.live}
    return NodeChanges(tuple(same), tuple(added), tuple(other), tuned)


@dataclass(slots=True)
class _Found:
    live: list[Retuning] = field(default_factory=list)
    graph: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)


def _compare_nodes(old: CheckResult, new: CheckResult, found: _Found) -> None:
    found.graph += [f"node {name} is gone" for name in old.nodes if name not in new.nodes]
    for name, node in new.nodes.items():
        if name not in old.nodes:
            found.graph.append(f"node {name} is new")
        elif _class(node) != _class(old.nodes[name]):
            found.fixed.append(f"node {name} is another box")
        else:
            _compare_options(old.nodes[name], node, found)


def _class(node: NodeSpec) -> tuple[str, object]:
    # One of a file is another class when the file has changed; the file is told then.
    module = node.processor.__module__
    return node.processor.__qualname__, None if module.startswith("livegraph_file_") else node.processor


def _compare_options(old: NodeSpec, new: NodeSpec, found: _Found) -> None:
    if old.on_error != new.on_error:
        found.fixed.append(f"{new.name}.on_error")
    specs = option_specs(new.processor)
    for name in {**old.options, **new.options}:
        spec = specs.get(name)
        default = MISSING if spec is None else spec.default
        before, after = old.options.get(name, default), new.options.get(name, default)
        if _same(before, after):
            continue
        if spec is None or not spec.live:
            found.fixed.append(f"{new.name}.{name}")
            continue
        shown = f"{new.name}.{name} {_shown(before, spec)} -> {_shown(after, spec)}"
        found.live.append(Retuning(new.name, name, before, after, shown))


def _compare_edges(old: CheckResult, new: CheckResult, found: _Found) -> None:
    before, after = _edges(old), _edges(new)
    for edge in {**before, **after}:
        if before.get(edge) != after.get(edge):
            found.graph.append(f"edge {edge}")
    # Nodes that are there in both plans run at the formats that they were started with.
    for node, port in old.formats:
        if (node, port) in new.formats and old.formats[node, port] != new.formats[node, port]:
            found.formats.append(f"format of {node}.{port}")


def _edges(checked: CheckResult) -> Mapping[str, object]:
    return {str(edge): replace(edge, path=()) for edge in checked.edges}


def _same(before: Any, after: Any) -> bool:
    # A default may be given outright: that is no difference.
    return type(before) is type(after) and bool(before == after)


def _shown(value: Any, spec: OptionSpec) -> str:
    if isinstance(value, Secret):
        return "***"
    if spec.unit == "ns" and isinstance(value, int):
        return format_duration(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
