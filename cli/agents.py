"""Agents by name: files given on the command line, and those that ship in ``configs/``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from .exits import Exit, Fault
from .terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..pipeline.config import Agent, Layers, Report
    from ..pipeline.config.render import Role
    from ..pipeline.config.report import Resolved

__all__ = [
    "DEFAULT",
    "accepted",
    "find_agent",
    "find_agents",
    "load",
    "remarks",
    "resolve",
    "shipped_agents",
]

DEFAULT = "voice_agent"
_ENDINGS = (".yaml", ".yml")


@functools.cache
def shipped_agents() -> dict[str, Path]:
    """The agents that come with livegraph, by name, the default one first."""
    from importlib import resources

    folder = Path(str(resources.files("livegraph.configs")))
    # What stands beside an agent under its name (`receptionist.brain.yaml`, `echo_test.yaml`) is no agent.
    found = {
        path.stem: path
        for path in sorted(folder.glob("*.yaml"))
        if "." not in path.stem and not path.stem.endswith("_test")
    }
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT, item[0])))


def find_agent(written: str) -> Path:
    """The file that ``written`` means: a path, or the name of a shipped agent. ``Fault`` when it is neither."""
    path = Path(written)
    named = shipped_agents().get(written)
    if path.suffix in _ENDINGS or "/" in written or "\\" in written:
        if path.is_file():
            return path
        raise Fault(
            f"there is no file {written}" if not path.exists() else f"{written} is not a file",
            _nearby(path),
            Exit.USAGE,
        )
    if named is not None:
        return named
    from ..pipeline.spelling import did_you_mean

    hint = did_you_mean(written, shipped_agents(), label="shipped agents")
    raise Fault(f"there is no agent `{written}`", f"{hint}; a file of yours ends with .yaml", Exit.USAGE)


def find_agents(written: str) -> list[Path]:
    """The files that ``written`` means: as ``find_agent``, or the agent files of a folder, by name.

    What a folder holds under a name with a dot in it (`desk.brain.yaml`) is no agent.
    """
    folder = Path(written)
    if not folder.is_dir():
        return [find_agent(written)]
    found = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS and "." not in path.stem)
    found = [path for path in found if path.is_file() and not path.name.startswith("_")]
    if not found:
        raise Fault(f"there is no agent file in {written}", "their names end with .yaml", Exit.USAGE)
    return found


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
    from ..pipeline.config import render
    from ..pipeline.errors import ConfigError

    if not report.resolved:
        problems = [found.problem for found in report.diagnostics]
        raise ConfigError(problems, render(report.diagnostics, paint=paint))
    return report.resolved


def remarks(report: Report, paint: Callable[[Role, str], str], *, notes: bool = False) -> list[str]:
    """The warnings of a file, and if asked for what was put in, for the terminal."""
    from ..pipeline.config import render

    found = [render(report.warnings, paint=paint)] if report.warnings else []
    name = Path(report.file).stem
    return found + ([f"{name}: {note}" for note in report.notes] if notes else [])


def _read(path: Path, terminal: Terminal, notes: bool, layers: Layers | None) -> tuple[Resolved, ...]:
    from ..pipeline.config import check_file

    report = check_file(path, layers=layers)
    found = accepted(report, terminal.paint)
    for remark in remarks(report, terminal.paint, notes=notes):
        terminal.report(remark)
    return found


def _nearby(path: Path) -> str:
    from ..pipeline.spelling import did_you_mean

    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in _ENDINGS)
    return did_you_mean(path.name, names, label=f"in {folder}", limit=10)
