"""What is served: agents, and what became of their calls when they were replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...language import Agent
from ...pipeline.graph.plan import Plan
from ...transports.webrtc.webrtc_in import WebRTCIn
from ..arguments import WrongArgument, several
from ..offering import Answered

__all__ = ["Answered", "Running", "ServedAgent", "by_name"]

_A_FILE = 'agents has the name of a file; load_agent("desk.yaml") gives the agent in it'


@dataclass(frozen=True, slots=True)
class ServedAgent:
    """One agent that can be called: what the page shows of it, and what runs."""

    name: str
    plan: Plan
    title: str = ""
    description: str = ""
    live: str = ""
    """Where its Live API is, for people."""
    resources: Mapping[type, Any] = field(default_factory=dict)
    """What its calls bring along, by type, as ``Plan.call`` takes it: how they reach their model, say."""

    @property
    def sees(self) -> bool:
        """Whether it looks at what a caller's camera or screen shows."""
        checked = self.plan.checked
        return any(
            edge.source[1] == "video" and issubclass(checked.nodes[edge.source[0]].processor, WebRTCIn)
            for edge in checked.edges
        )

    @classmethod
    def of(cls, agent: Agent, *, resources: Mapping[type, Any] | None = None, live: str = "") -> ServedAgent:
        """An agent as ``load_agent`` gives it, with its title, description and inputs. Raises ``ConfigError``."""
        return cls(agent.name, agent.plan(), agent.title, agent.description, live, resources or {})


@dataclass(slots=True)
class Running:
    """How many calls of an agent took its new plan while they ran, and how many go on with theirs."""

    tuned: int = 0
    kept: int = 0


def by_name(agents: Sequence[ServedAgent | Agent]) -> dict[str, ServedAgent]:
    """The agents by name. Raises ``ValueError`` when there is none, two of one name, or something else than agents."""
    if isinstance(agents, Agent | ServedAgent):
        raise WrongArgument("agents is one agent; it is a list of them: [agent]")
    if isinstance(agents, str | Path):
        raise WrongArgument(_A_FILE)
    given = several("agents", agents, "agents, as load_agent gives them", (Agent, ServedAgent, str, Path))
    if any(isinstance(agent, str | Path) for agent in given):
        raise WrongArgument(_A_FILE)
    served = [agent if isinstance(agent, ServedAgent) else ServedAgent.of(agent) for agent in given]
    if not served:
        raise WrongArgument("agents is empty; a desk needs one at least")
    found = {agent.name: agent for agent in served}
    if len(found) != len(served):
        names = [agent.name for agent in served]
        twice = next(name for name in names if names.count(name) > 1)
        raise WrongArgument(f"agents has two that are called {twice!r}; a desk needs different names")
    return found
