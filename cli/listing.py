"""``livegraph list``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .terminal import Debug, Terminal, paint

if TYPE_CHECKING:
    from ..pipeline.processor import Processor

__all__ = ["list_all"]


def list_all(debug: Debug = False) -> None:
    """List the agents that ship with livegraph, and the processors that a graph can use."""
    Terminal(debug=debug)
    _print_rows("Agents (livegraph run NAME, livegraph call NAME)", _agents())
    print()
    _print_rows("Processors (use: NAME)", _processors())


def _agents() -> list[tuple[str, str]]:
    from ..pipeline.config.load import check_file
    from .agents import shipped_agents

    rows = []
    for name, path in shipped_agents().items():
        # Without the environment, an agent that wants a variable is still described by what its text says.
        report = check_file(path)
        agent = report.agent
        rows.append((name, agent.description if agent else f"does not load: see livegraph check {name}"))
    return rows


def _processors() -> list[tuple[str, str]]:
    from ..pipeline import registry
    from ..pipeline.errors import ConfigError

    rows = []
    for name in registry.names():
        try:
            found = registry.find(name)
        except ConfigError as error:
            rows.append((name, f"does not load: {error.problems[0].message}"))
            continue
        if found is not None:
            rows.append((name, _purpose(found)))
    return rows


def _purpose(processor: type[Processor]) -> str:
    """The first sentence of its docstring, on one line."""
    first = (processor.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(first.split())


def _print_rows(title: str, rows: list[tuple[str, str]]) -> None:
    colour = paint(sys.stdout)
    print(colour("message", title))
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        print(f"  {colour('place', name.ljust(width))}  {text}".rstrip())
