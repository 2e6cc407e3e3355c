"""The verbs that serve: the address is printed when somebody answers there, and Ctrl-C ends all cleanly."""

import asyncio
import json
import re
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCSessionDescription
from websockets.asyncio.client import connect

from livegraph.pipeline import Graph
from livegraph.processors.app import AppIn, AppOut
from livegraph.processors.gemini_live import GeminiLive
from support.command import Running, livegraph, running
from support.webrtc import Caller


def fetch(url: str, body: object = None) -> Any:
    """JSON from an address, after a POST of JSON when there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


async def call(page: str, caller: Caller) -> None:
    """Call the default agent and wait until it is ready."""
    offer = {"sdp": await caller.offer(), "type": "offer"}
    answer = await asyncio.to_thread(fetch, f"{page}api/offer", offer)
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    async with asyncio.timeout(20):
        while not caller.messages:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_run_serves_and_ends_its_calls(number: signal.Signals, code: int) -> None:
    """A call to the default agent reaches the local simulator; at the signal the caller is told, and all ends."""

    async def talk(command: Running) -> tuple[int, str, str]:
        page = command.word_with("http://")
        caller = Caller()
        await call(page, caller)
        assert caller.messages[0] == {
            "type": "ready",
            "version": 1,
            "agent": "voice_agent",
            "live": "local simulator",
            "report": "full",
        }
        assert await asyncio.to_thread(fetch, f"{page}healthz") == {"status": "ok"}
        command.send(number)
        ended = await asyncio.to_thread(command.ended)
        async with asyncio.timeout(30):
            while caller.messages[-1] != {"type": "end", "reason": "shutdown"}:
                await asyncio.sleep(0.02)
        await caller.hang_up()
        return ended

    with running(
        "run",
        "voice_agent",
        "receptionist",
        "--port",
        "0",
        "--max-calls",
        "2",
        "--drain",
        "0s",
        until="Ctrl-C",
    ) as command:
        text = "".join(command.printed)
        assert "Page    http://127.0.0.1:" in text
        assert re.search(r"^  Media   UDP and TCP port \d+$", text, re.MULTILINE)
        assert "voice_agent (Voice agent)" in text
        assert "receptionist (Receptionist)" in text
        assert "Model   local simulator (no key needed)" in text
        page = command.word_with("http://")
        assert [agent["name"] for agent in fetch(f"{page}api/agents")["agents"]] == [
            "voice_agent",
            "receptionist",
        ]
        with urllib.request.urlopen(page, timeout=20) as reply:
            assert b"livegraph" in reply.read()
        returned, out, err = asyncio.run(talk(command))
    assert returned == code
    assert out.strip() == ""
    assert "Ending calls" in err
    assert "Traceback" not in err
    assert "rror" not in err


@pytest.mark.parametrize(
    ("number", "served"),
    [(signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGINT, ("--workers", "1"))],
    ids=["Ctrl-C", "SIGTERM", "workers"],
)
def test_who_calls_by_a_socket_is_told_that_the_server_ends(
    number: signal.Signals, served: tuple[str, ...]
) -> None:
    """Their sockets are not closed by the web server before their calls have ended."""

    async def run(page: str, command: Running) -> tuple[list[Any], int | None]:
        told: list[Any] = []
        async with connect(page.replace("http:", "ws:") + "ws") as caller:
            await caller.send('{"type": "hello"}')
            async with asyncio.timeout(30):
                async for message in caller:
                    if isinstance(message, str):
                        told.append(json.loads(message))
                        if told[-1]["type"] == "ready":
                            command.send(number)
            return told, caller.close_code

    with running(
        "run", "echo", "--port", "0", "--drain", "0s", *served, until="Ctrl-C", within_s=120
    ) as command:
        told, code = asyncio.run(run(command.word_with("http://"), command))
        command.ended()
    assert told[-1] == {"type": "end", "reason": "shutdown"}
    assert code == 1000


def test_run_with_a_key_says_so() -> None:
    """With a key the same command talks to Google, and names the variable, never the key."""
    key = "AIza" + "x" * 35
    with running("run", "--port", "0", until="Ctrl-C", GEMINI_API_KEY=key) as command:
        text = "".join(command.printed)
        assert "Model   Google (key from GEMINI_API_KEY)" in text
        command.send(signal.SIGINT)
        returned, out, err = command.ended()
    assert returned == 130
    assert key not in text + out + err


def test_run_without_a_model() -> None:
    """`echo` needs no simulator; --live local makes a key of no account."""
    with running("run", "echo", "--port", "0", until="Ctrl-C") as command:
        assert "Model   no model" in "".join(command.printed)
    with running("run", "--port", "0", "--live", "local", until="Ctrl-C", GOOGLE_API_KEY="secret") as command:
        assert "local simulator" in "".join(command.printed)


def test_a_port_in_use() -> None:
    """Said before anything is loaded, with what helps."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for verb in (("run", "echo"), ("simulate",)):
            done = livegraph(*verb, "--port", port)
            assert done.returncode == 1
            assert f"port {port} on 127.0.0.1 is in use" in done.stderr
            assert "--port" in done.stderr
            assert "Traceback" not in done.stderr
            assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("transcribe_file",), 78, "it has no webrtc_in"),
        (("echo", "echo"), 78, "two agents are called `echo`"),
        (("nobody",), 2, "there is no agent `nobody`"),
        (("-",), 2, "an agent is not read from standard input"),
        (("voice_agent", "--live", "google"), 78, "set GEMINI_API_KEY"),
        (("echo", "--allow-origin", "example.org"), 2, "is no origin"),
        (("echo", "--max-calls", "0"), 2, "--max-calls"),
        (("echo", "--host", "192.0.2.77"), 2, "nobody is asked who they are"),
        (("echo", "--open", "--host", "192.0.2.77"), 1, "no address of this machine"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], code: int, words: str) -> None:
    """Each has its exit code and its words, and nothing was started for it."""
    done = livegraph("run", "--port", "0", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_faulty_script_of_the_simulator(tmp_path: Path) -> None:
    """Is a fault of configuration, with its place; for `simulate --brain` as well. One that is not there is a slip of
    the keyboard, as everywhere."""
    brain = tmp_path / "brain.yaml"
    brain.write_text("version: 1\nrules:\n  - hear: hello\n    sya: hi\n", "utf-8")
    agent = tmp_path / "agent.yaml"
    agent.write_text("version: 1\nagent: {instructions: Hi}\nsimulator: {brain: brain.yaml}\n", "utf-8")
    for arguments in (("run", agent, "--port", "0"), ("simulate", "--brain", brain, "--port", "0")):
        done = livegraph(*arguments)
        assert done.returncode == 78, done.stderr
        assert "brain.yaml:4:5" in done.stderr
        assert "Traceback" not in done.stderr
    assert livegraph("simulate", "--brain", tmp_path / "nothing.yaml").returncode == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_simulate(number: signal.Signals, code: int) -> None:
    """Its address is one that a graph can talk to; the signal ends it."""

    async def talk(url: str) -> str:
        graph = Graph("talk")
        graph.add("mic", AppIn, rate=16_000)
        graph.add("live", GeminiLive, endpoint="local", url=url, greeting="Good morning.")
        graph.add("words", AppOut)
        graph.connect("mic.audio", "live.audio")
        graph.connect("live.transcript", "words")
        async with graph.plan().call() as call, asyncio.timeout(20):
            async for frame in call.processor("words", AppOut):
                if "morning" in getattr(frame, "text", ""):
                    return "heard"
        return ""

    with running("simulate", "--port", "0", until="ws://") as command:
        assert command.printed[-1].strip() == command.word_with("ws://127.0.0.1:")
        assert asyncio.run(talk(command.word_with("ws://"))) == "heard"
        command.send(number)
        returned, _, err = command.ended()
    assert returned == code
    assert "Traceback" not in err
