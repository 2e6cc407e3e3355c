"""`${VAR}` in scalars: values from the environment never change the shape of a file and are never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.language.interpolate import interpolate
from livegraph.pipeline.convert.scalars import EnvText

ENVIRON = {"NAME": "Ada", "EMPTY": "", "NASTY": "]}: [${NAME}\n- x"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${NAME}", "Ada"),
        ("Hello ${NAME}!", "Hello Ada!"),
        ("${NAME}${NAME}", "AdaAda"),
        ("${EMPTY}", ""),
        ("${NONE:-there}", "there"),
        ("${EMPTY:-there}", "there"),
        ("${NAME:-there}", "Ada"),
        ("${NONE:-}", ""),
        ("${NONE:-${NAME}}", "Ada"),
        ("${NAME:-${NONE}}", "Ada"),
        ("${NONE:-a b:c}", "a b:c"),
        ("${NAME:?say it}", "Ada"),
        ("$${NAME}", "${NAME}"),
        ("a $$ {b} $NAME }", "a $$ {b} $NAME }"),
        ("${NASTY}", "]}: [${NAME}\n- x"),
    ],
)
def test_references(text: str, value: str) -> None:
    """As in a shell; what a variable holds is not read again."""
    assert interpolate({"a": [text]}, ENVIRON) == ({"a": [value]}, [])


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("${NONE}", "LG150", "the environment variable `NONE` is not set"),
        ("${NONE:?give me a key}", "LG150", "give me a key"),
        ("${EMPTY:?}", "LG150", "the environment variable `EMPTY` is not set"),
        ("${NONE:-${GONE}}", "LG150", "the environment variable `GONE` is not set"),
        ("${1X}", "LG151", "`${1X}` is not a reference to a variable"),
        ("${}", "LG151", "`${}` is not a reference to a variable"),
        ("${NAME-x}", "LG151", "`${NAME-x}` is not a reference to a variable"),
        ("${file:x}", "LG140", "no file can be read here: `x`"),
        ("${file:}", "LG151", "`${file:}` is not a reference to a variable"),
        ("${params.x}", "LG134", "`${params.x}` stands outside of a template"),
        ("${NAME", "LG151", "`${NAME` is not a reference to a variable"),
        ("${NAME:-x", "LG151", "a `${` is not closed with `}`"),
    ],
)
def test_faults_have_the_place_of_the_scalar(text: str, code: str, message: str) -> None:
    data, problems = interpolate({"a": ["ok", text]}, ENVIRON)
    assert [(problem.code, problem.message, problem.path) for problem in problems] == [
        (code, message, ("a", 1))
    ]
    assert data["a"][1].missing


def test_a_misspelt_variable_is_guessed() -> None:
    _, [problem] = interpolate("${GEMINI_API_KY}", {"GEMINI_API_KEY": "secret"})
    assert problem.hint == "did you mean `GEMINI_API_KEY`?"


def test_keys_and_other_scalars_are_left_alone() -> None:
    data = {"${NAME}": 1, "b": [True, None, 2.5]}
    assert interpolate(data, ENVIRON) == (data, [])


def test_a_value_shows_only_what_was_written() -> None:
    data, _ = interpolate("${NAME}", ENVIRON)
    assert isinstance(data, EnvText)
    assert "Ada" not in repr(data)


@given(st.text(alphabet="${}:-?AB x", max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever is written comes out as text, or with a problem."""
    value, problems = interpolate(text, {"A": "1"})
    assert isinstance(value, str)
    assert all(problem.code in ("LG134", "LG140", "LG150", "LG151") for problem in problems)
