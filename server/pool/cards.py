"""What callers are shown of an agent before they call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..calls import ServedAgent

__all__ = ["AgentCard", "cards_of"]


@dataclass(frozen=True, slots=True)
class AgentCard:
    """Plain data. ``inputs`` are what its callers can bring along, as ``/api/agents`` lists them."""

    name: str
    title: str = ""
    description: str = ""
    live: str = ""
    """Where its Live API is, for people."""
    inputs: tuple[Mapping[str, Any], ...] = ()
    sees: bool = False
    """Whether it looks at what a caller's camera or screen shows."""

    @classmethod
    def of(cls, agent: ServedAgent) -> AgentCard:
        """What there is to show of it."""
        inputs = tuple(
            {
                "name": name,
                "type": spec.type,
                "required": spec.required,
                "doc": spec.doc,
                **({} if spec.required else {"default": spec.default}),
                **({"choices": list(spec.choices)} if spec.choices else {}),
                **({"range": list(spec.range)} if spec.range is not None else {}),
                **({"max_length": spec.max_length} if spec.type == "text" else {}),
            }
            for name, spec in agent.plan.inputs.items()
        )
        return cls(agent.name, agent.title or agent.name, agent.description, agent.live, inputs, agent.sees)

    def listed(self, fixed: Mapping[str, Any]) -> dict[str, Any]:
        """As ``/api/agents`` tells a caller for whom the inputs ``fixed`` are set: they are not its to bring."""
        inputs = [given for given in self.inputs if given["name"] not in fixed]
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            **({"live": self.live} if self.live else {}),
            **({"inputs": inputs} if inputs else {}),
            **({"sees": True} if self.sees else {}),
        }


def cards_of(agents: Iterable[ServedAgent]) -> dict[str, AgentCard]:
    """By name, in order."""
    return {agent.name: AgentCard.of(agent) for agent in agents}
