"""`livegraph tools`: what the model sees of every kind, and one call by hand."""

import json
from pathlib import Path

import pytest

from support.command import livegraph as run

TOOLS = '''
from livegraph.processors.tools import ToolContext, tool


def opening_hours(day: str = "") -> str:
    """Tell when it is open.

    Args:
        day: the day of the week.
    """
    return f"from 8 to 18 on {day}"


@tool(confirm=True)
def book(call: ToolContext, day: str) -> str:
    """Book."""
    return f"booked for {call.identity} on {day}"


def fail() -> None:
    """Fail."""
    raise ValueError("no")
'''

AGENT = """
version: 1
agent:
  tools:
    - ./tools.py
    - {http: "GET https://api.example.com/tables/{table}", name: find_table, description: Find a table.}
"""


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """An agent with tools of two kinds."""
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "agent.yaml").write_text(AGENT)
    return tmp_path / "agent.yaml"


def test_tools_are_listed_with_their_schemas(agent: Path) -> None:
    done = run("tools", str(agent))
    assert done.returncode == 0, done.stderr
    assert (
        "opening_hours  (python)" in done.stdout
        and "day (string, optional): the day of the week." in done.stdout
    )
    assert "book  (python, confirm)" in done.stdout
    assert "find_table  (http, service api.example.com)" in done.stdout
    listed = json.loads(run("tools", str(agent), "--json").stdout)
    assert [one["name"] for one in listed] == ["opening_hours", "book", "fail", "find_table"]
    assert listed[3]["parameters"]["required"] == ["table"]


def test_one_is_called_by_hand(agent: Path) -> None:
    done = run("tools", str(agent), "opening_hours", "--args", '{"day": "Friday"}')
    assert json.loads(done.stdout) == {"output": "from 8 to 18 on Friday"} and "answered after" in done.stderr
    done = run("tools", str(agent), "book", "--args", '{"day": "Friday"}')
    assert done.returncode == 1 and "has not agreed" in done.stdout
    done = run("tools", str(agent), "book", "--args", '{"day": "Friday"}', "--confirmed", "--identity", "ada")
    assert json.loads(done.stdout) == {"output": "booked for ada on Friday"}
    done = run("tools", str(agent), "fail")
    assert done.returncode == 1 and "crashed" in done.stderr


def test_what_one_persona_alone_may_use_is_listed_as_hers_and_called(agent: Path) -> None:
    agent.write_text(
        "version: 1\nagent:\n  tools:\n    - {python: ./tools.py:opening_hours, allow: {agents: [billing]}}\n"
        "agents:\n  desk: {instructions: x, hand_over: [billing]}\n"
        "  billing: {instructions: y, tools: [./tools.py:fail]}\n"
    )
    done = run("tools", str(agent))
    assert "opening_hours  (python, for billing)" in done.stdout
    assert "fail  (python, for billing)" in done.stdout
    done = run("tools", str(agent), "opening_hours", "--args", '{"day": "Friday"}')
    assert json.loads(done.stdout) == {"output": "from 8 to 18 on Friday"}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["nothing"], "there is no tool 'nothing'"),
        (["book", "--args", "{"], "is no JSON"),
        (["book", "--args", "1"], "no JSON object"),
    ],
)
def test_a_wrong_word_says_what_there_is(agent: Path, more: list[str], told: str) -> None:
    done = run("tools", str(agent), *more)
    assert done.returncode == 2 and told in done.stderr
