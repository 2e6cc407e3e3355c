"""``resources``: what an agent's own workers take of their nodes, checked as everything else in a file is."""

from __future__ import annotations

import pytest

from livegraph.language import check_text
from livegraph.language.describe.explained import explain, to_data

ECHO = "version: 1\npipeline: [webrtc_in, webrtc_out]\n"
SEVERAL = """version: 1
agents:
  desk:
    pipeline: [webrtc_in, webrtc_out]
  vision:
    pipeline: [webrtc_in, webrtc_out]
    resources: {gpu: 0.1, memory: 2GB, custom: {tpu: 2}, workers: 3}
"""


def test_an_agent_says_what_its_own_workers_take() -> None:
    """As a cluster has it; the cores need not be said. An agent that says nothing has no workers of its own."""
    report = check_text(SEVERAL, environ={})
    assert not report.diagnostics
    desk, vision = report.agents
    assert desk.resources.taken == {}
    assert vision.resources.taken == {"CPU": 1.0, "GPU": 0.1, "memory": 2e9, "tpu": 2.0}
    assert vision.resources.workers == 3
    explained = to_data(explain(report.resolved[1]))
    assert explained["resources"]["gpu"]["value"] == 0.1
    assert "resources" not in to_data(explain(report.resolved[0]))


@pytest.mark.parametrize(
    ("written", "code", "column", "said"),
    [
        ("{gpus: 1}", "LG201", 13, "did you mean `gpu`"),
        ("{gpu: -0.1}", "LG203", 18, "between 0 and 1024"),
        ("{gpu: .inf}", "LG203", 18, "finite"),
        ("{gpu: 1.5}", "LG202", 18, "write 2"),
        ("{cpu: 2.5}", "LG202", 18, "write 3"),
        ("{gpu: much}", "LG202", 18, "takes a number"),
        ("{memory: 2}", "LG205", 21, "no unit"),
        ("{custom: {gpu: 1}}", "LG202", 27, "write it as `gpu`"),
        ("{custom: {tpu: 0}}", "LG202", 27, "more than 0"),
        ("{custom: {tpu: 1.5}}", "LG202", 27, "whole number"),
        ('{custom: {"a b": 1}}', "LG202", 29, "no name of a resource"),
        ("{custom: [tpu]}", "LG202", 13, "takes a mapping"),
        ("{workers: 2}", "LG202", 22, "take something of a node"),
        ("{workers: 0, cpu: 1}", "LG203", 22, "between 1 and 1024"),
        ("[gpu]", "LG202", 1, "takes a mapping"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(written: str, code: str, column: int, said: str) -> None:
    """One fault, in the line of the section, with the remedy."""
    report = check_text(f"{ECHO}resources: {written}\n", environ={})
    (found,) = report.diagnostics
    assert found.problem.code == code
    assert (found.span.line, found.span.column) == (3, column)
    assert said in f"{found.problem.message} {found.problem.hint}"


@pytest.mark.parametrize("nothing", ["{}", "", "{gpu: 0}"])
def test_nothing_is_no_placement(nothing: str) -> None:
    """A section that takes nothing leaves the agent to all workers."""
    report = check_text(f"{ECHO}resources: {nothing}\n", environ={})
    assert not report.diagnostics
    assert report.agents[0].resources.taken == {}
