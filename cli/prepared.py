"""From agent files to agents that can be called, each file on its own: what one of them has wrong is its own affair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .composing import Chosen
from .exits import Exit, Fault
from .routes import Live, Route, settle
from .terminal import Terminal

if TYPE_CHECKING:
    from ..language import Agent, Layers, Report
    from ..pipeline.errors import ConfigError
    from ..pipeline.graph.plan import Plan
    from ..simulator.brain_script import Script

__all__ = ["Prepared", "Source", "agent_files", "check_names", "read_contents", "read_sources"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An agent that can be called, but for the way to its model."""

    agent: Agent
    plan: Plan
    route: Route
    script: Script | None = None
    """By which the local simulator plays it, when it has its own."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one agent file gives."""

    path: Path
    files: frozenset[Path]
    """All that have a part in it, whether it is right or not."""
    prepared: tuple[Prepared, ...] = ()
    remarks: tuple[str, ...] = ()
    """Warnings, and what was put in, for the terminal."""
    fault: Fault | ConfigError | None = None
    """Why it gives nothing."""
    contents: Mapping[Path, bytes] = field(default_factory=dict, repr=False)
    """What it was made of: files by their real paths."""


def agent_files(what: Chosen) -> list[Path]:
    """The files that are meant. ``NotFoundError`` when one does not exist, and for a folder without any."""
    from ..language.finding import find_agents

    return [path for written in what.agents for path in find_agents(written)]


def read_sources(what: Chosen, live: Live, terminal: Terminal) -> list[Source]:
    """All agent files. Raises as ``agent_files``; other faults are in the sources."""
    return [_read(path, what.layers, live, terminal) for path in agent_files(what)]


def read_contents(
    contents: Mapping[Path, Mapping[Path, bytes]], layers: Layers, live: Live, terminal: Terminal
) -> list[Source]:
    """Agent files that were read before, in another process perhaps: each of what it was made of then, whatever its
    files are now. Faults are in the sources."""
    from ..pipeline.file_contents import as_they_were

    found = []
    for path, files in contents.items():
        with as_they_were(files):
            found.append(_read(path, layers, live, terminal))
    return found


def check_names(prepared: Sequence[Prepared]) -> None:
    """Raise ``Fault`` when two agents have one name."""
    seen: set[str] = set()
    for one in prepared:
        if one.agent.name in seen:
            raise Fault(
                f"two agents are called `{one.agent.name}`",
                "give one another `name:` at the top of its file",
                Exit.CONFIG,
            )
        seen.add(one.agent.name)


def _read(path: Path, layers: Layers, live: Live, terminal: Terminal) -> Source:
    from ..language import check_file
    from ..pipeline.errors import ConfigError
    from ..pipeline.file_contents import noting
    from ..pipeline.graph.modules import file_source, recording
    from .agents import accepted, remarks

    with recording() as modules, noting() as contents:
        report = check_file(path, layers=layers)
        overlays = (Path(overlay) for overlay in layers.overlays)
        files = {path, *overlays, *report.files, *_brains(report)}
        try:
            prepared = tuple(_prepare(one.agent, live) for one in accepted(report, terminal.paint))
            fault = None
        except (Fault, ConfigError) as found:
            prepared, fault = (), found
    for module in filter(None, modules.values()):
        # One that was imported before is not read again.
        if (made_of := file_source(module.__name__)) is not None:
            contents.setdefault(*made_of)
    told = () if fault else tuple(remarks(report, terminal.paint, notes=True))
    return Source(path, frozenset(files | modules.keys()), prepared, told, fault, contents)


def _brains(report: Report) -> Iterator[Path]:
    for simulator in report.simulators:
        brain = simulator.get("brain")
        if isinstance(brain, Path):
            yield brain


def _prepare(agent: Agent, live: Live) -> Prepared:
    from ..pipeline.graph.plan import make_plan
    from ..testing.brains import brain_of
    from ..transports.webrtc.webrtc_in import WebRTCIn
    from .rims import rims

    if not rims(agent.graph, WebRTCIn):
        raise Fault(
            f"`{agent.name}` cannot be called from a browser: it has no webrtc_in",
            f"use `livegraph call {agent.source}` for it",
            Exit.CONFIG,
        )
    route = settle(agent.graph, live)
    plan = make_plan(
        route.graph, agent.turns, inputs=agent.inputs, log=agent.log, conversation=agent.conversation
    )
    return Prepared(agent, plan, route, brain_of(agent) if route.kind == "local" else None)
