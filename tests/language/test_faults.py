"""Every fault of a file is reported in one run, at the key or value that is wrong, once."""

from pathlib import Path

import pytest

from livegraph.language import check_text

Found = list[tuple[str, int, int]]


def faults(text: str, base_dir: Path = Path("/nowhere"), **environ: str) -> Found:
    report = check_text(text, base_dir=base_dir, environ=environ)
    assert (report.agent is None) == bool(report.errors)
    return [(found.problem.code, found.span.line, found.span.column) for found in report.diagnostics]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # The top of the file
        ("- a\n", [("LG102", 1, 1)]),
        ("just text\n", [("LG102", 1, 1)]),
        ("version: 1\n", [("LG103", 1, 1)]),
        ("version: 1\nagnet: {}\n", [("LG101", 2, 1)]),
        ("version: 2\nagent:\n", [("LG106", 1, 10)]),
        ("version: 1\nagent:\npipeline: []\n", [("LG104", 3, 1)]),
        ("agent:\n", [("LG105", 1, 1)]),
        ("version: 1\nname: a b\nagent:\n", [("LG107", 2, 7)]),
        ("version: 1\ntitle: 3\nagent:\n", [("LG102", 2, 8)]),
        ("version: 1\ndescription: [x]\nagent:\n", [("LG102", 2, 1)]),
        ("version: 1\nagent:\nturns: {confirm: 3}\n", [("LG205", 3, 18)]),
        ("version: 1\nagent:\nturns: {confrm: 3s}\n", [("LG201", 3, 9)]),
        ("version: 1\nagent:\nturns: 3\n", [("LG202", 3, 8)]),
        ("version: 1\nagent:\nsimulator: {brain: gone.yaml}\n", [("LG209", 3, 20)]),
        ("version: 1\nagent:\nsimulator: {brain: {version: 1}}\n", [("LG102", 3, 13)]),
        ("version: 1\nagent:\nsimulator: {brain: 5}\n", [("LG102", 3, 20)]),
        ("version: 1\nagent:\nsimulator: 1\n", [("LG102", 3, 12)]),
        # The short form
        ("version: 1\nagent: 3\n", [("LG102", 2, 8)]),
        ("version: 1\nagent:\n  instruction: x\n", [("LG101", 3, 3)]),
        ("version: 1\nagent:\n  temperature: 1\n", [("LG101", 3, 3)]),
        ("version: 1\nagent:\n  voice: Kroe\n", [("LG206", 3, 10)]),
        ("version: 1\nagent:\n  live: {temperature: 3}\n", [("LG203", 3, 23)]),
        ("version: 1\nagent:\n  live: {tempo: 3}\n", [("LG201", 3, 10)]),
        ("version: 1\nagent:\n  live: 3\n", [("LG102", 3, 9)]),
        ("version: 1\nagent:\n  voice: Kore\n  live: {voice: Puck}\n", [("LG109", 4, 10)]),
        ("version: 1\nagent:\n  vad: {treshold: 1}\n", [("LG201", 3, 9)]),
        ("version: 1\nagent:\n  vad: no\n", [("LG207", 3, 8)]),
        ("version: 1\nagent:\n  tools: ./tools.py\n", [("LG202", 3, 10)]),
        ("version: 1\nagent:\n  tools: [pkg.a, ./gone.py]\n", [("LG209", 3, 18)]),
        ("version: 1\nagent:\n  tools: [a]\n  tool_router: {timeout: 3}\n", [("LG205", 4, 26)]),
        # The linear form
        ("version: 1\npipeline: webrtc_in\n", [("LG102", 2, 11)]),
        ("version: 1\npipeline: []\n", [("LG310", 2, 1)]),
        ("version: 1\npipeline: [webrtc_in, 3, webrtc_out]\n", [("LG102", 2, 23)]),
        ("version: 1\npipeline: [webrtc_in, vad_gat, webrtc_out]\n", [("LG110", 2, 23)]),
        ("version: 1\npipeline:\n  - webrtc_in\n  - vad_gat: {threshold: 1}\n", [("LG110", 4, 5)]),
        ("version: 1\npipeline:\n  - vad_gate:\n    threshold: 1\n", [("LG102", 3, 5)]),
        ("version: 1\npipeline:\n  - webrtc_in\n  - webrtc_out: 3\n", [("LG102", 4, 17)]),
        ("version: 1\npipeline:\n  - webrtc_in\n  - {}\n  - webrtc_out\n", [("LG102", 4, 5)]),
        ("version: 1\npipeline:\n  - webrtc_in\n  - {use: webrtc_out, as: webrtc_in}\n", [("LG108", 4, 27)]),
        ("version: 1\npipeline:\n  - webrtc_in\n  - {use: webrtc_out, as: a.b}\n", [("LG107", 4, 27)]),
        (
            "version: 1\npipeline: [webrtc_in, vad_gate, gemini_live, tool_router, webrtc_out]\n",
            [("LG204", 2, 46)],
        ),
        ("version: 1\npipeline: [webrtc_out]\n", [("LG305", 2, 12)]),
        ("version: 1\npipeline:\n  - {use: no_such_pkg.mod:X}\n  - webrtc_out\n", [("LG111", 3, 11)]),
        ("version: 1\npipeline:\n  - ./gone.py:Box\n  - webrtc_out\n", [("LG111", 3, 5)]),
        # The graph form
        ("version: 1\nnodes: [a]\n", [("LG102", 2, 1)]),
        ("version: 1\nnodes: {a b: webrtc_in, c: {use: webrtc_out, from: a b}}\n", [("LG107", 2, 9)]),
        ("version: 1\nnodes: {mic: 3, ear: {use: webrtc_out, from: mic}}\n", [("LG102", 2, 14)]),
        ("version: 1\nnodes: {mic: {as: x}, ear: {use: webrtc_out, from: mic}}\n", [("LG103", 2, 9)]),
        ("version: 1\nnodes: {mic: {use: 3}, ear: {use: webrtc_out, from: mic}}\n", [("LG102", 2, 20)]),
        (
            "version: 1\nnodes: {mic: {use: webrtc_inn}, ear: {use: webrtc_out, from: mic}}\n",
            [("LG110", 2, 20)],
        ),
        ("version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: mik}}\n", [("LG301", 2, 54)]),
        (
            "version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: [mic.sound]}}\n",
            [("LG302", 2, 59)],
        ),
        (
            "version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: [mic, mic]}}\n",
            [("LG309", 2, 60)],
        ),
        ("version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: 3}}\n", [("LG102", 2, 54)]),
        (
            "version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: mic, on_error: skip}}\n",
            [("LG206", 2, 69)],
        ),
        # Edges
        ("version: 1\nagent:\nedges: [a]\n", [("LG102", 3, 1)]),
        ("version: 1\nagent:\nedges:\n  vad_gate => gemini_live: {}\n", [("LG121", 4, 3)]),
        ("version: 1\nagent:\nedges:\n  vad_gat -> gemini_live: {}\n", [("LG301", 4, 3)]),
        ("version: 1\nagent:\nedges:\n  vad_gate -> gemini_live: {when_ful: block}\n", [("LG201", 4, 29)]),
        ("version: 1\nagent:\nedges:\n  vad_gate -> gemini_live: {when_full: blok}\n", [("LG206", 4, 40)]),
        ("version: 1\nagent:\nedges:\n  vad_gate -> gemini_live: {max_duration: 2}\n", [("LG205", 4, 43)]),
        ("version: 1\nagent:\nedges:\n  vad_gate -> gemini_live: {max_frames: 0}\n", [("LG203", 4, 41)]),
        (
            "version: 1\nagent:\nedges:\n  vad_gate -> gemini_live: {max_frames: 1}\n"
            "  vad_gate.out -> gemini_live.audio: {max_frames: 2}\n",
            [("LG122", 5, 3)],
        ),
        # The environment
        ("version: 1\nagent:\n  instructions: ${NOBODY}\n", [("LG150", 3, 17)]),
        ("version: 1\nagent:\n  live: {seed: '${NOBODY-3}'}\n", [("LG151", 3, 16)]),
        ("version: 1\nagent:\n  live: {seed: '${WORD}'}\n", [("LG202", 3, 16)]),
        ("version: 1\nagent:\n  live:\n    api_key: AIzaSyNotARealKey_0123\n", [("LG208", 4, 14)]),
        # YAML 1.1
        (
            "version: 1\npipeline:\n  - webrtc_in\n  - vad_gate: {report: yes}\n  - gemini_live\n  - webrtc_out\n",
            [("LG207", 4, 24)],
        ),
        ("version: 1\nagent:\n  live:\n    seed: 0123\n", [("LG207", 4, 11)]),
        ("version: 1\nagent:\n  live:\n    seed: 12:30\n", [("LG207", 4, 11)]),
        ("version: 1\nagent:\n  voice: Kore\n  voice: Puck\n", [("LG008", 4, 3)]),
    ],
)
def test_one_fault(text: str, found: Found) -> None:
    """Exactly this, exactly there, and nothing that only follows from it."""
    assert sorted(faults(text, WORD="abc")) == sorted(found)


def test_all_faults_in_one_run() -> None:
    text = """\
nodes:
  mic: {use: webrtc_inn}
  gate: {use: vad_gate, from: mic, treshold: 0.6}
  live: {use: gemini_live, from: gate, voice: ${VOICE}, seed: 1.5}
  ear: {use: webrtc_out, from: live.sound}
edges:
  live -> ear: {max_duration: 60}
  gate to live: {}
turn: {}
"""
    assert faults(text.replace("${VOICE}", "'${VOICE}'")) == [
        ("LG105", 1, 1),
        ("LG110", 2, 14),
        ("LG201", 3, 36),
        ("LG150", 4, 47),
        ("LG202", 4, 65),
        ("LG302", 5, 37),
        ("LG205", 7, 31),
        ("LG121", 8, 3),
        ("LG101", 9, 1),
    ]


def test_a_fault_that_the_graph_finds_has_its_line() -> None:
    text = """\
version: 1
nodes:
  mic: webrtc_in
  log:
    use: transcript_log
    from: mic
  ear:
    use: webrtc_out
"""
    assert faults(text) == [("LG303", 6, 11)]
    assert faults(text.replace("    from: mic\n", "")) == [("LG308", 3, 8), ("LG305", 4, 3), ("LG305", 6, 3)]
