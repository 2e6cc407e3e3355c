"""Two runs of one call compared by their lines: what was said, which tools were asked for, how long callers waited."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["differences"]

_OFF_MS = 300
"""Waits may differ by so much: a call in real time has the network and the machine in them."""

Json = dict[str, Any]


def differences(then: Sequence[Json], now: Sequence[Json]) -> Iterator[str]:
    """One line each, for people."""
    for role in ("user", "agent"):
        yield from _compared(_said(then, role), _said(now, role), f"{role}:")
    yield from _compared(_asked(then), _asked(now), "tool:")
    yield from _compared(_answered(then), _answered(now), "result:")
    yield from _waits(then, now)


def _said(lines: Sequence[Json], role: str) -> list[str]:
    return [
        _line(line["text"]) + (" ..." if line.get("interrupted") else "")
        for line in lines
        if line.get("type") == "transcript" and line.get("role") == role and _line(line["text"])
    ]


def _asked(lines: Sequence[Json]) -> list[str]:
    return [f"{line['name']}({_plain(line['args'])})" for line in lines if line.get("type") == "tool_called"]


def _answered(lines: Sequence[Json]) -> list[str]:
    return [
        f"{line['name']} -> {_plain(line['result'])}" for line in lines if line.get("type") == "tool_finished"
    ]


def _compared(then: list[str], now: list[str], what: str) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(a=then, b=now, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind == "equal":
            continue
        gone, new = then[first:last], now[start:end]
        for before, after in zip(gone, new, strict=False):
            yield f"{what} {before!r} then, {after!r} now"
        yield from (f"{what} {before!r} then, nothing now" for before in gone[len(new) :])
        yield from (f"{what} {after!r} now, nothing then" for after in new[len(gone) :])


def _waits(then: Sequence[Json], now: Sequence[Json]) -> Iterator[str]:
    for what in ("greeting", "answer", "silence"):
        before, after = _latencies(then, what), _latencies(now, what)
        for number, (old, new) in enumerate(zip(before, after, strict=False), 1):
            if abs(old - new) > _OFF_MS:
                yield f"{what} {number}: after {old} ms then, {new} ms now"
        if len(before) != len(after):
            yield f"{what}: {len(before)} then, {len(after)} now"


def _latencies(lines: Sequence[Json], what: str) -> list[int]:
    return [line["ms"] for line in lines if line.get("type") == "latency" and line.get("what") == what]


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
