"""``--set a.b=c``: single values from the command line, with the argument as their place.

The path's steps are keys, or indices and names of boxes in a list; a key that holds a dot or a space stands in
double quotes (``edges."mic -> gate".max_frames=7``). The value is YAML; ``null`` takes the key away.

Codes: LG180 not a setting, LG182 nothing to take away (warning), LG183 the path leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.convert.hints import show
from ..pipeline.errors import Problem
from ..pipeline.spelling import did_you_mean
from .diagnostics import Diagnostic, Span
from .merging import merge
from .origins import Origin, Place, Tree
from .source import Document, parse_document

__all__ = ["apply_settings", "argument"]

_STEP = re.compile(r'"((?:[^"\\]|\\.)+)"|([^."=\s][^."=]*)')
_LAYER = "--set"


def argument(name: str, values: Sequence[str], folder: Path) -> Document:
    """The arguments of one option of the command as a document, one a line."""
    document = Document(name, folder=folder, root=folder, editable=False)
    document.lines = [" ".join(value.splitlines()) for value in values]
    return document


def apply_settings(tree: Tree, settings: Sequence[str], folder: Path) -> list[Diagnostic]:
    """Change ``tree`` by each of ``settings`` in turn; returns every fault. ``folder``: where their files lie."""
    document = argument(_LAYER, settings, folder)
    found: list[Diagnostic] = []
    for index, written in enumerate(document.lines):
        setting = _Setting(tree, document, index + 1, written)
        setting.apply()
        found += setting.found
    return found


@dataclass(slots=True)
class _Setting:
    tree: Tree
    document: Document
    line: int
    text: str
    found: list[Diagnostic] = field(default_factory=list)

    def apply(self) -> None:
        read = self._read()
        if read is None:
            return
        steps, value = read
        at: Steps = ()
        for number, (step, span) in enumerate(steps):
            last = number == len(steps) - 1
            holder = self.tree.get(at)
            if isinstance(holder, list):
                index = self._index(holder, step, span)
                if index is None:
                    return
                at = (*at, index)
                if not last and isinstance(holder[index], str):
                    self._open(at, {holder[index]: {}}, (holder[index],))
                # The options of `- vad_gate: {...}` are one level further in.
                following = "" if last else steps[number + 1][0]
                options = _options_key(self.tree.get(at))
                if not last and options and options != following:
                    at = (*at, options)
                continue
            if isinstance(holder, str) and at[-2:-1] == ("nodes",):
                holder = self._open(at, {"use": holder}, ("use",))
            if holder is None and (not at or at in self.tree.origins):
                part = Tree({}, {(): Origin(self._place(span), collection=True, layer=_LAYER)})
                self.tree.put(at, part)
                holder = self.tree.get(at)
            if not isinstance(holder, dict):
                where = ".".join(str(part) for part in at)
                message = f"`{where}` is {show(holder)}, and has no `{step}`"
                self._fault("LG183", message, span, "set it as a whole")
                return
            if not last and holder.get(step) is None:
                part = Tree({}, {(): Origin(self._place(span), self._place(span), True, _LAYER)})
                self.tree.put((*at, step), part, key=self._place(span))
            at = (*at, step)
        self._lay(at, steps[-1][1], value)

    def _open(self, at: Steps, made: dict[str, Any], inner: Steps) -> dict[str, Any]:
        """Give a box that is only a name a mapping, so that it can have options."""
        origin = self.tree.origins[at]
        part = Tree(made, {(): replace(origin, collection=True), inner: replace(origin, key=origin.value)})
        self.tree.put(at, part)
        return made

    def _lay(self, at: Steps, span: Span, value: Tree) -> None:
        holder, name = self.tree.get(at[:-1]), at[-1]
        if value.data is None and isinstance(holder, dict):
            if name in holder:
                self.tree.remove(at)
            else:
                hint = did_you_mean(str(name), holder, label="keys")
                self._fault("LG182", f"there is no `{name}` to take away", span, hint, warning=True)
            return
        if value.data is None:
            self._fault("LG183", "an item of a list cannot be taken away", span, "set the whole list")
            return
        self.found += merge(self.tree, value, at)
        if at in self.tree.origins:
            self.tree.origins[at] = replace(self.tree.origins[at], key=self._place(span))

    def _index(self, items: list[Any], step: str, span: Span) -> int | None:
        """The item that ``step`` means: by its place, or by the name of its box."""
        if step.isdecimal() and len(step) < 6 and int(step) < len(items):
            return int(step)
        names = [_box(item) for item in items]
        if names.count(step) == 1:
            return names.index(step)
        hint = did_you_mean(step, [name for name in names if name], label="boxes")
        if step.isdecimal():
            hint = f"items are counted from 0 to {len(items) - 1}" if items else "the list is empty"
        elif step in names:
            hint = f"say which: {', '.join(str(index) for index, name in enumerate(names) if name == step)}"
        self._fault("LG183", f"`{step}` is no single item of the list", span, hint)
        return None

    def _read(self) -> tuple[list[tuple[str, Span]], Tree] | None:
        """The path's steps with their places, and the value."""
        steps: list[tuple[str, Span]] = []
        at = 0
        while match := _STEP.match(self.text, at):
            quoted, plain = match[1], match[2]
            name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip()
            steps.append((name, self._span(match.start(), match.start() + len(match[0].rstrip()))))
            at = match.end()
            if self.text[at : at + 1] != ".":
                break
            at += 1
        if not steps or self.text[at : at + 1] != "=":
            hint = "write `--set agent.voice=Puck`, keys with a dot in double quotes"
            self._fault("LG180", "this is not a setting", self._span(0, len(self.text)), hint)
            return None
        value = self._value(at + 1)
        return None if self.found else (steps, value)

    def _value(self, start: int) -> Tree:
        text = self.text[start:]
        if not text.strip():
            place = self._place(self._span(start, start))
            return Tree(None, {(): Origin(place, layer=_LAYER)})
        read = parse_document(text, self.document.file)
        for fault in read.faults:
            span = self._shifted(fault.span, start)
            self.found.append(replace(self.document.at(span, fault.problem), edit=None))
        origins = {
            path: Origin(
                Place(self.document, self._shifted(marks.value, start)),
                None if marks.key is None else Place(self.document, self._shifted(marks.key, start)),
                marks.collection,
                _LAYER,
            )
            for path, marks in read.marks.items()
        }
        return Tree(read.data, origins)

    def _shifted(self, span: Span, by: int) -> Span:
        return Span(self.line, span.column + by, self.line, span.end_column + by)

    def _span(self, start: int, end: int) -> Span:
        return Span(self.line, start + 1, self.line, max(end, start + 1) + 1)

    def _place(self, span: Span) -> Place:
        return Place(self.document, span)

    def _fault(self, code: str, message: str, span: Span, hint: str = "", *, warning: bool = False) -> None:
        problem = Problem(code, message, hint=hint, warning=warning)
        self.found.append(self.document.at(span, problem))


def _options_key(item: Any) -> str:
    """The only key of an item, which names its box; empty when there are more, or it is a key of every node."""
    if not isinstance(item, dict) or len(item) != 1:
        return ""
    key = next(iter(item))
    return "" if key == "use" else str(key)


def _box(item: Any) -> str:
    """What an item of a pipeline is called."""
    if isinstance(item, dict):
        named = item.get("as", item.get("use"))
        if named is None and len(item) == 1:
            options = next(iter(item.values()))
            named = options.get("as") if isinstance(options, dict) else None
            named = named or next(iter(item))
        item = named
    return item if isinstance(item, str) else ""
