"""A caller's page runs functions for the agent: what is asked, and what counts as the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import ConfigError
from livegraph.processors.tools.errors import ToolError
from livegraph.processors.tools.http.arguments import ArgumentSpec
from livegraph.processors.tools.page import PageSource, PageTool
from livegraph.server.calls.page_functions import PageFunctions
from livegraph.server.protocol import ToolAnswer

from .test_desk import WireLeg


def test_what_the_model_is_told_of_it() -> None:
    """Its name is the page's, its arguments are declared; a name that no model takes is refused."""
    entry = PageTool(page="show_map", description="Show it.", arguments={"city": ArgumentSpec(doc="Which.")})
    (tool,) = PageSource(entry).known()
    assert (tool.spec.name, tool.spec.description, tool.kind) == ("show_map", "Show it.", "page")
    assert tool.spec.parameters["required"] == ["city"]
    assert tool.arguments({"city": "Paris"}) == {"city": "Paris"}
    with pytest.raises(ToolError, match="wrong arguments"):
        tool.arguments({"town": "Paris"})
    with pytest.raises(ConfigError, match="no name for a tool"):
        PageSource(PageTool(page="show the map")).known()


async def _asked(answers: list[Any]) -> tuple[WireLeg, Any]:
    """What ``show_map`` comes to for a caller whose page says these things once it is asked; ``None``: it goes."""
    leg = WireLeg()
    page = PageFunctions(leg)
    run = asyncio.create_task(page.run("show_map", {"city": "Paris"}))
    await asyncio.sleep(0.1)
    (asked,) = [message for message in leg.told if message["type"] == "run_tool"]
    for answer in answers:
        if answer is None:
            page._over()
        else:
            page._heard(
                answer if answer.id else ToolAnswer(id=asked["id"], ok=answer.ok, result=answer.result)
            )
    async with asyncio.timeout(30):
        return leg, await run


def test_the_answer_of_the_page_is_the_result() -> None:
    """By the id that was asked; one that nobody asked for is no answer."""
    stranger, right = (
        ToolAnswer(id="other", ok=True, result="no"),
        ToolAnswer(id="", ok=True, result={"shown": 1}),
    )
    leg, result = run_virtual(_asked([stranger, right]))
    assert result == {"shown": 1}
    (asked,) = [message for message in leg.told if message["type"] == "run_tool"]
    assert (asked["name"], asked["args"]) == ("show_map", {"city": "Paris"})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ToolAnswer(id="", ok=False, result={"error": "no such city"}), "no such city"),
        (ToolAnswer(id="", ok=False, result="broken"), "broken"),
        (ToolAnswer(id="", ok=False), "could not do it"),
        (None, "the caller has gone"),
    ],
)
def test_a_function_that_fails_is_the_tools_failure(answer: Any, words: str) -> None:
    """The model is told why; a caller who goes leaves nothing that waits."""
    with pytest.raises(ToolError, match=words):
        run_virtual(_asked([answer]))
