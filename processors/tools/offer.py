"""The tools of one router in one call: which there are, and who is told of which and may ask for it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from ...pipeline.frames import ToolCallFrame
from ...pipeline.running.context import CallContext
from .catalog import FunctionSpec, ToolCatalog
from .seam import Tool

__all__ = ["Offer"]


class Offer:
    """See the module.

    Args:
        node: the name of the router.
        agents: the personas whose tools these are; empty is everybody.
    """

    def __init__(
        self,
        node: str,
        call: CallContext,
        agents: tuple[str, ...],
        log: logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._node, self._call, self._agents, self._log = node, call, agents, log
        self._tools: dict[str, Tool] = {}

    @property
    def tools(self) -> Collection[Tool]:
        """All that there are now, whoever may use them."""
        return self._tools.values()

    def to(self, persona: str = "") -> list[Tool]:
        """What ``persona`` is told of in this call."""
        return [tool for tool in self._tools.values() if self._may(tool, persona)]

    def by_persona(self) -> list[tuple[Tool, tuple[str, ...]]]:
        """What anybody is told of in this call, and the personas who are; none named is everybody."""
        found: list[tuple[Tool, tuple[str, ...]]] = []
        for tool in self._tools.values():
            allow = tool.settings.allow
            named = tuple(one for one in (allow.agents if allow else ()) if self._may(tool, one))
            if self._may(tool, ""):
                found.append((tool, self._agents))
            elif named:
                found.append((tool, named))
        return found

    def _may(self, tool: Tool, persona: str) -> bool:
        return tool.settings.permits(self._call.agent, self._call.identity, persona)

    def asked_for(self, frame: ToolCallFrame) -> Tool | None:
        """The tool that ``frame`` wants; ``None`` when that is another router's, or of another persona."""
        ours = not self._agents or not frame.agent or frame.agent in self._agents
        return self._tools.get(frame.name) if ours else None

    def renew(self, groups: Sequence[Sequence[Tool]]) -> ToolCatalog:
        """These are the tools from now on, and this is what models are told: a name stays with whoever had it first."""
        found: dict[str, Tool] = {}
        for tool in (tool for group in groups for tool in group):
            name = tool.spec.name
            if name in found:
                self._log.warning("%s: there are two tools named %s: the first is used", self._node, name)
            else:
                found[name] = tool
        self._tools = found
        by_agent = any(tool.settings.depends_on_agent for tool in found.values())
        lines = dict.fromkeys(
            tool.settings.filler.say
            for tool in (found.values() if by_agent else self.to())
            if tool.settings.filler is not None and tool.settings.filler.say
        )
        return ToolCatalog(self._specs(), tuple(lines), self._agents, self._specs if by_agent else None)

    def _specs(self, persona: str = "") -> tuple[FunctionSpec, ...]:
        return tuple(tool.spec for tool in self.to(persona))
