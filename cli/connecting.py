"""Agents that are ready to be called, with their way to the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .prepared import Prepared

if TYPE_CHECKING:
    from ..server.calls import ServedAgent
    from .local_model import LocalModel

__all__ = ["connect", "shown"]


async def connect(prepared: Sequence[Prepared], model: LocalModel) -> list[ServedAgent]:
    """As a desk takes them. ``model`` is started where one of them is played by the simulator."""
    from ..processors.gemini_live import LiveConnector
    from ..processors.gemini_live.connect import WebSocketConnector

    served = []
    for item, agent in zip(prepared, shown(prepared), strict=True):
        if item.route.kind == "local":
            url = await model.url(agent.name, item.script)
            agent = replace(agent, resources={LiveConnector: WebSocketConnector(url, item.route.label)})
        served.append(agent)
    return served


def shown(prepared: Sequence[Prepared]) -> list[ServedAgent]:
    """As those need them who do not run them: what is to be known of them, and no way to a model."""
    from ..server.calls import ServedAgent

    return [
        ServedAgent(item.agent.name, item.plan, item.agent.title, item.agent.description, item.route.label)
        for item in prepared
    ]
