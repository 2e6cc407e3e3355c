"""Servers of the official package, by command and address: what they give comes through, one that dies returns."""

import asyncio
import io
import logging
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from livegraph.pipeline import SECOND, ConfigError, Graph, Secret
from livegraph.pipeline.events import Event, ToolFinished, ToolProgress, ToolServiceChanged
from livegraph.processors.tools.mcp.entry import McpTools
from livegraph.processors.tools.mcp.results import answer_from_words
from livegraph.processors.tools.router import ToolRouter
from livegraph.processors.tools.settings import FunctionOptions
from livegraph.processors.tools.shared import shared
from livegraph.processors.tools.sources import known_tools
from livegraph.server import Desk, ServedAgent
from livegraph.server.metrics import Metrics
from livegraph.testing import no_tasks_left
from support.tool_calls import Model, calling

SERVER = str(Path(__file__).resolve().parents[3] / "support" / "mcp_server.py")
COMMAND = [sys.executable, SERVER]


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def by(transport: str, protocol: Any = "auto") -> AsyncIterator[McpTools]:
    """The server, reached this way."""
    if transport == "stdio":
        yield McpTools(
            mcp=COMMAND, server="kitchen", env={"KITCHEN_KEY": Secret("hunter2")}, protocol=protocol
        )
        return
    port = free_port()
    process = await asyncio.create_subprocess_exec(*COMMAND, str(port), stderr=asyncio.subprocess.DEVNULL)
    try:
        for _ in range(1_200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        url = f"http://127.0.0.1:{port}/mcp"
        yield McpTools(mcp=url, server="kitchen", private=("127.0.0.1",), protocol=protocol)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def served(*entries: Any) -> AsyncIterator[tuple[Model, list[Event]]]:
    """A call in which the tools of the server have come."""
    async with calling(*entries) as (model, events):
        async with asyncio.timeout(60):
            while not model.calls.peers_advertise()[0].functions:
                await asyncio.sleep(0.02)
        model.functions_changed()
        model.changes = 0
        yield model, events


async def say(model: Model, name: str, call_id: str, **args: Any) -> dict[str, Any]:
    """What the model is told."""
    model.ask(name, call_id, **args)
    async with asyncio.timeout(60):
        return await model.answer()


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_tools_of_a_server_come_through(transport: str) -> None:
    """Schemas, arguments, results, pictures, resources, failures, progress: the same by command and by address."""

    async def main() -> None:
        async with by(transport) as entry, served(entry) as (model, events):
            [catalog] = model.catalogs
            specs = {spec.name: spec for spec in catalog.functions}
            assert specs["add"].description == "Add two numbers."
            assert specs["add"].parameters["properties"]["a"]["type"] == "integer"
            assert specs["add"].parameters["required"] == ["a"] and specs["whoami"].parameters == {}
            assert await say(model, "add", "1", a="2", b=3) in ({"result": 5}, {"output": "5"})
            assert "is not of type 'integer'" in (await say(model, "add", "2", a="many"))["error"]
            assert "there is no argument 'c'" in (await say(model, "add", "3", a=1, c=2))["error"]
            told = await say(model, "picture", "4")
            assert "image/png" in str(told) and model.answers[-1].media[0].mime_type == "image/png"
            assert "Apples, and dough." in str(await say(model, "recipe", "5"))
            told = await say(model, "burn", "6")
            assert "burnt" in told["error"] and model.answers[-1].failed
            assert await say(model, "cook", "7") in ({"result": "cooked"}, {"output": "cooked"})
            [progress] = [event for event in events if isinstance(event, ToolProgress)]
            assert (progress.text, progress.fraction) == ("half done", 0.5)
            kinds = {event.kind for event in events if isinstance(event, ToolFinished)}
            assert kinds == {"mcp"}

    asyncio.run(main())


@pytest.mark.parametrize(("transport", "protocol"), [("stdio", "legacy"), ("http", "auto")])
@pytest.mark.parametrize(
    ("said", "told"), [("Four, I mean 4.", "reserved for 4"), ("No, thanks.", "not reserved")]
)
def test_what_a_server_asks_the_caller_is_asked(transport: str, protocol: str, said: str, told: str) -> None:
    """The question is spoken; the caller's words are the answer. The model's withdrawal meanwhile stops nothing."""

    async def main() -> None:
        name = "reserve" if protocol == "auto" else "reserve_now"
        async with by(transport, protocol) as entry, served(entry) as (model, _):
            model.ask(name, "1")
            async with asyncio.timeout(60):
                while not model.spoken:
                    await asyncio.sleep(0.02)
            assert model.spoken[0][0] == "For how many guests?"
            model.withdraw("1")
            model.heard("user", said)
            assert told in str(await say(model, name, "2"))

    asyncio.run(main())


@pytest.mark.parametrize(("transport", "protocol"), [("stdio", "legacy"), ("http", "auto")])
def test_changes_of_the_list_are_followed(transport: str, protocol: str) -> None:
    async def main() -> None:
        async with by(transport, protocol) as entry, served(entry) as (model, _):
            assert "bake" not in {spec.name for spec in model.catalogs[0].functions}
            await say(model, "learn", "1")
            async with asyncio.timeout(60):
                while not model.changes:
                    await asyncio.sleep(0.02)
            assert "bake" in {spec.name for spec in model.catalogs[0].functions}
            assert "baked" in str(await say(model, "bake", "2"))

    asyncio.run(main())


def test_a_server_that_dies_is_named_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with by("stdio") as entry, served(entry) as (model, events):
            first = str(await say(model, "whoami", "1"))
            assert "hunter2" in first
            told = await say(model, "die", "2")
            assert told == {"error": "kitchen has stopped, and is started again", "retryable": True}
            second = str(await say(model, "whoami", "3"))
            assert second != first and "hunter2" in second
            changes = [event for event in events if isinstance(event, ToolServiceChanged)]
            assert [(event.service, event.kind, event.state) for event in changes][-2:] == [
                ("kitchen", "mcp", "down"),
                ("kitchen", "mcp", "up"),
            ]
            assert changes[-2].why and "hunter2" not in changes[-2].why

    asyncio.run(main())
    said = [record.getMessage() for record in caplog.records]
    assert any("MCP server kitchen is down" in line for line in said)
    assert not any("hunter2" in line for line in said)


@pytest.mark.parametrize("closed", [False, True])
def test_a_command_runs_where_stderr_is_no_file(closed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook, or a program that has put something else in its place."""
    stand_in = io.StringIO()
    if closed:
        stand_in.close()
    monkeypatch.setattr("sys.stderr", stand_in)

    async def main() -> None:
        async with by("stdio") as entry, served(entry) as (model, _):
            assert await say(model, "add", "1", a=2, b=3) in ({"result": 5}, {"output": "5"})

    asyncio.run(main())


def test_calls_share_one_server_or_have_their_own() -> None:
    async def main() -> None:
        for share, same in (("server", True), ("call", False)):
            entry = McpTools(mcp=COMMAND, share=share)  # type: ignore[arg-type]
            async with served(entry) as (one, _), served(entry) as (other, _):
                assert (await say(one, "whoami", "1") == await say(other, "whoami", "1")) is same

    asyncio.run(main())


def test_a_server_that_calls_share_runs_as_long_as_the_desk_is_open() -> None:
    """It is there before the first call, the same for all of them, and gone when the desk is closed."""

    async def main() -> None:
        shared_entry = McpTools(mcp=COMMAND, server="kitchen")
        own_entry = McpTools(mcp=COMMAND, server="own", share="call")
        async with no_tasks_left():
            options = {"tools": [shared_entry, own_entry]}
            graph = Graph("cook")
            graph.add("model", Model)
            graph.add("tools", ToolRouter, **options)
            graph.connect("model.calls", "tools")
            graph.connect("tools.results", "model.results")
            desk = Desk([ServedAgent("cook", graph.plan())], max_calls=2, metrics=Metrics())
            async with desk:
                (server,) = shared().kept.values()
                async with asyncio.timeout(60):
                    while not server.up:
                        await asyncio.sleep(0.02)
                people = []
                for _ in range(2):
                    async with calling(McpTools(mcp=COMMAND, server="kitchen")) as (model, _events):
                        people.append(await say(model, "whoami", "1"))
                assert people[0] == people[1]
                assert server.starts == 1
            assert not server.up

    asyncio.run(main())


def test_tools_are_chosen_renamed_and_have_options() -> None:
    async def main() -> list[Event]:
        entry = McpTools(
            mcp=COMMAND,
            only=("add", "cook"),
            prefix="kitchen_",
            options={"add": FunctionOptions(name="sum_up", description="Sums.", confirm=True)},
        )
        async with served(entry) as (model, events):
            found = {spec.name: spec.description for spec in model.catalogs[0].functions}
            assert found == {"sum_up": "Sums.", "kitchen_cook": "Cook, and tell how far it is."}
            assert "has not agreed" in (await say(model, "sum_up", "1", a=1))["error"]
            return events

    asyncio.run(main())


@pytest.mark.parametrize(
    "command", [["/nonexistent/program"], [sys.executable, "-c", "import sys; sys.exit(1)"]]
)
def test_a_server_that_does_not_start_costs_its_tools_and_not_the_call(command: list[str]) -> None:
    def plain() -> str:
        """Answer."""
        return "here"

    async def main() -> None:
        entry = McpTools(mcp=command, server="broken", start_timeout_ns=5 * SECOND)
        async with calling(plain, entry) as (model, _):
            assert [spec.name for spec in model.catalogs[0].functions] == ["plain"]
            assert await say(model, "plain", "1") == {"output": "here"}

    asyncio.run(main())


def test_an_address_outside_the_internet_must_be_named() -> None:
    with pytest.raises(ConfigError) as caught:
        known_tools([McpTools(mcp="http://127.0.0.1:9/mcp")])
    assert caught.value.problems[0].code == "LG235"


@pytest.mark.parametrize(
    ("text", "yes", "schema", "answer"),
    [
        ("yes", True, {"properties": {"ok": {"type": "boolean"}}}, {"ok": True}),
        ("hm", None, {"properties": {"ok": {"type": "boolean"}}}, None),
        (
            "the red one",
            None,
            {"properties": {"c": {"type": "string", "enum": ["red", "blue"]}}},
            {"c": "red"},
        ),
        ("about 3.5", None, {"properties": {"n": {"type": "number"}}}, {"n": 3.5}),
        ("none", None, {"properties": {"n": {"type": "integer"}}}, None),
        ("Ada", None, {"properties": {"name": {"type": "string"}}}, {"name": "Ada"}),
        ("Ada", None, {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}, None),
        ("Ada", None, {"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": "Ada"}),
    ],
)
def test_words_become_what_a_server_asks_for(
    text: str, yes: bool | None, schema: dict[str, Any], answer: Any
) -> None:
    assert answer_from_words(text, schema, yes) == answer
