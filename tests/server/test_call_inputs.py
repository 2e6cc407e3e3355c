"""What callers bring along: checked before anything is made for the call, then in the agent's texts."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from livegraph.language import parse_agent
from livegraph.server.calls import ServedAgent
from support.web import serving
from support.webrtc import Caller

BOX = """
from typing import Annotated

from livegraph.pipeline import AudioFrame, In, Out, Processor
from livegraph.pipeline.events import Transcript
from livegraph.pipeline.options import PerCall

heard = []


class Greeter(Processor):
    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(like="audio")

    def __init__(self, *, text: Annotated[str, PerCall()] = "") -> None:
        heard.append(text)

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        return frame
"""
AGENT = """
version: 1
name: desk
inputs:
  caller: {max_length: 20, doc: who calls}
  age: {type: integer, default: 0}
pipeline:
  - webrtc_in
  - ./box.py:Greeter: {text: "Hello {{inputs.caller}} ({{inputs.age}})"}
  - webrtc_out
"""


@pytest.fixture
def served(tmp_path: Path) -> ServedAgent:
    (tmp_path / "box.py").write_text(BOX)
    return ServedAgent("desk", parse_agent(AGENT, base_dir=tmp_path, environ={}).plan())


def test_inputs_of_an_offer_reach_the_call(served: ServedAgent) -> None:
    async def run() -> None:
        async with serving([served]) as web:
            listed = (await web.ask("GET", "/api/agents")).json["agents"][0]["inputs"]
            assert [(one["name"], one["type"], one["required"]) for one in listed] == [
                ("caller", "text", True),
                ("age", "integer", False),
            ]
            caller = Caller()
            await web.call(caller, inputs={"caller": "Ada", "age": 36})
            box: Any = served.plan._checked.nodes["greeter"].processor
            module = __import__("sys").modules[box.__module__]
            assert module.heard[-1] == "Hello Ada (36)"
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        (None, "bad_inputs"),
        ({}, "bad_inputs"),
        ({"caller": "x" * 21}, "bad_inputs"),
        ({"caller": "Ada", "age": "old"}, "bad_inputs"),
        ({"caller": "Ada", "other": 1}, "bad_inputs"),
        ({"caller": ["Ada"]}, "bad_request"),
        ([], "bad_request"),
    ],
)
def test_wrong_inputs_are_refused_before_the_call(served: ServedAgent, inputs: object, code: str) -> None:
    async def run() -> None:
        async with serving([served]) as web:
            reply = await web.offer("v=0", inputs=inputs)
            assert (reply.status, reply.error) == (400, code)
            assert web.desk.active == 0

    asyncio.run(run())
