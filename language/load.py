"""Agent files: read, put together, filled in, checked as a whole, and every fault with its line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..pipeline.errors import ConfigError, Problem
from ..pipeline.graph.check import check
from ..pipeline.spelling import did_you_mean
from .diagnostics import Diagnostic
from .grammar import Draft, Reading, read_drafts
from .interpolate import fill_in
from .kinds import kind_of, no_agent
from .layers import Composition, Layers, put_together
from .render import render
from .report import Agent, Report, Resolved
from .source import Document, parse_document, read_document
from .template_boxes import Templates

__all__ = ["check_file", "check_text", "load_agent", "load_agents", "parse_agent"]

_FOLLOWS = ("LG305", "LG308", "LG310")
"""Faults of wiring that a node or an edge which could not be read brings about."""
_FOLLOWS_LOSS = ("LG103", "LG105", "LG134", "LG204", "LG301")
"""Faults of what is missing, which an include that could not be read brings about."""
_OPTION_CODES = frozenset(f"LG{number}" for number in range(201, 220))
_SURROUNDINGS = ("LG140", "LG150")
"""Faults that a profile may have here and not where it is used."""


def load_agent(
    path: Path | str,
    *,
    name: str = "",
    environ: Mapping[str, str] | None = None,
    layers: Layers | None = None,
) -> Agent:
    """The agent of a file, filled in from ``environ`` (default: the process's own).

    Of several in the file ``name`` chooses one. Raises ``ConfigError`` with every fault, rendered.
    """
    return choose(load_agents(path, environ=environ, layers=layers), name)


def load_agents(
    path: Path | str, *, environ: Mapping[str, str] | None = None, layers: Layers | None = None
) -> tuple[Agent, ...]:
    """All agents of a file. Raises ``ConfigError`` with every fault, rendered."""
    return _agents_of(check_file(path, environ=environ, layers=layers))


def parse_agent(
    text: str | bytes,
    *,
    name: str = "",
    base_dir: Path | None = None,
    file: str = "<text>",
    environ: Mapping[str, str] | None = None,
    layers: Layers | None = None,
) -> Agent:
    """The agent of a text, as ``load_agent`` reads it from a file in ``base_dir`` (default: where we are)."""
    report = check_text(text, base_dir=base_dir, file=file, environ=environ, layers=layers)
    return choose(_agents_of(report), name)


def choose(agents: Sequence[Agent], name: str) -> Agent:
    """The agent called ``name``, or the only one there is. Raises ``ConfigError``."""
    names = [agent.name for agent in agents]
    if name in names:
        return agents[names.index(name)]
    if not name and len(agents) == 1:
        return agents[0]
    if name:
        hint = did_you_mean(name, names, label="agents")
        raise ConfigError([Problem("LG191", f"the file has no agent `{name[:60]}`", hint=hint)])
    raise ConfigError(
        [Problem("LG191", "the file has several agents", hint=f"say which: {', '.join(names)}")]
    )


def check_file(
    path: Path | str, *, environ: Mapping[str, str] | None = None, layers: Layers | None = None
) -> Report:
    """Everything that is wrong with a file and what is laid over it; nothing is started.

    Modules that it names are imported. Profiles that are not chosen are checked as well.
    """
    source = Path(path)
    return _report(read_document(source, str(path)), source.stem, environ, layers or Layers())


def check_text(
    text: str | bytes,
    *,
    base_dir: Path | None = None,
    file: str = "<text>",
    environ: Mapping[str, str] | None = None,
    layers: Layers | None = None,
) -> Report:
    """Everything that is wrong with a text, as ``check_file`` would find it in ``base_dir``."""
    name = Path(file).stem if file != "<text>" else "agent"
    return _report(parse_document(text, file, folder=base_dir), name, environ, layers or Layers())


def _agents_of(report: Report) -> tuple[Agent, ...]:
    if not report.resolved:
        raise ConfigError([found.problem for found in report.errors], render(report.errors))
    return report.agents


def _report(document: Document, name: str, environ: Mapping[str, str] | None, layers: Layers) -> Report:
    environ = os.environ if environ is None else environ
    overlays = [read_document(Path(path), str(path)) for path in layers.overlays]
    made = put_together([document, *overlays], layers)
    report = _read(made, document, name, environ)
    if layers.profile is None:
        for profile in made.profiles:
            other = put_together([document, *overlays], replace(layers, profile=profile))
            found = _read(other, document, name, environ).diagnostics
            report = _with_profile(report, made, profile, found)
    return report


def _with_profile(report: Report, made: Composition, profile: str, found: Sequence[Diagnostic]) -> Report:
    """``report`` with what is wrong in a profile that was not chosen."""
    place = made.profile_places[profile]
    lines = range(place.span.line, place.span.end_line + 1)
    news = [
        one
        for one in found
        if one.file == place.document.file
        and one.span.line in lines
        and one.problem.code not in _SURROUNDINGS
        and one not in report.diagnostics
    ]
    diagnostics = _sorted([*report.diagnostics, *news], made.documents)
    wrong = any(one.severity == "error" for one in news)
    return replace(report, diagnostics=diagnostics, resolved=() if wrong else report.resolved)


def _read(made: Composition, document: Document, name: str, environ: Mapping[str, str]) -> Report:
    report = Report(document.file, profiles=made.profiles, files=_paths(made.documents))
    if made.tree.data is None and made.found:
        return replace(report, diagnostics=_sorted(made.found, made.documents))
    if kind := kind_of(document.file, made.tree.data):
        problem = no_agent(kind, document.file, made.tree.data)
        return replace(report, diagnostics=(document.at(document.span_of(()), problem),))
    found = list(made.found)
    templates = Templates(environ, made.files)
    if isinstance(made.tree.data, dict) and "templates" in made.tree.data:
        templates.declare(made.tree.subtree(("templates",)))
        made.tree.remove(("templates",))
    found += [made.tree.locate(problem) for problem in fill_in(made.tree, environ, made.files)]
    readings, problems = read_drafts(made.tree, name=name, templates=templates)
    found += [made.tree.locate(problem) for problem in problems]
    templates.check_unused()
    found += templates.found
    # All that was read by now: includes, and what `${file:...}` stands for.
    documents = list(dict.fromkeys([*made.documents, *made.files.seen.values()]))
    files = _paths(documents)
    resolved, notes = [], []
    for reading in readings:
        one = _resolved(reading, document, files)
        _hide(one, reading.draft.problems)
        problems = [*reading.draft.problems, *_news(one.checked.problems, reading.draft)]
        found += [one.locate(problem) for problem in problems]
        prefix = f"{one.agent.name}: " if len(readings) > 1 else ""
        notes += [f"{prefix}{inserted}" for inserted in one.checked.inserted]
        resolved.append(one)
    if not made.whole:
        found = [one for one in found if one.problem.code not in _FOLLOWS_LOSS]
    diagnostics = _sorted(found, documents)
    return replace(
        report,
        diagnostics=diagnostics,
        resolved=tuple(resolved) if all(one.severity == "warning" for one in diagnostics) else (),
        notes=tuple(notes),
        simulators=tuple(reading.draft.simulator for reading in readings),
        files=files,
    )


def _resolved(reading: Reading, document: Document, files: tuple[Path, ...]) -> Resolved:
    draft = reading.draft
    agent = Agent(
        name=draft.graph.name,
        graph=draft.graph,
        title=draft.title,
        description=draft.description,
        turns=draft.turns,
        log=draft.log,
        conversation=draft.conversation,
        simulator=draft.simulator,
        server=draft.server,
        resources=draft.resources,
        source=document.path,
        inputs=draft.inputs,
        files=files,
    )
    return Resolved(agent, reading.tree, draft, check(draft.graph))


def _hide(one: Resolved, problems: Sequence[Problem]) -> None:
    """Let no message show the line of a key that is written into a file."""
    for problem in problems:
        origin = one.tree.origin(one.placed(problem.path)) if problem.code == "LG208" else None
        if origin is not None:
            origin.value.document.hidden.append(origin.value.span)


def _news(problems: list[Problem], draft: Draft) -> list[Problem]:
    """What the check of the graph found that the document did not show already, or brought about itself."""
    unread = not draft.whole or any(problem.code == "LG130" for problem in draft.problems)
    # A value that is not filled in, and a file that is not there, was told of: no box needs to refuse it as well.
    told = {problem.path for problem in draft.problems if problem.code in ("LG172", "LG209")}
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
        and problem.path not in told
    ]


def _paths(documents: Sequence[Document]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(document.path for document in documents if document.path is not None))


def _sorted(found: Sequence[Diagnostic], documents: Sequence[Document]) -> tuple[Diagnostic, ...]:
    """In the order of the files, and of the lines in each."""
    order = {document.file: number for number, document in reversed(list(enumerate(documents)))}
    return tuple(
        sorted(
            dict.fromkeys(found),
            key=lambda one: (order.get(one.file, len(order)), one.span, one.severity),
        )
    )
