"""Messages that are wrong, in every protocol: they are dropped and counted, or answered in words; their call goes on or
ends for a reason, nobody else notices, and no log has a traceback."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import websockets
from aiortc import RTCSessionDescription

from livegraph.language import parse_agent
from livegraph.server import ServedAgent
from livegraph.server.limits import CallerLimits
from livegraph.server.pipecat.frames import message_frame
from livegraph.server.pipecat.socket import PipecatCodec, rtvi_opening
from livegraph.server.protocol import fault_of, read_message, to_json
from livegraph.server.refusals import Refusal
from livegraph.server.sockets.opening import native_opening, open_by
from livegraph.transports.json_objects import write_object
from livegraph.transports.socket.codings import Coding
from livegraph.transports.socket.native import NativeCodec
from livegraph.transports.socket.signals import Answer, Said, Unclear
from support.clients import echo
from support.malformed import NO_OBJECTS, VALUES, mutants
from support.web import Web, serving
from support.webrtc import Caller

NATIVE: list[dict[str, Any]] = [
    {"type": "text", "text": "hello", "reply": True, "aloud": False},
    {"type": "keys", "keys": "1"},
    {"type": "mute", "muted": True},
    {"type": "ask", "id": "a", "name": "b", "data": {"x": 1}},
    {"type": "playout", "delay_ms": 20},
    {"type": "tool_answer", "id": "a", "ok": True, "result": {"x": 1}},
    {"type": "watch", "on": True},
    {"type": "tune", "node": "n", "option": "o", "value": 1.5},
]
HELLO = {
    "type": "hello",
    "version": 1,
    "agent": "echo",
    "token": "t",
    "inputs": {"name": "x"},
    "in": {"encoding": "pcm16", "rate": 16_000},
    "out": {"encoding": "opus", "rate": 48_000},
    "marks": True,
    "ahead_ms": 200,
}


def rtvi(kind: str, data: object) -> dict[str, Any]:
    """A message of Pipecat's clients."""
    return {"label": "rtvi-ai", "type": kind, "id": "m1", "data": data}


READY = rtvi("client-ready", {"version": "2.1.0", "about": {"library": "test"}})
RTVI = [
    READY,
    rtvi("client-message", {"t": "price", "d": {"x": 1}}),
    rtvi("send-text", {"content": "x", "options": {"run_immediately": True, "audio_response": True}}),
    rtvi("send-file", {"content": "x", "file": {"format": "png", "source": {"type": "bytes", "bytes": "A"}}}),
    rtvi("raw-audio", {"base64Audio": "AAA=", "sampleRate": 16_000, "numChannels": 1}),
    rtvi("dtmf", {"buttons": ["1"]}),
    rtvi("llm-function-call-result", {"function_name": "f", "tool_call_id": "i", "result": {"x": 1}}),
    rtvi("append-to-context", {"role": "user", "content": "x", "run_immediately": True}),
    rtvi("ui-event", {"event": "e", "payload": {}}),
    {"type": "signalling", "message": {"type": "trackStatus", "receiver_index": 0, "enabled": True}},
]


def wrong(messages: Iterable[dict[str, Any]]) -> list[str]:
    """All that can be wrong with them, but for what is longer than a channel takes."""
    return [text for message in messages for _, text in mutants(message) if len(text) < 10_000]


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the server has logged that it should not."""
    return [
        f"{one.name}: {one.getMessage()}"
        for one in caplog.records
        if one.exc_info or one.levelno >= logging.ERROR
    ]


# Words alone ---------------------------------------------------------------------------------------------


def test_our_own_words_are_read_or_said_to_be_wrong() -> None:
    """A message of a known type that is not as it should be has a fault with a name; one of another type has none."""
    codec = NativeCodec(Coding(), Coding(), confirms=True, judge=fault_of)
    faults = 0
    for message in (*NATIVE, {"type": "marked", "id": "0-1"}, {"type": "hangup", "dismissed": True}):
        for name, text in (*mutants(message), *NO_OBJECTS.items()):
            for signal in codec.read(text):
                if isinstance(signal, Said):
                    read = read_message(signal.message)
                    assert read is None or json.loads(write_object(to_json(read))), name
                faults += isinstance(signal, Unclear)
    assert faults > 300
    assert [type(one) for one in codec.read(json.dumps(HELLO))] == [Unclear]
    assert fault_of({"type": "text", "text": 5}) == "`text`: Expected `str`, got `int` - at `$.text`"
    assert fault_of({"type": "dance", "text": 5}) == fault_of({}) == fault_of({"type": ["text"]}) == ""


def test_a_first_message_is_an_opening_or_refused() -> None:
    """In our words and in RTVI's."""
    for first in (HELLO, READY):
        for name, text in (*mutants(first), *NO_OBJECTS.items()):
            for data in (text, message_frame(text)):
                try:
                    open_by([native_opening, rtvi_opening], data, {})
                except Refusal as refusal:
                    assert (refusal.status, refusal.code) in {
                        *((400, code) for code in ("bad_hello", "bad_version", "bad_inputs"))
                    }, name


@pytest.mark.parametrize("rate", ["0", "1", "-1", "16000.0", "1e5", "99999999", "9" * 5_000, "\u00b2", " "])
def test_a_player_of_no_rate_is_refused(rate: str) -> None:
    """``player_rate`` stands in an address."""
    with pytest.raises(Refusal, match="player_rate"):
        rtvi_opening(json.dumps(READY), {"player_rate": rate})


def test_whatever_is_wrong_with_rtvi_nothing_is_raised() -> None:
    """Framed or not; what is answered is JSON, what is meant is of our protocol."""
    for framed in (False, True):
        for message in RTVI:
            codec = PipecatCodec(framed=framed)
            for name, text in (*mutants(message), *NO_OBJECTS.items()):
                for signal in codec.read(message_frame(text) if framed else text):
                    if isinstance(signal, Answer):
                        assert codec.say(signal.message), name
                    elif isinstance(signal, Said):
                        assert read_message(signal.message) is not None, name


# Calls that go on ----------------------------------------------------------------------------------------

LIMITS = CallerLimits(offers_per_minute=100_000, calls=1_000)


async def heard(caller: Caller) -> None:
    """It hears itself again."""
    async with asyncio.timeout(60):
        begun = len(caller.heard)
        while len(caller.heard) < begun + 10 or np.abs(caller.recent(0.1)).max() < 500:
            await asyncio.sleep(0.02)


async def pour(caller: Caller, texts: Iterable[str | bytes]) -> None:
    """Send it all, no faster than the channel takes it."""
    for text in texts:
        caller.channel.send(text)
        if caller.channel.bufferedAmount > 200_000:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("label", ["livegraph", "chat"])
def test_a_data_channel_takes_anything(label: str, caplog: pytest.LogCaptureFixture) -> None:
    """The call hears and is heard as before, its caller is told what was wrong, and the server counts it."""

    async def run() -> None:
        async with serving([echo()], limits=LIMITS) as web:
            caller, other = Caller(label=label), Caller()
            if label == "chat":
                reply = await web.offer(await caller.offer())
                await caller.pc.setRemoteDescription(RTCSessionDescription(reply.json["sdp"], "answer"))
                await asyncio.wait_for(caller.opened.wait(), 10)
                caller.channel.send(json.dumps(READY))
            else:
                await web.call(caller)
            await web.call(other)
            await heard(caller)
            # What a channel may say at once is bounded: a part of it, over all kinds.
            texts = wrong(RTVI if label == "chat" else NATIVE)
            await pour(caller, [*NO_OBJECTS.values(), b"", b"\0\xff" * 500, *texts[:: len(texts) // 120]])
            complaint = "error-response" if label == "chat" else "error"
            async with asyncio.timeout(60):
                while not [one for one in caller.messages if one.get("type") == complaint]:
                    await asyncio.sleep(0.02)
            await heard(caller)
            await heard(other)
            calls = {call["transport"]: call["unclear"] for call in web.desk.calls()}
            assert sorted(call["unclear"] > 5 for call in web.desk.calls()) == [False, True], calls
            for each in (caller, other):
                await each.hang_up()
            await web.until_free()

    asyncio.run(run())
    assert tracebacks(caplog) == []


@pytest.mark.parametrize("dialect", ["native", "rtvi"])
def test_a_socket_takes_anything(dialect: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody else's call is touched; a message of the wrong kind of frame ends its own with words."""
    first, texts = (HELLO, wrong(NATIVE)) if dialect == "native" else (READY, wrong(RTVI))
    first = {**first, "out": {}, "marks": False, "inputs": {}} if dialect == "native" else first

    async def until(socket: Any, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                data = await socket.recv()
                message: dict[str, Any] = json.loads(data) if isinstance(data, str) else {}
                if message.get("type") == kind:
                    return message

    async def run() -> None:
        async with serving([echo()], limits=LIMITS) as web:
            url = f"ws://127.0.0.1:{web.port}/ws/echo"
            async with websockets.connect(url) as other, websockets.connect(url) as socket:
                await other.send(json.dumps({"type": "hello"}))
                await socket.send(json.dumps(first))
                await until(other, "ready")
                await until(socket, "ready" if dialect == "native" else "bot-ready")
                for text in (*NO_OBJECTS.values(), *texts[:: len(texts) // 100]):
                    await socket.send(text)
                assert await until(socket, "error" if dialect == "native" else "error-response")
                await socket.send(np.full(16_000, 9, "<i2").tobytes())
                async with asyncio.timeout(10):
                    while not isinstance(await socket.recv(), bytes):
                        pass
                # Half a sample is no sound.
                await socket.send(b"\0")
                with pytest.raises(websockets.ConnectionClosed):
                    while True:
                        await asyncio.wait_for(socket.recv(), 10)
                assert [call["unclear"] for call in web.desk.calls()] == [0]
                await other.send(json.dumps({"type": "hangup"}))
                await other.wait_closed()
            await web.until_free()

    asyncio.run(run())
    assert tracebacks(caplog) == []


# Requests ------------------------------------------------------------------------------------------------

ASKING = """
version: 1
inputs:
  name: {type: text, default: ""}
  age: {type: integer, default: 0}
nodes:
  mic: webrtc_in
  ear: {use: webrtc_out, from: mic.audio}
"""
START = {
    "transport": "webrtc",
    "createDailyRoom": False,
    "body": {"agent": "asking", "inputs": {"name": "x"}},
}
OFFER = {
    "sdp": "v=0",
    "type": "offer",
    "agent": "asking",
    "inputs": {"name": "x", "age": 3},
    "pc_id": "none",
    "restart_pc": True,
    "resume": "none",
    "data": {"x": 1},
    "requestData": {"agent": "asking"},
}
TRICKLE = {"pc_id": "none", "candidates": [{"candidate": "candidate:1 1 udp 1 127.0.0.1 5 typ host"}]}
SOME = ("null", "NaN", "400 digits", "half a character", "deep", "too deep", "list of anything", "negative")
JSON, SDP, FRAGMENT = "application/json", "application/sdp", "application/trickle-ice-sdpfrag"


def requests(session: str) -> Iterable[tuple[str, str, str]]:
    """Methods, addresses and bodies that are wrong in one place each."""
    for path, method, message in (
        ("/start", "POST", START),
        ("/start", "POST", {**START, "transport": "websocket"}),
        (f"/sessions/{session}/api/offer", "POST", OFFER),
        (f"/sessions/{session}/api/offer", "PATCH", TRICKLE),
        ("/api/offer", "PATCH", TRICKLE),
    ):
        for name, text in mutants(message):
            if name.startswith("without") or name.rpartition(": ")[2] in SOME:
                yield method, path, text
        for text in NO_OBJECTS.values():
            yield method, path, text


async def asked(web: Web, method: str, path: str, text: str, **headers: str) -> int:
    """The status; what is no success has an error of a known shape."""
    reply = await web.ask(method, path, text.encode(), headers=headers)
    assert reply.status < 500, (method, path, text[:80])
    if reply.status >= 400:
        assert reply.error
    return reply.status


def test_requests_are_answered_whatever_is_in_them(caplog: pytest.LogCaptureFixture) -> None:
    """``/start``, sessions and candidates: a 4xx in words, or what was asked for; a call that runs goes on."""

    async def run() -> None:
        async with serving(
            [ServedAgent("asking", parse_agent(ASKING, environ={}).plan())], limits=LIMITS
        ) as web:
            other = Caller()
            await web.call(other)
            session = (await web.send_json("POST", "/start", {})).json["sessionId"]
            for method, path, text in requests(session):
                await asked(web, method, path, text, **{"Content-Type": JSON})
            for kind in ("", "text/plain", SDP, "application/json5", "multipart/form-data; boundary=x"):
                for path in ("/start", "/api/offer", f"/sessions/{session}/api/offer"):
                    assert await asked(web, "POST", path, "{}", **{"Content-Type": kind}) == 415
            await heard(other)
            assert web.desk.active == 1
            await other.hang_up()
            await web.until_free()

    asyncio.run(run())
    assert tracebacks(caplog) == []


PIECES = [
    "",
    "garbage",
    "\0",
    "a=candidate:",
    "a=candidate:1 1 udp 99999999999999999999999 1.2.3.4 99999999 typ host",
    "a=candidate:1 1 udp 1 ::1%eth0 5 typ host",
    "a=candidate:1 1 tcp -1 999.1.1.1 -5 typ host",
    "a=ice-ufrag:abcd",
    "a=ice-ufrag:\r\na=ice-pwd:",
    "a=ice-ufrag:ab\u0661d\r\na=ice-pwd:" + "x" * 22,
    "a=ice-ufrag:abcd\r\na=ice-pwd:" + "x" * 22 + "\r\na=ice-ufrag:efgh\r\na=ice-pwd:" + "y" * 22,
    "a=mid:0\r\n" * 500,
]


def test_whip_answers_whatever_it_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    """Offers, pieces and conditions that are wrong, of a session that is there and of others'; it goes on as it was."""

    async def run() -> None:
        async with serving(
            [ServedAgent("asking", parse_agent(ASKING, environ={}).plan())], limits=LIMITS
        ) as web:
            caller, spare = Caller(), Caller()
            sdp, other = await caller.offer(), await spare.offer()
            begun = await web.ask("POST", "/whip/asking", sdp.encode(), headers={"Content-Type": SDP})
            assert begun.status == 201
            at, tag = begun.headers["location"], begun.headers["etag"]
            await caller.pc.setRemoteDescription(RTCSessionDescription(begun.body.decode(), "answer"))
            await asyncio.wait_for(caller.opened.wait(), 10)
            for piece in PIECES:
                for condition in ("", "*", f"W/{tag}", '"other"', tag, f'{tag}, "other"'):
                    headers = {"Content-Type": FRAGMENT, "If-Match": condition}
                    assert await asked(web, "PATCH", at, piece, **headers) in (204, 412, 422), piece
            for kind in ("", "text/plain", JSON, SDP):
                assert (
                    await asked(web, "PATCH", at, "a=mid:0", **{"Content-Type": kind, "If-Match": "*"}) == 415
                )
            for path in ("/whip/session/none", "/whip/session/%00", at + "x", at[:-1]):
                for method in ("PATCH", "DELETE"):
                    headers = {"Content-Type": FRAGMENT, "If-Match": "*"}
                    assert await asked(web, method, path, "a=mid:0", **headers) == 404
            bad = ("", "v=0", "\0", "v=0\r\n" * 3_000, other[:300], other[::-1], other + other)
            odd = [
                other.replace("UDP/TLS/RTP/SAVPF", "TCP/MSRP"),
                other.replace("a=fingerprint:", "a=finger:"),
            ]
            for one in (*bad, *odd):
                status = await asked(web, "POST", "/whip/asking", one, **{"Content-Type": SDP})
                assert status in (400, 422), one
            for query in ("age=nan", "age=1.5", "age=" + "9" * 5_000, "age=%00", "nobody=1", "name=%00"):
                assert (
                    await asked(web, "POST", f"/whip/asking?{query}", other, **{"Content-Type": SDP}) == 400
                )
            await heard(caller)
            assert web.desk.active == 1
            for each in (caller, spare):
                await each.hang_up()
            await web.until_free()

    asyncio.run(run())
    assert tracebacks(caplog) == []


def test_what_is_no_json_never_goes_out() -> None:
    """Neither a number that is none nor half a character."""
    assert json.loads(write_object({"a": float("nan"), "b": "x\ud800"})) == {"a": None, "b": "x\ufffd"}
    assert set(VALUES) >= set(SOME)
