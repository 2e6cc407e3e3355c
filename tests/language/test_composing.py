"""Files put together: includes, overlays, profiles, single settings; and each value knows where it comes from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from livegraph.language import Diagnostic, Layers, Report, check_file, load_agent
from livegraph.pipeline.options import Secret

AGENT = """
version: 1
agent:
  instructions: {include: ./texts/prompt.md}
  voice: Kore
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "agent"
    (inside / "texts").mkdir(parents=True)
    (inside / "texts" / "prompt.md").write_text("Be brief.\nCost: ${NOTHING}\n")
    (inside / "agent.yaml").write_text(AGENT)
    (tmp_path / "outside.md").write_text("secret")
    return inside


def read(folder: Path, text: str | None = None, **layers: Any) -> Report:
    if text is not None:
        (folder / "agent.yaml").write_text(text)
    return check_file(folder / "agent.yaml", environ={}, layers=Layers(**layers))


def live(report: Report) -> Mapping[str, Any]:
    assert report.agent is not None, [str(found.problem) for found in report.diagnostics]
    return report.agent.graph.nodes["gemini_live"].options


def places(report: Report) -> list[tuple[str, str, int, int]]:
    return [
        (found.problem.code, Path(found.file).name, found.span.line, found.span.column)
        for found in report.diagnostics
    ]


def origin(report: Report, *path: str | int) -> str:
    found = report.resolved[0].tree.origins[path]
    return f"{Path(found.value.document.file).name}:{found.value.span.line} {found.layer}".strip()


# Includes --------------------------------------------------------------------------------------


def test_a_text_is_taken_as_it_is(folder: Path) -> None:
    """`${` means nothing in it, and its last line end does not belong to it."""
    report = read(folder)
    assert live(report)["instructions"] == "Be brief.\nCost: ${NOTHING}"
    assert origin(report, "agent", "instructions") == "prompt.md:1"
    assert {path.name for path in report.files} == {"agent.yaml", "prompt.md"}


def test_the_keys_of_a_file_stand_behind_those_beside_the_include(folder: Path) -> None:
    (folder / "base.yaml").write_text("voice: Puck\nlive: {seed: 3, temperature: 0.1}\n")
    report = read(folder, "version: 1\nagent:\n  include: base.yaml\n  live: {seed: 4}\n")
    assert live(report) == {"voice": "Puck", "seed": 4, "temperature": 0.1}
    assert origin(report, "agent", "voice") == "base.yaml:1"
    assert origin(report, "agent", "live", "seed") == "agent.yaml:4"


def test_of_several_files_the_later_counts_more(folder: Path) -> None:
    (folder / "a.yaml").write_text("agent: {voice: Puck, live: {seed: 1}}\n")
    (folder / "b.yml").write_text("agent: {voice: Kore}\n")
    report = read(folder, "version: 1\ninclude: [a.yaml, b.yml]\n")
    assert live(report) == {"voice": "Kore", "seed": 1}


def test_an_include_is_relative_to_the_file_that_says_it(folder: Path) -> None:
    (folder / "texts" / "more.yaml").write_text("instructions: {include: prompt.md}\ntools: [./tools.py]\n")
    (folder / "texts" / "tools.py").touch()
    report = read(folder, "version: 1\nagent: {include: texts/more.yaml}\n")
    assert live(report)["instructions"].startswith("Be brief.")
    assert report.agent is not None
    tools = report.agent.graph.nodes["tool_router"].options["tools"]
    assert tools == [str(folder / "texts" / "tools.py")]


def test_a_list_can_be_included_alone(folder: Path) -> None:
    (folder / "row.yaml").write_text("- webrtc_in\n- webrtc_out\n")
    report = read(folder, "version: 1\npipeline: {include: row.yaml}\n")
    assert report.agent is not None
    assert list(report.agent.graph.nodes) == ["webrtc_in", "webrtc_out"]


def test_a_fault_in_an_included_file_names_both_lines(folder: Path) -> None:
    (folder / "base.yaml").write_text("# comment\nvoice: Pucky\n")
    report = read(folder, "version: 1\nagent:\n  include: base.yaml\n")
    assert places(report) == [("LG206", "base.yaml", 2, 8)]
    [related] = report.diagnostics[0].related
    assert (Path(related.file).name, related.span.line, related.span.column) == ("agent.yaml", 3, 12)


def test_a_fault_of_the_text_of_an_included_file_is_told(folder: Path) -> None:
    (folder / "base.yaml").write_text("voice: [\n")
    report = read(folder, "version: 1\nagent:\n  include: base.yaml\n")
    assert places(report) == [("LG005", "base.yaml", 2, 1)]
    assert report.diagnostics[0].related


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("none.md", "LG140"),
        ("none.yaml", "LG140"),
        ("texts", "LG140"),
        ("../outside.md", "LG141"),
        ("texts/../../outside.md", "LG141"),
        ("/etc/passwd", "LG141"),
        ("link.md", "LG141"),
        ("linked/outside.md", "LG141"),
        ("~/outside.md", "LG140"),
        ('"a\\0b"', "LG140"),
        ("x" * 5000, "LG140"),
        ("binary.md", "LG140"),
        ("large.md", "LG140"),
        ("'${X}.md'", "LG143"),
        ("[]", None),
        ("3", "LG143"),
        ("[agent.md, b.md]", "LG143"),
        ("{a: b}", "LG143"),
    ],
)
def test_what_cannot_be_included(folder: Path, written: str, code: str | None) -> None:
    """Nothing outside of the agent's folder is read, whatever way leads there."""
    (folder / "link.md").symlink_to(folder.parent / "outside.md")
    (folder / "linked").symlink_to(folder.parent)
    (folder / "binary.md").write_bytes(b"\xff\xfe\x00")
    (folder / "large.md").write_bytes(b"a" * (256 * 1024 + 1))
    report = read(folder, f"version: 1\nagent:\n  instructions: {{include: {written}}}\n")
    assert {place[0] for place in places(report)} == ({code} if code else set())
    assert all(place[1:3] == ("agent.yaml", 3) for place in places(report))
    assert "secret" not in str([found.problem for found in report.diagnostics])


def test_a_link_that_stays_inside_is_fine(folder: Path) -> None:
    (folder / "link.md").symlink_to(folder / "texts" / "prompt.md")
    assert live(read(folder, "version: 1\nagent: {instructions: {include: link.md}}\n"))


def test_a_text_cannot_stand_beside_other_keys(folder: Path) -> None:
    report = read(folder, "version: 1\nagent:\n  include: texts/prompt.md\n  voice: Kore\n")
    assert places(report) == [("LG143", "agent.yaml", 3, 12)]


def test_a_list_cannot_be_merged(folder: Path) -> None:
    (folder / "row.yaml").write_text("- webrtc_in\n")
    report = read(folder, "version: 1\nagent:\n  include: row.yaml\n  voice: Kore\n")
    assert places(report) == [("LG143", "agent.yaml", 3, 12)]


def test_a_circle_is_named(folder: Path) -> None:
    (folder / "a.yaml").write_text("include: b.yaml\n")
    (folder / "b.yaml").write_text("# and back\ninclude: a.yaml\n")
    report = read(folder, "version: 1\nagent: {include: a.yaml}\n")
    [found] = report.diagnostics
    assert (found.problem.code, Path(found.file).name, found.span.line) == ("LG142", "b.yaml", 2)
    assert "a.yaml -> " in found.problem.message
    assert found.problem.message.endswith("a.yaml")


def test_a_file_that_includes_itself(folder: Path) -> None:
    assert places(read(folder, "version: 1\ninclude: agent.yaml\n")) == [("LG142", "agent.yaml", 2, 10)]


def test_includes_cannot_be_made_a_bomb(folder: Path) -> None:
    for number in range(12):
        (folder / f"{number}.yaml").write_text(
            f"a: {{include: {number + 1}.yaml}}\nb: {{include: {number + 1}.yaml}}\n"
        )
    (folder / "12.yaml").write_text("x: 1\n")
    report = read(folder, "version: 1\nagent: {include: 0.yaml}\n")
    assert "LG142" in {place[0] for place in places(report)}


# Overlays, profiles, settings ------------------------------------------------------------------


def test_an_overlay_joins_mappings_replaces_lists_and_takes_away(folder: Path) -> None:
    (folder / "prod.yaml").write_text("agent: {voice: Puck, greeting: null, live: {seed: 2}}\n")
    text = "version: 1\nagent:\n  greeting: Hi\n  voice: Kore\n  live: {temperature: 0.1}\n"
    report = read(folder, text, overlays=[folder / "prod.yaml"])
    assert live(report) == {"voice": "Puck", "temperature": 0.1, "seed": 2}
    assert origin(report, "agent", "voice") == "prod.yaml:1 overlay"
    pipeline = "version: 1\npipeline: [webrtc_in, vad_gate, gemini_live, webrtc_out]\n"
    (folder / "prod.yaml").write_text("pipeline: [webrtc_in, webrtc_out]\n")
    report = read(folder, pipeline, overlays=[folder / "prod.yaml"])
    assert report.agent is not None
    assert list(report.agent.graph.nodes) == ["webrtc_in", "webrtc_out"]


def test_faults_point_into_the_overlay(folder: Path) -> None:
    (folder / "prod.yaml").write_text("agent:\n  vioce: Puck\n  greeting: null\n")
    report = read(folder, overlays=[folder / "prod.yaml"])
    assert places(report) == [("LG101", "prod.yaml", 2, 3), ("LG182", "prod.yaml", 3, 3)]
    assert report.diagnostics[1].severity == "warning"


def test_an_overlay_that_cannot_be_read(folder: Path) -> None:
    report = read(folder, overlays=[folder / "none.yaml"])
    assert places(report) == [("LG001", "none.yaml", 1, 1)]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("agent.voice=Puck", {"voice": "Puck"}),
        ("agent.live.seed=3", {"voice": "Kore", "seed": 3}),
        ("agent.live={seed: 4}", {"voice": "Kore", "seed": 4}),
        ("agent.voice=null", {}),
        ("agent.voice=", {}),
        ('agent.greeting="null"', {"voice": "Kore", "greeting": "null"}),
        ("agent.greeting=a = b", {"voice": "Kore", "greeting": "a = b"}),
        ('"agent"."voice"=Puck', {"voice": "Puck"}),
    ],
)
def test_a_setting_is_a_value_of_yaml(folder: Path, setting: str, expected: dict[str, Any]) -> None:
    report = read(folder, "version: 1\nagent: {voice: Kore}\n", settings=[setting])
    assert live(report) == expected


def test_settings_reach_boxes_of_a_row_by_index_and_by_name(folder: Path) -> None:
    text = "version: 1\npipeline:\n  - webrtc_in\n  - vad_gate: {threshold: 0.1}\n  - gemini_live\n  - webrtc_out\n"
    report = read(
        folder,
        text,
        settings=["pipeline.1.threshold=0.2", "pipeline.gemini_live.seed=1", "pipeline.1.report=true"],
    )
    assert live(report) == {"seed": 1}
    assert report.agent is not None
    assert report.agent.graph.nodes["vad_gate"].options == {"threshold": 0.2, "report": True}


def test_settings_reach_edges_in_quotes(folder: Path) -> None:
    text = "version: 1\nnodes: {a: webrtc_in, b: {use: webrtc_out, from: a}}\n"
    report = read(folder, text, settings=['edges."a -> b.audio".max_frames=7'])
    assert report.agent is not None
    assert [edge.change.max_frames for edge in report.agent.graph.edges if edge.change] == [7]


@pytest.mark.parametrize(
    ("setting", "code", "column"),
    [
        ("agent.vioce=Puck", "LG101", 7),
        ("agent.voice=Pucky", "LG206", 13),
        ("agent.live.seed=x", "LG202", 17),
        ("agent.live={seed: x}", "LG202", 19),
        ("agent", "LG180", 1),
        ("=3", "LG180", 1),
        ("agent..voice=Puck", "LG180", 1),
        ("agent.voice.x=1", "LG183", 13),
        ("agent.gone=null", "LG182", 7),
        ("agent.greeting=a: b", "LG202", 7),
        ("agent.greeting=[", "LG005", 17),
        ("agent.greeting=${NOBODY}", "LG150", 16),
        ("agent.instructions={include: x.md}", "LG202", 7),
    ],
)
def test_faults_point_at_the_argument(folder: Path, setting: str, code: str, column: int) -> None:
    report = read(folder, "version: 1\nagent: {voice: Kore}\n", settings=["agent.voice=Puck", setting])
    assert places(report) == [(code, "--set", 2, column)]


@pytest.mark.parametrize("setting", ["pipeline.7=x", "pipeline.ghost.x=1", "pipeline.0=null"])
def test_a_path_that_leads_nowhere(folder: Path, setting: str) -> None:
    report = read(folder, "version: 1\npipeline: [webrtc_in, webrtc_out]\n", settings=[setting])
    assert [place[0] for place in places(report)] == ["LG183"]


PROFILES = """
version: 1
agent: {voice: Kore}
profiles:
  quiet: {agent: {voice: Puck}}
  loud:
    agent: {live: {temperature: 1.5}}
"""


def test_a_profile_is_laid_over_the_file_and_below_the_settings(folder: Path) -> None:
    assert live(read(folder, PROFILES)) == {"voice": "Kore"}
    report = read(folder, PROFILES, profile="loud")
    assert live(report) == {"voice": "Kore", "temperature": 1.5}
    assert origin(report, "agent", "live", "temperature") == "agent.yaml:7 profile loud"
    assert report.profiles == ("quiet", "loud")
    report = read(folder, PROFILES, profile="quiet", settings=["agent.voice=Kore"])
    assert live(report) == {"voice": "Kore"}


def test_an_unknown_profile_names_those_there_are(folder: Path) -> None:
    [found] = read(folder, PROFILES, profile="queit").diagnostics
    assert (found.file, found.problem.code) == ("--profile", "LG181")
    assert found.problem.hint == "did you mean `quiet`? profiles: quiet, loud"


def test_profiles_that_nobody_chose_are_checked_too(folder: Path) -> None:
    report = read(folder, PROFILES.replace("temperature: 1.5", "temperture: 1.5"))
    assert places(report) == [("LG201", "agent.yaml", 7, 20)]
    assert not report.agents
    report = read(folder, PROFILES.replace("Puck", "'${ONLY_THERE}'"))
    assert report.agents, "what the environment lacks here, it may have there"


# Files in scalars ------------------------------------------------------------------------------


def test_a_file_in_a_scalar(folder: Path) -> None:
    (folder / "key.txt").write_text("k3y\n")
    (folder / "seed").write_text("7\n")
    text = 'version: 1\nagent:\n  live: {api_key: "${file:./key.txt}", seed: "${file:seed}"}\n'
    report = read(folder, text)
    assert live(report) == {"api_key": Secret("k3y"), "seed": 7}
    assert {path.name for path in report.agents[0].files} == {"agent.yaml", "key.txt", "seed"}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("${file:../outside.md}", "LG141"),
        ("${file:/etc/passwd}", "LG141"),
        ("${file:none}", "LG140"),
        ("${X:-${file:none}}", "LG140"),
    ],
)
def test_a_file_that_cannot_be_had(folder: Path, written: str, code: str) -> None:
    report = read(folder, f'version: 1\nagent:\n  instructions: "{written}"\n')
    assert places(report) == [(code, "agent.yaml", 3, 17)]


def test_what_a_file_holds_is_not_shown(folder: Path) -> None:
    (folder / "key").write_text("hidden-value")
    report = read(folder, 'version: 1\nagent:\n  voice: "${file:key}"\n')
    assert "hidden-value" not in str(report)


def test_a_path_is_relative_to_the_layer_that_says_it(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "prod.yaml").write_text("agent: {tools: [./there.py]}\n")
    (other / "there.py").touch()
    agent = load_agent(folder / "agent.yaml", environ={}, layers=Layers(overlays=[other / "prod.yaml"]))
    assert agent.graph.nodes["tool_router"].options["tools"] == [str(other / "there.py")]


def test_one_line_is_told_for_each_fault(folder: Path) -> None:
    report = read(folder, PROFILES.replace("voice: Kore", "voice: Kora"))
    found: list[Diagnostic] = list(report.errors)
    assert len(found) == 1
