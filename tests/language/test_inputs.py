"""What a caller brings along goes into declared texts, when a call starts, and is checked before."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.language import Report, check_text, parse_agent
from livegraph.pipeline import ConfigError
from livegraph.pipeline.convert.scalars import CallText
from livegraph.pipeline.graph.call_files import CallFacts
from livegraph.pipeline.graph.inputs import InputSpec, fill_call_texts, input_values

AGENT = """
version: 1
inputs:
  caller: {type: text, max_length: 10, default: guest}
  age: {type: integer, range: [0, 150]}
agent:
  instructions: "Speak with {{inputs.caller}}, {{ inputs.age }} years."
  greeting: "Hi {{inputs.caller}}"
"""


def read(text: str, **environ: str) -> Report:
    return check_text(text, environ=environ)


def places(report: Report) -> list[tuple[str, int, int]]:
    return [(found.problem.code, found.span.line, found.span.column) for found in report.diagnostics]


def texts(agent_text: str, **inputs: Any) -> tuple[str, str]:
    agent = parse_agent(agent_text, environ={})
    plan = agent.plan()
    plan.call(inputs=inputs)
    values, problems = input_values(agent.inputs, inputs)
    assert not problems
    options = fill_call_texts(plan._checked, CallFacts("c", 0, inputs=values)).nodes["gemini_live"].options
    return options["instructions"], options["greeting"]


def test_a_call_fills_them_in() -> None:
    assert texts(AGENT, caller="Ada", age=36) == ("Speak with Ada, 36 years.", "Hi Ada")
    assert texts(AGENT, age=1) == ("Speak with guest, 1 years.", "Hi guest")


def test_what_a_caller_brings_is_never_read_as_a_reference() -> None:
    text = AGENT.replace("max_length: 10", "max_length: 100")
    assert texts(text, caller="{{inputs.age}}", age=1)[1] == "Hi {{inputs.age}}"
    assert texts(text, caller="${HOME}", age=1)[1] == "Hi ${HOME}"


@pytest.mark.parametrize(
    ("inputs", "codes"),
    [
        ({}, ["LG177"]),
        ({"age": 3, "nmae": "x"}, ["LG176"]),
        ({"age": "3"}, ["LG202"]),
        ({"age": True}, ["LG202"]),
        ({"age": 151}, ["LG203"]),
        ({"age": 3, "caller": "x" * 11}, ["LG178"]),
        ({"age": 3, "caller": 3}, ["LG202"]),
        ({"age": 3, "caller": "a\x00b"}, ["LG178"]),
        ({"age": 3, "caller": None}, ["LG202"]),
        ({"age": -1, "caller": "x" * 11, "z": 1}, ["LG176", "LG178", "LG203"]),
    ],
)
def test_a_call_with_wrong_inputs_does_not_start(inputs: dict[str, Any], codes: list[str]) -> None:
    plan = parse_agent(AGENT, environ={}).plan()
    with pytest.raises(ConfigError) as raised:
        plan.call(inputs=inputs)
    assert sorted(problem.code for problem in raised.value.problems) == codes


def test_text_of_a_command_line_becomes_what_is_declared() -> None:
    specs = {"n": InputSpec("integer"), "b": InputSpec("boolean"), "t": InputSpec()}
    assert input_values(specs, {"n": "3", "b": "true", "t": "3"}, from_text=True) == (
        {"n": 3, "b": True, "t": "3"},
        [],
    )
    assert [
        problem.code for problem in input_values(specs, {"n": "x", "b": "no", "t": ""}, from_text=True)[1]
    ] == [
        "LG202",
        "LG202",
    ]


def test_patterns_and_choices() -> None:
    specs = {"p": InputSpec(pattern="[A-Z]{2}"), "c": InputSpec(choices=("red", "blue"))}
    assert not input_values(specs, {"p": "AB", "c": "red"})[1]
    problems = input_values(specs, {"p": "ABC", "c": "rde"})[1]
    assert [problem.code for problem in problems] == ["LG178", "LG178"]
    assert "did you mean `red`?" in problems[1].hint


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("{{inputs.caller}}, ", "{{inputs.caler}}, ", ("LG171", 7, 29)),
        ("{{inputs.caller}}, ", "{{inputs.}}, ", ("LG174", 7, 29)),
        ("{{inputs.caller}}, ", "${X} {{inputs.caller}}, ", ("LG173", 7, 17)),
        ('greeting: "Hi', 'voice: "{{inputs.caller}}"\n  greeting: "Hi', ("LG172", 8, 10)),
        ("version: 1", 'version: 1\ntitle: "{{inputs.caller}}"', ("LG172", 3, 8)),
        ("type: integer", "type: int", ("LG206", 5, 15)),
        ("max_length: 10", "max_length: 0", ("LG203", 4, 36)),
        ("max_length: 10", "pattern: '['", ("LG170", 4, 33)),
        ("max_length: 10", "range: [0, 1]", ("LG170", 4, 24)),
        ("default: guest", "default: 'much too long'", ("LG178", 4, 49)),
        ("default: guest", "defalt: guest", ("LG201", 4, 40)),
        ("  age: {", "  a ge: {", ("LG107", 5, 3)),
        ("inputs:\n", "inputs: []\nturns:\n", ("LG102", 3, 1)),
    ],
)
def test_faults_of_a_file(before: str, after: str, expected: tuple[str, int, int]) -> None:
    assert expected in places(read(AGENT.replace(before, after, 1), X="y"))


def test_warnings() -> None:
    unused = AGENT.replace("{{ inputs.age }}", "some")
    assert places(read(unused)) == [("LG175", 5, 3)]
    plain = AGENT.replace('"Hi {{inputs.caller}}"', '"Hi {{caller}}"')
    assert places(read(plain)) == [("LG174", 8, 17)]
    assert read(plain).agents


def test_a_text_of_the_environment_is_no_text_of_the_file() -> None:
    """Whoever sets a variable cannot make it refer to what a caller brings along."""
    agent = parse_agent(
        "version: 1\ninputs: {a: {default: x}}\nagent: {instructions: '${X}', greeting: '{{inputs.a}}'}\n",
        environ={"X": "{{inputs.a}}"},
    )
    options = agent.graph.nodes["gemini_live"].options
    assert options["instructions"] == "{{inputs.a}}"
    assert not isinstance(options["instructions"], CallText)
    assert isinstance(options["greeting"], CallText)


@given(st.text(alphabet="{} inputs.a$", max_size=30), st.text(max_size=10))
def test_no_text_breaks_it(text: str, value: str) -> None:
    filled = CallText(text).filled({"a": value, "s": value, "inputs": value})
    assert isinstance(filled, str)
