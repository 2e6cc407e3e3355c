"""What a test has the simulator do: rules in a file, or written into the test itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...pipeline.config import Diagnostic, Span
from ...pipeline.config.origins import Origin, Tree
from ...pipeline.convert import Steps
from ...pipeline.errors import Problem
from ...pipeline.testing.model import Case
from ...simulator.brain import BrainError, parse_brain
from ...simulator.brain_script import Script
from ..brains import brain_faults, read_brain

__all__ = ["brain_of_case", "script_faults"]


def brain_of_case(case: Case, tree: Tree) -> Script | None:
    """The rules of a test; ``None`` when it has none. Raises ``BrainError``."""
    if case.brain is None:
        return None
    if isinstance(case.brain, Path):
        return read_brain(case.brain)
    file, text = _alone(case.brain, tree, (*case.path, "brain"))
    return parse_brain(text, file)


def script_faults(case: Case, tree: Tree) -> list[Diagnostic]:
    """What is wrong with the scripts of a test, each fault in its line."""
    if isinstance(case.brain, Path):
        return brain_faults({"brain": case.brain})
    try:
        brain_of_case(case, tree)
    except BrainError as error:
        path = (*case.path, "brain")
        origin = tree.origin(path)
        assert origin is not None
        return [_found(fault.line, fault.column, fault.message, origin, path, tree) for fault in error.faults]
    return []


def _found(line: int, column: int, message: str, origin: Origin, path: Steps, tree: Tree) -> Diagnostic:
    problem = Problem("LG161", message, path)
    document = origin.value.document
    if _is_flow(origin) or not document.excerpt(line):
        return tree.locate(problem)
    return Diagnostic(document.file, Span(line, column, line, column + 1), problem, document.excerpt(line))


def _is_flow(origin: Origin) -> bool:
    """Whether it is written in braces: then its lines cannot be read on their own."""
    span, lines = origin.value.span, origin.value.document.lines
    return lines[span.line - 1][span.column - 1 : span.column] == "{"


def _alone(data: Mapping[str, Any], tree: Tree, path: Steps) -> tuple[str, str]:
    """The file and the text of a script inside of it, with nothing else and every line where it was."""
    origin = tree.origin(path)
    assert origin is not None
    document, start = origin.value.document, origin.value.span
    if _is_flow(origin):
        return document.file, json.dumps({"version": 1, **data})
    inside = [
        one.value.span
        for at, one in tree.origins.items()
        if at[: len(path)] == path and one.value.document is document
    ]
    end_line, end_column = max((span.end_line, span.end_column) for span in inside)
    lines = [""] * (start.line - 1) + document.lines[start.line - 1 : end_line]
    lines[-1] = lines[-1][: end_column - 1] if end_line > start.line else lines[-1]
    lines[start.line - 1] = " " * (start.column - 1) + lines[start.line - 1][start.column - 1 :]
    if "version" not in data:
        # Its own key stands above it, so there is a line to spare.
        lines[start.line - 2] = " " * (start.column - 1) + "version: 1"
    return document.file, "\n".join(lines) + "\n"
