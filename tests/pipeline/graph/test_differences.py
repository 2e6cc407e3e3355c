"""Two plans differ where something works differently, and running calls take a difference whole or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livegraph.language import parse_agent
from livegraph.pipeline import ConfigError, Plan, TurnPolicy
from livegraph.pipeline.graph.differences import Differences, compare
from livegraph.pipeline.graph.modules import forget_changed
from livegraph.pipeline.running.call_log import LogPolicy

AGENT = """\
version: 1
inputs: {caller: {default: a guest}}
nodes:
  mic: {use: webrtc_in}
  gate: {use: vad_gate, from: mic, hang_over: 500ms, threshold: 0.5}
  live: {use: gemini_live, from: gate, voice: Kore, greeting: "Hello {{inputs.caller}}"}
  tools: {use: tool_router, from: live.tool_calls, to: live.tool_results, tools: [./tools.py]}
  log: {use: transcript_log, from: live.transcript}
  out: {use: webrtc_out, from: live.audio}
edges:
  live.audio -> out: {max_duration: 60s}
turns: {preset: service, confirm: 400ms}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., Plan]:
    (tmp_path / "tools.py").write_text("def time() -> str:\n    return 'late'\n")

    def make(*edits: tuple[str, str]) -> Plan:
        text = AGENT
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        return parse_agent(text, base_dir=tmp_path, environ={}).plan()

    return make


def test_what_works_the_same_is_no_difference(plan: Callable[..., Plan]) -> None:
    """Comments, order, other lines, defaults that are written out."""
    one = plan()
    others = (
        plan(("nodes:", "# how it sounds\nnodes:")),
        plan(("threshold: 0.5", "threshold: 0.5, min_speech: 96ms")),
        plan((", threshold: 0.5", "")),
        plan(("500ms", "0.5s"), ("turns: {preset: service, confirm: 400ms}", "turns: service")),
    )
    assert all(not compare(one, other) for other in others)
    assert compare(one, one) == Differences()


def test_live_options_can_be_taken(plan: Callable[..., Plan]) -> None:
    """With what each was and is."""
    found = compare(plan(), plan(("500ms, threshold: 0.5", "700ms, threshold: 0.7")))
    assert found.tunable
    assert found.changes == {"gate": {"hang_over": 700_000_000, "threshold": 0.7}}
    assert found.shown == ("gate.hang_over 500ms -> 700ms", "gate.threshold 0.5 -> 0.7")


def test_an_option_that_is_taken_away_goes_back_to_its_default(plan: Callable[..., Plan]) -> None:
    found = compare(plan(("threshold: 0.5", "threshold: 0.9")), plan((", threshold: 0.5", "")))
    assert found.changes == {"gate": {"threshold": 0.5}}
    assert found.shown == ("gate.threshold 0.9 -> 0.5",)


def test_turns_can_be_taken(plan: Callable[..., Plan]) -> None:
    found = compare(plan(), plan(("400ms", "250ms")))
    assert found.tunable
    assert found.turns == TurnPolicy(preset="service", confirm_ns=250_000_000)
    assert found.shown == ("turns",)


def test_the_log_level_can_be_taken(plan: Callable[..., Plan]) -> None:
    """And taken back."""
    loud = plan(("turns:", "log: {level: debug}\nturns:"))
    found = compare(plan(), loud)
    assert found.tunable
    assert found.log == LogPolicy("debug")
    assert found.shown == ("log.level debug",)
    assert compare(loud, plan()).shown == ("log.level as the program",)
    with pytest.raises(ConfigError, match="did you mean `debug`"):
        plan(("turns:", "log: {level: debgu}\nturns:"))


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("voice: Kore", "voice: Puck")], "live.voice"),
        ([("Hello {{", "Hi {{")], "live.greeting"),
        ([("use: transcript_log, from: live.transcript", "use: file_out, from: live.audio, path: /tmp/a.wav")],
         "node log is another box"),
        ([("from: live.transcript", "from: live.transcript, on_error: skip_frame")], "log.on_error"),
        ([("default: a guest", "default: a friend")], "inputs"),
    ],
)  # fmt: skip
def test_anything_else_is_for_new_calls(
    plan: Callable[..., Plan], edits: list[tuple[str, str]], told: str
) -> None:
    """Also when live options change as well: a call is of one plan or of the other."""
    for more in ([], [("threshold: 0.5", "threshold: 0.7")]):
        found = compare(plan(), plan(*edits, *more))
        assert not found.tunable
        assert any(told in one for one in found.fixed)
        assert bool(found.live) == bool(more)


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("  log: {use: transcript_log, from: live.transcript}\n", "")], "node log is gone"),
        ([("  out:", "  log2: {use: transcript_log, from: live.transcript}\n  out:")], "node log2 is new"),
        ([("max_duration: 60s", "max_duration: 30s")], "-> out.audio"),
        ([("from: gate, voice", "from: mic, voice")], "edge mic.audio -> live.audio"),
    ],
)
def test_nodes_and_edges_that_come_and_go_reach_running_calls(
    plan: Callable[..., Plan], edits: list[tuple[str, str]], told: str
) -> None:
    """Their graph changes; live options may change as well."""
    for more in ([], [("threshold: 0.5", "threshold: 0.7")]):
        found = compare(plan(), plan(*edits, *more))
        assert found.takable and not found.tunable
        assert any(told in one for one in found.graph) and any(told in one for one in found.shown)
        assert bool(found.live) == bool(more)


def test_a_preset_that_follows_from_another_graph_is_for_new_calls(plan: Callable[..., Plan]) -> None:
    """Where turns are marked here, a call whose detector goes would hear nobody any more."""
    auto = ("preset: service, ", "")
    found = compare(plan(auto), plan(auto, ("from: gate, voice", "from: mic, voice")))
    assert not found.takable
    assert {"gate.turn_end", "live.activity"} <= {*found.fixed}


def test_python_that_changed_is_for_new_calls(plan: Callable[..., Plan], tmp_path: Path) -> None:
    """By the file's content; told by its name, once."""
    before = plan()
    (tmp_path / "tools.py").write_text("def time() -> str:\n    return 'early'\n")
    assert not compare(before, plan()), "nobody has looked at the files again"
    forget_changed()
    after = plan()
    assert compare(before, after).fixed == ("tools.py",)
    (tmp_path / "tools.py").write_text("def time() -> str:\n    return 'late'\n")
    forget_changed()
    assert not compare(before, plan()), "the change was taken back"


def test_a_box_of_a_file_that_changed(plan: Callable[..., Plan], tmp_path: Path) -> None:
    """Is told as the file, not as another box."""
    box = tmp_path / "box.py"
    text = (
        "from livegraph.pipeline import TranscriptFrame, processor\n\n\n"
        "@processor\ndef quiet(text: TranscriptFrame) -> None:\n    return None  # NUMBER\n"
    )
    edits: Any = [("use: transcript_log", "use: './box.py:quiet'")]
    box.write_text(text)
    before = plan(*edits)
    box.write_text(text.replace("NUMBER", "2"))
    forget_changed()
    assert compare(before, plan(*edits)).fixed == ("box.py",)


def test_secrets_are_not_shown(plan: Callable[..., Plan]) -> None:
    """Whatever differs in one, only its name is told."""
    keys = [("voice: Kore", f'voice: Kore, api_key: "${{K{number}}}"') for number in (1, 2)]
    plans = []
    for edit, key in zip(keys, ("AIza-first", "AIza-second"), strict=True):
        text = AGENT.replace(*edit).replace("  tools:", "  #").replace("tools: [./tools.py]}", "")
        plans.append(parse_agent(text, environ={"K1": key, "K2": key}).plan())
    found = compare(*plans)
    assert found.fixed == ("live.api_key",)
    assert "AIza" not in repr(found)
