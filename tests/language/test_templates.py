"""A template is a box: checked on its own and where it is used, and in the plan its nodes are there."""

from pathlib import Path

import pytest

from livegraph.language import Report, check_text, render
from livegraph.pipeline.graph.check import check

FRONT = """
version: 1
templates:
  front:
    params:
      threshold: {type: number, default: 0.5, range: [0, 1]}
      roll: {type: duration, default: 200ms, range: [0ms, 1s]}
    ports: {in: gate.audio, out: gate.out, speech: gate.speech}
    nodes:
      gate: {use: vad_gate, threshold: "${params.threshold}", pre_roll: "${params.roll}"}
"""
GRAPH = """
nodes:
  mic: webrtc_in
  near: {use: front, from: mic, threshold: 0.7}
  live: {use: gemini_live, from: near}
  ear: {use: webrtc_out, from: live}
"""


def read(text: str, **environ: str) -> Report:
    return check_text(text, base_dir=Path("/nowhere"), file="a.yaml", environ=environ)


def edges(report: Report) -> set[str]:
    assert report.agent is not None, render(report.diagnostics)
    return {str(edge) for edge in check(report.agent.graph).edges}


def places(report: Report) -> list[tuple[str, int, int]]:
    return [(found.problem.code, found.span.line, found.span.column) for found in report.diagnostics]


def test_a_use_becomes_the_nodes_inside() -> None:
    report = read(FRONT + GRAPH)
    assert edges(report) == {
        "mic.audio -> near/gate.audio",
        "near/gate.out -> live.audio",
        "near/gate.speech -> live.speech",
        "live.out -> ear.audio",
    }
    assert report.agent is not None
    assert dict(report.agent.graph.nodes["near/gate"].options) == {"threshold": 0.7, "pre_roll": 200_000_000}


def test_a_template_stands_in_a_row_as_any_box() -> None:
    report = read(
        FRONT + "pipeline:\n  - webrtc_in\n  - front: {threshold: 0.2}\n  - gemini_live\n  - webrtc_out\n"
    )
    assert {"webrtc_in.audio -> front/gate.audio", "front/gate.out -> gemini_live.audio"} <= edges(report)


def test_each_use_has_its_own_nodes_and_values() -> None:
    text = FRONT + (
        "nodes:\n  mic: webrtc_in\n  a: {use: front, from: mic, threshold: 0.1}\n  b: {use: front, from: a.out}\n"
        "  ear: {use: webrtc_out, from: b.out}\n"
    )
    report = read(text)
    assert "a/gate.out -> b/gate.audio" in edges(report)
    assert report.agent is not None
    thresholds = [node.options.get("threshold") for node in report.agent.graph.nodes.values()]
    assert thresholds == [None, 0.1, 0.5, None]


def test_a_template_may_use_another_and_be_a_row() -> None:
    text = FRONT.replace("version: 1\n", "") + (
        "  both:\n    ports: {in: front.in, out: vad_gate.out}\n    pipeline: [front, vad_gate]\n"
        "pipeline: [webrtc_in, both, gemini_live, webrtc_out]\n"
    )
    assert edges(read("version: 1\n" + text)) == {
        "webrtc_in.audio -> both/front/gate.audio",
        "both/front/gate.out -> both/vad_gate.audio",
        "both/vad_gate.out -> gemini_live.audio",
        "gemini_live.out -> webrtc_out.audio",
        "webrtc_in.text -> gemini_live.text",
    }


def test_one_port_may_feed_several_inputs() -> None:
    text = (
        "version: 1\ntemplates:\n  two:\n    ports: {in: [a.audio, b.audio], out: a.out}\n"
        "    nodes: {a: vad_gate, b: vad_gate}\n"
        "pipeline: [webrtc_in, two, gemini_live, webrtc_out]\n"
    )
    assert {"webrtc_in.audio -> two/a.audio", "webrtc_in.audio -> two/b.audio"} <= edges(read(text))


def test_edges_inside_and_outside_have_policies() -> None:
    text = FRONT + "    edges: {}\n" + GRAPH + "edges:\n  mic -> near: {max_frames: 3}\n"
    report = read(text)
    assert report.agent is not None, render(report.diagnostics)
    queued = {str(edge): edge.policy.max_frames for edge in check(report.agent.graph).edges if edge.queued}
    assert queued == {"mic.audio -> near/gate.audio": 3}


def test_a_value_of_any_type_can_be_given() -> None:
    text = (
        "version: 1\ntemplates:\n  hands:\n    params: {tools: {type: list}, name: {default: none}}\n"
        "    ports: {calls: r.calls, results: r.results}\n"
        "    nodes: {r: {use: tool_router, tools: '${params.tools}'}}\n"
        "pipeline: [webrtc_in, gemini_live, {hands: {tools: ['pkg.${X}']}}, webrtc_out]\n"
    )
    report = read(text, X="tools")
    assert report.agent is not None, render(report.diagnostics)
    assert report.agent.graph.nodes["hands/r"].options["tools"] == ["pkg.tools"]


def test_a_fault_that_a_use_brings_names_both_lines() -> None:
    text = FRONT.replace(", range: [0, 1]", "") + GRAPH.replace("0.7", "7")
    report = read(text)
    assert places(report) == [("LG203", 14, 44)]
    [related] = report.diagnostics[0].related
    assert (related.span.line, related.message) == (10, "put in here for `threshold`")


def test_a_fault_inside_names_the_line_of_the_use() -> None:
    """What only the use shows: nothing is connected to an input inside."""
    report = read(FRONT + GRAPH.replace("from: mic, ", ""))
    found = next(found for found in report.diagnostics if found.problem.code == "LG305")
    assert (found.span.line, found.related[0].span.line) == (10, 14)
    assert found.related[0].message == "used here as `near`"


def test_what_is_wrong_with_a_template_on_its_own_is_told_once() -> None:
    report = read(FRONT.replace("vad_gate", "vad_gat") + GRAPH)
    assert places(report) == [("LG110", 10, 19)]
    assert "vad_gate" in report.diagnostics[0].problem.hint


def test_an_unused_template_is_checked() -> None:
    text = FRONT.replace('threshold: "', 'treshold: "') + "pipeline: [webrtc_in, webrtc_out]\n"
    assert places(read(text)) == [("LG201", 10, 29)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("gate.audio", "gat.audio", ("LG132", 8, 17)),
        ("gate.audio", "gate.sound", ("LG132", 8, 17)),
        ("in: gate.audio", "in: gate", ("LG132", 8, 17)),
        ("in: gate.audio", "in: 3", ("LG102", 8, 17)),
        ("out: gate.out", "out: [gate.out, gate.speech]", ("LG132", 8, 29)),
        ("type: number", "type: numbr", ("LG206", 6, 25)),
        ("default: 0.5", "default: a", ("LG202", 6, 42)),
        ("default: 0.5", "default: 5", ("LG203", 6, 42)),
        ("[0, 1]", "[a, 1]", ("LG133", 6, 47)),
        ("200ms", "200", ("LG205", 7, 39)),
        ("params.roll", "params.rol", ("LG134", 10, 73)),
        ("params:\n", "parms:\n", ("LG101", 5, 5)),
        ("nodes:\n", "noodes:\n", ("LG103", 4, 3)),
        ("  front:\n", "  vad_gate:\n", ("LG108", 4, 3)),
        ("  front:\n", "  a b:\n", ("LG107", 4, 3)),
        ("roll:", "ro-ll:", ("LG107", 7, 7)),
    ],
)
def test_faults_of_a_declaration(before: str, after: str, expected: tuple[str, int, int]) -> None:
    text = FRONT.replace(before, after, 1) + "pipeline: [webrtc_in, webrtc_out]\n"
    assert expected in places(read(text))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("threshold: 0.7", "treshold: 0.7", ("LG133", 14, 33)),
        ("threshold: 0.7", "threshold: x", ("LG202", 14, 44)),
        ("threshold: 0.7", "threshold: 7", ("LG203", 14, 44)),
        ("threshold: 0.7", "roll: 2s", ("LG203", 14, 39)),
        ("use: front", "use: frnt", ("LG110", 14, 15)),
        ("from: near}", "from: near.speach}", ("LG302", 15, 39)),
        ("from: mic", "from: mic.audi", ("LG302", 14, 32)),
        ("0.7", '"${params.x}"', ("LG134", 14, 44)),
    ],
)
def test_faults_of_a_use(before: str, after: str, expected: tuple[str, int, int]) -> None:
    assert places(read(FRONT + GRAPH.replace(before, after))) == [expected]


def test_a_parameter_without_a_default_must_be_given() -> None:
    text = FRONT.replace(", default: 0.5", "") + GRAPH
    assert read(text).agent is not None
    assert places(read(text.replace(", threshold: 0.7", ""))) == [("LG133", 14, 3)]


def test_recursion_is_refused() -> None:
    text = (
        "version: 1\ntemplates:\n"
        "  a: {ports: {in: x.in}, nodes: {x: {use: b}}}\n"
        "  b: {ports: {in: x.in}, nodes: {x: {use: a}}}\n"
        "pipeline: [webrtc_in, webrtc_out]\n"
    )
    report = read(text)
    assert [(code, line) for code, line, _ in places(report)] == [("LG131", 4)]
    assert "a -> b -> a" in report.diagnostics[0].problem.message
    own = "version: 1\ntemplates:\n  a: {nodes: {x: a}}\npipeline: [webrtc_in, a, webrtc_out]\n"
    assert [code for code, _, _ in places(read(own))] == ["LG131"]


def test_what_a_value_holds_is_not_read_again() -> None:
    text = (
        "version: 1\ntemplates:\n  t:\n    params: {say: {}}\n    ports: {in: live.audio, out: live.out}\n"
        "    nodes: {live: {use: gemini_live, instructions: '${params.say}', greeting: 'So: ${params.say}'}}\n"
        "pipeline: [webrtc_in, {t: {say: '$${HOME} ${X}'}}, webrtc_out]\n"
    )
    report = read(text, X="${HOME}")
    assert report.agent is not None, render(report.diagnostics)
    options = report.agent.graph.nodes["t/live"].options
    assert options["instructions"] == "${HOME} ${HOME}"
    assert options["greeting"] == "So: ${HOME} ${HOME}"
