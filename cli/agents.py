"""Agents by name: files given on the command line, and those that ship in ``configs/``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from .exits import Exit, Fault
from .terminal import Terminal

if TYPE_CHECKING:
    from ..pipeline.config import Agent

__all__ = ["DEFAULT", "find_agent", "load", "shipped_agents"]

DEFAULT = "voice_agent"
_ENDINGS = (".yaml", ".yml")


@functools.cache
def shipped_agents() -> dict[str, Path]:
    """The agents that come with livegraph, by name, the default one first."""
    from importlib import resources

    folder = Path(str(resources.files("livegraph.configs")))
    # What stands beside an agent under its name (`receptionist.brain.yaml`) is no agent.
    found = {path.stem: path for path in sorted(folder.glob("*.yaml")) if "." not in path.stem}
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


def load(written: str, terminal: Terminal, *, notes: bool = False) -> Agent:
    """The agent that ``written`` means, with its warnings (and what was put in, if asked for) on the terminal.

    Raises ``ConfigError`` with every fault, rendered.
    """
    from ..pipeline.config import check_file, render
    from ..pipeline.errors import ConfigError

    report = check_file(find_agent(written))
    if report.agent is None:
        problems = [found.problem for found in report.diagnostics]
        raise ConfigError(problems, render(report.diagnostics, paint=terminal.paint))
    if report.warnings:
        terminal.report(render(report.warnings, paint=terminal.paint))
    for note in report.notes if notes else ():
        terminal.say(f"{report.agent.name}: {note}")
    return report.agent


def _nearby(path: Path) -> str:
    from ..pipeline.spelling import did_you_mean

    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder} either"
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in _ENDINGS)
    return did_you_mean(path.name, names, label=f"in {folder}", limit=10)
