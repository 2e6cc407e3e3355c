"""An agent file gives an agent, or one error that holds everything that is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from livegraph.language import check_file, load_agent, parse_agent
from livegraph.pipeline import ConfigError, TurnPolicy
from livegraph.pipeline.options import Secret
from livegraph.pipeline.units import MS

AGENT = """
version: 1
name: front_desk
title: The front desk
description: Answers the phone.
agent:
  instructions: You work for ${COMPANY:-nobody}.
  tools: [./tools.py]
  live:
    api_key: ${KEY}
    seed: ${SEED:-7}
turns: {confirm: 250ms}
simulator: {brain: front_desk.brain.yaml}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").touch()
    (tmp_path / "front_desk.brain.yaml").touch()
    file = tmp_path / "desk.yaml"
    file.write_text(AGENT)
    return file


def test_everything_that_a_file_declares(path: Path) -> None:
    agent = load_agent(path, environ={"KEY": "k3y", "COMPANY": "Acme"})
    assert (agent.name, agent.title, agent.description) == (
        "front_desk",
        "The front desk",
        "Answers the phone.",
    )
    assert agent.turns == TurnPolicy(confirm_ns=250 * MS, preset="service")
    assert agent.simulator == {"brain": path.parent / "front_desk.brain.yaml"}
    assert agent.source == path
    assert agent.graph.name == "front_desk"
    assert agent.graph.nodes["gemini_live"].options == {
        "instructions": "You work for Acme.",
        "api_key": Secret("k3y"),
        "seed": 7,
    }
    assert agent.graph.nodes["tool_router"].options == {"tools": [str(path.parent / "tools.py")]}
    agent.graph.plan()


def test_an_agent_without_a_name_is_called_as_its_file(path: Path) -> None:
    path.write_text("version: 1\nagent:\n")
    assert load_agent(path).name == "desk"


def test_the_error_holds_every_fault_and_reads_well(path: Path) -> None:
    path.write_text("version: 1\nagent:\n  voice: Kora\n  greting: Hi\n")
    with pytest.raises(ConfigError) as raised:
        load_agent(path, environ={})
    assert [problem.code for problem in raised.value.problems] == ["LG206", "LG101"]
    assert f"{path}:3:10: error LG206" in str(raised.value)
    assert f"{path}:4:3: error LG101" in str(raised.value)


def test_a_warning_keeps_nobody_from_running(path: Path) -> None:
    path.write_text("agent:\n")
    report = check_file(path)
    assert report.agent is not None
    assert [found.problem.code for found in report.warnings] == ["LG105"]
    assert not report.errors


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml:1:1: error LG001: cannot read the file"):
        load_agent(tmp_path / "none.yaml")


def test_a_text_is_read_as_a_file_would_be(path: Path) -> None:
    agent = parse_agent(AGENT, base_dir=path.parent, environ={"KEY": "x"})
    assert agent.source is None
    assert agent.graph.nodes["tool_router"].options == {"tools": [str(path.parent / "tools.py")]}


def test_the_environment_is_the_process_s_own_unless_given(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "from outside")
    assert load_agent(path).graph.nodes["gemini_live"].options["api_key"] == Secret("from outside")


def test_no_message_shows_what_the_environment_holds(path: Path) -> None:
    """Whatever key of the file a variable stands at."""
    hidden = "s3cret-value"
    for text in (
        "version: ${X}\nagent:\n",
        "version: 1\nname: ${X} a\nagent:\n",
        "version: 1\nagent:\n  voice: ${X}\n  tools: ['./${X}.py', '${X}']\n  vad: '${X}'\n",
        "version: 1\npipeline: ['${X}', webrtc_out]\n",
        "version: 1\npipeline: [{use: '${X}:y'}, {use: webrtc_in, as: '${X} '}]\n",
        "version: 1\nnodes: {a: webrtc_in, b: {use: webrtc_out, from: '${X}', on_error: '${X}'}}\n",
        "version: 1\nagent:\nsimulator: {brain: '${X}'}\n",
        "version: 1\nagent:\nedges: {vad_gate -> gemini_live: {when_full: '${X}', max_duration: '${X}'}}\n",
    ):
        path.write_text(text)
        with pytest.raises(ConfigError) as raised:
            load_agent(path, environ={"X": hidden})
        assert hidden not in str(raised.value)
        assert hidden not in repr(raised.value.problems)


def test_reading_an_agent_imports_nothing_heavy() -> None:
    """`livegraph check` must be quick: no codec, no network, no model."""
    code = (
        "import sys\n"
        "from livegraph.language import check_text\n"
        "check_text('version: 1\\npipeline: [nothing]\\n', environ={})\n"
        "print(sorted({'aiortc', 'av', 'onnxruntime', 'websockets', 'starlette', 'msgspec'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['msgspec']"
