"""``agents`` without graphs of their own are personas of one agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegraph.language import load_agent as load
from livegraph.language import load_agents
from livegraph.pipeline.errors import ConfigError

FILE = """
version: 1
inputs: {caller: {default: Sam}}
agent:
  instructions: We are a practice.
  tools: [./all.py]
  tool_router: {timeout: 3s}
agents:
  desk: {instructions: "You talk to {{inputs.caller}}.", voice: Kore, hand_over: [billing, human]}
  billing: {voice: Charon, tools: [./billing.py], returns_to: desk}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("all", "billing"):
        (tmp_path / f"{name}.py").write_text(f"def {name}_tool() -> str:\n    '''Do it.'''\n    return ''\n")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "agent.yaml"
    path.write_text(text)
    return path


def test_they_are_one_agent_with_a_router_for_each_that_has_tools(folder: Path) -> None:
    agent = load(written(folder, FILE))
    nodes = agent.graph.nodes
    assert set(nodes) >= {"gemini_live", "tool_router", "billing_tools"}
    assert list(nodes["gemini_live"].options["agents"]) == ["desk", "billing"]
    assert nodes["billing_tools"].options["agents"] == ["billing"]
    assert nodes["billing_tools"].options["timeout"] == 3_000_000_000
    edges = {(edge.source, edge.target) for edge in agent.graph.edges}
    assert ("gemini_live.tool_calls", "billing_tools.calls") in edges
    assert ("billing_tools.results", "gemini_live.tool_results") in edges


def test_their_texts_take_what_the_caller_brings_along(folder: Path) -> None:
    agent = load(written(folder, FILE))
    call = agent.plan().call(inputs={"caller": "Ada"})
    agents = call._checked.nodes["gemini_live"].options["agents"]
    assert agents["desk"].instructions == "You talk to Ada."


@pytest.mark.parametrize(
    ("wrong", "place", "code"),
    [
        ("hand_over: [billing, human]", "hand_over: [biling]", "LG250"),
        ("voice: Charon", "voice: Charn", "LG240"),
        ("voice: Charon", "vice: Charon", "LG201"),
        ("returns_to: desk", "returns_to: {}", "LG202"),
        ("[./billing.py]", "[./bill.py]", "LG209"),
    ],
)
def test_faults_are_at_their_line(folder: Path, wrong: str, place: str, code: str) -> None:
    text = FILE.replace(wrong, place)
    line = next(number for number, one in enumerate(text.splitlines(), 1) if place in one)
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text))
    assert f"agent.yaml:{line}:" in str(caught.value) and code in str(caught.value)


def test_with_boxes_they_are_an_option(folder: Path) -> None:
    with pytest.raises(ConfigError, match="LG104"):
        load(written(folder, "version: 1\npipeline: [webrtc_in, webrtc_out]\nagents: {a: {voice: Kore}}\n"))


def test_agents_with_graphs_stay_agents_of_their_own(folder: Path) -> None:
    text = "version: 1\nagents:\n  a: {agent: {voice: Kore}}\n  b: {pipeline: [webrtc_in, webrtc_out]}\n"
    assert [agent.name for agent in load_agents(written(folder, text))] == ["a", "b"]
