"""The section `record`: a recorder beside the graph, in every form of an agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegraph.language import check_text, parse_agent
from livegraph.language.describe.explained import explain
from livegraph.language.describe.explained_yaml import explained_yaml
from livegraph.pipeline import ConfigError, Graph
from livegraph.pipeline.units import SECOND
from livegraph.transports.record import Consent, Recorder

BODIES = {
    "agent": "agent: {greeting: Hello}",
    "pipeline": "pipeline: [webrtc_in, webrtc_out]",
    "nodes": "nodes:\n  mic: {use: webrtc_in}\n  out: {use: webrtc_out, from: mic}",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_it_stands_beside_every_form(tmp_path: Path, body: str) -> None:
    """Joined to nothing; its files lie beside the agent's; no fault of it ends a call."""
    text = f'version: 1\nrecord: "kept/{{{{call.id}}}}.wav"\n{body}\n'
    agent = parse_agent(text, base_dir=tmp_path, environ={})
    node = agent.graph.nodes["record"]
    assert node.processor is Recorder and node.on_error == "skip_frame"
    assert node.options == {"path": tmp_path / "kept" / "{{call.id}}.wav"}
    assert not [edge for edge in agent.graph.edges if "record" in (edge.source, edge.target)]
    assert agent.plan().call(call_id="c")._checked.nodes["record"].options["path"].name == "c.wav"


def test_all_of_it(tmp_path: Path) -> None:
    text = """\
version: 1
inputs: {agreed: {type: boolean, default: false}}
record:
  path: "{{call.date}}-{{call.id}}.opus"
  layout: apart
  rate: 16kHz
  announce: This call is recorded.
  consent: {ask: Is that all right?, input: agreed, within: 20s}
  keep_for: 30d
  max_size: 1.5GB
  upload: {command: [cp, "{audio}", /away], within: 2min, delete: true}
agent: {greeting: Hello}
"""
    options = parse_agent(text, base_dir=tmp_path, environ={}).graph.nodes["record"].options
    assert options["keep_for"] == 30 * 24 * 3600 * SECOND and options["max_size"] == 1_500_000_000
    consent = options["consent"]
    assert isinstance(consent, Consent) and consent.within_ns == 20 * SECOND and consent.input == "agreed"
    assert options["upload"].command == ("cp", "{audio}", "/away") and options["upload"].delete


@pytest.mark.parametrize(
    ("section", "code", "message"),
    [
        ('record: "{{call.id}}.mp3"', "LG220", "a record cannot be a `.mp3`"),
        ('record: {path: "{{call.id}}.wav", keep: 3}', "LG201", "keep"),
        ("record: {layout: stereo}", "LG204", "path"),
        ("record: [1]", "LG102", "`record`"),
        ('record: {path: "{{call.id}}.wav", consent: {within: 3s}}', "LG220", "nobody is asked"),
        ('record: {path: "{{inputs.who}}-{{call.id}}.wav"}', "LG171", "who"),
        ('record: {path: "{{call.id}}.wav", consent: {input: agreed}}', "LG171", "no input `agreed`"),
    ],
)
def test_what_is_wrong_with_it_is_told_at_its_place(section: str, code: str, message: str) -> None:
    report = check_text(f"version: 1\n{section}\nagent: {{greeting: Hello}}\n", environ={})
    assert [found.problem.code for found in report.diagnostics] == [code]
    found = report.diagnostics[0]
    assert message in found.problem.message and found.span.line == 2


NODE = "nodes:\n  mic: {use: webrtc_in}\n  out: {use: webrtc_out, from: mic}\n  keep: {use: recorder, path: k.wav, "


@pytest.mark.parametrize("body", ["section", "node"])
@pytest.mark.parametrize(
    ("declared", "named", "code", "message", "hint"),
    [
        ("agreed: {type: boolean}", "agred", "LG171", "there is no input `agred`", "did you mean `agreed`"),
        (
            "who: {}",
            "recording_ok",
            "LG171",
            "there is no input `recording_ok`",
            "inputs: who",
        ),
        ("agreed: {}", "agreed", "LG202", "is of type text, and boolean is needed", "write `type: boolean`"),
        ("agreed: {type: integer}", "agreed", "LG202", "is of type integer", "write `type: boolean`"),
    ],
)
def test_the_input_that_agrees_is_there_and_boolean(
    body: str, declared: str, named: str, code: str, message: str, hint: str
) -> None:
    """Else nobody could ever agree, and that would be seen when the record is missing."""
    consent = f"consent: {{input: {named}, ask: May I?}}"
    record = f"record: {{path: k.wav, {consent}}}\nagent: {{greeting: Hello}}\n"
    if body == "node":
        record = f"{NODE}{consent}}}\n"
    text = f"version: 1\ninputs: {{{declared}}}\n{record}"
    found = [each for each in check_text(text, environ={}).diagnostics if each.problem.code != "LG175"]
    assert [each.problem.code for each in found] == [code]
    assert message in found[0].problem.message and hint in found[0].problem.hint
    assert named in text.splitlines()[found[0].span.line - 1][found[0].span.column - 1 :]


def test_the_input_that_agrees_is_used() -> None:
    """It is declared for that, and nothing warns of it; a program's graph is held to the same."""
    text = "version: 1\ninputs: {agreed: {type: boolean}}\nrecord: {path: k.wav, consent: {input: agreed}}\n"
    assert not check_text(text + "agent: {greeting: Hello}\n", environ={}).diagnostics
    graph = Graph("own")
    graph.add("keep", Recorder, path=Path("k.wav"), consent=Consent(input="agreed"))
    with pytest.raises(ConfigError, match="there is no input `agreed`"):
        graph.plan()


def test_a_name_without_the_call_is_no_fault() -> None:
    """A record never replaces another: the second is numbered."""
    assert not check_text("version: 1\nrecord: kept.wav\nagent: {greeting: Hello}\n", environ={}).diagnostics


def test_explain_writes_it_as_a_node_that_reads_back(tmp_path: Path) -> None:
    text = 'version: 1\nrecord: {path: "{{call.id}}.wav", keep_for: 30d}\nagent: {greeting: Hello}\n'
    resolved = check_text(text, base_dir=tmp_path, environ={}).resolved[0]
    written = explained_yaml(explain(resolved))
    again = parse_agent(written, base_dir=tmp_path, environ={})
    assert again.graph.nodes["record"].options["keep_for"] == 30 * 24 * 3600 * SECOND
