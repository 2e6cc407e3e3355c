"""How Pipecat's clients call, over HTTP and a real connection: sessions, what they send along, refusals, CORS."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiortc import RTCSessionDescription
from starlette.requests import Request

from livegraph.language import parse_agent
from livegraph.pipeline.units import SECOND
from livegraph.server import Arrival, Grant, PageMessages, ServedAgent
from livegraph.server.access.grant import bearer_of
from livegraph.server.access.ticket import Tickets
from livegraph.server.access.turn import TurnService
from livegraph.server.gate import by_tokens
from livegraph.server.limits import CallerLimits
from livegraph.server.pipecat.sessions import Sessions
from livegraph.server.wall_clock import unix_seconds
from support.clients import echo
from support.web import Reply, Web, serving
from support.webrtc import Caller

ASKING = """
version: 1
inputs:
  name: {type: text, default: ""}
  age: {type: integer, default: 0}
nodes:
  mic: webrtc_in
  ear: {use: webrtc_out, from: mic.audio}
"""


def asking() -> ServedAgent:
    """An agent with inputs."""
    return ServedAgent("asking", parse_agent(ASKING, environ={}).plan())


async def connect(caller: Caller, answer: dict[str, Any]) -> None:
    """Take the answer, and wait for the channel."""
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    async with asyncio.timeout(10):
        while caller.channel.readyState != "open":
            await asyncio.sleep(0.005)


async def told(caller: Caller, kind: str) -> dict[str, Any]:
    """The first message of this type."""
    async with asyncio.timeout(10):
        while not (found := [each for each in caller.messages if each.get("type") == kind]):
            await asyncio.sleep(0.01)
    return found[0]


def say(caller: Caller, kind: str, data: object = None, id: str = "m1") -> None:
    """One message of RTVI."""
    caller.say(label="rtvi-ai", type=kind, id=id, data=data)


async def by_session(web: Web, caller: Caller, body: object = None, **offer: object) -> str:
    """Call by the session that ``/start`` gives; returns where the offer went."""
    started = await web.send_json("POST", "/start", {"transport": "webrtc", "body": body})
    assert started.status == 200, started.body
    path = f"/sessions/{started.json['sessionId']}/api/offer"
    sent = {"sdp": await caller.offer(), "type": "offer", "pc_id": None, "restart_pc": False, **offer}
    reply = await web.send_json("POST", path, sent)
    assert reply.status == 200, reply.body
    assert set(reply.json) == {"sdp", "type", "pc_id"}
    await connect(caller, reply.json)
    caller.say(type="signalling", message={"type": "trackStatus", "receiver_index": 0, "enabled": True})
    say(caller, "client-ready", {"version": "2.1.0", "about": {"library": "test"}})
    caller.channel.send("ping: 1")
    await told(caller, "bot-ready")
    trickled = await web.send_json(
        "PATCH", path, {"pc_id": reply.json["pc_id"], "candidates": [{"candidate": "", "sdp_mid": "0"}]}
    )
    assert trickled.status == 200
    return path


def test_a_session_makes_a_call() -> None:
    """``/start``, offer, ``bot-ready``, candidates, and ``peerLeft`` when the server ends it."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller(label="chat")
            await by_session(web, caller)
            (call,) = web.desk.calls()
            await web.desk.end(call["id"])
            assert (await told(caller, "signalling"))["message"] == {"type": "peerLeft"}
            end = await told(caller, "server-message")
            assert end["data"] == {"type": "end", "reason": "operator"}
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())


SENT = {"agent": "asking", "inputs": {"name": "Ann"}, "age": 7, "theme": {"dark": True}}


@pytest.mark.parametrize("where", ["body", "requestData", "request_data", "both"])
def test_what_a_client_sends_along_says_agent_and_inputs(where: str) -> None:
    """In ``/start``, in the offer, or in both, where the offer's counts; what is no input is for the program."""
    arrived: list[Arrival] = []

    async def run() -> None:
        async with serving([echo(), asking()], on_call=lambda _, arrival: arrived.append(arrival)) as web:
            caller = Caller(label="chat")
            if where == "body":
                await by_session(web, caller, SENT)
            elif where == "both":
                await by_session(web, caller, {**SENT, "age": 99}, requestData={"age": 7})
            else:
                await by_session(web, caller, None, **{where: SENT})
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())
    (arrival,) = arrived
    assert (arrival.agent, arrival.inputs) == ("asking", {"name": "Ann", "age": 7})
    assert arrival.data["theme"] == {"dark": True}


def test_what_a_client_sends_along_counts_without_a_session() -> None:
    """In ``/api/offer`` too."""
    arrived: list[Arrival] = []

    async def run() -> None:
        async with serving([echo(), asking()], on_call=lambda _, arrival: arrived.append(arrival)) as web:
            caller = Caller(label="chat")
            await web.call(caller, pc_id=None, restart_pc=False, requestData=SENT)
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())
    assert arrived[0].inputs == {"name": "Ann", "age": 7}


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"agent": "nobody"}, 404, "agent_unknown"),
        ({"agent": "asking", "inputs": {"nothing": 1}}, 400, "bad_inputs"),
        ({"agent": "asking", "age": {}}, 400, "bad_inputs"),
        ({"agent": "asking", "age": "old"}, 400, "bad_inputs"),
        ({"inputs": {"name": "Ann"}}, 400, "bad_inputs"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(sent: dict[str, object], status: int, code: str) -> None:
    """With words where Pipecat's clients look for them."""

    async def run() -> None:
        async with serving([echo(), asking()]) as web:
            started = (await web.send_json("POST", "/start", {"body": sent})).json
            path, caller = f"/sessions/{started['sessionId']}/api/offer", Caller()
            reply = await web.send_json("POST", path, {"sdp": await caller.offer(), "type": "offer"})
            assert (reply.status, reply.error) == (status, code)
            assert reply.json["detail"] == reply.json["info"]
            assert reply.json["detail"].startswith(reply.json["error"]["message"])
            await caller.hang_up()

    asyncio.run(run())


def test_what_start_refuses() -> None:
    """Transports that are not here, rooms of somebody else, what is no JSON; an empty body is fine."""

    async def run() -> None:
        async with serving([echo()]) as web:
            for body in ({"transport": "daily"}, {"createDailyRoom": True}, {"transport": "livekit"}):
                reply = await web.send_json("POST", "/start", body)
                assert (reply.status, reply.error) == (400, "transport_unknown")
                assert "webrtc" in reply.json["info"]
            assert (await web.send_json("POST", "/start", {"body": "x"})).error == "bad_request"
            assert (await web.ask("POST", "/start", b"{}")).status == 415
            assert (await web.ask("POST", "/start")).status == 200
            unknown = await web.send_json("POST", "/sessions/none/api/offer", {"sdp": "", "type": "offer"})
            assert (unknown.status, unknown.error) == (404, "session_unknown")
            assert (await web.ask("GET", "/status")).json == {
                "status": "ready",
                "transports": ["webrtc", "websocket"],
            }

    asyncio.run(run())


def test_a_session_stands_for_the_leave_that_it_was_given() -> None:
    """Who may not call gets none; the offer of one needs no token, and counts for who began it."""

    async def authorize(request: Request) -> Grant | None:
        return Grant(identity="ann", agents=("asking",)) if bearer_of(request) == "right" else None

    async def run() -> None:
        turn = TurnService(["turn:relay.example.org"], b"s" * 32, lambda: 0.0)
        async with serving([echo(), asking()], authorize=authorize, turn=turn) as web:
            assert (await web.send_json("POST", "/start", {}, Authorization="Bearer wrong")).status == 401
            started = (await web.send_json("POST", "/start", {}, Authorization="Bearer right")).json
            (server,) = started["iceConfig"]["iceServers"]
            assert server["urls"] == ["turn:relay.example.org"] and server["credential"]
            path, caller = f"/sessions/{started['sessionId']}/api/offer", Caller(label="chat")
            reply = await web.send_json("POST", path, {"sdp": await caller.offer(), "type": "offer"})
            await connect(caller, reply.json)
            assert [(each["identity"], each["agent"]) for each in web.desk.calls()] == [("ann", "asking")]
            await caller.hang_up()
            await web.until_free()

    asyncio.run(run())


def test_two_clients_on_one_session_are_two_calls() -> None:
    """As with Pipecat's own servers: each has a line of its own, counted for who began the session, and one who leaves
    takes nobody along. A session that came of a ticket makes one call."""
    tickets = Tickets(b"0123456789abcdef0123456789abcdef", unix_seconds)

    async def run() -> None:
        async with serving(
            [echo()], authorize=by_tokens(lambda: None, tickets), limits=CallerLimits(calls=2)
        ) as web:

            async def offered(path: str, caller: Caller) -> Reply:
                return await web.send_json("POST", path, {"sdp": await caller.offer(), "type": "offer"})

            async def begun(**grant: Any) -> str:
                bearer = f"Bearer {tickets.make('ann', **grant)}"
                session = (await web.send_json("POST", "/start", {}, Authorization=bearer)).json["sessionId"]
                return f"/sessions/{session}/api/offer"

            path, other = await begun(), await begun()
            first, second = Caller(label="chat"), Caller(label="chat")
            await connect(first, (await offered(path, first)).json)
            again = await offered(path, second)
            assert (again.status, again.error) == (401, "ticket_used")
            await connect(second, (await offered(other, second)).json)
            assert [call["identity"] for call in web.desk.calls()] == ["ann", "ann"]
            await first.hang_up()
            async with asyncio.timeout(10):
                while web.desk.active > 1:
                    await asyncio.sleep(0.01)
            assert second.channel.readyState == "open"
            await second.hang_up()
            await web.until_free()

        async with serving([echo()]) as web:
            started = (await web.send_json("POST", "/start", {})).json
            path = f"/sessions/{started['sessionId']}/api/offer"
            both = [Caller(label="chat"), Caller(label="chat")]
            for caller in both:
                answer = (
                    await web.send_json("POST", path, {"sdp": await caller.offer(), "type": "offer"})
                ).json
                await connect(caller, answer)
            assert web.desk.active == 2
            await both[0].hang_up()
            async with asyncio.timeout(10):
                while web.desk.active > 1:
                    await asyncio.sleep(0.01)
            assert both[1].channel.readyState == "open"
            await both[1].hang_up()
            await web.until_free()

    asyncio.run(run())


def test_sessions_end() -> None:
    """Ten minutes after their last use, and the oldest first when there are too many."""
    sessions = Sessions()
    first = sessions.begin(Grant(), b"{}", 0, "ada")
    second = sessions.begin(Grant(), b"{}", 300 * SECOND, "ada")
    assert sessions.find(first.id, 500 * SECOND) is first
    assert sessions.find(second.id, 900 * SECOND) is None
    assert sessions.find(first.id, 1_099 * SECOND) is first
    for _ in range(4_096):
        sessions.begin(Grant(), b"{}", 1_100 * SECOND, "ada")
    assert sessions.find(first.id, 1_100 * SECOND) is None


def test_sessions_are_bounded_in_what_they_hold() -> None:
    """Who begins many with much in them loses their own; of all together the oldest go."""
    sessions, large = Sessions(), b'{"a": "' + b"x" * 65_000 + b'"}'
    first = sessions.begin(Grant(), b'{"agent": "echo"}', 0, "ada")
    mallory = [sessions.begin(Grant(), large, 1, "mallory") for _ in range(500)]
    assert sessions.find(first.id, 2) is first and first.body == {"agent": "echo"}
    assert sum(sessions.find(one.id, 2) is not None for one in mallory) == (1 << 20) // len(large)
    for number in range(600):
        sessions.begin(Grant(), large, 3, str(number))
    assert sessions.find(first.id, 4) is None


def test_a_program_talks_with_the_page() -> None:
    """By name, with plain and ``async`` answers; what fails is told in words, and a mistake of ours by a number."""

    async def later(data: Any) -> Any:
        await asyncio.sleep(0)
        return [data, data]

    def refuse(data: Any) -> Any:
        raise ValueError("too dear")

    def broken(data: Any) -> Any:
        raise RuntimeError("the password is hunter2")

    pages: list[PageMessages] = []

    def on_call(_: Request, arrival: Arrival) -> None:
        pages.append(arrival.page)
        arrival.page.answer("price", lambda data: {"of": data})
        arrival.page.answer("later", later)
        arrival.page.answer("refuse", refuse)
        arrival.page.answer("broken", broken)
        arrival.page.answer("odd", lambda data: object())
        arrival.page.send({"hello": arrival.identity})

    async def run() -> None:
        async with serving([echo()], on_call=on_call) as web:
            caller, ours = Caller(label="chat"), Caller()
            await by_session(web, caller)
            assert (await told(caller, "server-message"))["data"] == {"hello": ""}
            pages[0].send([1, 2])
            for name in ("price", "later", "refuse", "broken", "odd", "nobody"):
                say(caller, "client-message", {"t": name, "d": name}, id=name)
            async with asyncio.timeout(10):
                while len([each for each in caller.messages if each.get("id") in ANSWERS]) < 6:
                    await asyncio.sleep(0.01)
            answers = {each["id"]: each for each in caller.messages if each.get("id") in ANSWERS}
            assert answers["price"]["data"] == {"t": "price", "d": {"of": "price"}}
            assert answers["later"]["data"] == {"t": "later", "d": ["later", "later"]}
            errors = {
                id: each["data"]["error"] for id, each in answers.items() if each["type"] == "error-response"
            }
            assert set(errors) == {"refuse", "broken", "odd", "nobody"}
            assert errors["refuse"] == "too dear" and "nobody" in errors["nobody"]
            assert "hunter2" not in json.dumps(errors) and "error " in errors["broken"]
            assert [each["data"] for each in caller.messages if each["type"] == "server-message"][1] == [1, 2]
            with pytest.raises(TypeError):
                pages[0].send(object())
            await web.call(ours)
            ours.say(type="ask", id="a", name="price", data=1)
            assert await told(ours, "reply") == {"type": "reply", "id": "a", "ok": True, "data": {"of": 1}}
            for each in (caller, ours):
                await each.hang_up()
            await web.until_free()

    asyncio.run(run())


ANSWERS = {"price", "later", "refuse", "broken", "odd", "nobody"}


@pytest.mark.parametrize("asked", ["content-type", "content-type,x-api-key, authorization", "if-match"])
def test_a_page_of_an_allowed_origin_may_send_its_headers(asked: str) -> None:
    """Whatever it asks for in a preflight; what is no list of names is left out, and a foreign page gets nothing."""

    async def run() -> None:
        async with serving([echo()], allow_origins=["https://app.example.org"]) as web:
            headers = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
            for path in ("/start", "/sessions/x/api/offer", "/api/offer"):
                reply = await web.ask(
                    "OPTIONS", path, headers={**headers, "Access-Control-Request-Headers": asked}
                )
                allowed = {
                    name.strip().lower() for name in reply.headers["access-control-allow-headers"].split(",")
                }
                assert (reply.status, allowed >= set(asked.replace(" ", "").split(","))) == (204, True)
            odd = await web.ask(
                "OPTIONS", "/start", headers={**headers, "Access-Control-Request-Headers": "a: b; c"}
            )
            assert odd.headers["access-control-allow-headers"] == "Content-Type, Authorization"
            foreign = await web.ask(
                "OPTIONS", "/start", headers={**headers, "Origin": "https://evil.example"}
            )
            assert foreign.status == 403

    asyncio.run(run())
