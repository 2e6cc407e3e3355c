"""Running calls and the plan that their agent has now."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ...pipeline.errors import LivegraphError
from ...pipeline.graph.differences import compare
from .line import Line
from .served import ServedAgent

__all__ = ["renew"]

logger = logging.getLogger("livegraph.server")


async def renew(line: Line, agents: Mapping[str, ServedAgent]) -> bool:
    """Give the call the plan that its agent has now, and say whether it could take it.

    It can when the plan differs in live options, turns, and nodes and edges that are new or gone.
    """
    agent = agents.get(line.agent.name)
    if agent is None:
        return False
    found = compare(line.agent.plan, agent.plan)
    if not found.takable:
        return False
    if found.graph:
        if not line.running:
            # Not yet: it begins with the plan that it was promised.
            return False
        try:
            await line.call.change_to(agent.plan)
        except (LivegraphError, RuntimeError) as error:
            logger.warning("%s keeps its plan: %s", line.call.id, error)
            return False
    line.call.tune(found.changes, turns=found.turns, log=found.log, conversation=found.conversation)
    line.agent = agent
    return True
