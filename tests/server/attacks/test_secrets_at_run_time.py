"""Keys of services that a call uses, which fail in every way while it runs: what leaves has none of them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiortc import RTCSessionDescription
from typer.testing import CliRunner

from livegraph.cli.app import app
from livegraph.language import load_agent
from livegraph.processors.gemini_live import LiveConnector
from livegraph.server import make_admin_app
from livegraph.server.access import Grant, Tickets
from livegraph.server.access.token_file import TokenFile, digest
from livegraph.server.access.turn import TurnService
from livegraph.server.calls import ServedAgent
from livegraph.server.gate import by_tokens
from livegraph.server.logs import JsonFormatter
from livegraph.server.tracing import Tracing
from livegraph.server.wall_clock import unix_seconds
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from livegraph.testing.brains import brain_of
from support.eventually import eventually
from support.web import Web, serving
from support.webrtc import Caller

MARK = "PLANTED-a1b2c3d4e5"
"""In every key."""
SAID = "SPOKEN-f6a7b8c9d0"
"""In what an exception says, which the operator's log alone may tell."""
TOKEN = f"token-{MARK}"
KEY = {"Authorization": f"Bearer {TOKEN}"}
AGENT = """
version: 1
simulator: {brain: ./agent.brain.yaml}
agent:
  instructions: Be brief.
  tools:
    - http: GET ${SERVICE}/things/{what}
      name: look
      description: Look a thing up.
      private: [127.0.0.1]
      retries: 0
      headers: {X-One: "${HEADER}"}
      query: {q: "${WORD}"}
    - {python: ./tools.py, isolation: process}
    - mcp: [python, ./gone.py, "${WORD}"]
      env: {ONE: "${HEADER}"}
record:
  path: ./kept/{{call.id}}.flac
  upload: {command: [sh, -c, "exit 3", "${WORD}"]}
"""
FORGETFUL = """
version: 1
agent: {instructions: Be brief.}
memory: {url: "${DATABASE}", key: ada}
"""
"""Its call ends before it has begun: the database is not there."""
TOOLS = f'''
import os

def die() -> str:
    """Die of it."""
    os._exit(3)

def fail() -> str:
    """Fail at it."""
    raise RuntimeError("cannot reach {SAID}")
'''
GONE = "import os, sys\nprint(os.environ['ONE'], sys.argv, file=sys.stderr)\nsys.exit(os.environ['ONE'])\n"
BRAIN = """
version: 1
rules:
  - {hear: look it up, call: {tool: look, args: {what: thing}}, say_result: Done., say_error: It did not work.}
  - {hear: die of it, call: {tool: die}, say_result: Done., say_error: It did not work.}
  - {hear: fail at it, call: {tool: fail}, say_result: Done., say_error: It did not work.}
fallback: Go on.
"""


@asynccontextmanager
async def echoing_service() -> AsyncIterator[str]:
    """One that fails, and sends back all that it was asked with; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = json.dumps({"error": {"message": f"I was asked {head}"}}).encode()
        writer.write(
            b"HTTP/1.1 500 No\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agent whose services hold keys that its environment has, by names that do not say so."""
    monkeypatch.setenv("HEADER", f"Bearer {MARK}")
    monkeypatch.setenv("WORD", f"--api-key={MARK}")
    monkeypatch.setenv("DATABASE", f"postgresql://bob:{MARK}@127.0.0.1:9/x")
    monkeypatch.setenv("SERVICE", "http://127.0.0.1:9")
    for name, text in (
        ("agent.yaml", AGENT),
        ("forgetful.yaml", FORGETFUL),
        ("tools.py", TOOLS),
        ("gone.py", GONE),
        ("agent.brain.yaml", BRAIN),
    ):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it."""

    async def found() -> bool:
        return condition()

    await eventually(found, what, 60)


def answered(told: list[Any], number: int) -> bool:
    """Whether so many tools have."""
    return number == sum(message["type"] == "tool_result" for message in told)


async def called(web: Web, agent: str, left: list[str]) -> Caller:
    """Somebody who calls this agent."""
    caller = Caller(hertz=None)
    offer = {"sdp": await caller.offer(), "type": "offer", "agent": agent}
    answer = await web.send_json("POST", "/api/offer", offer, **KEY)
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer.json["sdp"], "answer"))
    left.append(f"{answer.body!r} {answer.headers}")
    return caller


async def failed(web: Web, left: list[str]) -> list[Any]:
    """What the caller of an agent is told that cannot begin."""
    caller = await called(web, "forgetful", left)
    await until(lambda: any(message["type"] == "end" for message in caller.messages), "end")
    await caller.hang_up()
    await web.until_free()
    return caller.messages


async def spoken(web: Web, left: list[str]) -> list[Any]:
    """A call in which each tool is used, looked into from all sides; what its caller was told."""
    caller = await called(web, "agent", left)
    for path in ("/", "/api/agents", "/api/config", "/api/nothing", "/metrics", "/readyz"):
        reply = await web.ask("GET", path, headers=KEY)
        left.append(f"{reply.body!r} {reply.headers}")
    told = caller.messages
    await until(lambda: any(message["type"] == "ready" for message in told), "call")
    transport = httpx.ASGITransport(app=make_admin_app(web.desk))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as operator:
        (call,) = web.desk.calls()
        shown = (await operator.get(f"/calls/{call['id']}")).json()
        taps = [
            asyncio.create_task(operator.get(f"/calls/{call['id']}/tap/{one['port']}"))
            for one in shown["outputs"]
        ]
        for number, text in enumerate(("look it up", "die of it", "fail at it"), 1):
            caller.say(type="text", text=text)
            await until(
                partial(answered, told, number),
                f"answer to {text!r}",
            )
        for path in ("/calls", f"/calls/{call['id']}", "/calls/none", "/metrics", "/healthz"):
            left.append((await operator.get(path)).text)
        await caller.hang_up()
        await web.until_free()
        left += [reply.text for reply in await asyncio.gather(*taps)]
    return told


def test_services_that_fail_give_no_key_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that sends back what it was asked, one that dies with its keys on its lips, a database, a hook."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    known = TokenFile({digest(TOKEN): Grant(identity="ada", report="full")})
    tickets = Tickets(f"secret-{MARK}-0123456789".encode(), unix_seconds)
    relay = TurnService(["turn:relay.example:3478"], f"relay-{MARK}".encode(), unix_seconds)
    left: list[str] = []

    async def run() -> list[Any]:
        async with echoing_service() as url:
            monkeypatch.setenv("SERVICE", url)
            agent = load_agent(folder / "agent.yaml")
            simulator = Simulator(script=brain_of(agent), ears=NoEars(), voice=TonesVoice(), time_scale=0.1)
            async with simulator:
                live = {LiveConnector: simulator.connector()}
                async with serving(
                    [
                        ServedAgent.of(one, resources=live)
                        for one in (agent, load_agent(folder / "forgetful.yaml"))
                    ],
                    authorize=by_tokens(lambda: known, tickets),
                    turn=relay,
                    tracing=Tracing(provider, contents=True),
                ) as web:
                    left.append(json.dumps(ended := await failed(web, left)))
                    assert any(message["type"] == "error" for message in ended)
                    return await spoken(web, left)

    with caplog.at_level(logging.DEBUG, logger="livegraph"):
        told = asyncio.run(run())
    results = {message["name"]: message for message in told if message["type"] == "tool_result"}
    assert set(results) == {"look", "die", "fail"} and not any(one["ok"] for one in results.values())
    assert "[secret]" in json.dumps(results["look"]["result"])
    spans = exporter.get_finished_spans()
    assert {span.name for span in spans} >= {"execute_tool look", "execute_tool fail"}
    left += [json.dumps(told), *(span.to_json() for span in spans)]
    kept = [path for path in (folder / "kept").iterdir() if path.is_file()]
    assert kept
    left += [path.read_bytes().decode("latin-1") for path in kept]
    logged = [JsonFormatter().format(record) for record in caplog.records] + [caplog.text]
    for text in left:
        assert MARK not in text and SAID not in text, text[:2_000]
    for text in logged:
        assert MARK not in text, text[:2_000]
    # They were there to be told.
    assert "is down (" in caplog.text and "not uploaded" in caplog.text


@pytest.mark.parametrize(
    "verb",
    [("explain",), ("graph", "--json"), ("check", "--env"), ("tools",), ("doctor", "--json")],
    ids=" ".join,
)
def test_no_verb_that_looks_at_it_shows_one(
    folder: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is asked whether the services are there."""
    monkeypatch.chdir(folder)
    word, *options = verb
    agent = [] if word == "doctor" else ["agent.yaml"]
    done = CliRunner().invoke(app, [word, *agent, *options])
    assert done.output
    assert MARK not in done.output + done.stderr
