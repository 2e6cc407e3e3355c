"""What `--fix` does to a text: what is beyond doubt, character by character, and nothing else."""

import difflib
import stat
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.language import check_text
from livegraph.language.diagnostics import Diagnostic, Edit, Span
from livegraph.language.edits import apply
from livegraph.language.fixing import MIGRATIONS, Mended, mend, write
from livegraph.pipeline.frames import AudioFrame
from livegraph.pipeline.graph import registry
from livegraph.pipeline.options import Deprecated, Range, Renamed
from livegraph.pipeline.ports import In, Out
from livegraph.pipeline.processor import Processor

_GALLERY = Path(__file__).resolve().parents[1] / "gallery"


def examine(text: str) -> tuple[Diagnostic, ...]:
    return check_text(text, base_dir=_GALLERY, file="agent.yaml", environ={"PRACTICE": "x"}).diagnostics


def mended(text: str, codes: frozenset[str] | None = None) -> Mended:
    return mend(text, "agent.yaml", examine, codes)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("agent:\n", "version: 1\nagent:\n"),
        ("# mine\n\nagent: # short\n", "# mine\n\nversion: 1\nagent: # short\n"),
        ("version: 1.0\nagent:\n", "version: 1\nagent:\n"),
        ("version: v1\nagent:\n", "version: 1\nagent:\n"),
        ("version: 1\nagent:\n  instruction: x\n", "version: 1\nagent:\n  instructions: x\n"),
        ("version: 1\nagent:\n  prompt:  x # y\n", "version: 1\nagent:\n  instructions:  x # y\n"),
        ("version: 1\nagent:\n  'gretting': x\n", "version: 1\nagent:\n  greeting: x\n"),
        ("version: 1\nagent: {voice: 'kore'}\n", "version: 1\nagent: {voice: Kore}\n"),
        ("version: 1\nagent:\n  vad: no\n", "version: 1\nagent:\n  vad: false\n"),
        ("version: 1\nagent:\n  vad: {report: on}\n", "version: 1\nagent:\n  vad: {report: true}\n"),
        ('version: 1\nagent:\n  vad: {report: "true"}\n', "version: 1\nagent:\n  vad: {report: true}\n"),
        ("version: 1\nagent:\n  live: {seed: '3'}\n", "version: 1\nagent:\n  live: {seed: 3}\n"),
        ("version: 1\nagent:\n  live: {seed: 3.0}\n", "version: 1\nagent:\n  live: {seed: 3}\n"),
        ("version: 1\nagent:\n  live: {seed: 1_000}\n", "version: 1\nagent:\n  live: {seed: 1000}\n"),
        ("version: 1\nagent:\n  vad: {pre_roll: 300}\n", "version: 1\nagent:\n  vad: {pre_roll: 300ms}\n"),
        ("version: 1\ntitle: 1.10\nagent:\n", 'version: 1\ntitle: "1.10"\nagent:\n'),
        ("version: 1\nagent:\n  tools: a.b\n", "version: 1\nagent:\n  tools: [a.b]\n"),
        (
            "version: 1\nagent:\n  tools: ./boxes/tool.py\n",
            "version: 1\nagent:\n  tools: [./boxes/tools.py]\n",
        ),
        (
            "version: 1\nagent:\n  voice:Kore\n  greeting: x\n",
            "version: 1\nagent:\n  voice: Kore\n  greeting: x\n",
        ),
        ("version: 1\nagent:\n  greeting: @home # x\n", 'version: 1\nagent:\n  greeting: "@home" # x\n'),
        ("version: 1\nagent: {greeting: ${PRACTICE}}\n", 'version: 1\nagent: {greeting: "${PRACTICE}"}\n'),
        (
            "version: 1\npipeline: [webrtc_in, vad-gate, webrtc_out]\n",
            "version: 1\npipeline: [webrtc_in, vad_gate, webrtc_out]\n",
        ),
        (
            "version: 1\npipeline:\n- webrtc_in\n- vad_gat: {treshold: 1}\n- webrtc_out\n",
            "version: 1\npipeline:\n- webrtc_in\n- vad_gate: {threshold: 1}\n- webrtc_out\n",
        ),
        (
            "version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: micc.audoi}}\n",
            "version: 1\nnodes: {mic: webrtc_in, ear: {use: webrtc_out, from: mic.audio}}\n",
        ),
        (
            "version: 1\nagent:\nedges:\n  vad_gat -> gemini_live: {when_ful: blck}\n",
            "version: 1\nagent:\nedges:\n  vad_gate -> gemini_live: {when_full: block}\n",
        ),
        (
            "version: 1\nagent:\nedges:\n  vad_gate => gemini_live:\n",
            "version: 1\nagent:\nedges:\n  vad_gate -> gemini_live:\n",
        ),
    ],
)
def test_what_is_beyond_doubt_is_mended(wrong: str, right: str) -> None:
    assert mended(wrong).text == right


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nagent:\n  live: {seed: 012}\n",  # 12 or 10
        "version: 1\nagent:\nturns: {confirm: 3}\n",  # milliseconds or seconds
        "version: 1\nagent:\n  voice: Kore\n  vioce: Puck\n",  # the right one is taken
        "version: 1\nagent:\n  voice: Kore\n  voice: Puck\n",
        "version: 1\nnodes: {mic1: webrtc_in, mic2: webrtc_in, ear: {use: webrtc_out, from: mic}}\n",
        "{agent: {voice: Kore}}\n",  # `version: 1` above braces would be no YAML
        "version: 1\nagent:\n  greeting: 'open\n",
        "version: 1\nagent:\n  live: {temperature: 3}\n",
        "version: 1\nagent:\n  voice: ${PRACTICE}\n",  # what the environment says is not the file's
    ],
)
def test_what_is_in_doubt_stays(text: str) -> None:
    assert examine(text)
    assert mended(text) == Mended(text)


def _gallery() -> list[Path]:
    return sorted(_GALLERY.glob("*.yaml"))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("path", _gallery(), ids=[path.stem for path in _gallery()])
def test_mending_twice_is_mending_once_and_touches_only_what_is_told(path: Path, line_end: str) -> None:
    text = path.read_text("utf-8").replace("\n", line_end)
    once = mended(text)
    assert mended(once.text).fixed == ()
    lines = {one.span.line for one in once.fixed}
    added = sum(one.problem.code == "LG105" for one in once.fixed)
    before, after = text.splitlines(keepends=True), once.text.splitlines(keepends=True)
    assert len(after) == len(before) + added
    for tag, start, end, _, _ in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "replace":
            assert set(range(start + 1, end + 1)) <= lines | {line - 1 for line in lines}
    if line_end == "\r\n":
        assert once.text.count("\n") - once.text.count("\r\n") == added


def test_a_byte_order_mark_stays() -> None:
    assert (
        mended("\ufeffversion: 1\nagent: {voice: kore}\n").text == "\ufeffversion: 1\nagent: {voice: Kore}\n"
    )


def test_only_the_codes_asked_for() -> None:
    text = "agent: {voice: kore}\n"
    assert mended(text, MIGRATIONS).text == "version: 1\nagent: {voice: kore}\n"


class Gain(Processor):
    """A box whose options have a history."""

    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(like="audio")

    def __init__(
        self,
        *,
        level: Annotated[float, Range(0, 10), Renamed("volume", "0.2"), Renamed("gain", "0.3")] = 1.0,
        boost: Annotated[bool, Deprecated("set level to 2", "0.3")] = False,
    ) -> None:
        self.level = level

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame


@pytest.fixture
def _gain() -> object:
    registry.register("gain", Gain)
    yield None
    registry.unregister("gain")


@pytest.mark.usefixtures("_gain")
def test_a_former_name_works_warns_and_is_renamed() -> None:
    text = "version: 1\npipeline:\n  - webrtc_in\n  - gain: {volume: 2} # loud\n  - webrtc_out\n"
    report = check_text(text, file="agent.yaml", environ={})
    [found] = report.diagnostics
    assert (found.problem.code, found.severity, found.span.column) == ("LG210", "warning", 12)
    assert report.agent is not None
    assert report.agent.graph.nodes["gain"].options == {"level": 2.0}
    assert mended(text, MIGRATIONS).text == text.replace("volume", "level")


@pytest.mark.usefixtures("_gain")
def test_both_names_are_one_too_many() -> None:
    text = "version: 1\npipeline:\n  - webrtc_in\n  - gain: {gain: 2, level: 3}\n  - webrtc_out\n"
    assert [(one.problem.code, one.span.column) for one in examine(text)] == [("LG109", 12)]


@pytest.mark.usefixtures("_gain")
def test_faults_of_a_value_under_a_former_name_have_their_place() -> None:
    text = "version: 1\npipeline:\n  - webrtc_in\n  - gain: {volume: 20}\n  - webrtc_out\n"
    assert [(one.problem.code, one.span.column) for one in examine(text)] == [("LG210", 12), ("LG203", 20)]


@pytest.mark.usefixtures("_gain")
def test_deprecated_options_work_and_warn() -> None:
    text = "version: 1\npipeline:\n  - webrtc_in\n  - gain: {boost: true}\n  - webrtc_out\n"
    report = check_text(text, file="agent.yaml", environ={})
    [found] = report.diagnostics
    assert (found.problem.code, found.problem.hint, found.severity) == ("LG211", "set level to 2", "warning")
    assert report.agent is not None
    assert mended(text) == Mended(text)


def test_a_file_is_replaced_at_once_with_its_rights(tmp_path: Path) -> None:
    path, link = tmp_path / "agent.yaml", tmp_path / "link.yaml"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write(link, "new\r\n")
    assert link.is_symlink()
    assert path.read_bytes() == b"new\r\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(one.name for one in tmp_path.iterdir()) == ["agent.yaml", "link.yaml"]


@given(
    st.lists(st.text("ab\r\n\u2028\x85é", max_size=12), max_size=6).map("".join),
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 8), st.integers(0, 3), st.text("XY", max_size=2))),
)
def test_changes_overlap_or_lie_outside_without_harm(
    text: str, wishes: list[tuple[int, int, int, str]]
) -> None:
    """Whatever is asked for, what no change covers is still there, in order."""
    lines = text.count("\n") + 1
    edits = [
        Edit(Span(min(line, lines), column, min(line, lines), column + width), new)
        for line, column, width, new in wishes
        if line <= 1  # the first line is there in any text
    ]
    changed = apply(text, edits)
    kept = changed.replace("X", "").replace("Y", "")
    rest = iter(text)
    assert all(character in rest for character in kept)
