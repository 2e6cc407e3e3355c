"""A worker has the agents that are in service, made of what it is sent: whatever the files are where it runs."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livegraph.cli.composing import Chosen
from livegraph.cli.prepared import Source, read_sources
from livegraph.cli.routes import Live
from livegraph.cli.terminal import Terminal
from livegraph.cli.worker_agents import AgentChoice, agent_files_source, contents_of
from livegraph.language import Layers
from livegraph.pipeline.graph.modules import forget_changed
from livegraph.server.calls import ServedAgent

AGENT = """\
version: 1
name: desk
agent:
  instructions: {include: ./words.txt}
  tools: [./tools.py]
"""
TOOLS = "def hour() -> int:\n    '''What hour it is.'''\n    return {hour}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An agent, a text that it includes, its tools, and an overlay."""
    made = tmp_path / "agents"
    made.mkdir()
    (made / "desk.yaml").write_text(AGENT)
    (made / "words.txt").write_text("Be brief.")
    (made / "tools.py").write_text(TOOLS.format(hour=9))
    (made / "night.yaml").write_text("title: At night\n")
    return made


def read(folder: Path) -> list[Source]:
    """As the process with the port does."""
    forget_changed()
    what = Chosen((str(folder / "desk.yaml"),), Layers((str(folder / "night.yaml"),)))
    sources = read_sources(what, Live.LOCAL, Terminal())
    assert [source.fault for source in sources] == [None]
    return sources


def sent(folder: Path, sources: Sequence[Source]) -> dict[str, Any]:
    """What a worker is given, as it arrives there."""
    choice = AgentChoice(contents_of(sources), (str(folder / "night.yaml"),), (), None, "local", 4)
    arrived: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(choice.options))
    return arrived


def facts(agents: Sequence[ServedAgent]) -> tuple[str, str, Any]:
    """Title, instructions, and what its tool says."""
    (agent,) = agents
    nodes = agent.plan.checked.nodes
    instructions = next(
        node.options["instructions"] for node in nodes.values() if "instructions" in node.options
    )
    (tools,) = (module for file, module in agent.plan.checked.modules.items() if file.name == "tools.py")
    return agent.title, str(instructions), tools.hour()


def test_it_needs_no_file(folder: Path) -> None:
    """Agent, overlay, include and tools are there, though their folder is gone."""
    options = sent(folder, read(folder))
    shutil.rmtree(folder)

    async def load() -> Sequence[ServedAgent]:
        async with agent_files_source(options) as source:
            return await source.load()

    assert facts(asyncio.run(load())) == ("At night", "Be brief.", 9)


def test_it_takes_what_it_is_sent_and_nothing_else(folder: Path) -> None:
    """Files that change mean nothing to it until it is sent what was read; then all of that counts, and it may go
    back to what it had."""
    first = sent(folder, read(folder))
    for file in ("words.txt", "tools.py", "night.yaml", "desk.yaml"):
        (folder / file).write_text("\tfaulty: [")

    async def load() -> None:
        async with agent_files_source(first) as source:
            assert facts(await source.load()) == ("At night", "Be brief.", 9)
            (folder / "desk.yaml").write_text(AGENT)
            (folder / "words.txt").write_text("Be kind.")
            (folder / "tools.py").write_text(TOOLS.format(hour=10))
            (folder / "night.yaml").write_text("title: By day\n")
            assert facts(await source.load()) == ("At night", "Be brief.", 9)
            second = sent(folder, read(folder))
            assert facts(await source.load(second)) == ("By day", "Be kind.", 10)
            assert facts(await source.load(first)) == ("At night", "Be brief.", 9)

    asyncio.run(load())
