"""The connection to the model breaks while a caller listens: the call goes on, in the same session."""

import asyncio
import logging
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline import Graph
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.processors.gemini_live.connect import WebSocketConnector
from livegraph.server.calls import ServedAgent
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.relay import relaying
from support.web import serving
from support.webrtc import RATE, Caller

QUESTION = (
    "Gladly. " + "We are open on all days of the week but on Sunday. " * 3 + "For which day shall it be?"
)

BRAIN = parse_brain(f"""
version: 1
use_tools: false
rules:
  - hear: book a table
    ask:
      day: {{say: {QUESTION!r}, kind: text}}
    say: "A table on {{day}}."
""")


def agent(url: str) -> ServedAgent:
    """A model behind ``url``, in a browser call."""
    graph = Graph("agent")
    graph.add("mic", WebRTCIn)
    graph.add("live", GeminiLive)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "live")
    graph.connect("mic.text", "live.text")
    graph.connect("live.out", "ear")
    return ServedAgent(
        "agent",
        graph.plan(),
        live="simulator",
        resources={LiveConnector: WebSocketConnector(url, "simulator")},
    )


def loud_s(caller: Caller) -> float:
    """How long there was sound in what the caller has heard."""
    pcm = caller.recent(1_000)
    windows = pcm[: len(pcm) // 960 * 960].reshape(-1, 960).astype(np.int32)
    return float(np.count_nonzero(np.abs(windows).max(axis=1, initial=0) > 300) * 960 / RATE)


async def until(caller: Caller, kind: str, **fields: object) -> dict[str, Any]:
    """The first message of this type with these fields."""
    async with asyncio.timeout(15):
        while True:
            for message in caller.messages:
                if message["type"] == kind and all(
                    message.get(key) == value for key, value in fields.items()
                ):
                    return message
            await asyncio.sleep(0.01)


def test_a_connection_lost_in_the_middle_of_a_question(caplog: pytest.LogCaptureFixture) -> None:
    """The caller hears to its end what had come, and nothing twice; what it says next is answered in the same session:
    the model still knows what it had asked. The loss is logged once, with the node's name."""

    async def run() -> None:
        async with (
            no_tasks_left(),
            Simulator(script=BRAIN, ears=NoEars(), voice=TonesVoice()) as simulator,
            relaying(await simulator.serve()) as relay,
            serving([agent(f"ws://127.0.0.1:{relay.port}")]) as web,
        ):
            caller = Caller(hertz=None)
            await web.call(caller)
            await until(caller, "ready")
            caller.say(type="text", text="book a table")
            async with asyncio.timeout(10):
                while loud_s(caller) < 0.5:
                    await asyncio.sleep(0.02)
            relay.cut()
            before_s = loud_s(caller)
            cut = await until(caller, "transcript", role="agent", final=True)
            assert len(cut["text"].split()) >= 2
            assert QUESTION.startswith(cut["text"])
            assert len(cut["text"]) < len(QUESTION)
            assert loud_s(caller) > before_s

            caller.say(type="text", text="Friday")
            await until(caller, "transcript", role="agent", text="A table on Friday.", final=True)
            assert relay.connections == 2
            assert not {message["type"] for message in caller.messages} & {"error", "end"}
            await caller.hang_up()
            await web.until_free()
            text = (await web.ask("GET", "/metrics")).body.decode()
            assert 'livegraph_calls_total{agent="agent",reason="hung_up"} 1.0' in text

    with caplog.at_level(logging.INFO, "livegraph"):
        asyncio.run(run())
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "live" in warning.getMessage()
    assert "lost" in warning.getMessage()
