"""Tools in whole calls, as `livegraph test` runs them: fillers, confirmation, state, and where a fault is."""

from pathlib import Path

import numpy as np

from livegraph.audio.wav import write_wav
from support.command import livegraph as run

TOOLS = '''
import asyncio
from pathlib import Path

from livegraph.processors.tools import Filler, ToolContext, tool

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


@tool(filler="One moment, please: I leaf through the whole diary, page by page.")
async def leaf() -> str:
    """Leaf."""
    await asyncio.sleep(3)
    return "a free hour"


@tool(filler=Filler(sound=Path(__file__).with_name("keys.wav")))
async def type_it() -> str:
    """Type."""
    await asyncio.sleep(2)
    return "typed"


@tool()
async def read(call: ToolContext) -> str:
    """Read."""
    call.say("There are two more pages to go.")
    await asyncio.sleep(3)
    return "all read"


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
  - {hear: leaf through, call: {tool: leaf, args: {}}, say_result: "I have {result}."}
  - {hear: type now, call: {tool: type_it, args: {}}, say_result: "It is {result}."}
  - {hear: read now, call: {tool: read, args: {}}, say_result: "Now {result}."}
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
  - name: a sentence that fills the silence ends with the answer
    feed:
      - {text: leaf through, after: {transcript: {role: agent}}, wait: 8s}
    expect:
      - tool_finished: leaf
        name: known
      - transcript: {role: agent, contains: One moment, interrupted: true}
        within: 1500ms
        since: known
      - transcript: {role: agent, contains: a free hour, interrupted: false}
  - name: so does a sound
    feed:
      - {text: type now, after: {transcript: {role: agent}}, wait: 500ms}
    expect:
      - tool_finished: type_it
        name: known
      - transcript: {role: agent, contains: typed, interrupted: false}
        within: 2500ms
        since: known
  - name: what a tool says itself is said to its end
    feed:
      - {text: read now, after: {transcript: {role: agent}}, wait: 500ms}
    expect:
      - tool_finished: read
      - transcript: {role: agent, contains: two more pages to go, interrupted: false}
      - transcript: {role: agent, contains: all read, interrupted: false}
  - name: a crash says where it is
    feed:
      - {text: fail now, after: {transcript: {role: agent}}, wait: 500ms}
    expect:
      - tool_finished: {name: fail, ok: true}
        within: 3s
"""


def test_tools_do_in_a_call_what_is_said_of_them(tmp_path: Path) -> None:
    write_wav(tmp_path / "keys.wav", np.full(8_000, 1_000, np.int16), 16_000)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "tools.brain.yaml").write_text(BRAIN)
    (tmp_path / "agent.yaml").write_text(AGENT)
    done = run("test", str(tmp_path / "agent.yaml"))
    said = done.stdout + done.stderr
    for name in (
        "it fills the silence",
        "what a module keeps is of one test",
        "it asks first",
        "a sentence that fills the silence ends with the answer",
        "so does a sound",
        "what a tool says itself is said to its end",
    ):
        assert f"ok    {name}" in said, said
    line = TOOLS[: TOOLS.index("raise ValueError")].count("\n") + 1
    assert f"ValueError: the diary is upside down (tools.py:{line}, in fail)" in said
