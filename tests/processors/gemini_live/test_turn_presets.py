"""An agent that asks for no preset of turns gets `local` where a detector tells its model when the caller speaks."""

from importlib import resources
from pathlib import Path

import pytest

from livegraph import Graph
from livegraph.language import Agent, check_text, load_agent, parse_agent
from livegraph.language.describe.explained import explain
from livegraph.language.describe.explained_yaml import explained_yaml
from livegraph.pipeline import TurnPolicy
from livegraph.processors import GeminiLive, VadGate
from livegraph.transports import WebRTCIn, WebRTCOut

GRAPH = """\
nodes:
  mic: {use: webrtc_in}
  gate: {use: vad_gate, from: mic}
  live: {use: gemini_live, from: gate}
  out: {use: webrtc_out, from: live.audio}
"""
TEMPLATE = """\
templates:
  front:
    ports: {audio: gate.audio, out: gate.out, speech: gate.speech}
    nodes: {gate: {use: vad_gate}}
pipeline: [webrtc_in, front, gemini_live, webrtc_out]
"""
TWO = """\
nodes:
  mic: {use: webrtc_in}
  gate: {use: vad_gate, from: mic}
  a: {use: gemini_live, from: gate}
  b: {use: gemini_live, from: [SOURCE]}
  out: {use: webrtc_out, from: [a.audio]}
  log: {use: transcript_log, from: b.transcript}
"""


def agent(text: str) -> Agent:
    return parse_agent("version: 1\n" + text, environ={})


@pytest.mark.parametrize(
    "text",
    [
        "agent: {}",
        "turns: auto\nagent: {}",
        "turns: {confirm: 300ms}\nagent: {}",
        "agent: {vad: {mode: gate}}",
        "agent: {live: {activity: manual}}",
        "agent: {live: {extra: {labels: {a: b}}}}",
        "agent: {model: another-model}",
        "agents: {desk: {instructions: Help.}, billing: {instructions: Count., model: gemini-3.8-live}}",
        "conversation: {interruptions: {mode: cut}}\nagent: {}",
        "pipeline: [webrtc_in, vad_gate, gemini_live, webrtc_out]",
        GRAPH,
        TEMPLATE,
        TWO.replace("SOURCE", "gate"),
    ],
)
def test_the_detector_decides_where_the_model_is_told_of_speech(text: str) -> None:
    made = agent(text)
    assert made.turns.preset == "local"
    options = [node.options for node in made.plan().checked.nodes.values()]
    assert any(one.get("turn_end") == "adaptive" for one in options)
    assert all(one["activity"] == "manual" for one in options if "activity" in one)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("agent: {vad: false}", "no detector tells `gemini_live`"),
        ("agent: {live: {activity: auto}}", "the turns of `gemini_live` are its service's"),
        ("agent: {live: {vad: {silence: 600ms}}}", "are its service's"),
        ("agent: {live: {extra: {realtimeInputConfig: {}}}}", "are its service's"),
        ("agent: {model: gemini-3.5-live-translate-preview, live: {translation: {target: en}}}", "its service's"),
        ("agents: {a: {}, b: {model: gemini-3.5-live-translate-preview}}", "are its service's"),
        ("conversation: {interruptions: {backchannels: [mm-hm]}}\nagent: {}", "words decide"),
        ("conversation: {interruptions: {min_words: 2}}\nagent: {}", "words decide"),
        ("pipeline: [webrtc_in, webrtc_out]", "no model speaks here"),
        (GRAPH.replace("from: gate}", "from: gate.out}"), "no detector tells `live`"),
        (TWO.replace("SOURCE", "mic"), "no detector tells `b`"),
        ("pipeline: [webrtc_in, gemini_live, webrtc_out]", "no detector tells `gemini_live`"),
    ],
)  # fmt: skip
def test_anything_else_is_left_to_the_service(text: str, why: str) -> None:
    """And `explain` says why; nothing of the graph is other than it says."""
    made = agent(text)
    assert made.turns.preset == "service"
    options = [node.options for node in made.plan().checked.nodes.values()]
    assert not any(one.get("turn_end") == "adaptive" for one in options)
    assert why in _explained(text)


@pytest.mark.parametrize("preset", ["service", "local", "telephone"])
def test_what_a_file_says_counts(preset: str) -> None:
    assert agent(f"turns: {preset}\nagent: {{}}").turns.preset == preset
    assert agent(f"turns: {{preset: {preset}}}\nagent: {{}}").turns.preset == preset


def test_explain_tells_the_preset_its_reason_and_what_it_stands_for() -> None:
    """And what it writes reads back as the same."""
    text = _explained("agent: {}")
    for key, value, origin in (
        ("preset", "local", "a detector tells `gemini_live` when the caller speaks"),
        ("activity", "manual", "turns: local"),
        ("turn_end", "adaptive", "turns: local"),
    ):
        (line,) = (line for line in text.splitlines() if line.strip().startswith(f"{key}: {value}"))
        assert origin in line
    assert parse_agent(text, environ={}).turns == agent("agent: {}").turns


def test_the_same_holds_in_python() -> None:
    """`settled` where the plan is made: a graph that is built by a program is like one of a file."""
    graph = Graph("desk")
    mic, gate = graph.add(WebRTCIn), graph.add(VadGate)
    live, out = graph.add(GeminiLive), graph.add(WebRTCOut)
    graph.connect(mic.audio, gate.audio)
    graph.connect(gate.out, live.audio)
    graph.connect(live.out, out.audio)
    assert graph.plan().turns.preset == "service"
    graph.connect(gate.speech, live.speech)
    assert graph.plan().turns.preset == "local"
    assert graph.plan(turns=TurnPolicy(preset="service")).turns.preset == "service"


def test_agents_that_ship_have_the_faster_one_where_they_can() -> None:
    shipped = Path(str(resources.files("livegraph.configs")))
    presets = {
        name: load_agent(shipped / f"{name}.yaml", environ={}).turns.preset
        for name in ("voice_agent", "receptionist", "looks_at_things", "telephone", "interpreter")
    }
    assert presets == {
        "voice_agent": "local",
        "receptionist": "local",
        "looks_at_things": "local",
        "telephone": "telephone",
        "interpreter": "service",
    }


def _explained(text: str) -> str:
    (resolved,) = check_text("version: 1\n" + text, environ={}).resolved
    return explained_yaml(explain(resolved))
