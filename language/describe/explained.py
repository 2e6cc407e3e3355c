"""An agent in full: every node, option and edge with its value and where that comes from.

``explain`` gives a tree of entries; ``explained_yaml`` writes it as an agent file with the origins as comments, which
reads back as the same plan, and ``to_data`` as plain data. What the environment holds is not shown where its name or
its option says that it is a secret, or where it looks like one: a password in an address, a key in its query. Of
groups in lists, such as tools, what was given is told.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...pipeline.convert import Steps, convert
from ...pipeline.convert.hints import group_fields, is_group
from ...pipeline.convert.scalars import CallText, EnvText
from ...pipeline.frames import Frame
from ...pipeline.graph.check import CheckResult
from ...pipeline.graph.declarations import NodeSpec, PolicyChange
from ...pipeline.graph.inputs import InputSpec
from ...pipeline.graph.presets import chosen
from ...pipeline.graph.resolve import ResolvedEdge, common_types
from ...pipeline.options import MISSING, OptionSpec, Secret, option_specs
from ...pipeline.processor import ports_of
from ...pipeline.running.call_log import LogPolicy
from ...pipeline.secrecy import holds_key
from ...pipeline.turns.controller import TurnPolicy, TurnPreset
from ...pipeline.turns.conversation_policy import ConversationPolicy
from ..origins import Origin
from ..report import Resolved
from ..resources_section import ResourcesSection
from ..server_section import ServerSection
from .names import format_words, policy_words
from .values import inner_hint, yaml_value

__all__ = ["Entry", "explain", "to_data"]

_DEFAULT = "default"
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)
_HIDDEN = "***"


@dataclass(slots=True)
class Entry:
    """One value: plain data, or entries by key, or a list of them."""

    value: Any = None
    origin: str = ""
    """Where it comes from, for people; empty for what only holds others."""
    written: str | None = None
    """How YAML must write it, when not as ``value`` is written."""
    unwritable: bool = False
    """Whether it is only told, because YAML cannot say it."""
    live: bool = False
    """Whether a change of it reaches running calls."""

    @property
    def comment(self) -> str:
        """What there is to say beside the value."""
        return "; ".join(filter(None, (self.origin, "live" if self.live else "")))


def _make_live(entry: Entry) -> None:
    entry.live = True
    children = entry.value if isinstance(entry.value, list) else ()
    for child in entry.value.values() if isinstance(entry.value, dict) else children:
        _make_live(child)


def explain(resolved: Resolved) -> Entry:
    """Everything that makes an agent."""
    return _Explainer(resolved).agent()


def to_data(entry: Entry) -> Any:
    """Plain data: every value as ``{"value": ..., "origin": ...}``, mappings and lists as they are."""
    if isinstance(entry.value, dict):
        return {key: to_data(child) for key, child in entry.value.items()}
    if isinstance(entry.value, list):
        return [to_data(child) for child in entry.value]
    return {"value": entry.value, "origin": entry.origin} | ({"live": True} if entry.live else {})


@dataclass(slots=True)
class _Explainer:
    resolved: Resolved

    def agent(self) -> Entry:
        agent, checked = self.resolved.agent, self.resolved.checked
        made: dict[str, Entry] = {"version": self._at(1, ("version",))}
        root = self.resolved.tree.origins.get(())
        # One of several is called by its key.
        named = self.resolved.tree.origins.get(("name",)) or (root if root and root.key else None)
        made["name"] = Entry(agent.name, "the file's name" if named is None else _words(named))
        for key in ("title", "description"):
            if getattr(agent, key):
                made[key] = self._at(getattr(agent, key), (key,))
        if agent.inputs:
            inputs = {name: self._input(name, spec) for name, spec in agent.inputs.items()}
            made["inputs"] = Entry(inputs)
        inserted = {item.node: str(item) for item in checked.inserted}
        made["nodes"] = Entry(
            {name: self._node(node, inserted.get(name, "")) for name, node in checked.nodes.items()}
        )
        if checked.edges:
            made["edges"] = Entry({str(edge): self._edge(edge, checked) for edge in checked.edges})
        made["turns"] = self._group(TurnPolicy, agent.turns, ("turns",))
        made["turns"].value["preset"] = self._preset(agent.turns.preset)
        if agent.conversation != ConversationPolicy():
            made["conversation"] = self._group(ConversationPolicy, agent.conversation, ("conversation",))
            _make_live(made["conversation"])
        made["log"] = self._group(LogPolicy, agent.log, ("log",))
        for entry in (*made["turns"].value.values(), *made["log"].value.values()):
            entry.live = True
        if agent.server != ServerSection():
            section = self._group(ServerSection, agent.server, ("server",))
            given = {key: entry for key, entry in section.value.items() if entry.value is not None}
            made["server"] = Entry(given, section.origin)
        if agent.resources.taken:
            section = self._group(ResourcesSection, agent.resources, ("resources",))
            given = {key: entry for key, entry in section.value.items() if entry.value}
            made["resources"] = Entry(given, section.origin)
        if agent.simulator:
            made["simulator"] = Entry(
                {key: self._at(str(value), ("simulator", key)) for key, value in agent.simulator.items()}
            )
        return Entry(made)

    def _preset(self, preset: TurnPreset) -> Entry:
        """The preset of turns: what the file says, or what it comes to and why."""
        written = self.resolved.tree.get(("turns",))
        short = isinstance(written, str)
        given = written if short else (written or {}).get("preset", "auto")
        if given != "auto":
            return self._at(preset, ("turns",) if short else ("turns", "preset"))
        return Entry(preset, chosen(self.resolved.draft.graph, self.resolved.agent.conversation)[1])

    def _node(self, node: NodeSpec, inserted: str) -> Entry:
        if inserted:
            entries = {"use": Entry("resampler", "inserted")}
            return Entry(entries | dict(self._options(node, ())), inserted)
        origin = self._origin(node.path)
        entries = {
            "use": self._at(self.resolved.draft.uses.get(node.name, ""), (*node.path, "use"), node.path),
            "on_error": self._at(node.on_error, (*node.path, "on_error")),
        }
        return Entry(entries | dict(self._options(node, node.path)), _words(origin))

    def _options(self, node: NodeSpec, path: Steps) -> Iterator[tuple[str, Entry]]:
        for name, spec in option_specs(node.processor).items():
            if name in node.options or not spec.required:
                entry = self._option(node, path, name, spec)
                entry.live = spec.live
                yield name, entry

    def _option(self, node: NodeSpec, path: Steps, name: str, spec: OptionSpec) -> Entry:
        if name not in node.options:
            return _default(spec)
        at = next(
            (
                (*path, known)
                for known in (name, *(mark.old for mark in spec.renamed))
                if self.resolved.placed((*path, known)) in self.resolved.tree.origins
            ),
            None,
        )
        entry = self._value(node.options[name], spec, at or (*path, name))
        preset = self.resolved.agent.turns.preset
        if at is None and name in node.processor.turn_presets.get(preset, {}):
            entry.origin = f"turns: {preset}"
        return entry

    def _value(self, value: Any, spec: OptionSpec, path: Steps, *, whole: bool = True) -> Entry:
        """An option that was given, down to its single values; ``whole``: groups with their defaults."""
        if is_group(type(value)) and dataclasses.is_dataclass(value):
            return self._group(type(value), value, path, whole=whole)
        inner = dataclasses.replace(spec, type=inner_hint(spec.type))
        if isinstance(value, Mapping):
            children = {
                str(key): self._value(
                    item, dataclasses.replace(inner, name=str(key)), (*path, key), whole=whole
                )
                for key, item in value.items()
            }
            return Entry(children, _words(self._origin(path)))
        if isinstance(value, list | tuple):
            items = [
                self._value(item, inner, (*path, index), whole=False) for index, item in enumerate(value)
            ]
            return Entry(items, _words(self._origin(path)))
        plain = yaml_value(value, spec.type, spec.unit)
        if isinstance(value, CallText):
            plain = value
        return self._plain(plain, path, spec.name, secret=isinstance(value, Secret))

    def _plain(self, value: Any, path: Steps, name: str, *, secret: bool = False) -> Entry:
        if isinstance(value, dict):
            children = {key: self._plain(item, (*path, key), key) for key, item in value.items()}
            return Entry(children, _words(self._origin(path)))
        if isinstance(value, list):
            items = [self._plain(item, (*path, index), name) for index, item in enumerate(value)]
            return Entry(items, _words(self._origin(path)))
        return self._scalar(value, path, name, secret)

    def _scalar(self, value: Any, path: Steps, name: str, secret: bool) -> Entry:
        origin = self._origin(path)
        words = _words(origin)
        filled = None if origin is None else origin.filled
        names = [source for source in (filled.sources if filled else ()) if _SECRET_NAME.search(source)]
        if secret or names or (filled is not None and holds_key(str(value))):
            where = f"{_HIDDEN} from {words}" if words else _HIDDEN
            return Entry(_HIDDEN, where, written=_reference(filled, name, words))
        if filled is not None and isinstance(value, str) and "{{" in value:
            # Written out, it would be read as a reference to an input.
            return Entry(value, words, written=_reference(filled, name, words))
        return Entry(value, words)

    def _group(self, cls: Any, value: Any, path: Steps, *, whole: bool = True) -> Entry:
        """A group of options: what was given with its origin, and if it is to be ``whole`` the rest as it is."""
        children: dict[str, Entry] = {}
        for shown, (attribute, spec) in group_fields(cls).items():
            at = (*path, shown)
            if self.resolved.placed(at) in self.resolved.tree.origins:
                children[shown] = self._value(getattr(value, attribute), spec, at, whole=whole)
            elif whole and not spec.required:
                children[shown] = _default(spec)
        return Entry(children, _words(self.resolved.tree.origins.get(self.resolved.placed(path))))

    def _edge(self, edge: ResolvedEdge, checked: CheckResult) -> Entry:
        policy = edge.policy
        format = checked.formats.get(edge.source)
        flow = f"{format_words(format)}; " if format is not None else ""
        origin = _words(self._origin(edge.path)) or "wired by itself"
        if edge.change is None:
            return Entry(
                None,
                f"{flow}default policy: {policy_words(policy, self._kinds(edge, checked))}; {origin}",
                written="",
            )
        children: dict[str, Entry] = {}
        for shown, (attribute, spec) in group_fields(PolicyChange).items():
            given = getattr(edge.change, attribute)
            entry = Entry(yaml_value(getattr(policy, attribute), spec.type, spec.unit), _DEFAULT)
            if given is not None:
                entry.origin = _words(self._origin((*edge.path, shown)))
            children[shown] = entry
        return Entry(children, f"{flow}{origin}")

    def _kinds(self, edge: ResolvedEdge, checked: CheckResult) -> tuple[type[Frame], ...]:
        source, target = (
            ports_of(checked.nodes[node].processor)[port] for node, port in (edge.source, edge.target)
        )
        return common_types(source, target)

    def _input(self, name: str, spec: InputSpec) -> Entry:
        return Entry(
            {
                field: self._plain(yaml_value(value), ("inputs", name, field), field)
                if ("inputs", name, field) in self.resolved.tree.origins
                else Entry(yaml_value(value), _DEFAULT)
                for field, value in (
                    (field.name, getattr(spec, field.name)) for field in dataclasses.fields(spec)
                )
                if value is not MISSING
            },
            _words(self._origin(("inputs", name))),
        )

    def _at(self, value: Any, path: Steps, other: Steps | None = None) -> Entry:
        """A value of the file, or the default where the file does not say it."""
        origin = self.resolved.tree.origins.get(self.resolved.placed(path))
        if origin is None and other is not None:
            origin = self._origin(other)
        if origin is None:
            return Entry(value, _DEFAULT)
        return (
            self._scalar(value, path, str(path[-1]), False) if other is None else Entry(value, _words(origin))
        )

    def _origin(self, path: Steps) -> Origin | None:
        return self.resolved.tree.origin(self.resolved.placed(path)) if path else None


def _default(spec: OptionSpec) -> Entry:
    """What an option is when nobody says; only told where YAML could not say it back."""
    plain = yaml_value(spec.default, spec.type, spec.unit)
    back, problems = convert(spec, plain, from_yaml=True)
    entry = _plain_entry(plain)
    entry.origin = _DEFAULT
    entry.unwritable = bool(problems) or back != spec.default
    return entry


def _plain_entry(value: Any) -> Entry:
    if isinstance(value, dict):
        return Entry({key: _plain_entry(item) for key, item in value.items()}, _DEFAULT)
    if isinstance(value, list):
        return Entry([_plain_entry(item) for item in value], _DEFAULT)
    return Entry(value, _DEFAULT)


def _reference(filled: EnvText | None, name: str, words: str) -> str:
    """How a file says a value that is not shown, so that it is there again where the environment has it."""
    if filled is not None and "${params." not in filled.written:
        return filled.written
    if filled is not None and len(filled.sources) == 1 and filled.sources[0].startswith("environment "):
        return f"${{{filled.sources[0].removeprefix('environment ')}}}"
    variable = re.sub(r"[^A-Z0-9_]", "_", name.upper()).lstrip("0123456789") or "VALUE"
    return f"${{{variable}:?it is not shown, see {words.replace('}', ')')}}}"


def _words(origin: Origin | None) -> str:
    """An origin in words: ``profile prod, agent.yaml:12``."""
    if origin is None:
        return ""
    place = origin.place(key=origin.collection)
    parts = list(origin.filled.sources) if origin.filled is not None else []
    if place.document.file == "--set":
        path = place.document.lines[place.span.line - 1].partition("=")[0]
        return ", ".join([*parts, f"--set {path}"])
    if origin.layer:
        parts.append(origin.layer)
    parts.append(str(place))
    parts += [via.how.replace("here", f"at {via.place}", 1) for via in origin.via]
    return ", ".join(parts)
