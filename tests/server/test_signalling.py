"""Offers over HTTP, with real peers on the loopback interface: calls are made, refused and ended as declared."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCSessionDescription

from livegraph.pipeline import Graph
from livegraph.server.calls import ServedAgent
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.web import Web, serving
from support.webrtc import RATE, Caller, pitch

JSON = {"Content-Type": "application/json"}


def echo(name: str = "echo") -> ServedAgent:
    """What is said comes back."""
    graph = Graph(name)
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent(name, graph.plan(), "Echo", "Says back what you say.", live="no model")


async def heard(caller: Caller, hertz: float) -> None:
    """Wait until the caller hears this note."""
    async with asyncio.timeout(10):
        while len(sound := caller.recent(0.2)) < 0.2 * RATE or abs(pitch(sound) - hertz) > 10:
            await asyncio.sleep(0.02)


# ---- calls that come about ----


def test_a_call_from_offer_to_goodbye() -> None:
    """The caller is answered, is told that the agent is ready, hears it, hangs up, and the line is free."""

    async def run() -> None:
        async with no_tasks_left(), serving([echo()]) as web:
            caller = Caller(440)
            pc_id = await web.call(caller)
            assert len(pc_id) >= 16
            await heard(caller, 440)
            assert caller.messages[:2] == [
                {"type": "ready", "version": 1, "agent": "echo", "live": "no model", "report": "full"},
                {"type": "state", "state": "listening"},
            ]
            assert (await web.ask("GET", "/healthz")).json == {"status": "ok"}
            assert (await web.ask("DELETE", f"/api/offer/{pc_id}")).status == 204
            assert web.desk.active == 0
            # A goodbye that comes second is as good as the first; one to a call that never was is not.
            assert (await web.ask("DELETE", f"/api/offer/{pc_id}")).status == 204
            assert (await web.ask("DELETE", "/api/offer/nobody")).error == "call_unknown"
            await caller.hang_up()

    asyncio.run(run())


def test_the_page_hangs_up() -> None:
    """The message `hangup` ends the call; so does closing the connection."""

    async def run() -> None:
        async with serving([echo()]) as web:
            for goodbye in ("message", "close"):
                caller = Caller()
                await web.call(caller)
                if goodbye == "message":
                    caller.say(type="hangup")
                else:
                    await caller.hang_up()
                await web.until_free()
                await caller.hang_up()

    asyncio.run(run())


def test_candidates_may_come_after_the_offer() -> None:
    """An offer without addresses is answered; trickled ones are taken, names ending in .local as well."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller()
            lines = (await caller.offer()).split("\r\n")
            found = [line.removeprefix("a=") for line in lines if line.startswith("a=candidate")]
            bare = "\r\n".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of")))
            answer = (await web.offer(bare)).json
            local = "candidate:1 1 udp 2113937151 0b2f6d1e-6c1c-4a3c-9c57-5f1d1f8f0a11.local 50000 typ host"
            items = [
                {"candidate": text, "sdp_mid": "0", "sdp_mline_index": 0} for text in [local, *found, ""]
            ]
            body = {"pc_id": answer["pc_id"], "candidates": items}
            assert (await web.send_json("PATCH", "/api/offer", body)).status == 204
            await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            await heard(caller, 440)
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())


def test_local_names_do_not_delay_the_answer() -> None:
    """Twenty `.local` candidates, which nobody resolves, would cost a second each; the answer does not wait."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller()
            sdp = await caller.offer()
            names = "".join(
                f"a=candidate:{n} 1 udp 2113937151 0b2f6d1e-6c1c-4a3c-9c57-{n:012}.local {50_000 + n} typ host\r\n"
                for n in range(20)
            )
            async with asyncio.timeout(10):
                assert (await web.offer(sdp + names)).status == 200
            await caller.hang_up()

    asyncio.run(run())


def test_agents_are_chosen_by_name() -> None:
    """The first is the default; an unknown one is 404 with the names that there are."""

    async def run() -> None:
        async with serving([echo("one"), echo("two")]) as web:
            listed = (await web.ask("GET", "/api/agents")).json
            assert listed["default"] == "one"
            assert [agent["name"] for agent in listed["agents"]] == ["one", "two"]
            assert set(listed["agents"][0]) == {"name", "title", "description", "live"}
            for wanted, got in ((None, "one"), ("two", "two")):
                caller = Caller()
                await web.call(caller, agent=wanted)
                async with asyncio.timeout(30):
                    while not caller.messages:
                        await asyncio.sleep(0.01)
                assert caller.messages[0]["agent"] == got
                await caller.hang_up()
            caller = Caller()
            reply = await web.offer(await caller.offer(), agent="three")
            assert (reply.status, reply.error) == (404, "agent_unknown")
            assert "one, two" in reply.json["error"]["remedy"]
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())


def test_more_calls_than_the_limit() -> None:
    """503 with Retry-After, as long as the line is busy and no longer; a refused offer takes none."""

    async def run() -> None:
        async with serving([echo()], max_calls=1) as web:
            first, second = Caller(), Caller()
            pc_id = await web.call(first)
            sdp = await second.offer()
            for _ in range(3):
                reply = await web.offer(sdp)
                assert (reply.status, reply.error) == (503, "full")
                assert int(reply.headers["retry-after"]) > 0
            await web.ask("DELETE", f"/api/offer/{pc_id}")
            assert (await web.offer("v=0")).status == 400
            assert (await web.offer(sdp)).status == 200
            await first.hang_up()
            await second.hang_up()

    asyncio.run(run())


def test_the_server_ends_its_calls() -> None:
    """At the end every caller is told so, and nothing is left."""

    async def run() -> None:
        async with no_tasks_left():
            callers = [Caller(), Caller()]
            async with serving([echo()]) as web:
                for caller in callers:
                    await web.call(caller)
            for caller in callers:
                assert caller.messages[-1] == {"type": "end", "reason": "shutdown"}
                await caller.hang_up()

    asyncio.run(run())


def test_a_caller_that_vanishes() -> None:
    """A browser killed without goodbye is noticed, and its line is free."""

    async def run() -> None:
        async with no_tasks_left(), serving([echo()], silence_ns=1_000_000_000) as web:
            caller = Caller()
            await web.call(caller)
            caller.vanish()
            await web.until_free()
            await caller.hang_up()

    asyncio.run(run())


# ---- offers that do not ----

BAD_OFFERS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "not UTF-8": b'{"sdp": "\xff", "type": "offer"}',
    "a list": b"[]",
    "too deep": b"[" * 50_000,
    "no sdp": b'{"type": "offer"}',
    "sdp of another type": b'{"sdp": 7, "type": "offer"}',
    "no type": b'{"sdp": "v=0"}',
    "an answer": b'{"sdp": "v=0", "type": "answer"}',
    "agent of another type": b'{"sdp": "v=0", "type": "offer", "agent": 5}',
    "empty SDP": b'{"sdp": "", "type": "offer"}',
    "garbage SDP": b'{"sdp": "hello", "type": "offer"}',
    "SDP without media": json.dumps(
        {"sdp": "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "type": "offer"}
    ).encode(),
}


@pytest.mark.parametrize("body", BAD_OFFERS.values(), ids=BAD_OFFERS)
def test_malformed_offers_are_400(body: bytes) -> None:
    """Whatever is wrong with the body, the answer says so, and no line is taken."""

    async def run() -> None:
        async with no_tasks_left(), serving([echo()], max_calls=1) as web:
            reply = await web.ask("POST", "/api/offer", body, headers=JSON)
            assert reply.status == 400
            assert reply.error in ("bad_json", "bad_request", "bad_offer")
            assert web.desk.active == 0

    asyncio.run(run())


@pytest.mark.parametrize("cut", ["a=ice-pwd", "a=fingerprint", "a=rtpmap:", "m=audio", "a=ice-ufrag"])
def test_offers_with_a_line_missing_are_400(cut: str) -> None:
    """A real offer without one of the lines that it takes."""

    async def run() -> None:
        async with no_tasks_left(), serving([echo()]) as web:
            caller = Caller()
            lines = (await caller.offer()).split("\r\n")
            reply = await web.offer("\r\n".join(line for line in lines if not line.startswith(cut)))
            assert (reply.status, reply.error) == (400, "bad_offer")
            await caller.hang_up()

    asyncio.run(run())


def test_large_bodies_are_413() -> None:
    """By their declared length, by what arrives while it arrives, and by the SDP in them."""

    async def run() -> None:
        async with serving([echo()]) as web:
            reply = await web.ask("POST", "/api/offer", headers=JSON | {"Content-Length": "5000000"})
            assert (reply.status, reply.error) == (413, "too_large")
            sent = 0

            async def endless() -> AsyncIterator[bytes]:
                nonlocal sent
                while sent < 100_000_000:
                    sent += 16_384
                    yield b"x" * 16_384
                    await asyncio.sleep(0)

            try:
                reply = await web.ask("POST", "/api/offer", endless(), headers=JSON)
            except ConnectionError:
                # The server has closed while we still wrote; its answer may be lost on the way.
                pass
            else:
                assert (reply.status, reply.error) == (413, "too_large")
            assert sent < 50_000_000
            reply = await web.offer("v=0\r\n" + "a=x\r\n" * 14_000)
            assert (reply.status, reply.error) == (413, "too_large")
            body = {"pc_id": "x", "candidates": [{"candidate": "y" * 40_000}]}
            assert (await web.send_json("PATCH", "/api/offer", body)).status == 413
            assert web.desk.active == 0

    asyncio.run(run())


def test_wrong_types_methods_and_addresses() -> None:
    """415, 405 with what is allowed, 404; each with the same shape of error."""

    async def run() -> None:
        async with serving([echo()]) as web:
            for media in ("text/plain", "application/x-www-form-urlencoded", ""):
                reply = await web.ask("POST", "/api/offer", b"{}", headers={"Content-Type": media})
                assert (reply.status, reply.error) == (415, "unsupported_media_type")
            for method in ("GET", "PUT", "DELETE"):
                reply = await web.ask(method, "/api/offer")
                assert (reply.status, reply.error) == (405, "method_not_allowed")
                assert set(reply.headers["allow"].replace(" ", "").split(",")) >= {"POST", "PATCH"}
            assert (await web.ask("POST", "/api/offer/x", headers=JSON)).status == 405
            assert (await web.ask("POST", "/api/agents", headers=JSON)).status == 405
            for path in ("/api", "/api/", "/api/nothing", "/nothing", "/../server/app.py", "/%2e%2e/app.py"):
                assert (await web.ask("GET", path)).error == "not_found", path

    asyncio.run(run())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"pc_id": "nobody", "candidates": []}, 404),
        ({"pc_id": "nobody"}, 400),
        ({"pc_id": 3, "candidates": []}, 400),
        ({"pc_id": "nobody", "candidates": ["x"]}, 400),
        ({"pc_id": "nobody", "candidates": {}}, 400),
        ([], 400),
    ],
)
def test_candidates_of_nobody(body: object, status: int) -> None:
    """An unknown call is 404, another shape 400."""

    async def run() -> None:
        async with serving([echo()]) as web:
            reply = await web.send_json("PATCH", "/api/offer", body)
            assert reply.status == status
            assert reply.error

    asyncio.run(run())


def test_bad_candidates_of_a_call() -> None:
    """Are refused, and do the call no harm."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller()
            pc_id = await web.call(caller)
            for bad in ({"candidate": 5}, {"candidate": "nonsense"}, {"candidate": "", "sdp_mid": []}):
                reply = await web.send_json("PATCH", "/api/offer", {"pc_id": pc_id, "candidates": [bad]})
                assert (reply.status, reply.error) == (400, "bad_candidate"), bad
            await heard(caller, 440)
            await caller.hang_up()

    asyncio.run(run())


@pytest.mark.leaks
def test_fifty_bad_calls_leave_nothing() -> None:
    """Tasks, threads and open files are back where they began."""

    async def bad(web: Web, number: int) -> None:
        caller = Caller()
        sdp = await caller.offer()
        kind = number % 5
        if kind == 0:
            assert (await web.offer(sdp.replace("a=fingerprint", "a=x"))).status == 400
        elif kind == 1:
            assert (await web.offer("v=0\r\n" + "a=x\r\n" * 14_000)).status == 413
        elif kind == 2:
            assert (await web.offer(sdp, agent="nobody")).status == 404
        elif kind == 3:
            # Answered, and never heard of again; the caller hangs up before a connection stands.
            reply = await web.offer(sdp)
            assert (await web.ask("DELETE", f"/api/offer/{reply.json['pc_id']}")).status == 204
        else:
            await web.call(caller)
        await caller.hang_up()

    async def run() -> None:
        async with no_tasks_left(), serving([echo()]) as web:
            for number in range(50):
                await bad(web, number)
            await web.until_free()
            text = (await web.ask("GET", "/metrics")).body.decode()
            assert 'livegraph_offers_refused_total{reason="bad_offer"} 10.0' in text
            assert 'livegraph_offers_refused_total{reason="too_large"} 10.0' in text
            assert 'livegraph_offers_refused_total{reason="agent_unknown"} 10.0' in text
            assert 'livegraph_calls_total{agent="echo",reason="hung_up"} 20.0' in text
            assert 'livegraph_calls_active{agent="echo"} 0.0' in text

    asyncio.run(run())
