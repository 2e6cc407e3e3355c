"""What a test has the simulator do: rules and scenarios in files, or written into the test itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..language import Diagnostic, Span
from ..language.origins import Origin, Tree
from ..pipeline.convert import Steps
from ..pipeline.errors import Problem
from ..simulator.brain import parse_brain
from ..simulator.brain_script import Script
from ..simulator.yaml_reader import Fault, ScriptError
from .brains import read_brain
from .model import Case

if TYPE_CHECKING:
    from ..simulator.scenario import Scenario

__all__ = ["brain_of_case", "scenario_of_case", "script_faults"]


def brain_of_case(case: Case, tree: Tree) -> Script | None:
    """The rules of a test; ``None`` when it has none. Raises ``ScriptError``."""
    if case.brain is None:
        return None
    if isinstance(case.brain, Path):
        return read_brain(case.brain)
    file, text, _ = _alone(case.brain, tree, (*case.path, "brain"))
    return parse_brain(text, file)


def scenario_of_case(case: Case, tree: Tree) -> Scenario | None:
    """The scenario of a test; ``None`` when it has none. Raises ``ScriptError``, and ``OSError`` for a file."""
    from ..simulator.scenario_file import load_scenario, parse_scenario

    if case.scenario is None:
        return None
    if isinstance(case.scenario, Path):
        return load_scenario(case.scenario)
    file, text, folder = _alone(case.scenario, tree, (*case.path, "scenario"))
    return parse_scenario(text, file, folder)


def script_faults(case: Case, tree: Tree) -> list[Diagnostic]:
    """What is wrong with the scripts of a test, each fault in its line."""
    found: list[Diagnostic] = []
    for key, value, read in (
        ("brain", case.brain, brain_of_case),
        ("scenario", case.scenario, scenario_of_case),
    ):
        path = (*case.path, key)
        try:
            if value is not None:
                read(case, tree)
        except ScriptError as error:
            found += [_found(fault, value, path, tree) for fault in error.faults]
        except OSError as error:
            problem = Problem("LG161", f"cannot be read: {error.strerror or error}", path)
            found.append(tree.locate(problem))
    return found


def _found(fault: Fault, value: object, path: Steps, tree: Tree) -> Diagnostic:
    origin = tree.origin(path)
    assert origin is not None
    document = origin.value.document
    inline = fault.file == document.file and not isinstance(value, Path)
    if inline and _is_flow(origin):
        return tree.locate(Problem("LG161", fault.message, path))
    span = Span(fault.line, fault.column, fault.line, fault.column + 1)
    excerpt = document.excerpt(fault.line) if inline else _line(Path(fault.file), fault.line)
    return Diagnostic(fault.file, span, Problem("LG161", fault.message), excerpt)


def _line(file: Path, number: int) -> str:
    """A line of a file; empty where it cannot be read."""
    try:
        return dict(enumerate(file.read_text("utf-8").splitlines(), 1)).get(number, "")
    except (OSError, UnicodeDecodeError):
        return ""


def _is_flow(origin: Origin) -> bool:
    """Whether it is written in braces: then its lines cannot be read on their own."""
    span, lines = origin.value.span, origin.value.document.lines
    return lines[span.line - 1][span.column - 1 : span.column] == "{"


def _alone(data: Mapping[str, Any], tree: Tree, path: Steps) -> tuple[str, str, Path]:
    """A script inside of a file: the file, the text with nothing else in it and every line where it was, the folder."""
    origin = tree.origin(path)
    assert origin is not None
    document, start = origin.value.document, origin.value.span
    if _is_flow(origin):
        return document.file, json.dumps({"version": 1, **data}), document.folder
    # A block goes on for as long as its lines are indented as far as its first key.
    indent = start.column - 1
    lines = [""] * (start.line - 1)
    for line in document.lines[start.line - 1 :]:
        text = line.lstrip()
        if text and not text.startswith("#") and len(line) - len(text) < indent:
            break
        lines.append(line)
    if "version" not in data:
        # Its own key stands above it, so there is a line to spare.
        lines[start.line - 2] = " " * indent + "version: 1"
    return document.file, "\n".join(lines) + "\n", document.folder
