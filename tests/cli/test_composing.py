"""`explain`, `new`, and the options that lay something over an agent, as a user types them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import livegraph as run

KINDS = [
    "agent",
    "pipeline",
    "graph",
    "receptionist",
    "transcriber",
    "echo",
    "composed",
    "recorder",
    "conversation",
    "box",
]
AGENT = """
version: 1
inputs: {caller: {default: guest}}
agent:
  voice: Kore
  greeting: Hi {{inputs.caller}}
profiles:
  quiet: {agent: {greeting: null}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(AGENT)
    (tmp_path / "b.yaml").write_text("agent: {voice: Puck}\n")
    return tmp_path


# ---- new ----


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_passes_check_and_is_never_overwritten(kind: str, tmp_path: Path) -> None:
    made = run("new", kind, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("livegraph ")
    file = tmp_path / f"{kind}.yaml"
    checked = run("check", "--strict", file.name, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    before = {path: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    again = run("new", kind, cwd=tmp_path)
    assert again.returncode == 2
    assert "already" in again.stderr
    assert {path: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == before


def test_new_writes_all_of_its_files_or_none(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("mine")
    assert run("new", "receptionist", cwd=tmp_path).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["tools.py"]
    (tmp_path / "tools.py").unlink()
    assert run("new", "receptionist", "--out", "sub/deep/desk.yaml", cwd=tmp_path).returncode == 0
    assert {path.name for path in (tmp_path / "sub" / "deep").iterdir()} == {"desk.yaml", "tools.py"}


def test_new_scripts_and_tests_are_right_beside_their_agent(tmp_path: Path) -> None:
    """Of the simulator's scripts and of tests the name says what they are for."""
    assert run("new", "agent", "--out", "desk.yaml", cwd=tmp_path).returncode == 0
    assert (
        run("new", "test", "--out", "desk_test.yaml", cwd=tmp_path).stdout
        == "livegraph test desk_test.yaml\n"
    )
    for kind in ("brain", "scenario"):
        made = run("new", kind, cwd=tmp_path)
        assert made.stdout == f"livegraph simulate --{kind} agent.{kind}.yaml\n"
        assert run("check", "--strict", f"agent.{kind}.yaml", cwd=tmp_path).returncode == 0
    checked = run("check", "--strict", "desk.yaml", "desk_test.yaml", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout


def test_a_new_box_passes_its_own_tests(tmp_path: Path) -> None:
    """Those for pytest; those of the agent that uses it are like those of the others."""
    assert run("new", "box", cwd=tmp_path).returncode == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_boxes.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_new_prints_and_refuses(tmp_path: Path) -> None:
    printed = run("new", "echo", "--out", "-", cwd=tmp_path)
    assert "webrtc_in" in printed.stdout
    assert not list(tmp_path.iterdir())
    assert run("new", "--out", "x.txt", cwd=tmp_path).returncode == 2
    (tmp_path / "file").write_text("")
    assert run("new", "--out", "file/x.yaml", cwd=tmp_path).returncode == 1


# ---- explain ----


def test_explain_writes_an_agent_file(folder: Path) -> None:
    said = run("explain", "a.yaml", "--set", "agent.live.seed=3", cwd=folder)
    assert said.returncode == 0, said.stderr
    assert "seed: 3" in said.stdout
    assert "# --set agent.live.seed" in said.stdout
    assert "# a.yaml:5" in said.stdout
    (folder / "full.yaml").write_text(said.stdout)
    assert run("check", "full.yaml", cwd=folder).returncode == 0
    again = run("explain", "full.yaml", "--format", "json", cwd=folder)
    assert json.loads(again.stdout)["nodes"]["gemini_live"]["seed"]["value"] == 3


def test_overlays_profiles_and_settings_mean_the_same_for_every_verb(folder: Path) -> None:
    layers = ["-f", "a.yaml", "-f", "b.yaml", "--profile", "quiet"]
    explained = run("explain", *layers, cwd=folder).stdout
    assert "voice: Puck" in explained
    assert "overlay, b.yaml:1" in explained
    assert run("check", *layers, cwd=folder).returncode == 0
    assert run("graph", *layers, cwd=folder).returncode == 0
    wrong = [*layers, "--set", "agent.vioce=Kore"]
    for verb in (["check"], ["explain"], ["graph"], ["run"], ["call", "--in", "x.wav"]):
        said = run(*verb, *wrong, cwd=folder)
        assert said.returncode == 78, (verb, said.stderr)
        assert "--set:1:7: error LG101" in said.stdout + said.stderr


def test_a_profile_and_an_overlay_that_are_not_there(folder: Path) -> None:
    said = run("explain", "a.yaml", "--profile", "quite", cwd=folder)
    assert said.returncode == 78
    assert "did you mean `quiet`?" in said.stderr
    assert run("check", "a.yaml", "-f", "c.yaml", cwd=folder).returncode == 2


def test_a_folder_and_a_file_of_several_agents(folder: Path) -> None:
    (folder / "agents").mkdir()
    (folder / "agents" / "two.yaml").write_text(
        "version: 1\nagents: {one: {pipeline: [webrtc_in, webrtc_out]}, other: {agent: {}}}\n"
    )
    (folder / "agents" / "three.brain.yaml").write_text("not an agent")
    checked = run("check", "agents", cwd=folder)
    assert checked.returncode == 0, checked.stdout
    assert "brain" not in checked.stdout
    several = run("explain", "agents/two.yaml", cwd=folder)
    assert several.returncode == 2
    assert "--agent: one, other" in several.stderr
    chosen = run("explain", "agents/two.yaml", "--agent", "one", cwd=folder)
    assert chosen.stdout.count("webrtc_in.audio -> webrtc_out.audio") == 1


# ---- inputs ----


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("caller", "this is no value"),
        ("nobody=x", "there is no input"),
        ("caller=" + "x" * 501, "501 characters"),
    ],
)
def test_inputs_of_a_call_are_checked_first(folder: Path, given: str, said: str) -> None:
    made = run("call", "a.yaml", "--in", "none.wav", "--input", given, cwd=folder)
    assert made.returncode == 2
    assert said in made.stderr


# ---- weight ----


def test_a_file_of_two_hundred_lines_is_checked_without_the_media_stack(tmp_path: Path) -> None:
    nodes = "".join(f"  gate{number}: {{use: vad_gate, from: mic}}\n" for number in range(1, 190))
    text = f"version: 1\nnodes:\n  mic: webrtc_in\n{nodes}  live: {{use: gemini_live, from: gate1}}\n"
    (tmp_path / "large.yaml").write_text(text + "  out: {use: webrtc_out, from: live}\n")
    code = (
        "import sys\n"
        "from livegraph.language import check_file\n"
        "assert not check_file('large.yaml').errors\n"
        "print(sorted({'aiortc', 'av', 'onnxruntime', 'starlette'} & set(sys.modules)))"
    )
    import subprocess

    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=50
    )
    assert found.stdout.strip() == "[]"
