"""The results of tests: lines for people, JSON for programs, JUnit's XML for CI."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

from ..pipeline.units import MS, SECOND
from .result import Result
from .timeline_text import describe, excerpt, names_in

__all__ = ["junit", "summary", "to_data", "to_text"]

Paint = Callable[[str, str], str]

_WORDS = {
    "passed": ("good", "ok   "),
    "failed": ("error", "FAIL "),
    "error": ("error", "ERROR"),
    "skipped": ("warning", "skip "),
}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST_LOG = 10


def to_text(result: Result, paint: Paint) -> str:
    """One test; of one that failed, what was expected, and what happened instead."""
    role, word = _WORDS[result.outcome]
    took = (
        ""
        if result.outcome == "skipped"
        else paint("dim", f"  ({result.duration_ns / SECOND:.1f} s of call in {result.seconds:.1f} s)")
    )
    lines = [f"{paint(role, word)} {result.name}{took}"]
    if result.outcome == "skipped":
        lines.append(f"      {result.message}")
    if result.outcome in ("failed", "error"):
        lines += [f"      {line}".rstrip() for line in _told(result, paint)]
    return "\n".join(lines)


def summary(results: Sequence[Result], seconds: float) -> str:
    """``3 passed, 1 failed in 2.1 s``."""
    counts = []
    for outcome, word in (
        ("passed", "passed"),
        ("failed", "failed"),
        ("error", "with errors"),
        ("skipped", "skipped"),
    ):
        number = sum(result.outcome == outcome for result in results)
        if number:
            counts.append(f"{number} {word}")
    return f"{', '.join(counts) or 'no tests'} in {seconds:.1f} s"


def failure_text(result: Result) -> list[str]:
    """Why a test failed, in sentences."""
    lines = [result.message] if result.message else []
    failure = result.failure
    if failure is not None:
        lines.append(f"expected {failure.expectation.text}")
        since = f" (counted from {failure.since_ns / SECOND:.3f} s)" if _timed(result) else ""
        lines.append(f"but {failure.reason}{since}")
    return lines


def _timed(result: Result) -> bool:
    failure = result.failure
    return failure is not None and (
        failure.expectation.when.within_ns is not None or failure.expectation.when.not_before_ns > 0
    )


def _told(result: Result, paint: Paint) -> list[str]:
    lines = [paint("place", f"{result.file}:{result.line}:{result.column}:")]
    lines += [paint("message", text) for text in failure_text(result)]
    lines.append("")
    rows = excerpt(result.entries, result.verdicts)
    width = max((len(who) for _, _, who, _ in rows), default=0)
    for mark, time, who, what in rows:
        row = f"{mark or ' '} {time}  {who.ljust(width)}  {what}"
        lines.append(
            paint("error", row) if mark == "x" else paint("good", row[:1]) + row[1:] if mark else row
        )
    if result.log:
        lines += ["", *(paint("dim", line) for line in result.log[:_MOST_LOG])]
    return [*lines, ""]


def to_data(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    """Everything as plain data."""
    return {
        "ok": all(result.outcome in ("passed", "skipped") and not result.missing for result in results),
        "seconds": round(seconds, 3),
        "tests": [_one(result) for result in results],
    }


def _one(result: Result) -> dict[str, Any]:
    data: dict[str, Any] = {
        "file": result.file,
        "line": result.line,
        "column": result.column,
        "name": result.name,
        "outcome": result.outcome,
        "message": "; ".join(failure_text(result)) or result.message,
        "call_ms": round(result.duration_ns / MS),
        "seconds": round(result.seconds, 3),
        "expectations": [],
        "log": list(result.log),
    }
    for number, verdict in enumerate(result.verdicts):
        _, line, column = result.places[number]
        data["expectations"].append(
            {
                "line": line,
                "column": column,
                "expected": verdict.expectation.text,
                "outcome": verdict.outcome,
                "at_ms": round(verdict.at_ns / MS, 3) if verdict.outcome in ("met", "failed") else None,
                "reason": verdict.reason,
            }
        )
    if result.outcome in ("failed", "error"):
        wanted = names_in(verdict.expectation for verdict in result.verdicts)
        data["timeline"] = [
            {"at_ms": round(entry.time_ns / MS, 3), "who": said[0], "what": said[1]}
            for entry in result.entries
            if (said := describe(entry, wanted)) is not None
        ]
    return data


def junit(results: Sequence[Result], seconds: float) -> str:
    """The results as XML in the form that CI servers read: one suite for each file."""
    root = ElementTree.Element("testsuites", name="livegraph test", time=f"{seconds:.3f}")
    _count(root, results)
    for file in dict.fromkeys(result.file for result in results):
        mine = [result for result in results if result.file == file]
        suite = ElementTree.SubElement(
            root, "testsuite", name=file, time=f"{sum(one.seconds for one in mine):.3f}"
        )
        _count(suite, mine)
        for result in mine:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                name=_clean(result.name),
                classname=re.sub(r"\.ya?ml$", "", file).replace("/", "."),
                file=file,
                line=str(result.line),
                time=f"{result.seconds:.3f}",
            )
            if result.outcome == "skipped":
                ElementTree.SubElement(case, "skipped", message=_clean(result.message))
            elif result.outcome != "passed":
                tag = "failure" if result.outcome == "failed" else "error"
                said = failure_text(result)
                element = ElementTree.SubElement(case, tag, message=_clean("; ".join(said)))
                element.text = _clean("\n".join(_told(result, lambda _, text: text)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _count(element: ElementTree.Element, results: Sequence[Result]) -> None:
    element.set("tests", str(len(results)))
    for attribute, outcome in (("failures", "failed"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(sum(result.outcome == outcome for result in results)))


def _clean(text: str) -> str:
    """What XML can hold."""
    return _UNPRINTABLE.sub("?", text)
