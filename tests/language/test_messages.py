"""What a person sees: the place, one sentence, the line with carets under the fault, and what helps."""

import json

import pytest

from livegraph.language import Diagnostic, Role, Span, check_text, render, render_one, summary, to_data
from livegraph.pipeline import Problem


def rendered(text: str, **environ: str) -> str:
    return render(check_text(text, file="agent.yaml", environ=environ).diagnostics)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "version: 1\nagent:\n  vad:\n    treshold: 0.6\n",
            """\
agent.yaml:4:5: error LG201: unknown option `treshold` for `vad_gate`
  |
4 |     treshold: 0.6
  |     ^^^^^^^^
  = did you mean `threshold`? options: threshold, pre_roll, report""",
        ),
        (
            "version: 1\nagent: {voice: kore}\n",
            """\
agent.yaml:2:16: error LG206: `voice` must be `Kore` or `Puck`, not the text `kore`
  |
2 | agent: {voice: kore}
  |                ^^^^
  = did you mean `Kore`?""",
        ),
        (
            "version: 1\nagent:\n  vad: {pre_roll: 300}\n",
            """\
agent.yaml:3:19: error LG205: `pre_roll` takes a duration such as 200ms or 1.5s: `300` has no unit
  |
3 |   vad: {pre_roll: 300}
  |                   ^^^
  = write `300ms`""",
        ),
        (
            "version: 1\nagent:\n  vad: {pre_roll: 3s}\n",
            """\
agent.yaml:3:19: error LG203: `pre_roll` must be between 0s and 2s, not `3s`
  |
3 |   vad: {pre_roll: 3s}
  |                   ^^""",
        ),
        (
            "version: 1\nagent:\n  vad: {report: no}\n",
            """\
agent.yaml:3:17: error LG207: `report` takes true or false: `no` is text in YAML 1.2, not a boolean
  |
3 |   vad: {report: no}
  |                 ^^
  = write `false`""",
        ),
        (
            "version: 1\nagent:\n  greeting: 'Hello\n  voice: Kore\n",
            """\
agent.yaml:3:13: error LG007: this quote is not closed
  |
3 |   greeting: 'Hello
  |             ^
  = close it at the end of the text""",
        ),
        (
            "version: 1\nagent:\n\tvoice: Kore\n",
            """\
agent.yaml:3:1: error LG006: a tab cannot indent YAML
  |
3 | \tvoice: Kore
  | ^
  = use spaces""",
        ),
        (
            "version: 1\nagent:\n  instructions: ${PROMT}\n",
            """\
agent.yaml:3:17: error LG150: the environment variable `PROMT` is not set
  |
3 |   instructions: ${PROMT}
  |                 ^^^^^^^^
  = did you mean `PROMPT`?""",
        ),
        (
            "version: 1\nagent: {live: {seed: ${SEED}}}\n",
            """\
agent.yaml:2:23: error LG005: a bare `${` cannot stand inside of `{ }` or `[ ]`
  |
2 | agent: {live: {seed: ${SEED}}}
  |                       ^
  = put the value in quotes: "${NAME}\"""",
        ),
        (
            "version: 1\nagent:\n  live: {seed: '${PROMPT}'}\n",
            """\
agent.yaml:3:16: error LG202: `seed` takes a whole number, not the value of `${PROMPT}`
  |
3 |   live: {seed: '${PROMPT}'}
  |                ^^^^^^^^^^^""",
        ),
        (
            "version: 1\npipeline: [webrtc_in, stereo, webrtc_out]\n",
            """\
agent.yaml:2:31: error LG130: `webrtc_out.audio` can take AudioFrame from `stereo.left` or `stereo.right`
  |
2 | pipeline: [webrtc_in, stereo, webrtc_out]
  |                               ^^^^^^^^^^
  = say which with `from`, as in `from: stereo.left`, or name every edge in the graph form""",
        ),
        (
            "version: 1\nagent:\n  temperature: 1\n",
            """\
agent.yaml:3:3: error LG101: unknown key `temperature` below `agent`
  |
3 |   temperature: 1
  |   ^^^^^^^^^^^
  = it is an option of gemini_live: write `live: {temperature: ...}`""",
        ),
        (
            "",
            """\
agent.yaml:1:1: error LG004: the file is empty
  = begin with `version: 1`""",
        ),
    ],
)
def test_messages(text: str, message: str) -> None:
    assert rendered(text, PROMPT="hidden") == message


def test_a_key_in_the_file_is_shown_nowhere() -> None:
    """Neither under its own warning nor beside another fault of the same line."""
    key = "Zm9vYmFyLWJhei1xdXV4"
    text = f"version: 1\nagent:\n  live: {{api_key: {key}, seed: x}}\n"
    report = check_text(text, file="a.yaml", environ={})
    assert [found.problem.code for found in report.diagnostics] == ["LG208", "LG202"]
    assert key not in render(report.diagnostics) + json.dumps(to_data(report.diagnostics))
    assert "{api_key: ********************, seed: x}" in render(report.diagnostics)


def test_a_known_kind_of_key_is_hidden_even_where_no_key_belongs() -> None:
    key = "AIza" + "x" * 35
    assert key not in rendered(f"version: 1\nagent:\n  voice: [{key}]\n")


def test_carets_stand_under_wide_characters_and_tabs() -> None:
    """Columns count characters; carets count what they take on the screen."""
    line = "\t語: bad"
    diagnostic = Diagnostic("a.yaml", Span(1, 5, 1, 8), Problem("LG202", "wrong"), line)
    assert render_one(diagnostic).splitlines()[2:] == ["1 | \t語: bad", "  | \t    ^^^"]


def test_long_lines_are_shown_around_the_fault() -> None:
    line = "x" * 1000 + "bad" + "y" * 1000
    diagnostic = Diagnostic("a.yaml", Span(1, 1001, 1, 1004), Problem("LG202", "wrong"), line)
    shown, carets = render_one(diagnostic).splitlines()[2:]
    assert len(shown) < 200
    start = carets.index("^")
    assert shown[start : start + 3] == "bad"


def test_no_control_character_reaches_the_terminal() -> None:
    text = render_one(Diagnostic("a.yaml", Span(1, 1, 1, 2), Problem("LG003", "a\x1b[31mb\n"), "\x1b[2J"))
    assert "\x1b" not in text


def test_colours_are_the_callers() -> None:
    def paint(role: Role, text: str) -> str:
        return f"<{role}>{text}</>"

    text = render_one(
        Diagnostic("a.yaml", Span(2, 1, 2, 2), Problem("LG202", "wrong", hint="mend"), "x"), paint=paint
    )
    assert text.splitlines()[0] == ("<place>a.yaml:2:1:</> <error>error</> <code>LG202</>: <message>wrong</>")
    assert text.splitlines()[-1] == "<gutter>  =</> <hint>mend</>"


def test_the_summary_counts() -> None:
    error = Diagnostic("a.yaml", Span(1, 1, 1, 2), Problem("LG202", "wrong"))
    warning = Diagnostic("a.yaml", Span(1, 1, 1, 2), Problem("LG105", "old", warning=True))
    assert summary([]) == "no problems"
    assert summary([error, error, warning]) == "2 errors, 1 warning"


def test_programs_get_plain_data() -> None:
    report = check_text("version: 1\nagent: {voice: kore}\n", file="agent.yaml", environ={})
    assert json.loads(json.dumps(to_data(report.diagnostics))) == [
        {
            "file": "agent.yaml",
            "line": 2,
            "column": 16,
            "end_line": 2,
            "end_column": 20,
            "severity": "error",
            "code": "LG206",
            "message": "`voice` must be `Kore` or `Puck`, not the text `kore`",
            "hint": "did you mean `Kore`?",
            "path": ["agent", "voice"],
            "fix": {"line": 2, "column": 16, "end_line": 2, "end_column": 20, "text": "Kore"},
            "related": [],
        }
    ]
