"""`explain` shows every value with its origin, and what it writes is an agent file that gives the same plan."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from livegraph.language import Layers, check_file, check_text, render
from livegraph.language.describe.explained import explain, to_data
from livegraph.language.describe.explained_yaml import explained_yaml
from livegraph.language.report import Resolved
from support.agent_boxes import registered
from support.graphs import agent_files

ENVIRON = {"KEY": "s3cret-value", "TEXT": "from {{inputs.caller}} outside", "SEED": "5"}


@pytest.fixture(autouse=True, scope="module")
def _boxes() -> Iterator[None]:
    with registered():
        yield


def resolved(text: str) -> Resolved:
    report = check_text(text, base_dir=Path("/nowhere"), file="a.yaml", environ=ENVIRON)
    assert report.resolved, f"{render(report.diagnostics)}\n{text}"
    return report.resolved[0]


def plan_of(one: Resolved) -> Any:
    """All that a plan is made of."""
    checked = one.checked
    nodes = {
        name: (node.processor, dict(node.options), node.on_error) for name, node in checked.nodes.items()
    }
    for name, (processor, options, on_error) in nodes.items():
        # An option that is given its default is as good as one that is not given.
        defaults = {key: spec.default for key, spec in _specs(processor).items() if not spec.required}
        nodes[name] = (processor, {**defaults, **options}, on_error)
    edges = {
        (
            edge.source,
            edge.target,
            edge.queued,
            edge.feedback,
            edge.policy if edge.queued else None,
        )
        for edge in checked.edges
    }
    agent = one.agent
    return nodes, edges, checked.formats, agent.turns, dict(agent.inputs), agent.name, agent.title


def _specs(processor: Any) -> Any:
    from livegraph.pipeline.options import option_specs

    return option_specs(processor)


@given(agent_files())
@settings(deadline=None, max_examples=60)
def test_what_is_explained_reads_back_as_the_same_plan(text: str) -> None:
    """Valid graphs pass check; explain, read again, is the same graph, and explaining that changes nothing."""
    one = resolved(text)
    written = explained_yaml(explain(one), title="x")
    again = resolved(written)
    assert plan_of(again) == plan_of(one), written
    assert plan_of(resolved(explained_yaml(explain(again)))) == plan_of(one)


def test_every_value_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("Be brief.")
    (tmp_path / "prod.yaml").write_text("agent: {live: {temperature: 0.3}}\n")
    (tmp_path / "a.yaml").write_text(
        "version: 1\nagent:\n  instructions: {include: prompt.md}\n  voice: ${VOICE:-Kore}\n"
        "  live:\n    api_key: ${KEY}\n    seed: 1\nprofiles:\n  p: {agent: {greeting: Hi}}\n"
    )
    layers = Layers([tmp_path / "prod.yaml"], ["agent.live.seed=2"], "p")
    report = check_file(tmp_path / "a.yaml", environ={"KEY": "s3cret"}, layers=layers)
    data = to_data(explain(report.resolved[0]))
    live = data["nodes"]["gemini_live"]

    def origin(name: str) -> str:
        found: str = live[name]["origin"].replace(f"{tmp_path}/", "")
        return found

    assert origin("instructions") == "prompt.md:1, included at a.yaml:3"
    assert origin("voice") == "default of VOICE, a.yaml:4"
    assert origin("api_key") == "*** from environment KEY, a.yaml:6"
    assert live["api_key"]["value"] == "***"
    assert origin("seed") == "--set agent.live.seed"
    assert origin("temperature") == "overlay, prod.yaml:1"
    assert origin("greeting") == "profile p, a.yaml:9"
    assert origin("model") == "default"
    assert data["name"] == {"value": "a", "origin": "the file's name"}


def test_secrets_are_not_shown() -> None:
    """Neither those of the environment, in whatever option, nor those written into the file."""
    text = "version: 1\nagent:\n  instructions: key ${KEY}\n  live: {api_key: literal-secret-0123456789}\n"
    one = resolved(text)
    written = explained_yaml(explain(one)) + str(to_data(explain(one)))
    assert "s3cret" not in written
    assert "literal-secret" not in written
    assert "${API_KEY:?it is not shown, see a.yaml:4}" in written


def test_what_was_put_in_is_there() -> None:
    one = resolved(
        "version: 1\nnodes:\n  a: {use: resampler, rate: 8kHz, from: m.audio}\n  m: webrtc_in\n"
        "  g: {use: vad_gate, from: a}\n  l: {use: gemini_live, from: g}\n  o: {use: webrtc_out, from: l}\n"
    )
    written = explained_yaml(explain(one))
    assert "a_to_g_resampler:" in written
    assert "resampler inserted, 8000 Hz" in written
    assert plan_of(resolved(written)) == plan_of(one)


def test_a_template_is_shown_expanded() -> None:
    one = resolved(
        "version: 1\ntemplates:\n  t: {ports: {in: g.audio, out: g.out}, nodes: {g: vad_gate}}\n"
        "pipeline: [webrtc_in, t, gemini_live, webrtc_out]\n"
    )
    written = explained_yaml(explain(one))
    assert "  t/g:" in written
    assert "a.yaml:3, used at a.yaml:4 as `t`" in written
