"""Agent files: read, filled in, checked as a whole, and every fault with its line."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..check import check
from ..convert import Steps
from ..convert.scalars import EnvText
from ..errors import ConfigError, Problem
from ..graph import Graph
from ..turns import TurnPolicy
from .diagnostics import Diagnostic, Span
from .grammar import Draft, read_draft
from .interpolate import interpolate
from .render import render
from .source import Document, parse_document, read_document

__all__ = ["Agent", "Report", "check_file", "check_text", "load_agent", "parse_agent"]

_FOLLOWS = ("LG305", "LG308", "LG310")
"""Faults of wiring that a node or an edge which could not be read brings about."""
_OPTION_CODES = frozenset(f"LG{number}" for number in range(201, 220))


@dataclass(frozen=True, slots=True)
class Agent:
    """What an agent file declares; valid when there is one."""

    name: str
    graph: Graph
    title: str = ""
    description: str = ""
    turns: TurnPolicy = field(default_factory=TurnPolicy)
    simulator: Mapping[str, Any] = field(default_factory=dict)
    """The section ``simulator`` as it is; a ``brain`` is an absolute path."""
    source: Path | None = None
    """The file, when it came from one."""


def _nowhere(problem: Problem) -> Diagnostic:
    return Diagnostic("<text>", Span(1, 1, 1, 1), problem)


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found out about one file."""

    file: str
    diagnostics: tuple[Diagnostic, ...] = ()
    """In the order of the file."""
    agent: Agent | None = None
    """The agent, unless there are errors."""
    notes: tuple[str, ...] = ()
    """What was put in where the file says nothing: resamplers."""
    locate: Callable[[Problem], Diagnostic] = field(default=_nowhere, repr=False, compare=False)
    """Gives a problem of the graph that is found later its place in the file."""
    simulator: Mapping[str, Any] = field(default_factory=dict)
    """The section ``simulator`` as in ``Agent``, whatever is wrong elsewhere."""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(found for found in self.diagnostics if found.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(found for found in self.diagnostics if found.severity == "warning")


def load_agent(path: Path | str, *, environ: Mapping[str, str] | None = None) -> Agent:
    """The agent of a file, filled in from ``environ`` (default: the process's own).

    Raises ``ConfigError`` with every fault, rendered.
    """
    return _agent_of(check_file(path, environ=environ))


def parse_agent(
    text: str | bytes,
    *,
    base_dir: Path | None = None,
    file: str = "<text>",
    environ: Mapping[str, str] | None = None,
) -> Agent:
    """The agent of a text, as ``load_agent`` reads it from a file in ``base_dir`` (default: where we are)."""
    return _agent_of(check_text(text, base_dir=base_dir, file=file, environ=environ))


def check_file(path: Path | str, *, environ: Mapping[str, str] | None = None) -> Report:
    """Everything that is wrong with a file; nothing is started. Modules that it names are imported."""
    source = Path(path)
    document = read_document(source, str(path))
    return _report(document, source.parent.absolute(), source.stem, source, environ)


def check_text(
    text: str | bytes,
    *,
    base_dir: Path | None = None,
    file: str = "<text>",
    environ: Mapping[str, str] | None = None,
) -> Report:
    """Everything that is wrong with a text, as ``check_file`` would find it in ``base_dir``."""
    name = Path(file).stem if file != "<text>" else "agent"
    return _report(parse_document(text, file), base_dir or Path.cwd(), name, None, environ)


def _agent_of(report: Report) -> Agent:
    if report.agent is None:
        raise ConfigError([found.problem for found in report.errors], render(report.errors))
    return report.agent


def _report(
    document: Document, base_dir: Path, name: str, source: Path | None, environ: Mapping[str, str] | None
) -> Report:
    if document.data is None and document.faults:
        return Report(document.file, tuple(document.faults))
    data, problems = interpolate(document.data, os.environ if environ is None else environ)
    draft = read_draft(data, base_dir=base_dir, name=name)
    problems += draft.problems
    result = check(draft.graph)
    problems += _news(result.problems, draft)

    def locate(problem: Problem) -> Diagnostic:
        placed = replace(problem, path=_relocated(problem.path, draft.aliases))
        return document.locate(_without_values(placed, data))

    hidden = [_relocated(problem.path, draft.aliases) for problem in problems if problem.code == "LG208"]
    document.hidden += [document.span_of(path) for path in hidden]
    found = [*document.faults, *(locate(problem) for problem in problems)]
    found = sorted(dict.fromkeys(found), key=lambda diagnostic: (diagnostic.span, diagnostic.severity))
    agent = None
    if all(diagnostic.severity == "warning" for diagnostic in found):
        agent = Agent(
            name=draft.graph.name,
            graph=draft.graph,
            title=draft.title,
            description=draft.description,
            turns=draft.turns,
            simulator=draft.simulator,
            source=None if source is None else source.absolute(),
        )
    notes = tuple(str(inserted) for inserted in result.inserted)
    return Report(document.file, tuple(found), agent, notes, locate, draft.simulator)


def _news(problems: list[Problem], draft: Draft) -> list[Problem]:
    """What the check of the graph found that the document did not show already, or brought about itself."""
    unread = not draft.whole or any(problem.code == "LG130" for problem in draft.problems)
    return [
        problem
        for problem in problems
        # Options were converted with their places in the file at hand.
        if problem.code not in _OPTION_CODES
        # A node without some of its options says nothing sensible about the rest.
        and not (
            "LG220" <= problem.code < "LG300"
            and any(problem.path[: len(path)] == path for path in draft.faulty)
        )
        and not (unread and problem.code in _FOLLOWS)
    ]


def _relocated(path: Steps, aliases: Mapping[Steps, Steps]) -> Steps:
    """The place in the file of an option that the short form keeps elsewhere."""
    for length in range(len(path), 0, -1):
        if path[:length] in aliases:
            return aliases[path[:length]] + path[length:]
    return path


def _without_values(problem: Problem, data: Any) -> Problem:
    """``problem`` with the text of the file where it names what the environment put there."""
    value = data
    for step in problem.path:
        try:
            value = value[step]
        except (LookupError, TypeError):  # a place that the file does not have
            return problem
    if not isinstance(value, EnvText):
        return problem
    # What stands in the environment is not to be mended in the file.
    message, hint = value.conceal(problem.message), value.conceal(problem.hint)
    return replace(problem, message=message, hint=hint, part="", fix=None)
