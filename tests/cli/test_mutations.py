"""Right files with one thing made wrong: check never fails itself, and never passes over a name that does not exist."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.language import Report, check_text, render, to_data
from livegraph.language.diagnostics import Edit, Span
from livegraph.language.edits import apply
from livegraph.language.fixing import mend
from livegraph.language.source import parse_document

_FOLDER = Path(tempfile.mkdtemp(prefix="mutations_"))
(_FOLDER / "tools.py").write_text('def hours() -> str:\n    """When."""\n    return "always"\n')
(_FOLDER / "talk.wav").write_bytes(b"RIFF")
(_FOLDER / "prompt.md").write_text("You are brief.\n")

_AGENT = """\
version: 1
title: Front desk
inputs:
  caller: {type: text, max_length: 40, default: a guest}
agent:
  instructions: {include: ./prompt.md}
  greeting: Hello {{inputs.caller}}!
  voice: Kore
  model: gemini-3.8-live
  vad: {threshold: 0.6, mode: report, pre_roll: 200ms}
  tools: [./tools.py]
  tool_router: {timeout: 5s, max_parallel: 4}
  live: {temperature: 0.5, google_search: true, seed: 3}
edges:
  gemini_live.out -> webrtc_out.audio: {max_duration: 60s, when_full: block}
turns: {confirm: 300ms, barge_in: true}
profiles:
  night: {agent: {voice: Puck}}
"""

_LINE = """\
version: 1
pipeline:
  - webrtc_in
  - use: vad_gate
    as: gate
    threshold: 0.4
    detector: energy
    on_error: restart
  - gemini_live: {voice: Puck, input_transcription: true}
  - tool_router:
      tools: [./tools.py]
  - {use: webrtc_out, from: gemini_live.out}
"""

_GRAPH = """\
version: 1
templates:
  front:
    params: {threshold: {type: number, default: 0.5}}
    ports: {in: gate.audio, out: gate.out, speech: gate.speech}
    nodes:
      gate: {use: vad_gate, threshold: "${params.threshold}"}
nodes:
  talk: {use: file_in, path: talk.wav, pace: fast, tail_silence: 1.5s}
  ears: {use: front, from: talk, threshold: 0.7}
  live: {use: gemini_live, from: [ears.out, ears.speech], voice: Kore}
  tools: {use: tool_router, from: live.tool_calls, to: live.tool_results, tools: [./tools.py]}
  log: {use: transcript_log, from: live.transcript}
  out: {use: webrtc_out, from: live.audio}
edges:
  live.out -> out.audio: {max_frames: 50, when_full: drop_oldest}
"""

_FILES = (_AGENT, _LINE, _GRAPH)
_NAMES = (
    "use",
    "from",
    "to",
    "on_error",
    "voice",
    "mode",
    "detector",
    "pace",
    "when_full",
    "include",
    "path",
)
"""Keys whose values name something."""


def look_at(text: str) -> Report:
    report = check_text(text, base_dir=_FOLDER, file="agent.yaml", environ={})
    assert (report.agent is None) == bool(report.errors)
    render(report.diagnostics)
    to_data(report.diagnostics)
    return report


_DEFINED: tuple[tuple[str | int, ...], ...] = (
    ("profiles", "night"),
    ("templates", "front", "ports", "in"),
    ("nodes", "tools"),
    ("nodes", "log"),
)
"""What gets a name here that nothing else mentions."""


@dataclass(frozen=True)
class Word:
    """A key, or a value on one line, and where it stands."""

    path: tuple[str | int, ...]
    key: bool
    span: Span
    text: str

    @property
    def names_something(self) -> bool:
        """Whether nothing else could stand here without being told elsewhere too."""
        last = next(step for step in reversed(self.path) if isinstance(step, str))
        if self.key:
            return self.path not in _DEFINED
        return last in (*_NAMES, "tools") or ("." in self.text and last in ("in", "out", "speech"))


def words(text: str) -> list[Word]:
    document = parse_document(text)
    assert not document.faults
    found: list[Word] = []
    for path, marks in document.marks.items():
        for key, span in ((True, marks.key), (False, marks.value)):
            if span is None or span.line != span.end_line or (not key and marks.collection):
                continue
            written = document.lines[span.line - 1][span.column - 1 : span.end_column - 1]
            if written and path:
                found.append(Word(path, key, span, written))
    return found


_WORDS = [(text, word) for text in _FILES for word in words(text)]


@pytest.mark.parametrize("text", _FILES)
def test_the_files_are_right(text: str) -> None:
    assert render(look_at(text).diagnostics) == ""


@pytest.mark.parametrize(
    ("text", "word"),
    _WORDS,
    ids=[f"{_FILES.index(text)}-{word.span.line}-{word.text}" for text, word in _WORDS],
)
def test_a_misspelt_name_never_passes(text: str, word: Word) -> None:
    """Every key, and every value that names something, with a letter too many and with one too few."""
    if not word.names_something:
        pytest.skip("anything may stand here")
    letters = [index for index, letter in enumerate(word.text) if letter.isalpha()]
    for index in (letters[0], letters[len(letters) // 2], letters[-1]):
        for wrong in (
            word.text[:index] + "q" + word.text[index:],
            word.text[:index] + word.text[index + 1 :],
        ):
            report = look_at(apply(text, [Edit(word.span, wrong)]))
            assert report.diagnostics, f"{word.text} -> {wrong}"


_odd = st.sampled_from(
    [
        "",
        "null",
        "no",
        "012",
        "12:30",
        "-1",
        "1e999",
        "[]",
        "{}",
        "[a, b]",
        "{a: b}",
        "x y",
        "'",
        '"',
        "|",
        "*a",
        "${A}",
        "${",
        "{{inputs.caller}}",
        "{{",
        "${params.threshold}",
        "true",
        "3",
        "0.5s",
        "../x",
        "a.b",
        "a -> b",
        "\t",
        "é",
        "- a",
    ]
)


@given(st.sampled_from(_WORDS), _odd)
@settings(max_examples=300)
def test_anything_else_in_the_place_of_one_thing(at: tuple[str, Word], other: str) -> None:
    text, word = at
    look_at(apply(text, [Edit(word.span, other)]))


@given(st.sampled_from(_FILES), st.data())
@settings(max_examples=200)
def test_lines_that_are_taken_away_doubled_or_indented_otherwise(text: str, data: st.DataObject) -> None:
    lines = text.splitlines(keepends=True)
    number = data.draw(st.integers(1, len(lines) - 1))
    what = data.draw(st.sampled_from(["remove", "double", "indent", "dedent", "swap"]))
    line = lines[number]
    changed = {"remove": "", "double": line * 2, "indent": f" {line}", "dedent": line.removeprefix(" ")}
    if what == "swap":
        lines[number - 1 : number + 1] = reversed(lines[number - 1 : number + 1])
    else:
        lines[number] = changed[what]
    report = look_at("".join(lines))
    if what == "double" and not line.lstrip().startswith("-"):
        assert report.errors


@given(st.sampled_from(_FILES), st.data())
@settings(max_examples=100)
def test_texts_cut_off_anywhere(text: str, data: st.DataObject) -> None:
    look_at(text[: data.draw(st.integers(0, len(text)))])


@given(st.sampled_from(_WORDS), st.data())
@settings(max_examples=60)
def test_what_was_mended_needs_no_mending(at: tuple[str, Word], data: st.DataObject) -> None:
    text, word = at
    index = data.draw(st.integers(0, len(word.text) - 1))
    wrong = apply(text, [Edit(word.span, word.text[:index] + "x" + word.text[index + 1 :])])

    once = mend(wrong, "agent.yaml", lambda tried: look_at(tried).diagnostics)
    assert mend(once.text, "agent.yaml", lambda tried: look_at(tried).diagnostics).fixed == ()
