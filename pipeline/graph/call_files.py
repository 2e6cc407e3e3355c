"""Files that a call writes: names that each call fills in, so that two calls at once have a file each.

::

    file_out: {path: "answers/{{call.date}}/{{call.id}}.wav"}

There are ``{{call.id}}``, ``{{call.time}}`` (UTC, ``20261128T214500Z``), ``{{call.date}}`` (``2026-11-28``),
``{{call.agent}}``, ``{{call.identity}}`` and ``{{inputs.name}}``. What is filled in names a file and never a folder,
whatever a caller puts there. ``{call_id}``, ``{caller}`` and ``{time}`` are the older way to write three of them.

Codes: LG171 no such input, LG174 not a reference, LG311 calls at once share a file (warning), LG312 two boxes do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import Problem
from ..options import CallFile, option_specs
from ..spelling import did_you_mean
from ..units import SECOND
from .declarations import NodeSpec

__all__ = [
    "CallFacts",
    "file_problems",
    "fill_call_file",
    "fixed_folder",
    "has_fields",
    "input_fields",
    "input_problems",
    "tells_calls_apart",
    "unknown_inputs",
]

_OF_CALL = ("id", "time", "date", "agent", "identity")
_FIELD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_SINGLE = re.compile(r"\{([A-Za-z_]\w*)\}")
_OLDER = {"{call_id}": "{{call.id}}", "{caller}": "{{call.identity}}", "{time}": "{{call.time}}"}
_UNSAFE = re.compile(r"[^\w.@+-]+")
_LONGEST_BYTES = 80
"""Of what one field gives: file systems take 255 for a whole name."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What names of files are filled in with."""

    id: str
    unix_ns: int
    """The time of day at which the call was made."""
    agent: str = ""
    identity: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def value(self, name: str) -> str | None:
        """What ``call.id`` or ``inputs.name`` stands for, as a part of a file's name; ``None`` for no such thing."""
        group, _, key = name.partition(".")
        if group == "inputs" and key in self.inputs:
            found = self.inputs[key]
            return _safe(str(found).lower() if isinstance(found, bool) else str(found))
        if group != "call" or key not in _OF_CALL:
            return None
        at = datetime.fromtimestamp(self.unix_ns / SECOND, UTC)
        return {
            "id": _safe(self.id),
            "time": at.strftime("%Y%m%dT%H%M%SZ"),
            "date": at.strftime("%Y-%m-%d"),
            "agent": _safe(self.agent),
            "identity": _safe(self.identity or "unknown"),
        }[key]


def fill_call_file(path: Path, facts: CallFacts) -> Path:
    """``path`` as it is in one call. What nothing is known of stays as it is written."""
    return Path(_FIELD.sub(lambda found: facts.value(found[1]) or found[0], _present(path)))


def has_fields(path: Path) -> bool:
    """Whether calls have different files by this name, or might have."""
    return "{{" in _present(path)


def tells_calls_apart(path: Path) -> bool:
    """Whether no two calls have the same file, however close they are."""
    return "call.id" in _fields(path)


def input_fields(path: Path) -> list[str]:
    """The inputs that ``path`` uses."""
    return [name.partition(".")[2] for name in _fields(path) if name.startswith("inputs.")]


def fixed_folder(path: Path) -> Path:
    """The folder that is there before any call: all in front of the first field."""
    written = Path(_present(path))
    parts = written.parts[:-1]
    until = next((number for number, part in enumerate(parts) if "{{" in part), len(parts))
    return Path(*parts[:until])


def input_problems(path: Path, inputs: Collection[str], at: tuple[str | int, ...]) -> Iterator[Problem]:
    """The inputs in a name that the agent does not declare."""
    for found in _FIELD.finditer(_present(path)):
        group, _, key = found[1].partition(".")
        if group == "inputs" and key and key not in inputs:
            hint = did_you_mean(key, inputs, label="inputs") or "declare it below `inputs`"
            yield Problem("LG171", f"there is no input `{key}`", at, hint=hint, part=found[0])


def _name_problems(path: Path, at: tuple[str | int, ...]) -> Iterator[Problem]:
    """What is wrong with the fields of a name, whatever inputs there are."""
    written = _present(path)
    for found in _FIELD.finditer(written):
        group, _, key = found[1].partition(".")
        if not (key and (group == "inputs" or (group == "call" and key in _OF_CALL))):
            known = ", ".join(f"{{{{call.{name}}}}}" for name in _OF_CALL)
            hint = f"there are {known} and {{{{inputs.name}}}}"
            yield Problem(
                "LG174", f"`{found[0][:60]}` is not known in a file's name", at, hint=hint, part=found[0]
            )
    rest = _FIELD.sub("", written)
    if "{{" in rest:
        yield Problem("LG174", "`{{` without `}}` in a file's name", at, hint="write {{call.id}}")
    elif single := _SINGLE.search(rest):
        hint = f"write {{{{call.id}}}} or {{{{inputs.{single[1]}}}}}"
        yield Problem("LG174", f"`{single[0]}` is not known in a file's name", at, hint=hint, part=single[0])


def unknown_inputs(nodes: Iterable[NodeSpec], inputs: Collection[str]) -> Iterator[Problem]:
    """Names of files with inputs that the agent does not declare."""
    for node, name, path, _ in _files(nodes):
        yield from input_problems(path, inputs, (*node.path, name))


def file_problems(nodes: Iterable[NodeSpec]) -> Iterator[Problem]:
    """All that is wrong with the files that nodes write, but for inputs, which only the agent knows."""
    nodes = list(nodes)
    at_once = any(node.processor.at_once for node in nodes)
    seen: dict[str, tuple[NodeSpec, str]] = {}
    for node, name, path, mark in _files(nodes):
        where, written = (*node.path, name), _present(path)
        faults = list(_name_problems(path, where))
        yield from faults
        if written in seen:
            other, option = seen[written]
            message = f"`{node.name}.{name}` and `{other.name}.{option}` write the same file"
            yield Problem("LG312", message, where, hint="give each a file of its own")
        elif at_once and not mark.shared and not faults and not tells_calls_apart(path):
            better = f"{path.stem}-{{{{call.id}}}}{path.suffix}"
            message = "calls at the same time write this file over each other: only the last one is kept"
            hint = f"put the call into its name: {better}"
            yield Problem("LG311", message, where, hint=hint, warning=True)
        seen.setdefault(written, (node, name))


def _files(nodes: Iterable[NodeSpec]) -> Iterator[tuple[NodeSpec, str, Path, CallFile]]:
    for node in nodes:
        for name, spec in option_specs(node.processor).items():
            if spec.call_file is not None and isinstance(path := node.options.get(name), Path):
                yield node, name, path, spec.call_file


def _present(path: Path) -> str:
    """The path with older fields in their present form."""
    text = str(path)
    for older, present in _OLDER.items():
        # Not the inner braces of the present form.
        text = re.sub(rf"(?<!\{{){re.escape(older)}(?!\}})", present, text)
    return text


def _fields(path: Path) -> list[str]:
    return [found[1] for found in _FIELD.finditer(_present(path))]


def _safe(value: str) -> str:
    """``value`` as a part of a file's name: no folder, nothing hidden, nothing too long."""
    text = _UNSAFE.sub("_", unicodedata.normalize("NFC", value)).lstrip(".")
    cut = text.encode("utf-8")[:_LONGEST_BYTES].decode("utf-8", "ignore")
    return cut or "_"
