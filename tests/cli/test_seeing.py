"""`inspect`, `graph`, `schema` and `list`: what they print, where, and how little they load."""

import json
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

from livegraph.language.source import parse_document
from support.command import environment
from support.command import livegraph as run
from support.shipped import SHIPPED_BOXES

BOX = '''\
"""Boxes of a user."""

from livegraph.pipeline import In, Processor, TextFrame


class Shout(Processor):
    """Says it louder."""

    kind = "sink"
    text: In[TextFrame]

    def __init__(self, *, mark: str = "!") -> None: ...

    def on_text(self, frame: TextFrame) -> None: ...
'''


@pytest.mark.parametrize(
    "arguments",
    [
        ("schema",),
        ("inspect", "gemini_live"),
        ("inspect", "webrtc_out", "--format", "json"),
        ("graph", "receptionist"),
        ("graph", "voice_agent", "--format", "svg"),
        ("list", "--kind", "sink"),
    ],
)
def test_looking_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Neither the media stack, nor a model, nor the server, nor a terminal library."""
    heavy = (
        "aiortc",
        "av",
        "onnxruntime",
        "moonshine_voice",
        "hibari",
        "starlette",
        "uvicorn",
        "websockets",
        "rich",
    )
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr))\n"
        "from livegraph.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd="/",
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "[]")


def test_inspect_tells_all() -> None:
    """Purpose, ports, options with their types, ranges and defaults, events, counters, both examples."""
    done = run("inspect", "vad_gate")
    assert (done.returncode, done.stderr) == (0, "")
    for part in (
        "vad_gate (processor)",
        "Report speech, and pass audio only while someone speaks if asked to.",
        "  audio  AudioFrame, 16 kHz, mono, required  the user's microphone",
        "  mode: report or gate, default report",
        "  hang_over: a duration such as 200ms, 32ms to 5s, default 500ms",
        "  SpeechChanged  time_ns, speaking             The user began or stopped speaking.",
        "  oldest_ns      Greatest age at which a frame left the queue.",
        "  vad_gate: {threshold: 0.6, pre_roll: 300ms}",
        "    threshold: 0.5     # speech probability that opens the gate; 0 to 1",
        "Defined in livegraph.processors.vad_gate:VadGate",
    ):
        assert part in done.stdout.splitlines(), part


@pytest.mark.parametrize("name", ("gemini_live", "tool_router", "webrtc_in"))
def test_facts_for_programs(name: str) -> None:
    """As JSON, with the example of every option."""
    data = json.loads(run("inspect", name, "--format", "json").stdout)
    assert data["name"] == name
    assert data["kind"] == SHIPPED_BOXES[name].kind
    example = parse_document(data["full_example"]).data
    assert example == name or set(example[name]) <= {option["name"] for option in data["options"]}


def test_a_box_of_ones_own_can_be_inspected(tmp_path: Path) -> None:
    """By file, beside where one is."""
    (tmp_path / "box.py").write_text(BOX, "utf-8")
    done = run("inspect", "./box.py:Shout", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Says it louder." in done.stdout
    assert "mark: text, default '!'" in done.stdout


def test_what_cannot_be_inspected() -> None:
    """The nearest right name, and a word on agents, which are something else."""
    done = run("inspect", "vadgate")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean `vad_gate`?" in done.stderr
    done = run("inspect", "echo")
    assert done.returncode == 2
    assert "`echo` is an agent" in done.stderr
    assert "livegraph graph echo" in done.stderr


def test_graph_prints_the_picture() -> None:
    """Boxes and labelled rails in a terminal; plain ASCII where its encoding knows no other."""
    done = run("graph", "receptionist", PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Receptionist\n\n╭─ webrtc_in ")
    assert "audio 24 kHz mono · block 1min" in done.stdout
    assert "tool result · block 1024 frames · feedback" in done.stdout
    assert run("graph", "receptionist", PYTHONIOENCODING="ascii").stdout.isascii()


def test_graph_writes_files(tmp_path: Path) -> None:
    """Each format, with nothing on stdout; a folder that is not there is told of."""
    for name in ("ascii", "mermaid", "dot", "svg"):
        file = tmp_path / f"picture.{name}"
        done = run("graph", "echo", "--format", name, "--out", file)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert file.read_text("utf-8").endswith("\n")
    ET.parse(tmp_path / "picture.svg")
    done = run("graph", "echo", "--out", tmp_path / "nowhere" / "picture.svg")
    assert done.returncode == 1
    assert "cannot write" in done.stderr


def test_a_faulty_agent_is_not_drawn(tmp_path: Path) -> None:
    """What is wrong with it is told instead, with its place."""
    (tmp_path / "agent.yaml").write_text("version: 1\npipeline: [webrtc_in, vad_gat]\n", "utf-8")
    done = run("graph", "agent.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert "agent.yaml:2:23: error LG110" in done.stderr


def test_schema_is_complete(tmp_path: Path) -> None:
    """A schema by its meta-schema, on stdout or in a file; the same for everybody with --shipped."""
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(SHIPPED_BOXES) <= set(schema["$defs"]["use"]["anyOf"][0]["enum"])
    file = tmp_path / "v1.json"
    assert run("schema", "--shipped", "--out", file).stdout == ""
    assert set(json.loads(file.read_text("utf-8"))["$defs"]["use"]["anyOf"][0]["enum"]) == set(SHIPPED_BOXES)


def test_installed_processors_are_in_the_schema_and_the_list(tmp_path: Path) -> None:
    """Those of other packages are found by their entry points; one that does not load is named."""
    (tmp_path / "neighbour.py").write_text(BOX, "utf-8")
    facts = tmp_path / "neighbour-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: neighbour\nVersion: 1\n", "utf-8")
    (facts / "entry_points.txt").write_text(
        "[livegraph.processors]\nshout = neighbour:Shout\nbroken = neighbour_gone:Box\n", "utf-8"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = run("schema", PYTHONPATH=path)
    assert done.returncode == 0
    assert "broken does not load" in done.stderr
    schema = json.loads(done.stdout)
    assert schema["$defs"]["box.shout"]["properties"]["mark"]["default"] == "!"
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"pipeline": [{"broken": {"x": 1}}, "shout", {"shout": {"mark": "?"}}]})
    assert not validator.is_valid({"pipeline": [{"shout": {"marc": "?"}}]})
    listed = run("list", PYTHONPATH=path).stdout
    assert "Says it louder." in listed
    assert "does not load" in listed


def test_list_by_kind() -> None:
    """One kind alone; everything as JSON."""
    sinks = run("list", "--kind", "sink").stdout
    names = {line.split()[0] for line in sinks.splitlines() if line.startswith("  ")}
    assert names == {name for name, cls in SHIPPED_BOXES.items() if cls.kind == "sink"}
    agents = run("list", "--kind", "agent").stdout
    assert "voice_agent" in agents
    assert "vad_gate" not in agents
    data = json.loads(run("list", "--format", "json").stdout)
    gate = next(entry for entry in data["processors"] if entry["name"] == "vad_gate")
    assert (gate["kind"], gate["inputs"], gate["outputs"]) == ("processor", ["audio"], ["out", "speech"])
    assert {entry["name"] for entry in data["agents"]} >= {"voice_agent", "echo"}
    assert all(Path(entry["file"]).is_file() for entry in data["agents"])
    assert run("list", "--kind", "boat").returncode == 2


def _sessions() -> list[tuple[list[str], list[str]]]:
    """The commands that the page shows, and the lines below each."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "seeing.md").read_text("utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    found = [block.splitlines() for block in blocks]
    return [(shlex.split(lines[0].removeprefix("$ livegraph ")), lines[1:]) for lines in found]


@pytest.mark.parametrize(("arguments", "shown"), _sessions(), ids=lambda value: "-".join(value)[:40])
def test_the_page_shows_what_is_printed(arguments: list[str], shown: list[str], tmp_path: Path) -> None:
    """Line for line; ``...`` stands for lines that are left out."""
    done = run(*arguments, cwd=tmp_path, PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in shown)
    assert re.fullmatch(pattern, done.stdout), done.stdout


def test_the_picture_in_the_docs_is_up_to_date() -> None:
    """It is what the command draws."""
    shown = Path(__file__).resolve().parents[2] / "docs" / "receptionist.svg"
    drawn = run("graph", "receptionist", "--format", "svg", PYTHONIOENCODING="utf-8").stdout
    assert shown.read_text("utf-8") == drawn, (
        "run: livegraph graph receptionist --format svg --out docs/receptionist.svg"
    )
