"""MCP servers that misbehave: each costs at most its own tools, on real time and on virtual time."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import MS, SECOND, Secret, run_virtual
from livegraph.pipeline.clock import VirtualLoop
from livegraph.pipeline.events import ToolFinished, ToolServiceChanged
from livegraph.processors.tools.mcp.entry import McpTools
from livegraph.testing import no_tasks_left
from support.tool_calls import Model, calling

SUPPORT = Path(__file__).resolve().parents[3] / "support"
KITCHEN = McpTools(mcp=[sys.executable, str(SUPPORT / "mcp_server.py")], server="kitchen", protocol="legacy")


def rude(how: str, **options: Any) -> McpTools:
    """The server that misbehaves so."""
    return McpTools(
        mcp=[sys.executable, str(SUPPORT / "rude_mcp_server.py"), how],
        server="rude",
        env={"RUDE_KEY": Secret("hunter2-hunter2")},
        **options,
    )


async def there(model: Model) -> None:
    """The tools have come."""
    async with asyncio.timeout(60):
        while not model.calls.peers_advertise()[0].functions:
            await asyncio.sleep(0.02)


async def told(model: Model, name: str, call_id: str) -> dict[str, Any]:
    """What the model is told."""
    model.ask(name, call_id)
    async with asyncio.timeout(60):
        return await model.answer()


def run(main: Coroutine[Any, Any, None], *, virtual: bool) -> None:
    """On real time or virtual."""
    if virtual:
        run_virtual(main)
    else:
        asyncio.run(main)


@pytest.mark.parametrize("virtual", [False, True])
def test_one_that_misbehaves_in_every_way_costs_one_answer_each(virtual: bool) -> None:
    """Rubbish among its messages, megabytes, a key in its error, an end in mid-word: it is told, and goes on."""

    async def main() -> None:
        async with no_tasks_left(), calling(rude("shouts"), timeout=60 * SECOND) as (model, events):
            await there(model)
            assert "after the rubbish" in str(await told(model, "rubbish", "1"))
            flooded = await told(model, "flood", "2")
            assert len(str(flooded)) < 101_000 and "too long, 5 MB" in flooded["cut"]
            assert "hunter2" not in str(await told(model, "leak", "3"))
            failed = await told(model, "half", "4")
            assert failed["retryable"] and "rude" in failed["error"]
            assert "after the rubbish" in str(await told(model, "rubbish", "5")), "it was started again"
            outcomes = [event.outcome for event in events if isinstance(event, ToolFinished)]
            assert outcomes == ["answered", "answered", "refused", "refused", "answered"]
            assert "hunter2" not in str(events)

    run(main(), virtual=virtual)


@pytest.mark.parametrize("how", ["dies", "version"])
def test_one_that_cannot_be_used_costs_its_tools_and_is_named(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with no_tasks_left(), calling(rude(how)) as (model, events):
            assert model.calls.peers_advertise()[0].functions == ()
            async with asyncio.timeout(60):
                while not any(isinstance(event, ToolServiceChanged) for event in events):
                    await asyncio.sleep(0.02)

    with caplog.at_level(logging.WARNING):
        run_virtual(main())
    assert "MCP server rude is down" in caplog.text and "hunter2" not in caplog.text


def test_on_virtual_time_a_server_takes_none() -> None:
    """Its start, however slow, and its answers: time stands still for them, and jumps over everything else."""

    async def main() -> int:
        async with no_tasks_left(), calling(rude("slow")) as (model, _):
            assert model.calls.peers_advertise()[0].functions, "they were there when the call began"
            assert "after" in str(await told(model, "rubbish", "1"))
            began_ns = model.call.clock.now_ns()
            await asyncio.sleep(3600)
            assert "after" in str(await told(model, "rubbish", "2"))
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop) and not loop.told_outside
            return model.call.clock.now_ns() - began_ns

    assert 0 <= run_virtual(main()) - 3600 * SECOND < 50 * MS


def test_on_virtual_time_the_caller_has_time_to_answer_a_server() -> None:
    async def main() -> None:
        async with no_tasks_left(), calling(KITCHEN) as (model, _):
            model.ask("reserve_now", "1")
            while not model.spoken:
                await asyncio.sleep(0.02)
            await asyncio.sleep(8)
            model.heard("user", "Five.")
            model.heard("user", "I mean 5.")
            assert "not reserved" in str(await model.answer()), (
                "the first words are the answer, and no number"
            )
            model.ask("reserve_now", "2")
            while len(model.spoken) < 2:
                await asyncio.sleep(0.02)
            model.heard("user", "We are 4, no, 5.")
            assert "reserved for 5" in str(await model.answer())

    run_virtual(main())
