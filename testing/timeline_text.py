"""What happened in a test as lines for people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..pipeline.units import SECOND
from .checks import show
from .judging import Verdict
from .model import AnyOrder, Expectation, Never, Occurs, Pattern
from .timeline import Entry

__all__ = ["describe", "excerpt", "names_in"]

_MOST = 24
_WIDEST = 110
_BEFORE = 8


def describe(entry: Entry, wanted: Collection[str] = ()) -> tuple[str, str] | None:
    """Who and what, of an entry that people want to see; ``None`` for others, unless their name is ``wanted``."""
    fields = entry.fields
    if entry.kind == "feed":
        if entry.place == "ended":
            return ("test", f"{entry.name} ends") if entry.name and fields["verb"] else None
        name = f" ({entry.name})" if entry.name else ""
        return "test", f"{fields['verb']} {fields['what']}{name}"
    if entry.kind == "sound":
        return entry.place, "sound begins" if entry.name == "began" else "sound ends"
    if entry.kind == "frame":
        shown = ", ".join(f"{key.removesuffix('_ns')}: {show(value)}" for key, value in _telling(fields))
        return entry.place, f"{entry.name} {{{shown}}}" if shown else entry.name
    if entry.kind != "event":
        return None
    if entry.name == "transcript":
        if not fields["final"]:
            return None
        cut = " (interrupted)" if fields["interrupted"] else ""
        return ("you" if fields["role"] == "user" else "agent"), f"{fields['text'].strip()}{cut}"
    said = _known(entry.name, fields)
    if said is not None or entry.name not in wanted:
        return said
    shown = ", ".join(f"{key.removesuffix('_ns')}: {show(value)}" for key, value in _telling(fields))
    return "call", f"{entry.name} {{{shown}}}" if shown else entry.name


def names_in(expectations: Iterable[Expectation]) -> set[str]:
    """The events that expectations are about."""
    names: set[str] = set()
    for one in expectations:
        if isinstance(one, AnyOrder):
            names |= names_in(one.items)
        elif isinstance(one, Occurs | Never) and isinstance(one.what, Pattern):
            names.add(one.what.name)
    return names


def _known(name: str, fields: Mapping[str, Any]) -> tuple[str, str] | None:
    match name:
        case "tool_called":
            return "tool", f"{fields['name']}{show(fields['args'])}"
        case "tool_finished":
            return "tool", f"{fields['name']} -> {show(fields['result'])}"
        case "state_changed":
            return "call", f"state {fields['state']}"
        case "speech_changed":
            return "you", "speech begins" if fields["speaking"] else "speech ends"
        case "service_changed":
            return "model", f"{fields['state']} {fields['detail']}".strip()
        case "interrupted":
            return "call", f"turn {fields['turn']} is interrupted"
        case "tool_cancelled":
            return "tool", f"{fields['name']} is withdrawn"
        case "node_failed":
            return "call", fields["message"]
        case "call_ended":
            return "call", f"the call ended: {fields['error'] or fields['detail'] or fields['reason']}"
        case _:
            return None


def excerpt(entries: Sequence[Entry], verdicts: Sequence[Verdict]) -> list[tuple[str, str, str, str]]:
    """Lines (mark, time, who, what) around what failed; what was met has a mark."""
    failed = next((verdict for verdict in verdicts if verdict.outcome == "failed"), None)
    wanted = names_in(verdict.expectation for verdict in verdicts)
    met = {verdict.at_ns for verdict in verdicts if verdict.outcome == "met"}
    rows: list[tuple[int, str, str, str]] = []
    for entry in entries:
        said = describe(entry, wanted)
        if said is not None:
            rows.append((entry.time_ns, "", said[0], _printable(said[1])))
    if failed is not None:
        rows.append((failed.at_ns, "x", "test", _printable(f"expected {failed.expectation.text}")))
    rows.sort(key=lambda row: row[0])
    rows = _around(rows, next((number for number, row in enumerate(rows) if row[1]), len(rows) - 1))
    lines = []
    for time_ns, mark, who, what in rows:
        lines.append((mark or ("+" if time_ns in met else ""), f"{time_ns / SECOND:7.3f}", who, what))
    return lines


def _around(rows: list[tuple[int, str, str, str]], middle: int) -> list[tuple[int, str, str, str]]:
    """At most so many rows, of which a third comes after ``middle``."""
    if len(rows) <= _MOST:
        return rows
    first = max(0, min(middle - (_MOST - _BEFORE), len(rows) - _MOST))
    kept = rows[first : first + _MOST]
    if first:
        kept.insert(0, (rows[first][0], "", "", f"... {first} earlier"))
    if first + _MOST < len(rows):
        kept.append((kept[-1][0], "", "", f"... {len(rows) - first - _MOST} later"))
    return kept


def _telling(fields: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (key, value)
        for key, value in fields.items()
        if key not in ("time_ns", "id") and value not in ("", 0, None)
    ]


def _printable(text: str) -> str:
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= _WIDEST else plain[: _WIDEST - 3] + "..."
