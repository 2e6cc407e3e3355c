"""``livegraph help``: what the command and each of its verbs take."""

from __future__ import annotations

import json

import click
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from livegraph.cli.app import app

VERBS = sorted(get_command(app).commands)  # type: ignore[attr-defined]


def tell(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, click.unstyle(done.stdout), click.unstyle(done.stderr)


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_it_is_what_the_option_says(verb: str) -> None:
    """Word for word, of the whole and of every verb."""
    words = [verb] if verb else []
    code, out, err = tell("help", *words)
    assert (code, err) == (0, "")
    assert out.split() == tell(*words, "--help")[1].replace("Usage: root", "Usage: livegraph").split()


@pytest.mark.parametrize("verb", VERBS)
def test_programs_can_read_it(verb: str) -> None:
    """Every option and argument with its words."""
    _, out, _ = tell("help", verb, "--json")
    told = json.loads(out)
    assert told["verb"] == verb and told["help"]
    assert all(each["help"] for each in (*told["options"], *told["arguments"]))
    assert verb in json.loads(tell("help", "--json")[1])["verbs"]


@pytest.mark.parametrize("word", ["chek", "rn", "halp", "nonsense"])
def test_a_verb_that_there_is_not_is_2(word: str) -> None:
    """As it is without `help`, with the nearest one."""
    for arguments in (("help", word), (word,), ("help", word, "--json")):
        code, out, err = tell(*arguments)
        assert (code, out) == (2, "")
        assert word in err
        assert ("Did you mean" in err) == (word != "nonsense")
