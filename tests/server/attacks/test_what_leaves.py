"""Nothing leaves the process that was not meant to: secrets are planted, and all that comes out is searched."""

import asyncio
import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from livegraph.pipeline import AudioFrame, Graph, In, Out, Processor
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import (
    ConfigError,
    LivegraphError,
    Problem,
    ProcessorError,
    ServiceError,
    StalledError,
    StartError,
    TransportError,
)
from livegraph.pipeline.events import EventBus, NodeFailed, ToolCalled, ToolFinished, Transcript
from livegraph.processors.gemini_live.events import LiveThought
from livegraph.server.access import Grant, ReportLevel, Tickets, TokenFile, TurnService
from livegraph.server.access.token_file import digest
from livegraph.server.admin import make_admin_app
from livegraph.server.call_events import CallEvents
from livegraph.server.calls import ServedAgent
from livegraph.server.gate import by_tokens
from livegraph.server.logs import JsonFormatter, SafeFormatter, about, escaped
from livegraph.server.protocol import EndReason, FromServer, to_json
from livegraph.server.telling import told
from livegraph.server.wall_clock import unix_seconds
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.web import serving
from support.webrtc import Caller

PLANTED = "planted-" + "5ec7e7" * 6
ERRORS = [
    RuntimeError(PLANTED),
    OSError(5, PLANTED, PLANTED),
    LivegraphError(PLANTED),
    ConfigError([Problem("LG201", PLANTED)]),
    ProcessorError("box", PLANTED, remedy=PLANTED),
    StartError("box", PLANTED),
    StalledError("box", PLANTED),
    TransportError(PLANTED),
    ServiceError(PLANTED, code=1008, remedy=PLANTED),
    ServiceError(PLANTED, retryable=True),
]


def tell(sent: list[dict[str, Any]]) -> Callable[[FromServer], None]:
    """What keeps messages as they go over the wire."""
    return lambda message: sent.append(to_json(message))


@pytest.mark.parametrize("level", ["none", "names", "full"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_text_of_an_exception_is_told_to_nobody(error: Exception, level: ReportLevel) -> None:
    """At every level the caller gets a code, a sentence of ours and a number, and the log has that number."""
    sent: list[dict[str, Any]] = []
    events = EventBus()
    page = CallEvents(events, tell(sent), call="call-1", agent="a", live="", level=level)
    events.publish(NodeFailed(time_ns=1, node="box", message=PLANTED, remedy=PLANTED, fatal=False))
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger("livegraph.server").addHandler(handler)
    try:
        page.over(EndReason.FAILED, "", error)
    finally:
        logging.getLogger("livegraph.server").removeHandler(handler)
    assert PLANTED not in json.dumps(sent)
    failure = sent[-2]
    assert failure["type"] == "error"
    assert failure["message"]
    assert failure["id"] in failure["message"]
    assert failure["id"] in stream.getvalue()
    assert PLANTED not in told(error).message


def test_levels_of_what_is_told() -> None:
    """``none`` is the conversation alone, ``names`` adds which tools run, ``full`` what goes in and out of them."""
    found = {}
    for level in ("none", "names", "full"):
        sent: list[dict[str, Any]] = []
        events = EventBus()
        CallEvents(events, tell(sent), call="c", agent="a", live="", level=level)  # type: ignore[arg-type]
        events.publish(Transcript(time_ns=1, role="user", utterance=1, text="hello", final=True))
        events.publish(ToolCalled(time_ns=1, id="1", name="look_up", args={"pin": PLANTED}))
        events.publish(
            ToolFinished(time_ns=2, id="1", name="look_up", ok=True, result={"card": PLANTED}, duration_ns=1)
        )
        assert events.wants(LiveThought) is (level == "full")
        events.publish(LiveThought(time_ns=2, node="live", turn=1, text=f"The caller's card is {PLANTED}."))
        found[level] = json.dumps(sent)
        assert "hello" in found[level]
    assert "look_up" not in found["none"]
    assert "look_up" in found["names"]
    assert PLANTED not in found["none"] + found["names"]
    assert found["full"].count(PLANTED) == 3


class Leaky(Processor):
    """Fails with a secret in its mouth."""

    audio: In[AudioFrame] = In()
    out: Out[AudioFrame] = Out(like="audio")

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        raise RuntimeError(f"cannot reach postgres://u:{PLANTED}@db")


def leaky() -> ServedAgent:
    graph = Graph("leaky")
    graph.add("mic", WebRTCIn)
    graph.add("box", Leaky)
    graph.add("ear", WebRTCOut)
    graph.chain("mic", "box", "ear")
    return ServedAgent("leaky", graph.plan())


def test_planted_secrets_are_found_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Tokens, ticket secrets, relay secrets and an exception's text: in no answer, header, message, page or metric.

    The log of the operator holds the exception, and of the secrets of callers nothing.
    """
    token, secret, relay = (f"{kind}-{PLANTED}" for kind in ("token", "ticketsecret", "relaysecret"))
    file = TokenFile({digest(token): Grant(identity="ada", report="full")})
    tickets = Tickets(secret.encode(), unix_seconds)
    ticket = tickets.make("bob")
    left: list[str] = []

    async def run() -> None:
        async with serving(
            [leaky()],
            authorize=by_tokens(lambda: file, tickets),
            turn=TurnService(["turn:relay.example:3478"], relay.encode(), unix_seconds),
        ) as web:
            header = {"Authorization": f"Bearer {token}"}
            for method, path in (
                *(("GET", path) for path in ("/", "/api/agents", "/api/config", "/healthz", "/readyz")),
                *(("GET", path) for path in ("/metrics", "/nothing", f"/api/{token}", f"/?token={token}")),
                *(("POST", "/api/offer"), ("PATCH", "/api/offer"), ("DELETE", f"/api/offer/{token}")),
            ):
                for headers in (header, {}, {"Authorization": f"Bearer {ticket}x"}):
                    reply = await web.ask(method, path, headers=headers)
                    left.append(reply.body.decode(errors="replace") + str(reply.headers))
            caller = Caller()
            sdp = await caller.offer()
            reply = await web.send_json(
                "POST", "/api/offer", {"sdp": sdp, "type": "offer"}, Authorization=f"Bearer {token}"
            )
            assert reply.status == 200, reply.body
            from aiortc import RTCSessionDescription

            await caller.pc.setRemoteDescription(RTCSessionDescription(reply.json["sdp"], "answer"))
            async with asyncio.timeout(20):
                while not any(message["type"] == "end" for message in caller.messages):
                    await asyncio.sleep(0.01)
            left.append(json.dumps(caller.messages))
            left.append(web.desk.metrics.text().decode() + str(web.desk.calls()))
            await caller.hang_up()
            await web.until_free()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(run())
    whole = "\n".join(left)
    assert "error" in whole
    assert PLANTED not in whole
    assert ticket not in whole
    for hidden in (token, secret, relay, ticket):
        assert hidden not in caplog.text
    # The operator's own log is where the cause is.
    assert "cannot reach" in caplog.text


FORGED = "bye\n12:00:00 error: all is lost\r\x1b[2J\x1b]0;title\x07\u202egnp.exe\u2028next\x85\x00\ud800"


def test_nobody_outside_writes_the_log() -> None:
    """What a caller, a model or a server says cannot begin a line, move the cursor or turn the text around."""
    for formatter in (SafeFormatter("%(levelname)s %(message)s"), JsonFormatter()):
        record = logging.LogRecord("livegraph", logging.INFO, "f", 1, "said: %s", (FORGED,), None)
        line = formatter.format(record)
        assert len(line.splitlines()) == 1
        assert line.isprintable()
        try:
            raise RuntimeError(FORGED)
        except RuntimeError as error:
            record.exc_info = (type(error), error, error.__traceback__)
        lines = formatter.format(record).splitlines()
        assert not any("\x1b" in text or "\u202e" in text for text in lines)
        assert all(text.startswith("    ") for text in lines[1:])
    assert escaped("ä好\t", keep="\t") == "ä好\t"


def test_records_say_where_they_are_from() -> None:
    """Within a call every record of the JSON log has the call's facts, also in tasks that it starts."""

    async def inner() -> str:
        record = logging.LogRecord("livegraph", logging.INFO, "f", 1, "hello", (), None)
        return JsonFormatter().format(record)

    async def run() -> None:
        with about(call="call-7", agent="desk", trace=""):
            made = json.loads(await asyncio.create_task(inner()))
        assert (made["call"], made["agent"], made["message"]) == ("call-7", "desk", "hello")
        assert "trace" not in made
        assert "call" not in json.loads(await inner())

    run_virtual(run())


def test_admin_routes_are_not_among_the_callers() -> None:
    """Calls, drains and metrics are on an application of their own, and of that only numbers where others reach it."""

    async def run() -> None:
        async with serving([leaky()], metrics=False) as web:
            for method, path in (
                ("GET", "/metrics"),
                ("GET", "/calls"),
                ("DELETE", "/calls/call-1"),
                ("POST", "/drain"),
            ):
                assert (await web.ask(method, path)).status in (404, 405), path
            assert (await web.ask("GET", "/healthz")).json == {"status": "ok"}
            routes = {getattr(route, "path", "") for route in make_admin_app(web.desk, control=False).routes}
            assert routes == {"/healthz", "/readyz", "/metrics"}

    asyncio.run(run())
