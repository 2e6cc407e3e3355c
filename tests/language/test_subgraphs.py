"""Sub-graphs of Python in agent files: used like any box, in the graph as what they consist of."""

from pathlib import Path

import pytest

from livegraph.language import check_text, render
from support.command import livegraph

_FRONT = '''
from typing import Annotated

from livegraph.pipeline import AudioFrame, Graph, In, Out, Range, SubGraph
from livegraph.processors import Gain, VadGate


class Front(SubGraph):
    """Speech at an even loudness."""

    audio: In[AudioFrame]
    out: Out[AudioFrame]

    def __init__(self, *, threshold: Annotated[float, Range(0, 1)] = 0.5, db: float = 0) -> None:
        self.threshold, self.db = threshold, db

    def build(self, graph: Graph) -> None:
        gate = graph.add(VadGate, threshold=self.threshold)
        volume = graph.add(Gain, db=self.db)
        graph.connect(gate.out, volume.audio)
        self.audio, self.out = gate.audio, volume.out
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "front.py").write_text(_FRONT)
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\npipeline: [webrtc_in, {./front.py:Front: {threshold: 0.7}}, webrtc_out]\n",
        "version: 1\nnodes:\n  mic: webrtc_in\n  front: {use: ./front.py:Front, from: mic, threshold: 0.7}\n"
        "  out: {use: webrtc_out, from: front.out}\n",
    ],
    ids=["linear", "graph"],
)
def test_it_is_used_like_a_box(text: str, folder: Path) -> None:
    """In both forms: its nodes bear its name, its options reach them."""
    report = check_text(text, base_dir=folder)
    assert report.agent is not None, render(report.diagnostics)
    nodes = report.agent.graph.nodes
    assert {"front/vad_gate", "front/gain"} <= set(nodes) and "front" not in nodes
    assert nodes["front/vad_gate"].options["threshold"] == 0.7
    assert report.agent.plan().format_of("front/gain", "out").rate == 16_000


def test_wrong_options_have_their_place(folder: Path) -> None:
    """As with any box."""
    text = "version: 1\npipeline: [webrtc_in, {./front.py:Front: {treshold: 7, db: loud}}, webrtc_out]\n"
    report = check_text(text, base_dir=folder)
    assert [(found.problem.code, found.span.line) for found in report.diagnostics] == [
        ("LG201", 2),
        ("LG202", 2),
    ]


def test_explain_and_inspect_show_it(folder: Path) -> None:
    """What it consists of, with the origin of each value; and what it takes."""
    (folder / "a.yaml").write_text(
        "version: 1\npipeline: [webrtc_in, {./front.py:Front: {threshold: 0.7}}, webrtc_out]\n"
    )
    told = livegraph("explain", folder / "a.yaml").stdout
    assert "front/vad_gate:" in told and "use: vad_gate" in told and "threshold: 0.7" in told
    assert "(sub-graph)" in livegraph("inspect", f"{folder}/front.py:Front").stdout
