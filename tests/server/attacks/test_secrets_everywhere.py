"""A marked secret in every place that takes one, and every place that anything leaves by: it is in none of them."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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
from livegraph.server.tracing import Tracing
from livegraph.server.wall_clock import unix_seconds
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from support.command import environment, livegraph
from support.web import serving
from support.webrtc import Caller

MARK = "PLANTED-d41d8cd98f"
KEY = f"AIza{MARK}-key"
TOKEN = f"auth_tokens/{MARK}"

GOOGLE = """
version: 1
pipeline:
  - webrtc_in
  - gemini_live: {endpoint: google, url: "ws://127.0.0.1:9", api_key: "${PLANTED_KEY}", instructions: Be brief.}
  - webrtc_out
"""
EPHEMERAL = GOOGLE.replace("api_key", "token").replace("PLANTED_KEY", "PLANTED_TOKEN")
LOCAL = GOOGLE.replace("endpoint: google", "endpoint: local")
NEAR = (
    GOOGLE.replace('endpoint: google, url: "ws://127.0.0.1:9"', "endpoint: local")
    + "record: ./kept/{{call.id}}.flac\n"
)
BROKEN = GOOGLE.replace("instructions: Be brief.", "instructions: Be brief., temperature: 17, nonsense: 1")
MISPLACED = GOOGLE.replace("endpoint: google", "endpoint: ${PLANTED_KEY}")

AGENTS = {
    "google": GOOGLE,
    "ephemeral": EPHEMERAL,
    "local": LOCAL,
    "near": NEAR,
    "broken": BROKEN,
    "misplaced": MISPLACED,
}
QUICK = [
    ("explain",),
    ("explain", "--json"),
    ("graph",),
    ("graph", "--json"),
    ("graph", "--format", "mermaid"),
    ("graph", "--format", "svg"),
    ("check",),
    ("check", "--json"),
    ("check", "--format", "github"),
    ("test", "--json"),
    ("migrate", "--json"),
]
"""They only look."""
SLOW = [
    ("google", "chat", "--json", "--log-format", "json", "--log-level", "debug"),
    ("ephemeral", "call", "--in", "in.wav", "--out", "out.wav", "--debug", "--record", "wire"),
    ("google", "check", "--env"),
    ("near", "call", "--in", "in.wav", "--out", "out.wav", "--json", "--debug", "--record", "wire"),
]
"""They go to the network."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Agents that hold secrets by the environment, and a recording to call them with."""
    import numpy as np

    from support.speech import write_wav

    for name, text in AGENTS.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    write_wav(tmp_path / "in.wav", np.zeros(16_000, np.int16), 16_000)
    return tmp_path


@pytest.fixture
def levels() -> Iterator[None]:
    """What a command in this process sets for its log is set back."""
    known = [logging.getLogger(name) for name in ("", "livegraph", "httpx", "websockets")]
    before = [logger.level for logger in known]
    yield
    for logger, level in zip(known, before, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("verb", QUICK, ids=" ".join)
def test_no_command_shows_a_key(folder: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in its result nor in what it says, whatever is wrong with the file."""
    monkeypatch.chdir(folder)
    for variable, secret in (("PLANTED_KEY", KEY), ("PLANTED_TOKEN", TOKEN), ("GEMINI_API_KEY", f"{KEY}-2")):
        monkeypatch.setenv(variable, secret)
    word, *options = verb
    for name in AGENTS:
        done = CliRunner().invoke(app, [word, f"{name}.yaml", *options])
        assert MARK not in done.output, done.output


@pytest.mark.parametrize("verb", SLOW, ids=" ".join)
def test_nothing_that_talks_to_a_model_shows_a_key(
    folder: Path, verb: tuple[str, ...], levels: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in its result, nor in what it says, logs or writes, when it is refused."""
    name, word, *options = verb
    keys = {"PLANTED_KEY": KEY, "PLANTED_TOKEN": TOKEN, "GEMINI_API_KEY": f"{KEY}-2"}
    if word == "chat":
        # It reads from the terminal itself.
        by_itself = livegraph(word, f"{name}.yaml", *options, cwd=folder, **keys)
        said = by_itself.stdout + by_itself.stderr
    else:
        monkeypatch.chdir(folder)
        for variable, key in keys.items():
            monkeypatch.setenv(variable, key)
        said = CliRunner().invoke(app, [word, f"{name}.yaml", *options]).output
    assert said
    assert MARK not in said, said
    for path in folder.rglob("*"):
        if path.is_file():
            assert MARK.encode() not in path.read_bytes(), path


def test_a_call_that_is_answered_recorded_traced_and_tapped_shows_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In traces with contents, records, metrics, what operators are told, every tap, pages, errors and messages."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    monkeypatch.setenv("PLANTED_KEY", KEY)
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    token = f"token-{MARK}"
    known = TokenFile({digest(token): Grant(identity="ada", report="full")})
    agent = load_agent(folder / "near.yaml")
    left: list[str] = []

    async def run() -> None:
        async with Simulator(ears=NoEars(), voice=TonesVoice(), time_scale=0.1) as simulator:
            served = ServedAgent.of(agent, resources={LiveConnector: simulator.connector()})
            async with serving(
                [served],
                authorize=by_tokens(
                    lambda: known, Tickets(f"secret-{MARK}-0123456789".encode(), unix_seconds)
                ),
                turn=TurnService(["turn:relay.example:3478"], f"relay-{MARK}".encode(), unix_seconds),
                tracing=Tracing(provider, contents=True),
            ) as web:
                caller = Caller(hertz=None)
                body = {"sdp": await caller.offer(), "type": "offer"}
                key = {"Authorization": f"Bearer {token}"}
                reply = await web.send_json("POST", "/api/offer", body, **key)
                left.append(f"{reply.body!r} {reply.headers}")
                await caller.pc.setRemoteDescription(RTCSessionDescription(reply.json["sdp"], "answer"))
                async with asyncio.timeout(30):
                    while not any(message["type"] == "ready" for message in caller.messages):
                        await asyncio.sleep(0.01)
                admin = make_admin_app(web.desk)
                transport = httpx.ASGITransport(app=admin)
                async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as operator:
                    (call,) = web.desk.calls()
                    shown = (await operator.get(f"/calls/{call['id']}")).json()
                    taps = [
                        asyncio.create_task(operator.get(f"/calls/{call['id']}/tap/{one['port']}?sound=true"))
                        for one in shown["outputs"]
                    ]
                    await asyncio.sleep(0.2)
                    caller.say(type="text", text="hello")
                    async with asyncio.timeout(30):
                        while not any(message.get("state") == "speaking" for message in caller.messages):
                            await asyncio.sleep(0.01)
                    for path in (
                        "/calls",
                        "/calls/none",
                        "/metrics",
                        "/healthz",
                        "/readyz",
                        "/calls/x/tap/y",
                    ):
                        left.append((await operator.get(path)).text)
                    left.append(json.dumps(shown))
                    await caller.hang_up()
                    await web.until_free()
                    tapped = [reply.text for reply in await asyncio.gather(*taps)]
                assert any('"type":"audio"' in text for text in tapped) and all(
                    "end" in text for text in tapped
                )
                left.extend(tapped)
                left.append(json.dumps(caller.messages))

    with caplog.at_level(logging.DEBUG, logger="livegraph"):
        asyncio.run(run())
    spans = exporter.get_finished_spans()
    assert spans
    left.extend(span.to_json() for span in spans)
    kept = list((folder / "kept").iterdir())
    assert {path.suffix for path in kept} == {".flac", ".jsonl"}
    assert MARK not in "\n".join(left)
    assert MARK not in caplog.text
    for path in kept:
        assert MARK.encode() not in path.read_bytes(), path


def test_doctor_says_by_which_variable_and_not_what_is_in_it(
    levels: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is enough."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert "GEMINI_API_KEY" in done.stdout and MARK not in done.output


def test_a_server_shows_no_file_of_secrets_that_it_was_given(
    tmp_path: Path, levels: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that is too short, a token file that is malformed, a key that is none: the fault is told without it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(MARK)
    (tmp_path / "tokens.yaml").write_text(f"tokens:\n  ada: {{token: {MARK}}}\n  bob: {MARK}\n")
    (tmp_path / "cert.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{MARK}\n-----END CERTIFICATE-----\n")
    for options in (
        ("--ticket-secret-file", "secret"),
        ("--tokens", "tokens.yaml"),
        ("--ssl-certfile", "cert.pem", "--ssl-keyfile", "cert.pem"),
        ("--turn", "turn:relay.example", "--turn-secret-file", "secret", "--port", "70000"),
    ):
        done = CliRunner().invoke(app, ["run", "echo", "--port", "0", "--debug", *options])
        assert isinstance(done.exception, SystemExit), options
        assert MARK not in done.output, options


def test_a_ticket_is_all_that_is_printed_of_a_secret(tmp_path: Path) -> None:
    """Not the secret that it is signed with."""
    (tmp_path / "secret").write_text(f"{MARK}-{MARK}-long-enough-for-it")
    done = livegraph("ticket", "ada", "--secret-file", "secret", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["ticket"]
    assert MARK not in done.stdout + done.stderr


def test_libraries_that_tell_what_they_send_are_quiet_at_debug() -> None:
    """A key in an address or a head that a tool asks with is in no line, though everything is logged."""
    script = f"""
import logging, httpx
from livegraph.cli.terminal import Terminal
Terminal(debug=True)
logging.getLogger("somebody.else").debug("heard")
answer = httpx.MockTransport(lambda request: httpx.Response(200))
with httpx.Client(transport=answer) as client:
    client.get("https://api.example/?key={MARK}", headers={{"Authorization": "Bearer {MARK}"}})
for name in ("httpcore.http11", "websockets.client", "urllib3.connectionpool"):
    logging.getLogger(name).debug("> authorization: %s", "{MARK}")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
        env=environment({}),
    )
    assert "heard" in done.stderr
    assert MARK not in done.stderr
