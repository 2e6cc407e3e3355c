"""Requests that mean harm: each is answered with a refusal of ours, none with a traceback, a 500 or a long wait."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from livegraph.cli.web import Patience
from livegraph.pipeline import Graph
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server.access import Grant
from livegraph.server.calls import ServedAgent
from livegraph.server.limits import CallerLimits
from livegraph.server.refusals import Refusal
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.web import Web, serving
from support.webrtc import Caller


def echo(name: str = "echo", **inputs: InputSpec) -> ServedAgent:
    """What is said comes back."""
    graph = Graph(name)
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent(name, make_plan(graph, inputs=inputs))


async def an_offer() -> str:
    """A good offer of nobody: its peer is gone."""
    caller = Caller(None)
    sdp = await caller.offer()
    await caller.hang_up()
    return sdp


HOSTILE_SDP = [
    "\n",
    "",
    "\r\n\r\n",
    "v=0",
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\n",
    "v=0\r\n" * 5_000,
    "\x00",
    "\ud800",
    "v=0\r\no=-\r\nm=audio 99999999999999 UDP/TLS/RTP/SAVPF 111\r\n",
    "a" * 60_000,
]


def test_no_offer_makes_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever stands in the place of an offer, the answer is a refusal and the log has no traceback."""

    async def run() -> None:
        good = await an_offer()
        candidates = [
            "a=candidate:1 1 udp 1 127.0.0.1 9 typ host rport x",
            "a=candidate:1 1 udp 1 127.0.0.1 9 typ srflx raddr y rport x",
            "a=candidate:1 1 udp 99999999999999999999 127.0.0.1 9 typ host generation",
            "a=rtpmap:111 opus/48000/x",
            "a=extmap:x y",
            "a=ssrc:x cname:y",
            "a=sctp-port:x",
            "a=max-message-size:x",
            "a=fmtp:111 =;=;",
            "a=setup:nobody",
            "a=mid:" + "x" * 5_000,
        ]
        bodies: list[object] = [{"sdp": sdp, "type": "offer"} for sdp in HOSTILE_SDP]
        bodies += [{"sdp": f"{good}{line}\r\n", "type": "offer"} for line in candidates]
        bodies += [{"sdp": good, "type": kind} for kind in ("answer", "pranswer", "", "offer\n")]
        bodies += [None, [], 1, "offer", {"sdp": 1}, {"sdp": good, "type": "offer", "inputs": []}]
        bodies += [{"sdp": good, "type": "offer", "agent": "../../etc/passwd"}]
        bodies += [{"sdp": good, "type": "offer", "inputs": {"x" * 5_000: 1}}]
        async with serving([echo()]) as web:
            for body in bodies:
                reply = await web.send_json("POST", "/api/offer", body)
                assert reply.status in (200, 400, 404, 409, 413, 429), (body, reply.body)
            for raw in (b"", b"{", b"\xff\xfe", b"[" * 50_000, b'{"sdp":"\\ud800","type":"offer"}'):
                reply = await web.ask("POST", "/api/offer", raw, headers={"Content-Type": "application/json"})
                assert reply.status in (400, 413), raw[:20]

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]


def test_no_candidate_makes_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """Candidates that are trickled to a call of one's own may be anything."""
    hostile: list[object] = [
        "candidate:1 1 udp 1 127.0.0.1 9 typ host rport x",
        "candidate:1 1 udp 1 127.0.0.1 9 typ host raddr",
        "candidate:" + "1 " * 200,
        "candidate:1 1 udp 1 999.1.1.1 9 typ host",
        "candidate:1 1 udp 1 127.0.0.1 0 typ host\r\nx",
        7,
        None,
    ]

    async def run() -> None:
        async with serving([echo()]) as web:
            answer = (await web.offer(await an_offer())).json
            for text in hostile:
                item = {"candidate": text, "sdp_mid": "0", "sdp_mline_index": 0}
                body = {"pc_id": answer["pc_id"], "candidates": [item]}
                assert (await web.send_json("PATCH", "/api/offer", body)).status in (204, 400), text
            body = {"pc_id": answer["pc_id"], "candidates": [{}] * 500}
            assert (await web.send_json("PATCH", "/api/offer", body)).status == 400
            await web.ask("DELETE", f"/api/offer/{answer['pc_id']}")

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert "Traceback" not in caplog.text


def test_a_body_is_bounded_while_it_comes() -> None:
    """Ten megabytes are refused after the first hundred kilobytes, declared or not."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 1_000
            yield b"x" * 1_000

    async def run() -> None:
        async with serving([echo()]) as web:
            fields = {"Content-Type": "application/json"}
            # The answer may be lost to whoever goes on sending: the connection is closed.
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                assert (await web.ask("POST", "/api/offer", endless(), headers=fields)).error == "too_large"
            assert sent < 9_000_000
            head = b"POST /api/offer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            said, took_s = await _raw(web, head + b"Content-Length: 99999999999999999999\r\n\r\n{}")
            assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413")) or said == b""
            assert took_s < 9

    asyncio.run(run())


def test_nine_thousand_inputs_do_not_stall_the_loop() -> None:
    """They are refused by their number, before any is looked at."""

    async def run() -> None:
        async with serving([echo()]) as web:
            sdp = await an_offer()
            inputs = {f"i{number}": 1 for number in range(4_000)}
            before = time.process_time()
            reply = await web.offer(sdp, inputs=inputs)
            assert (reply.status, reply.error) == (400, "bad_inputs")
            assert len(reply.body) < 1_000
            # What it took on main before: seconds, for each name was compared with each.
            assert time.process_time() - before < 1.0

    asyncio.run(run())


def test_a_pattern_cannot_stop_the_loop() -> None:
    """A pattern that takes years for the right text is given up after a moment, and the text is refused."""

    async def run() -> None:
        spec = InputSpec(pattern="(a+)+$")
        async with serving([echo(word=spec)]) as web:
            before = time.process_time()
            reply = await web.offer(await an_offer(), inputs={"word": "a" * 60 + "!"})
            assert (reply.status, reply.error) == (400, "bad_inputs")
            assert time.process_time() - before < 2.0

    asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/main.js/../../app.py",
        "/..%5c..%5capp.py",
        "//etc/passwd",
        "/%00",
        "/api/offer/..%2f..%2fx",
        "/.git/config",
    ],
)
def test_no_path_leads_out_of_the_page(path: str) -> None:
    """Files of the page are served, and no other file by any spelling."""

    async def run() -> None:
        async with serving([echo()]) as web:
            for method in ("GET", "DELETE"):
                reply = await web.ask(method, path)
                assert reply.status in (400, 404, 405), reply.status
                assert b"root:" not in reply.body
                assert b"import" not in reply.body

    asyncio.run(run())


def test_a_rebound_name_is_refused_however_it_is_written() -> None:
    """A name that somebody pointed at this machine is not ours, on any address that we listen on."""

    async def run() -> None:
        async with serving([echo()], allow_hosts=["voice.lan", "*.example.org"]) as web:
            for bad in (
                "evil.example",
                "127.0.0.1.evil.example",
                "localhost.evil.example",
                "voice.lan.evil.example",
                "evilexample.org",
                "voice.lan@evil.example",
                "a b",
            ):
                reply = await web.ask("GET", "/api/agents", headers={"Host": bad})
                assert reply.status in (400, 403), bad
            for good in ("voice.lan", "VOICE.LAN:8443", "a.example.org", "127.0.0.1", "10.1.2.3:80", "[::1]"):
                assert (await web.ask("GET", "/api/agents", headers={"Host": good})).status == 200, good

    asyncio.run(run())


def test_the_page_is_framed_by_allowed_origins_only() -> None:
    """The widget works where it may, microphone included, and nowhere else."""

    async def run() -> None:
        async with serving([echo()], allow_origins=["https://shop.example"]) as web:
            headers = (await web.ask("GET", "/")).headers
            assert "frame-ancestors https://shop.example" in headers["content-security-policy"]
            assert 'microphone=(self "https://shop.example")' in headers["permissions-policy"]
            assert "x-frame-options" not in headers
        async with serving([echo()]) as web:
            headers = (await web.ask("GET", "/")).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-frame-options"] == "DENY"

    asyncio.run(run())


async def _raw(web: Web, data: bytes, then: bytes = b"") -> tuple[bytes, float]:
    """What comes back to these bytes until the server hangs up, and how long that takes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    began = time.monotonic()
    writer.write(data)
    try:
        async with asyncio.timeout(20):
            return await reader.read(), time.monotonic() - began
    except ConnectionResetError:
        return b"", time.monotonic() - began
    finally:
        writer.close()


def test_slow_heads_and_bodies_are_hung_up_on() -> None:
    """A connection that says nothing, half a head or half a body ends; no byte makes its deadline begin anew."""

    async def drip(web: Web) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(15):
            for number in range(1_000):
                writer.write(b"X-%d: y\r\n" % number)
                await asyncio.sleep(0.05)
                if reader.at_eof():
                    break
        writer.close()

    async def run() -> None:
        async with serving([echo()], patience=Patience(head_s=0.5, body_s=0.5)) as web:
            fields = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
            head = b"POST /api/offer HTTP/1.1\r\n" + fields
            assert (await _raw(web, b""))[0] == b""
            assert (await _raw(web, b"GET / HTT"))[0] == b""
            await _raw(web, head)
            await _raw(web, head.replace(b"POST /api/offer", b"GET /api/agents"))
            await drip(web)

    asyncio.run(run())


def test_a_head_is_bounded() -> None:
    """A megabyte of headers is not collected."""

    async def run() -> None:
        async with serving([echo()]) as web:
            said, _ = await _raw(web, b"GET / HTTP/1.1\r\n" + b"X-A: " + b"b" * 1_000_000 + b"\r\n\r\n")
            assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")) or said == b""

    asyncio.run(run())


# ---- floods ----


def test_one_offer_replayed_is_one_pending_call() -> None:
    """The same offer, however often and at once, has one answer and holds one place; nothing of the agent has begun."""

    async def run() -> None:
        async with serving([echo()]) as web:
            sdp = await an_offer()
            replies = await asyncio.gather(*(web.offer(sdp) for _ in range(8)))
            assert {reply.status for reply in replies} == {200}
            assert len({reply.json["pc_id"] for reply in replies}) == 1
            assert (web.desk.active, web.desk.pending) == (1, 1)
            (call,) = web.desk.calls()
            assert call["state"] == "pending"
            # White space makes no other offer of it.
            again = await web.offer(sdp.replace("\r\n", "\n") + "a=x:y\n")
            assert again.json["pc_id"] == replies[0].json["pc_id"]
            await web.ask("DELETE", f"/api/offer/{again.json['pc_id']}")
            assert web.desk.active == 0
            # Its call is over, and it makes no other.
            late = await web.offer(sdp)
            assert (late.status, late.error) == (409, "offer_used")

    asyncio.run(run())


def test_an_offer_that_made_its_call_makes_no_other() -> None:
    """Recorded from the wire and sent again while the call is on, it is refused."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller()
            sdp = await caller.offer()
            answer = (await web.offer(sdp)).json
            from aiortc import RTCSessionDescription

            await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            async with asyncio.timeout(20):
                while not caller.messages:
                    await asyncio.sleep(0.01)
            reply = await web.offer(sdp)
            assert (reply.status, reply.error) == (409, "offer_used")
            assert web.desk.active == 1
            await caller.hang_up()

    asyncio.run(run())


def test_offers_are_counted_and_pending_ones_are_few() -> None:
    """A flood of offers is told to wait, in seconds, and holds no more than its share of the places."""
    limits = CallerLimits(pending=2, offers_per_minute=12)

    async def run() -> None:
        async with serving([echo()], limits=limits) as web:
            replies = [await web.offer(await an_offer()) for _ in range(8)]
            codes = [reply.status for reply in replies]
            assert codes[:3] == [200, 200, 429]
            assert replies[2].error == "too_many_pending"
            last = replies[-1]
            assert (last.status, last.error) == (429, "too_often")
            assert 1 <= int(last.headers["retry-after"]) <= 60
            assert web.desk.active == 2

    asyncio.run(run())


def test_wrong_tokens_are_not_tried_for_ever() -> None:
    """Who guesses is told to wait, on every route that takes a token."""

    async def authorize(request: object) -> Grant | None:
        return None

    async def run() -> None:
        async with serving([echo()], authorize=authorize) as web:
            codes = [(await web.ask("GET", "/api/agents")).status for _ in range(25)]
            assert codes[:20] == [401] * 20
            assert set(codes[21:]) == {429}
            assert (await web.ask("GET", "/api/config")).status == 429

    asyncio.run(run())


def test_authorize_that_breaks_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    """An error in the application's own function is a 503 with a number; its text is neither sent nor logged."""

    async def authorize(request: object) -> Grant | None:
        raise RuntimeError("postgres://admin:planted-password@db")

    async def run() -> None:
        async with serving([echo()], authorize=authorize) as web:
            for path in ("/api/agents", "/api/config"):
                reply = await web.ask("GET", path)
                assert (reply.status, reply.error) == (503, "authorization_unavailable")
                assert b"planted" not in reply.body
            assert (await web.offer("x")).status == 503

    with caplog.at_level(logging.INFO):
        asyncio.run(run())
    assert "planted" not in caplog.text


def test_a_refusal_of_the_application_is_told_as_it_is() -> None:
    """``authorize`` may refuse in words of its own."""

    async def authorize(request: object) -> Grant | None:
        raise Refusal(403, "closed_on_sundays", "Nobody is here.", "Call on Monday.")

    async def run() -> None:
        async with serving([echo()], authorize=authorize) as web:
            reply = await web.offer("x")
            assert (reply.status, reply.error) == (403, "closed_on_sundays")

    asyncio.run(run())


def test_json_that_is_deep_or_odd_is_no_harm() -> None:
    """Deep nesting, huge numbers and repeated keys are answered."""

    async def run() -> None:
        async with serving([echo()]) as web:
            for raw in (
                b'{"sdp":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
                b'{"sdp":"x","type":"offer","inputs":{"a":1e999}}',
                b'{"sdp":"x","type":"offer","inputs":{"a":' + b"9" * 5_000 + b"}}",
                json.dumps({"sdp": "x", "type": "offer", "agent": "\u202e\x1b[2J"}).encode(),
            ):
                reply = await web.ask("POST", "/api/offer", raw, headers={"Content-Type": "application/json"})
                assert reply.status in (400, 404), raw[:60]
                assert b"\x1b" not in reply.body

    asyncio.run(run())
