"""At the end of a drain the agent says goodbye to whoever is still there, and then the call ends."""

import asyncio

from livegraph.language import parse_agent
from livegraph.processors.gemini_live import LiveConnector
from livegraph.server import ServedAgent
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.web import serving
from support.webrtc import Caller

BRAIN = parse_brain(
    """
version: 1
rules:
  - hear: the line will be closed
    say: We have to stop here. Goodbye.
fallback: [I heard you.]
"""
)
AGENT = "version: 1\npipeline: [webrtc_in, gemini_live, webrtc_out]\n"


def test_the_agent_says_goodbye() -> None:
    """It is told in words that the caller neither hears nor sees; the caller hears it out before the end comes."""

    async def run() -> list[dict[str, object]]:
        async with Simulator(script=BRAIN, ears=NoEars(), voice=TonesVoice(), time_scale=0.2) as simulator:
            agent = parse_agent(AGENT, file="desk.yaml")
            served = ServedAgent.of(agent, resources={LiveConnector: simulator.connector()}, live="simulator")
            async with serving([served]) as web:
                caller = Caller(None)
                await web.call(caller)
                async with asyncio.timeout(20):
                    while not caller.messages:
                        await asyncio.sleep(0.01)
                assert await web.desk.drain(0.1) == 1
                async with asyncio.timeout(20):
                    while caller.messages[-1]["type"] != "end":
                        await asyncio.sleep(0.01)
                await caller.hang_up()
                return list(caller.messages)

    messages = asyncio.run(run())
    assert messages[-1] == {"type": "end", "reason": "shutdown"}
    said = [message for message in messages if message["type"] == "transcript"]
    assert {message["role"] for message in said} == {"agent"}
    assert "Goodbye" in str(said[-1]["text"])
    assert "line will be closed" not in str(messages)
