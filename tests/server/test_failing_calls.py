"""Calls that go wrong: the caller is told why, the cause is logged once with the node's name, nothing is left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from livegraph.pipeline import AudioFrame, Graph, In, Out, Processor
from livegraph.processors.gemini_live import GeminiLive, LiveConnector
from livegraph.processors.gemini_live.connect import WebSocketConnector
from livegraph.processors.tools.router import ToolRouter
from livegraph.server.calls import ServedAgent
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.relay import Relay, relaying
from support.web import Web, serving
from support.webrtc import Caller


class Broken(Processor):
    """Fails at the first sound, or when it starts."""

    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(like="audio")

    def __init__(self, *, at_start: bool = False) -> None:
        self._at_start = at_start

    async def start(self) -> None:
        if self._at_start:
            raise RuntimeError("no start today")

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        raise RuntimeError("cannot bear it")


def broken(*, at_start: bool) -> ServedAgent:
    """An agent with a box that fails."""
    graph = Graph("broken")
    graph.add("mic", WebRTCIn)
    graph.add("gain", Broken, at_start=at_start)
    graph.add("ear", WebRTCOut)
    graph.chain("mic", "gain", "ear")
    return ServedAgent("broken", graph.plan())


def live_agent(connector: LiveConnector, *tools: Callable[..., Any]) -> ServedAgent:
    """An agent with a model behind ``connector``."""
    graph = Graph("agent")
    graph.add("mic", WebRTCIn)
    graph.add("live", GeminiLive)
    graph.add("tools", ToolRouter, tools=list(tools), timeout=200_000_000)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "live")
    graph.connect("mic.text", "live.text")
    graph.connect("live.tool_calls", "tools")
    graph.connect("tools", "live.tool_results")
    graph.connect("live.out", "ear")
    return ServedAgent("agent", graph.plan(), live=connector.label, resources={LiveConnector: connector})


def named(name: str, agent: ServedAgent) -> ServedAgent:
    """The same under another name."""
    return replace(agent, name=name)


def through(relay: Relay) -> LiveConnector:
    """A way to the simulator that can be cut."""
    return WebSocketConnector(f"ws://127.0.0.1:{relay.port}", "local simulator")


BRAIN = parse_brain(
    """
version: 1
rules:
  - hear: break it
    call: break_it
    say_error: "It failed: {error}."
  - hear: hang
    call: hang
    say_error: "It failed: {error}."
  - hear: are you there
    say: I am here.
"""
)


def break_it() -> str:
    """Break it."""
    raise RuntimeError("a secret of the house")


async def hang() -> str:
    """Hang."""
    await asyncio.sleep(3_600)
    return "never"


async def until(caller: Caller, kind: str, **fields: object) -> dict[str, Any]:
    """The first message of this type with these fields."""
    try:
        async with asyncio.timeout(10):
            while True:
                for message in caller.messages:
                    if message["type"] == kind and all(
                        message.get(key) == value for key, value in fields.items()
                    ):
                        return message
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"no {kind} {fields} in {caller.messages}") from None


async def told_and_gone(web: Web, caller: Caller) -> None:
    """The page is told that the call is over, hangs up, and the line is free."""
    await until(caller, "end", reason="failed")
    await caller.hang_up()
    await web.until_free()


@pytest.mark.parametrize("at_start", [False, True], ids=["while it runs", "at its start"])
def test_a_processor_that_raises(at_start: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The page gets a sentence of ours and a number, then the end; the log has the cause once, and the number."""
    numbers = []

    async def run() -> None:
        async with no_tasks_left(), serving([broken(at_start=at_start)]) as web:
            caller = Caller()
            await web.call(caller)
            error = await until(caller, "error")
            assert error["node"] == "gain"
            assert error["code"] == ("agent_did_not_start" if at_start else "agent_failed")
            assert not any(word in str(caller.messages) for word in ("no start today", "cannot bear it"))
            numbers.append(error["id"])
            await told_and_gone(web, caller)
            assert [message["type"] for message in caller.messages].count("error") == 1
            text = (await web.ask("GET", "/metrics")).body.decode()
            assert 'livegraph_calls_failed_total{agent="broken",node="gain"} 1.0' in text

    with caplog.at_level(logging.WARNING, "livegraph"):
        asyncio.run(run())
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "gain" in record.getMessage()
    assert [numbers[0] in record.getMessage() for record in caplog.records].count(True) == 1


def test_a_page_whose_channel_opens_late_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The channel needs round trips of its own behind the sound; the line is kept until the words are on their way."""

    async def run() -> None:
        async with no_tasks_left(), serving([broken(at_start=True)]) as web:
            caller = Caller(hertz=None)
            sctp = caller.pc.sctp
            assert sctp is not None
            start = sctp.start

            async def late(*given: Any) -> None:
                await asyncio.sleep(1.4)
                await start(*given)

            monkeypatch.setattr(sctp, "start", late)
            await web.call(caller)
            await told_and_gone(web, caller)

    asyncio.run(run())


@asynccontextmanager
async def refusing() -> AsyncIterator[LiveConnector]:
    """Leads to a server that lets nobody in."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield WebSocketConnector(f"ws://127.0.0.1:{port}", "a closed house")


def test_a_live_connection_that_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """The model's server says no: the call ends, and the page knows which node could not go on."""

    async def run() -> None:
        async with (
            no_tasks_left(),
            refusing() as connector,
            serving([live_agent(connector, break_it)]) as web,
        ):
            caller = Caller()
            await web.call(caller)
            error = await until(caller, "error")
            assert error["node"] == "live"
            assert error["message"]
            await told_and_gone(web, caller)

    with caplog.at_level(logging.WARNING, "livegraph"):
        asyncio.run(run())
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert "live" in errors[0]


@pytest.mark.parametrize(("word", "expected"), [("break it", "RuntimeError"), ("hang", "200ms")])
def test_a_tool_that_fails(word: str, expected: str, caplog: pytest.LogCaptureFixture) -> None:
    """A tool that raises or hangs is told to the page and to the model, and logged once; the call goes on."""

    async def run() -> None:
        async with (
            no_tasks_left(),
            Simulator(script=BRAIN, ears=NoEars(), voice=TonesVoice(), time_scale=0.1) as simulator,
            serving([live_agent(simulator.connector(), break_it, hang)]) as web,
        ):
            caller = Caller()
            pc_id = await web.call(caller)
            await until(caller, "ready", live="local simulator")
            caller.say(type="text", text=word)
            called = await until(caller, "tool_call", name=word.replace(" ", "_"))
            assert called["args"] == {}
            result = await until(caller, "tool_result", id=called["id"])
            assert result["ok"] is False
            assert expected in str(result["result"])
            assert "secret" not in str(result["result"])
            assert result["duration_ms"] >= 0
            caller.say(type="text", text="are you there?")
            await until(caller, "transcript", role="agent", text="I am here.", final=True)
            await web.ask("DELETE", f"/api/offer/{pc_id}")
            await caller.hang_up()

    with caplog.at_level(logging.WARNING, "livegraph"):
        asyncio.run(run())
    # A loop that a busy machine held up is told as well; that is not about the tool.
    (record,) = [record for record in caplog.records if record.name == "livegraph.node"]
    assert record.getMessage().startswith("tools")


@pytest.mark.leaks
def test_fifty_failing_calls_leave_nothing() -> None:
    """Boxes that raise, models that are not there or drop out, tools that fail, callers that vanish: all is back."""

    async def fail(web: Web, relay: Relay, agent: str, number: int) -> None:
        caller = Caller(hertz=440 if number % 2 else None)
        await web.call(caller, agent=agent)
        if agent == "agent":
            await until(caller, "ready")
            caller.say(type="text", text=("break it", "hang")[number % 2])
            await until(caller, "tool_result", ok=False)
            caller.vanish()
        elif agent == "dropped":
            await until(caller, "ready")
            caller.say(type="text", text="are you there?")
            await until(caller, "state", state="speaking")
            relay.cut()
            caller.say(type="text", text="break it")
            await until(caller, "tool_result", ok=False)
        else:
            await until(caller, "end", reason="failed")
        await caller.hang_up()

    async def run() -> None:
        async with (
            no_tasks_left(settle_s=3),
            refusing() as nobody,
            Simulator(script=BRAIN, ears=NoEars(), voice=TonesVoice(), time_scale=0.1) as simulator,
            relaying(await simulator.serve()) as relay,
            serving(
                [
                    live_agent(simulator.connector(), break_it, hang),
                    broken(at_start=True),
                    named("refused", live_agent(nobody, break_it)),
                    named("dropped", live_agent(through(relay), break_it)),
                ],
                silence_ns=500_000_000,
            ) as web,
        ):
            for round_number in range(10):
                kinds = ("agent", "broken", "refused", "dropped", "agent")
                await asyncio.gather(
                    *(fail(web, relay, kind, round_number + at) for at, kind in enumerate(kinds))
                )
            await web.until_free()

    asyncio.run(run())
