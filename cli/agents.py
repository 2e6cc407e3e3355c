"""What the verbs do with the agent that is named: read it, choose one of several, tell its warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .exits import Exit, Fault
from .terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..language import Agent, Layers, Report
    from ..language.render import Role
    from ..language.report import Resolved

__all__ = [
    "accepted",
    "load",
    "remarks",
    "resolve",
]


def load(
    written: str,
    terminal: Terminal,
    *,
    notes: bool = False,
    layers: Layers | None = None,
    name: str = "",
) -> Agent:
    """The agent that ``written`` means, with its warnings (and what was put in, if asked for) on the terminal.

    Of a file that holds several, ``name`` chooses one. Raises ``ConfigError`` with every fault, rendered.
    """
    return resolve(written, terminal, notes=notes, layers=layers, name=name).agent


def resolve(
    written: str,
    terminal: Terminal,
    *,
    notes: bool = False,
    layers: Layers | None = None,
    name: str = "",
) -> Resolved:
    """As ``load``, with the origin of everything that makes the agent."""
    from ..language.finding import find_agent

    found = _read(find_agent(written), terminal, notes, layers)
    named = [one for one in found if one.agent.name == name] if name else list(found)
    if len(named) != 1:
        from ..pipeline.spelling import did_you_mean

        names = [one.agent.name for one in found]
        if name:
            hint = did_you_mean(name, names, label="agents")
            raise Fault(f"{written} has no agent `{name}`", hint, Exit.USAGE)
        raise Fault(
            f"{written} holds several agents", f"say which with --agent: {', '.join(names)}", Exit.USAGE
        )
    return named[0]


def accepted(report: Report, paint: Callable[[Role, str], str]) -> tuple[Resolved, ...]:
    """What a file declares. Raises ``ConfigError`` with every fault, rendered."""
    from ..language import render
    from ..pipeline.errors import ConfigError

    if not report.resolved:
        problems = [found.problem for found in report.diagnostics]
        raise ConfigError(problems, render(report.diagnostics, paint=paint))
    return report.resolved


def remarks(report: Report, paint: Callable[[Role, str], str], *, notes: bool = False) -> list[str]:
    """The warnings of a file, and if asked for what was put in, for the terminal."""
    from ..language import render

    found = [render(report.warnings, paint=paint)] if report.warnings else []
    name = Path(report.file).stem
    return found + ([f"{name}: {note}" for note in report.notes] if notes else [])


def _read(path: Path, terminal: Terminal, notes: bool, layers: Layers | None) -> tuple[Resolved, ...]:
    from ..language import check_file

    report = check_file(path, layers=layers)
    found = accepted(report, terminal.paint)
    for remark in remarks(report, terminal.paint, notes=notes):
        terminal.report(remark)
    return found
