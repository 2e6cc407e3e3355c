"""Tools in whole calls, as `livegraph test` runs them: fillers, confirmation, state, and where a fault is."""

from pathlib import Path

from support.command import livegraph as run

TOOLS = '''
import asyncio

from livegraph.processors.tools import tool

_asked = 0


@tool(filler="One moment, please.")
async def look() -> str:
    """Look."""
    global _asked
    _asked += 1
    await asyncio.sleep(4)
    return f"seen {_asked}"


@tool(confirm="Shall I book it?")
def book() -> str:
    """Book."""
    return "done"


def fail() -> None:
    """Fail."""
    raise ValueError("the diary is upside down")
'''

BRAIN = """
version: 1
greeting: Hello!
rules:
  - {hear: look it up, call: {tool: look, args: {}}, say_result: "I have {result}."}
  - {hear: book it, call: {tool: book, args: {}}, say_result: "It is {result}.", say_error: Shall I book it?}
  - {hear: yes please, call: {tool: book, args: {}}, say_result: "It is {result}."}
  - {hear: fail now, call: {tool: fail, args: {}}, say_error: That went wrong.}
fallback: What?
"""

AGENT = """
version: 1
agent:
  greeting: Hello!
  tools: [./tools.py]
simulator: {brain: ./tools.brain.yaml}
tests:
  - name: it fills the silence
    feed: &ask
      - {text: look it up, after: {transcript: {role: agent}}, wait: 500ms}
    expect: &seen
      - tool_called: look
      - transcript: {role: agent, contains: One moment}
      - tool_finished: {name: look, ok: true, result: {output: seen 1}}
      - transcript: {role: agent, contains: seen 1}
  - name: what a module keeps is of one test
    feed: *ask
    expect: *seen
  - name: it asks first
    feed:
      - {text: book it, after: {transcript: {role: agent}}, wait: 500ms}
      - {text: yes please, after: {transcript: {role: agent, contains: Shall}}, wait: 500ms}
    expect:
      - tool_finished: {name: book, outcome: unconfirmed}
      - confirmed: {name: book, agreed: true}
      - tool_finished: {name: book, ok: true}
      - transcript: {role: agent, contains: done}
  - name: a crash says where it is
    feed:
      - {text: fail now, after: {transcript: {role: agent}}, wait: 500ms}
    expect:
      - tool_finished: {name: fail, ok: true}
        within: 3s
"""


def test_tools_do_in_a_call_what_is_said_of_them(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "tools.brain.yaml").write_text(BRAIN)
    (tmp_path / "agent.yaml").write_text(AGENT)
    done = run("test", str(tmp_path / "agent.yaml"))
    said = done.stdout + done.stderr
    for name in ("it fills the silence", "what a module keeps is of one test", "it asks first"):
        assert f"ok    {name}" in said, said
    assert "ValueError: the diary is upside down (tools.py:26, in fail)" in said
