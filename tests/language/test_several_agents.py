"""Several agents in one file."""

import pytest

from livegraph.language import Report, check_text, parse_agent
from livegraph.pipeline import ConfigError

TWO = """
version: 1
templates:
  ears: {ports: {in: g.audio, out: g.out}, nodes: {g: vad_gate}}
agents:
  desk: {title: The desk, agent: {voice: Puck}}
  echo:
    pipeline: [webrtc_in, ears, gemini_live, webrtc_out]
    turns: {confirm: 100ms}
"""


def places(report: Report) -> list[tuple[str, int, int]]:
    return [(found.problem.code, found.span.line, found.span.column) for found in report.diagnostics]


def test_each_is_an_agent_of_its_own() -> None:
    report = check_text(TWO, environ={})
    assert not report.diagnostics
    assert [(agent.name, agent.title) for agent in report.agents] == [("desk", "The desk"), ("echo", "")]
    assert "ears/g" in report.agents[1].graph.nodes
    for agent in report.agents:
        agent.plan()


def test_one_is_chosen_by_name() -> None:
    assert parse_agent(TWO, name="echo", environ={}).name == "echo"
    with pytest.raises(ConfigError, match="say which: desk, echo"):
        parse_agent(TWO, environ={})
    with pytest.raises(ConfigError, match="did you mean `echo`"):
        parse_agent(TWO, name="ecko", environ={})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("voice: Puck", "voice: Pucky", ("LG206", 6, 42)),
        ("title:", "tilte:", ("LG101", 6, 10)),
        ("  desk:", "  de sk:", ("LG107", 6, 3)),
        ("    turns:", "    version: 1\n    turns:", ("LG101", 9, 5)),
        ("agents:", "turns: {}\nagents:", ("LG101", 5, 1)),
        ("agents:", "agent:\nagents:", ("LG104", 5, 1)),
        ("version: 1\n", "", ("LG105", 2, 1)),
        ("agent: {voice: Puck}", "edges: {}", ("LG103", 6, 3)),
    ],
)
def test_faults(before: str, after: str, expected: tuple[str, int, int]) -> None:
    assert places(check_text(TWO.replace(before, after, 1), environ={})) == [expected]


def test_all_faults_of_all_agents_are_told() -> None:
    text = TWO.replace("Puck", "Pucky").replace("100ms", "100")
    assert [code for code, _, _ in places(check_text(text, environ={}))] == ["LG206", "LG205"]


def test_an_empty_section() -> None:
    assert places(check_text("version: 1\nagents:\n", environ={})) == [("LG103", 2, 1)]
