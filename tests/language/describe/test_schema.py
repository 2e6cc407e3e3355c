"""The JSON Schema of agent files, judged by an independent validator: what it takes and what it refuses."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import pytest

from livegraph.language import check_text
from livegraph.language.describe import json_schema
from livegraph.language.source import parse_document
from livegraph.pipeline import Doc, Duration, In, Processor, Range
from livegraph.pipeline.convert.hints import group_fields
from livegraph.pipeline.frames import TextFrame
from livegraph.pipeline.graph import registry
from livegraph.pipeline.graph.declarations import PolicyChange
from livegraph.pipeline.options import Deprecated, Renamed, option_specs
from livegraph.pipeline.turns.controller import TurnPolicy
from livegraph.testing.schema import suite_schema
from support.shipped import SHIPPED_AGENTS, SHIPPED_BOXES

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json_schema(shipped_only=True, tests=suite_schema())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def faults(text: str, validator: Any = VALIDATOR) -> list[str]:
    """What the validator has against a document, innermost first."""
    data = parse_document(text).data
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for outer in validator.iter_errors(data)
        for error in (outer, *_inside(outer))
    ]


def _inside(error: Any) -> Iterator[Any]:
    for inner in error.context or ():
        yield inner
        yield from _inside(inner)


def test_the_schema_is_a_schema() -> None:
    """By its own meta-schema, with no reference that leads nowhere."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(SCHEMA)):
        part: Any = SCHEMA
        for step in reference.split("/"):
            part = part[step]


def test_the_shipped_schema_is_up_to_date() -> None:
    """What editors of the shipped agents see is what this version takes."""
    file = Path(str(resources.files("livegraph.configs"))) / "schema" / "v1.json"
    assert json.loads(file.read_text("utf-8")) == json.loads(json.dumps(SCHEMA)), (
        "run: livegraph schema --shipped --out configs/schema/v1.json"
    )


@pytest.mark.parametrize("agent", SHIPPED_AGENTS, ids=lambda path: path.stem)
def test_shipped_agents_are_valid_and_name_their_schema(agent: Path) -> None:
    """The first line leads an editor to a file that is there."""
    text = agent.read_text("utf-8")
    assert faults(text) == []
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", text.splitlines()[0])
    assert named is not None
    assert (agent.parent / named[1]).is_file()


def _documented() -> Iterator[Any]:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        blocks = re.findall(r"^```ya?ml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for number, block in enumerate(blocks):
            if re.search("^version:", block, re.MULTILINE):
                yield pytest.param(block, id=f"{page.stem}-{number}")


@pytest.mark.parametrize("block", list(_documented()))
def test_documented_agents_are_valid(block: str) -> None:
    """Every whole agent that a page shows, unless it shows a fault; a file or variable that it only names is none."""
    codes = {found.problem.code for found in check_text(block, environ={}).errors}
    assert faults(block) == [] or codes - {"LG111", "LG150", "LG209", "LG220"}


ACCEPTED = [
    "version: 1\nagent: {instructions: Be kind., voice: Kore}\n",
    "version: 1\nagent:\n  live: {temperature: 0.5, vad: {silence: 600ms}}\n  vad: false\n",
    "version: 1\nagent: {vad: {threshold: '${T:-0.5}', hang_over: 0.6s}, webrtc_in:, tools: []}\n",
    "version: '1'\nname: front-desk.2\ntitle:\ndescription: ok\npipeline: [webrtc_in, webrtc_out]\n",
    "version: 1\npipeline: [webrtc_in, resampler: {rate: 16 KHZ}, webrtc_out: ]\n",
    "version: 1\npipeline: [webrtc_in, resampler: {rate: 16000}, {use: webrtc_out, as: ear, on_error: restart}]\n",
    "version: 1\npipeline: [webrtc_in, {vad_gate: {as: gate, from: webrtc_in.audio, to: [webrtc_out]}}, webrtc_out]\n",
    "version: 1\npipeline: [webrtc_in, webrtc_out]\nturns: {barge_in: false, confirm: 0}\nedges:\nsimulator:\n",
    "version: 1\npipeline: [webrtc_in, webrtc_out]\nedges: {webrtc_in -> webrtc_out: {when_full: latest}}\n",
    "version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: [mic.audio], on_error: skip_frame}}\n",
    "nodes: {mic: webrtc_in, ear: webrtc_out}\nedges: {mic -> ear: , mic.audio->ear.audio: {max_duration: 1min}}\n",
    "version: 1\nnodes: {mic: '${MIC:-webrtc_in}', ear: {use: webrtc_out, from: mic}}\n",
    "version: 1\npipeline: [webrtc_in, {use: '${EAR:-webrtc_out}'}]\n",
    "version: 1\npipeline: [webrtc_in, gemini_live: {context_compression: {trigger_tokens: 9000}}, webrtc_out]\n",
    "version: 1\npipeline: [webrtc_in, gemini_live: {context_compression: false, extra: {a: [1]}}, webrtc_out]\n",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_check_accepts_is_valid(text: str) -> None:
    """Every form, every place for a variable, every way to write a quantity."""
    assert [str(found.problem) for found in check_text(text, environ={}).errors] == []
    assert faults(text) == []


COMPOSED = """\
version: 1
inputs:
  caller: {type: text, default: a guest, max_length: 40, doc: who is calling}
  age: {type: integer, range: [1, 120], default: 30}
templates:
  front:
    doc: The way to the model.
    params:
      threshold: {type: number, default: 0.5, range: [0, 1]}
      pause: {type: duration, default: 300ms}
    ports: {in: gate.audio, out: gate.out}
    nodes:
      gate: {use: vad_gate, threshold: "${params.threshold}", hang_over: "${params.pause}"}
nodes:
  mic: webrtc_in
  front: {use: front, from: mic.audio, threshold: 0.7}
  live:
    use: gemini_live
    from: front.out
    instructions: {include: prompt.md}
    greeting: "Hello {{inputs.caller}}, {{inputs.age}}!"
    vad: {include: vad.yaml}
  ear: {use: webrtc_out, from: live.out}
profiles:
  dev: {nodes: {live: {voice: Puck, greeting: null}}, turns: {barge_in: false}}
  prod:
"""
SEVERAL = """\
version: 1
templates:
  front: {ports: {in: vad_gate.audio, out: vad_gate.out}, pipeline: [vad_gate]}
agents:
  desk: {title: Desk, agent: {voice: Kore, include: agent.yaml}}
  echo: {pipeline: [webrtc_in, front, webrtc_out]}
"""


@pytest.mark.parametrize("text", [COMPOSED, SEVERAL], ids=["composed", "several"])
def test_composed_files_are_valid(text: str, tmp_path: Path) -> None:
    """Inputs, templates, includes, profiles, and several agents in one file."""
    (tmp_path / "prompt.md").write_text("Be kind.", "utf-8")
    (tmp_path / "vad.yaml").write_text("silence: 700ms\n", "utf-8")
    (tmp_path / "agent.yaml").write_text("instructions: Be kind.\n", "utf-8")
    found = check_text(text, base_dir=tmp_path, environ={}).errors
    assert [str(diagnostic.problem) for diagnostic in found] == []
    assert faults(text) == []


COMPOSED_WRONG = [
    ("a key of a template", COMPOSED.replace("    ports: {in", "    prots: {in"), "'prots' was unexpected"),
    ("a type of a parameter", COMPOSED.replace("type: duration", "type: time"), "'time' is not one of"),
    ("an option inside", COMPOSED.replace("hang_over:", "hangover:"), "'hangover' was unexpected"),
    (
        "an option beside an include",
        COMPOSED.replace("use: webrtc_out,", "use: webrtc_out, x: 1,"),
        "'x' was unexpected",
    ),
    ("a key of an input", COMPOSED.replace("max_length", "maxlength"), "'maxlength' was unexpected"),
    ("a key of a profile", COMPOSED.replace("turns: {barge_in", "turn: {barge_in"), "'turn' was unexpected"),
    ("a form beside agents", SEVERAL + "pipeline: []\n", "False schema does not allow"),
    ("two forms in an agent", SEVERAL.replace("title: Desk", "nodes: {}"), "False schema does not allow"),
    ("a key of an agent", SEVERAL.replace("title:", "titel:"), "'titel' was unexpected"),
    ("an unknown box without templates", "agents: {a: {pipeline: [front]}}\n", "'front' is not one of"),
]


@pytest.mark.parametrize(
    ("text", "said"), [case[1:] for case in COMPOSED_WRONG], ids=[case[0] for case in COMPOSED_WRONG]
)
def test_faults_in_composed_files_are_refused(text: str, said: str) -> None:
    """Also where a file declares more than one agent."""
    found = faults(text)
    assert any(re.search(said, fault) for fault in found), found
    assert check_text(text, environ={}).errors


def test_boxes_of_ones_own_are_valid() -> None:
    """What cannot be known takes any options."""
    assert (
        faults("version: 1\npipeline: [./box.py:MyBox, mypkg.mod:Box: {x: 1}, {use: ./b.py, y: 2}]\n") == []
    )
    assert faults("version: 1\nnodes: {a: ./box.py, b: {use: mypkg.mod:Box, from: a, x: [1]}}\n") == []


REFUSED = [
    ("a key that is misspelt", "version: 1\nagnets: {}\nagent: {}\n", "'agnets' was unexpected"),
    ("a key of the short form", "version: 1\nagent: {voic: Kore}\n", "agent: .*'voic' was unexpected"),
    ("two forms in one file", "version: 1\nagent: {}\npipeline: []\n", "False schema does not allow \\[\\]"),
    ("no form", "version: 1\n", "'agent' is a required property"),
    ("another version", "version: 2\nagent: {}\n", "version: 2 is not one of \\[1\\]"),
    ("a list for a mapping", "version: 1\nnodes: [mic]\n", "nodes: .*not of type 'object'"),
    (
        "a mapping for a list",
        "version: 1\npipeline: {vad_gate: {}}\n",
        "pipeline: .*'vad_gate' was unexpected",
    ),
    ("an unknown processor", "version: 1\npipeline: [vad_gat]\n", "pipeline.0: 'vad_gat' is not one of"),
    ("one as a key", "version: 1\npipeline: [vad_gat: {}]\n", "pipeline.0: 'vad_gat' does not match"),
    ("one after use", "nodes: {a: {use: vad_gat}}\n", "nodes.a.use: 'vad_gat' is not one of"),
    ("no use", "nodes: {a: {from: b}}\n", "nodes.a: 'use' is a required property"),
    (
        "an unknown option",
        "nodes: {a: {use: vad_gate, treshold: 1}}\n",
        "nodes.a: .*'treshold' was unexpected",
    ),
    ("too much", "pipeline: [vad_gate: {threshold: 2}]\n", "threshold: 2 is greater than the maximum of 1"),
    ("text for a number", "pipeline: [vad_gate: {threshold: high}]\n", "threshold: 'high' does not match"),
    ("no unit", "pipeline: [vad_gate: {hang_over: 300}]\n", "hang_over: 0 was expected"),
    ("another unit", "pipeline: [vad_gate: {hang_over: 3 days}]\n", "hang_over: '3 days' does not match"),
    ("a bare name that needs options", "pipeline: [file_out]\n", "pipeline.0: 'file_out' is not one of"),
    ("no such choice", "pipeline: [vad_gate: {mode: loud}]\n", "mode: 'loud' is not one of"),
    ("a missing option", "pipeline: [file_in: {pace: fast}]\n", "pipeline.0.file_in: 'path' is a required"),
    (
        "two boxes in one item",
        "pipeline: [{vad_gate: , webrtc_out: }]\n",
        "pipeline.0: .*too many properties",
    ),
    (
        "a name as an option",
        "pipeline: [vad_gate: {use: vad_gate}]\n",
        "vad_gate: False schema does not allow",
    ),
    ("a name in the graph form", "nodes: {a: {use: vad_gate, as: b}}\n", "nodes.a: .*'as' was unexpected"),
    ("a bad node name", "nodes: {1st: webrtc_in}\n", "nodes: '1st' does not match"),
    ("a bad edge", "nodes: {a: webrtc_in}\nedges: {a: {}}\n", "edges: 'a' does not match"),
    ("a bad policy", "nodes: {}\nedges: {a -> b: {when_full: wait}}\n", "when_full: 'wait' is not one of"),
    (
        "a key inside an option",
        "agent: {live: {vad: {silense: 1s}}}\n",
        "agent.live.vad: .*'silense' was unex",
    ),
    ("a key of turns", "agent: {}\nturns: {confrim: 1s}\n", "turns: .*'confrim' was unexpected"),
    ("on_error", "nodes: {a: {use: webrtc_in, on_error: stop}}\n", "on_error: 'stop' is not one of"),
    ("true for vad", "agent: {vad: true}\n", "agent.vad: False was expected"),
    ("no mapping at all", "- a\n", "is not of type 'object'"),
]


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_faults_of_shape_are_refused_where_they_are(text: str, said: str) -> None:
    """At the place of the fault, and `check` agrees."""
    found = faults(text)
    assert any(re.search(said, fault) for fault in found), found
    assert check_text(text, environ={}).errors


_SHAPE = {
    "LG101",
    "LG102",
    "LG103",
    "LG104",
    "LG107",
    "LG121",
    "LG201",
    "LG203",
    "LG204",
    "LG205",
    "LG206",
    "LG207",
}
"""Codes of faults that the schema knows."""
_BEYOND = re.compile("LG(105|108|109|12[02-9]|1[3-9].|208|209|2[2-9].|[3-9]..)")
"""Codes of faults that are none of its business."""


def _gallery() -> Iterator[Any]:
    for file in sorted((ROOT / "tests" / "gallery").glob("*.yaml")):
        # What is put together of several places has its faults only then.
        if file.stem.startswith(("compose_", "templates_", "tests_")):
            continue
        text = file.read_text("utf-8")
        yield pytest.param(text, set(re.findall(r"^#: (LG\d+)", text, re.MULTILINE)), id=file.stem)


@pytest.mark.parametrize(("text", "codes"), list(_gallery()))
def test_the_gallery_of_faults(text: str, codes: set[str]) -> None:
    """Of the files that `check` refuses, those with a fault of shape are refused, and those without are not."""
    if codes & _SHAPE:
        assert faults(text)
    elif all(_BEYOND.fullmatch(code) for code in codes):
        assert faults(text) == []


def test_messages_stay_short() -> None:
    """A fault in one node brings up nothing of any other processor."""
    text = "nodes: {a: {use: vad_gate, treshold: 1}, b: {use: webrtc_out, from: a}}\n"
    assert len(faults(text)) == 1


def test_the_schema_says_what_options_are() -> None:
    """Description, default as YAML writes it, unit and range for every option; no default of a secret."""
    for name, cls in SHIPPED_BOXES.items():
        told = SCHEMA["$defs"][f"box.{name}"]
        assert told["description"]
        for option, spec in option_specs(cls).items():
            assert told["properties"][option]["description"], (name, option)
            shown = "default" in told["properties"][option] or spec.default is None
            assert spec.required or shown or option in ("api_key", "token")
    gate = SCHEMA["$defs"]["box.vad_gate"]["properties"]
    assert gate["hang_over"]["default"] == "500ms"
    assert "32ms to 5s" in gate["hang_over"]["description"]
    assert (gate["threshold"]["minimum"], gate["threshold"]["maximum"]) == (0, 1)
    assert gate["mode"]["anyOf"][0] == {"enum": ["report", "gate"]}
    live = SCHEMA["$defs"]["box.gemini_live"]["properties"]
    assert "default" not in live["api_key"]
    assert "secret" in live["api_key"]["description"]


def test_the_schema_knows_every_key_of_the_grammar() -> None:
    """What the reader takes at the top, below `agent`, in an edge and below `turns` is in the schema."""
    from livegraph.language import forms, sections

    # `include` is done with before the grammar sees anything.
    assert set(SCHEMA["properties"]) == {*sections.TOP, "include"}
    assert set(SCHEMA["$defs"]["member"]["properties"]) == {*sections.OF_ONE, "include"}
    assert set(SCHEMA["$defs"]["template"]["properties"]) == {*sections.OF_TEMPLATE, "include"}
    assert set(SCHEMA["$defs"]["short"]["properties"]) == {*forms._AGENT_KEYS, "include"}
    for part, cls in (("edge", PolicyChange), ("turns", TurnPolicy)):
        properties = SCHEMA["$defs"][part]["properties"]
        assert set(properties) == {*group_fields(cls), "include"}
        assert all(key.get("description") for name, key in properties.items() if name != "include")


class Neighbour(Processor):
    """A box of somebody else."""

    text: In[TextFrame]

    def __init__(
        self,
        *,
        every: Annotated[Duration, Range(1), Renamed("interval", "0.2"), Doc("time between two")],
        levels: dict[str, list[float]] | None = None,
        pair: tuple[int, str] = (1, "a"),
        old: Annotated[int, Deprecated("leave it out", "0.2")] = 1,
    ) -> None: ...

    def on_text(self, frame: TextFrame) -> None: ...


def test_boxes_that_others_installed_are_known() -> None:
    """With their options, former names and deprecations; the schema that ships does not know them."""
    registry.register("neighbour", Neighbour)
    try:
        validator = jsonschema.Draft202012Validator(json_schema(tests=suite_schema()))
        assert "box.neighbour" not in json_schema(shipped_only=True, tests=suite_schema())["$defs"]
    finally:
        registry.unregister("neighbour")

    def told(options: str) -> list[str]:
        return faults(f"pipeline: [neighbour: {{{options}}}]\n", validator)

    assert told("every: 1s, levels: {a: [1, 0.5]}, pair: [2, b]") == []
    assert told("interval: 1s") == []
    assert told("every: 1s, levels: {a: [x]}")
    assert told("every: 1s, pair: [2]")
    assert told("evry: 1s")
    properties = validator.schema["$defs"]["box.neighbour"]["properties"]
    assert properties["interval"]["deprecated"] is True
    assert "every since 0.2" in properties["interval"]["deprecationMessage"]
    assert properties["old"]["deprecationMessage"] == "leave it out"
