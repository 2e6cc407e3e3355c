"""What somebody else has written (a caller, a service, a file) tells the operator's terminal nothing, in any verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from livegraph.cli.app import app
from livegraph.cli.output import json_text
from livegraph.cli.terminal import Terminal
from livegraph.cli.verbs.operate import _screen
from livegraph.server.logs import UNSAFE

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u2028error: forged\u202e\x85\rgone"
AGENT = f"version: 1\nname: desk\ntitle: {json.dumps('Desk ' + EVIL)}\nagent: {{tools: [./evil_tools.py]}}\n"
TOOLS = f'''
def look_up(word: str) -> str:
    """Look it up."""
    return {EVIL!r}

look_up.__doc__ = {"Look it up. " + EVIL!r}
'''


def tell(*arguments: object) -> tuple[int, str]:
    """A verb's code, and all that it says."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def assert_plain(said: str) -> None:
    assert not UNSAFE.search(said.replace("\n", "").replace("\t", "")), repr(said)
    assert "\nerror: forged" not in said


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(json_values, st.sampled_from([None, 2]))
def test_results_for_programs_say_the_same_in_plain_text(value: Any, indent: int | None) -> None:
    """Whatever is in them; halves of characters too, which no stream takes."""
    told = json_text(value, indent=indent)
    assert json.loads(told) == value
    assert not UNSAFE.search(told.replace("\n", ""))
    if indent is None:
        assert len(told.splitlines()) == 1


def test_letters_are_themselves() -> None:
    assert json_text({"text": "Grüße, 世界 👋🏽"}) == '{"text": "Grüße, 世界 👋🏽"}'


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("verb", ["tools", "check", "explain", "graph"])
def test_words_of_a_file_are_text(verb: str, form: tuple[str, ...], tmp_path: Path) -> None:
    """Titles, and what tools say of themselves."""
    (tmp_path / "desk.yaml").write_text(AGENT)
    (tmp_path / "evil_tools.py").write_text(TOOLS)
    code, said = tell(verb, tmp_path / "desk.yaml", *form)
    assert code == 0, said
    assert_plain(said)


@pytest.mark.parametrize("name", [f"x{EVIL}.yaml", f"x{EVIL}"])
@pytest.mark.parametrize(
    "verb", ["run", "call", "chat", "graph", "explain", "check", "test", "tools", "migrate"]
)
def test_names_on_the_command_line_are_text(verb: str, name: str) -> None:
    """A script may have taken them from anywhere."""
    code, said = tell(verb, name)
    assert code != 0
    assert_plain(said)


def test_errors_and_warnings_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    """What a server answered, what a file holds."""
    terminal = Terminal()
    terminal.error(EVIL, EVIL)
    terminal.warn(EVIL)
    assert_plain(capsys.readouterr().err)


def test_what_top_shows_is_text() -> None:
    """Callers give their names, agents those of their boxes."""
    call = {
        **{"id": f"call-1{EVIL}", "agent": EVIL, "identity": EVIL, "address": EVIL, "transport": EVIL},
        "state": "running",
    }
    node = {"node": EVIL, "box": EVIL, "state": EVIL}
    counts = dict.fromkeys(("busy_ms", "waiting", "waiting_ms", "dropped"), 0)
    edge = {"edge": EVIL, **dict.fromkeys(("passed", "dropped", "stale", "held", "high_water"), 0)}
    whole = {**call, "nodes": [{**node, **counts}], "edges": [edge]}
    head = {"status": "ok", "calls": 1, "max_calls": 2, "pending": 0, "loop_busy": 0.1, "loop_lag_ms": 1.0}
    assert_plain(_screen({**head, "one": whole}))
    assert_plain(_screen({**head, "list": [call]}))
