"""One agent at three lengths is one graph; boxes in a row are wired as a reader expects, or not at all."""

from pathlib import Path
from typing import Any

import pytest

from livegraph.language import Report, check_text
from livegraph.pipeline.graph.check import check

SHORT = """
version: 1
agent:
  instructions: Be brief.
  greeting: Hello.
  voice: Puck
  tools: [./tools.py]
  live: {temperature: 0.5}
  vad: {threshold: 0.6}
  tool_router: {timeout: 3s}
"""
LINEAR = """
version: 1
pipeline:
  - webrtc_in
  - vad_gate: {threshold: 0.6}
  - gemini_live: {instructions: Be brief., greeting: Hello., voice: Puck, temperature: 0.5}
  - tool_router: {tools: [./tools.py], timeout: 3s}
  - webrtc_out
"""
GRAPH = """
version: 1
nodes:
  webrtc_in: webrtc_in
  vad_gate: {use: vad_gate, from: webrtc_in, threshold: 0.6}
  gemini_live:
    use: gemini_live
    from: [vad_gate, webrtc_in.text]
    instructions: Be brief.
    greeting: Hello.
    voice: Puck
    temperature: 0.5
  tool_router:
    {use: tool_router, from: gemini_live.tool_calls, to: gemini_live.tool_results, tools: [./tools.py], timeout: 3s}
  webrtc_out: {use: webrtc_out, from: gemini_live.audio}
"""


def read(text: str, base_dir: Path = Path("/nowhere")) -> Report:
    return check_text(text, base_dir=base_dir, environ={})


def shape_of(text: str, base_dir: Path = Path("/nowhere")) -> Any:
    """What a plan is made of: nodes with their options, joined ports with their policies, formats."""
    report = read(text, base_dir)
    assert report.agent is not None, [str(found.problem) for found in report.diagnostics]
    result = check(report.agent.graph)
    nodes = {name: (node.processor, dict(node.options)) for name, node in result.nodes.items()}
    edges = {(edge.source, edge.target, edge.policy, edge.queued, edge.feedback) for edge in result.edges}
    return nodes, edges, result.formats


def edges_of(text: str) -> set[str]:
    report = read(text)
    assert report.agent is not None, [str(found.problem) for found in report.diagnostics]
    return {str(edge) for edge in check(report.agent.graph).edges}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").touch()
    return tmp_path


def test_three_lengths_are_one_graph(folder: Path) -> None:
    assert shape_of(SHORT, folder) == shape_of(LINEAR, folder) == shape_of(GRAPH, folder)


def test_policies_mean_the_same_at_every_length(folder: Path) -> None:
    policy = """
edges:
  vad_gate -> gemini_live: {max_frames: 7}
  gemini_live.audio -> webrtc_out: {max_duration: 30s, when_full: block}
"""
    short = shape_of(SHORT + policy, folder)
    assert short == shape_of(LINEAR + policy, folder) == shape_of(GRAPH + policy, folder)
    policies = {f"{source[0]}.{source[1]}": policy for source, _, policy, queued, _ in short[1] if queued}
    assert {name: policy.max_frames for name, policy in policies.items()} == {
        "vad_gate.out": 7,
        "vad_gate.speech": 7,
        "gemini_live.out": 4096,
    }


def test_the_short_form_is_wired_as_a_voice_agent(folder: Path) -> None:
    _, edges, _ = shape_of(SHORT, folder)
    assert {(".".join(edge[0]), ".".join(edge[1])) for edge in edges} == {
        ("webrtc_in.audio", "vad_gate.audio"),
        ("webrtc_in.text", "gemini_live.text"),
        ("vad_gate.out", "gemini_live.audio"),
        ("vad_gate.speech", "gemini_live.speech"),
        ("gemini_live.tool_calls", "tool_router.calls"),
        ("tool_router.results", "gemini_live.tool_results"),
        ("gemini_live.out", "webrtc_out.audio"),
    }


def test_the_short_form_leaves_out_what_it_does_not_need() -> None:
    nodes, _, _ = shape_of("version: 1\nagent: {vad: false}\n")
    assert list(nodes) == ["webrtc_in", "gemini_live", "webrtc_out"] or len(nodes) > 3
    assert not {"vad_gate", "tool_router"} & nodes.keys()


def test_an_optional_input_of_any_frame_takes_nothing_unasked() -> None:
    text = "version: 1\npipeline: [webrtc_in, tap, webrtc_out]\n"
    assert edges_of(text) == {"webrtc_in.audio -> webrtc_out.audio"}


def test_the_same_box_twice_gets_two_names() -> None:
    text = "version: 1\npipeline: [webrtc_in, vad_gate, gemini_live, transcript_log, transcript_log, webrtc_out]\n"
    assert {edge for edge in edges_of(text) if "log" in edge} == {
        "gemini_live.transcript -> transcript_log.transcript",
        "gemini_live.transcript -> transcript_log_2.transcript",
    }


def test_a_box_can_be_named() -> None:
    text = "version: 1\npipeline:\n  - webrtc_in: {as: mic}\n  - {use: webrtc_out, as: ear}\n"
    assert edges_of(text) == {"mic.audio -> ear.audio"}


def test_a_logging_box_behind_the_tools_does_not_cut_them_off(folder: Path) -> None:
    """Results go back to the model also when somebody later in the row takes them too."""
    text = (
        "version: 1\npipeline: [webrtc_in, vad_gate, gemini_live, {tool_router: {tools: [t]}},"
        " {use: tap, from: tool_router}, webrtc_out]\n"
    )
    assert {
        "tool_router.results -> gemini_live.tool_results",
        "tool_router.results -> tap.frames",
    } <= edges_of(text)


def test_what_an_item_says_itself_is_not_guessed() -> None:
    """`from` and `to` settle what would be ambiguous."""
    text = """
version: 1
pipeline:
  - webrtc_in
  - stereo
  - webrtc_out: {from: stereo.left}
"""
    assert edges_of(text) == {"webrtc_in.audio -> stereo.audio", "stereo.left -> webrtc_out.audio"}


def test_equal_names_settle_a_choice() -> None:
    text = "version: 1\npipeline: [webrtc_in, stereo, mixer, webrtc_out]\n"
    assert edges_of(text) == {
        "webrtc_in.audio -> stereo.audio",
        "stereo.left -> mixer.left",
        "stereo.right -> mixer.right",
        "mixer.out -> webrtc_out.audio",
    }


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (
            "[webrtc_in, stereo, webrtc_out]",
            "`webrtc_out.audio` can take AudioFrame from `stereo.left` or `stereo.right`",
        ),
        ("[webrtc_in, mixer, webrtc_out]", "`left` and `right` of `mixer` would both take `webrtc_in.audio`"),
    ],
)
def test_a_choice_between_equals_is_a_fault(boxes: str, message: str) -> None:
    found = read(f"version: 1\npipeline: {boxes}\n").errors
    assert [(fault.problem.code, fault.problem.message) for fault in found] == [("LG130", message)]
    assert "from: " in found[0].problem.hint


def test_an_entry_of_edges_makes_the_edge_that_nobody_else_names() -> None:
    text = """
version: 1
nodes: {mic: webrtc_in, ear: webrtc_out}
edges:
  mic -> ear: {when_full: latest}
"""
    assert edges_of(text) == {"mic.audio -> ear.audio"}
    assert edges_of(text.replace("{when_full: latest}", "")) == {"mic.audio -> ear.audio"}


def test_an_entry_for_one_port_leaves_the_others_as_they_are() -> None:
    text = """
version: 1
nodes:
  mic: webrtc_in
  gate: {use: vad_gate, from: mic}
  live: {use: gemini_live, from: gate}
  ear: {use: webrtc_out, from: live}
edges:
  gate.speech->live.speech: {max_frames: 3}
"""
    _, edges, _ = shape_of(text)
    assert {source[1]: queued for source, _, _, queued, _ in edges if source[0] == "gate"} == {
        "out": False,
        "speech": True,
    }


def test_on_error_reaches_the_node() -> None:
    text = "version: 1\nnodes:\n  mic: {use: webrtc_in, on_error: restart}\n  ear: {use: webrtc_out, from: mic}\n"
    agent = read(text).agent
    assert agent is not None
    assert [node.on_error for node in agent.graph.nodes.values()] == ["restart", "end_call"]
