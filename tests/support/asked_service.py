"""A tool that asks a REST service, and what the model is told then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from livegraph.pipeline.events import ToolFinished
from livegraph.processors.tools.http.entry import HttpTool
from support.rest import Asked, Rest, rest_server
from support.tool_calls import calling

__all__ = ["HERE", "Answering", "always", "ask"]

Answering = Callable[[Asked, asyncio.StreamWriter], Awaitable[bytes | None]]
HERE = ("127.0.0.1",)


def always(said: bytes) -> Answering:
    """A service that answers the same each time."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> bytes:
        return said

    return answer


def ask(
    answer: Answering, template: str = "GET {base}/look", args: dict[str, Any] | None = None, **options: Any
) -> tuple[dict[str, Any], Rest, ToolFinished]:
    """What the model is told by a tool that calls a service which answers so."""

    async def main() -> tuple[dict[str, Any], Rest, ToolFinished]:
        async with rest_server(answer) as rest:
            http = template.replace("{base}", rest.url)
            entry = HttpTool(**({"http": http, "name": "look", "private": HERE} | options))
            async with calling(entry) as (model, events):
                model.ask("look", **(args or {}))
                told = await model.answer()
                [finished] = [event for event in events if isinstance(event, ToolFinished)]
                return told, rest, finished

    return asyncio.run(main())
