"""What comes out of reading agent files: agents, and a report of all that was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.errors import Problem
from ..pipeline.graph.check import CheckResult
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.inputs import InputSpec
from ..pipeline.graph.plan import Plan, make_plan
from ..pipeline.running.call_log import LogPolicy
from ..pipeline.running.limits import CallLimits
from ..pipeline.turns.controller import TurnPolicy
from ..pipeline.turns.conversation_policy import ConversationPolicy
from .diagnostics import Diagnostic, Span
from .grammar import Draft
from .origins import Tree, kept_at
from .resources_section import ResourcesSection
from .server_section import ServerSection

__all__ = ["Agent", "Report", "Resolved"]


@dataclass(frozen=True, slots=True)
class Agent:
    """What an agent file declares; valid when there is one."""

    name: str
    graph: Graph
    title: str = ""
    description: str = ""
    turns: TurnPolicy = field(default_factory=TurnPolicy)
    conversation: ConversationPolicy = field(default_factory=ConversationPolicy)
    log: LogPolicy = field(default_factory=LogPolicy)
    simulator: Mapping[str, Any] = field(default_factory=dict)
    """The section ``simulator`` as it is; a ``brain`` is an absolute path."""
    server: ServerSection = field(default_factory=ServerSection)
    """How it wants to be served; see ``server_section``."""
    resources: ResourcesSection = field(default_factory=ResourcesSection)
    """What workers of its own take of their nodes; see ``resources_section``."""
    source: Path | None = None
    """The file, when it came from one."""
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    """What a caller can bring along, by name."""
    files: tuple[Path, ...] = ()
    """Every file that has a part in it: itself, overlays, what they include."""

    def plan(self, limits: CallLimits | None = None) -> Plan:
        """The plan of its graph: ``agent.plan().call(inputs={"caller": "Ada"})``. Raises ``ConfigError``."""
        return make_plan(self.graph, self.turns, limits, self.inputs, self.log, self.conversation)


@dataclass(frozen=True, slots=True)
class Resolved:
    """One agent of a report, with the origin of everything that makes it."""

    agent: Agent
    tree: Tree
    """What the files say, all layers put together."""
    draft: Draft
    checked: CheckResult

    def placed(self, path: Steps) -> Steps:
        """Where the file keeps what a node or an edge has at ``path``."""
        return kept_at(path, self.draft.aliases)

    def locate(self, problem: Problem) -> Diagnostic:
        """A problem of the graph with its place in the files."""
        return self.tree.locate(replace(problem, path=self.placed(problem.path)))


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found out about one file, and what is laid over it."""

    file: str
    diagnostics: tuple[Diagnostic, ...] = ()
    """In the order of the files."""
    resolved: tuple[Resolved, ...] = field(default=(), repr=False)
    """The agents with their origins, unless there are errors."""
    notes: tuple[str, ...] = ()
    """What was put in where the file says nothing: resamplers."""
    simulators: tuple[Mapping[str, Any], ...] = ()
    """The sections ``simulator`` as in ``Agent``, whatever is wrong elsewhere."""
    files: tuple[Path, ...] = ()
    """Every file that was read."""
    profiles: tuple[str, ...] = ()
    """Those that can be chosen."""

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents, unless there are errors."""
        return tuple(one.agent for one in self.resolved)

    @property
    def agent(self) -> Agent | None:
        """The agent, unless there are errors; of several the first."""
        return self.resolved[0].agent if self.resolved else None

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What keeps the agent from running."""
        return tuple(found for found in self.diagnostics if found.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What does not."""
        return tuple(found for found in self.diagnostics if found.severity == "warning")

    def locate(self, problem: Problem) -> Diagnostic:
        """A problem of the first agent's graph that was found later, with its place in the file."""
        if not self.resolved:
            return Diagnostic(self.file, Span(1, 1, 1, 1), problem)
        return self.resolved[0].locate(problem)
