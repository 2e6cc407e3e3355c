"""WHIP (RFC 9725): one request over HTTP is a call; candidates, restarts and the end follow it."""

import asyncio
import re
from typing import Any

import pytest
from aiortc import RTCSessionDescription

from livegraph.server.access import Tickets, TurnService
from livegraph.server.gate import by_tokens
from livegraph.server.limits import CallerLimits
from livegraph.server.wall_clock import unix_seconds
from livegraph.server.whip.fragments import BadFragment, entity_tag, read_fragment, restarted, write_fragment
from support.clients import echo
from support.web import Reply, Web, serving
from support.webrtc import Caller

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
SECRET = b"0123456789abcdef0123456789abcdef"


async def post(web: Web, sdp: str, path: str = "/whip/echo", **headers: str) -> Reply:
    """An offer."""
    return await web.ask("POST", path, sdp.encode(), headers={**SDP, **headers})


async def patch(web: Web, where: str, text: str, **headers: str) -> Reply:
    """A piece of SDP."""
    return await web.ask("PATCH", where, text.encode(), headers={**FRAGMENT, **headers})


async def begun(web: Web, caller: Caller, **headers: str) -> Reply:
    """A call that stands."""
    reply = await post(web, await caller.offer(), **headers)
    assert reply.status == 201, reply.body
    await caller.pc.setRemoteDescription(RTCSessionDescription(reply.body.decode(), "answer"))
    async with asyncio.timeout(15):
        while caller.pc.connectionState != "connected":
            await asyncio.sleep(0.01)
    return reply


def test_a_call_by_one_request() -> None:
    """201 with an answer, its place and its tag; sound flows; DELETE ends it, again and with any ETag."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller(None)
            reply = await begun(web, caller)
            assert reply.headers["content-type"] == "application/sdp"
            where = reply.headers["location"]
            assert re.fullmatch(r"/whip/session/[\w.%-]+", where)
            assert re.fullmatch(r'"[0-9a-f]{20}"', reply.headers["etag"])
            async with asyncio.timeout(10):
                while not web.desk.calls() or web.desk.calls()[0]["state"] != "running":
                    await asyncio.sleep(0.01)
            assert (await web.ask("DELETE", where, headers={"If-Match": '"other"'})).status == 200
            await web.until_free()
            assert (await web.ask("DELETE", where)).status == 200
            await caller.hang_up()

    asyncio.run(run())


def test_candidates_come_later() -> None:
    """204 with the session's tag; what cannot be used is dropped; 428 without a tag, 412 with an old one."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller(None)
            reply = await post(web, await caller.offer())
            where, tag = reply.headers["location"], reply.headers["etag"]
            good = "candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host"
            text = (
                f"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na={good}\r\n"
                "a=candidate:2 1 udp 1 nonsense.local 5 typ host\r\na=candidate:!\r\na=end-of-candidates\r\n"
            )
            done = await patch(web, where, text, **{"If-Match": tag})
            assert (done.status, "etag" in done.headers) == (204, False)
            assert (await patch(web, where, text)).status == 428
            assert (await patch(web, where, text, **{"If-Match": '"old"'})).status == 412
            assert (await patch(web, where, text, **{"If-Match": "*"})).status == 412
            half = await patch(web, where, "a=ice-ufrag:abcd\r\n", **{"If-Match": "*"})
            assert half.status == 422
            wrong = await web.ask(
                "PATCH", where, b"{}", headers={"If-Match": tag, "Content-Type": "text/plain"}
            )
            assert wrong.status == 415
            assert (await patch(web, "/whip/session/nobody", text, **{"If-Match": tag})).status == 404
            await web.ask("DELETE", where)
            await caller.hang_up()

    asyncio.run(run())


def test_ice_restarts_and_the_call_goes_on() -> None:
    """200 with our new credentials and a new tag, after which the old one is not good; a wrong one changes nothing."""

    async def run() -> None:
        async with serving([echo()]) as web:
            caller = Caller(None)
            reply = await begun(web, caller)
            where, tag = reply.headers["location"], reply.headers["etag"]
            fresh = "a=ice-ufrag:newone\r\na=ice-pwd:0123456789012345678901\r\n"
            broken = await patch(web, where, "a=ice-ufrag:x y\r\na=ice-pwd:short\r\n", **{"If-Match": "*"})
            assert broken.status == 422
            done = await patch(web, where, fresh, **{"If-Match": "*"})
            assert done.status == 200
            assert done.headers["content-type"] == "application/trickle-ice-sdpfrag"
            assert done.headers["etag"] != tag
            text = done.body.decode()
            assert re.search(r"^a=ice-ufrag:\S+\r$", text, re.MULTILINE)
            assert re.search(r"^a=candidate:.* typ host", text, re.MULTILINE)
            assert (await patch(web, where, "a=end-of-candidates\r\n", **{"If-Match": tag})).status == 412
            same = await patch(web, where, fresh, **{"If-Match": done.headers["etag"]})
            assert same.status == 204
            assert [call["state"] for call in web.desk.calls()] == ["running"]
            await web.ask("DELETE", where)
            await caller.hang_up()

    asyncio.run(run())


def test_who_may_call_by_whip() -> None:
    """Bearer tokens and tickets, each ticket once; 401 says how; limits hold; only an offer is answered."""
    tickets = Tickets(SECRET, unix_seconds)

    async def run() -> None:
        async with serving([echo()], authorize=by_tokens(lambda: None, tickets)) as web:
            caller = Caller(None)
            sdp = await caller.offer()
            await caller.hang_up()
            refused = await post(web, sdp)
            assert (refused.status, refused.headers["www-authenticate"][:6]) == (401, "Bearer")
            ticket = {"Authorization": "Bearer " + tickets.make("camera", agents=["echo"])}
            assert (await post(web, "v=0\r\nnonsense", **ticket)).status == 400
            reply = await post(web, sdp, **ticket)
            assert reply.status == 201
            assert [call["identity"] for call in web.desk.calls()] == ["camera"]
            other = Caller(None)
            again = await post(web, await other.offer(), **ticket)
            assert (again.status, again.error) == (401, "ticket_used")
            await other.hang_up()
        async with serving([echo()], limits=CallerLimits(offers_per_minute=6)) as web:
            seen = [(await post(web, "nonsense")).status for _ in range(5)]
            assert seen == [400] * 3 + [429] * 2
        async with serving([echo()]) as web:
            assert (
                await web.ask("POST", "/whip/echo", b"{}", headers={"Content-Type": "application/json"})
            ).status == 415
            assert (await post(web, "x" * 70_000)).status == 413
            assert (await post(web, sdp, "/whip/nobody")).status == 404
            assert (await web.ask("GET", "/whip/echo")).status == 405

    asyncio.run(run())


def test_servers_for_ice_are_told_as_links() -> None:
    """STUN and a relay with credentials of this caller's own (RFC 9725, section 4.6)."""

    async def run() -> None:
        turn = TurnService(["turn:relay.example.org"], SECRET, unix_seconds)
        servers: list[dict[str, Any]] = [{"urls": "stun:stun.example.org"}]
        async with serving([echo()], ice_servers=servers, turn=turn) as web:
            caller = Caller(None)
            reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
            body = (await caller.offer()).encode()
            writer.write(
                f"POST /whip HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nConnection: close\r\n"
                f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            links = re.findall(r"^link: (.*?)\r$", head, re.MULTILINE | re.IGNORECASE)
            assert links[0] == '<stun:stun.example.org>; rel="ice-server"'
            assert re.fullmatch(
                r'<turn:relay\.example\.org>; rel="ice-server"; username="[^"]+"; credential="[^"]+"; '
                r'credential-type="password"',
                links[1],
            )
            writer.close()
            await caller.hang_up()

    asyncio.run(run())


def test_pages_of_allowed_origins_may() -> None:
    """The preflight allows what WHIP sends, and the answer shows what it needs; others are refused."""

    async def run() -> None:
        async with serving([echo()], allow_origins=["https://studio.example.org"]) as web:
            asks = {
                "Origin": "https://studio.example.org",
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "authorization,content-type,if-match",
            }
            reply = await web.ask("OPTIONS", "/whip/echo", headers=asks)
            assert reply.status == 204
            assert "if-match" in reply.headers["access-control-allow-headers"]
            assert "PATCH" in reply.headers["access-control-allow-methods"]
            assert "application/sdp" in reply.headers["accept-post"]
            caller = Caller(None)
            reply = await post(web, await caller.offer(), Origin="https://studio.example.org")
            assert reply.headers["access-control-allow-origin"] == "https://studio.example.org"
            for name in ("Location", "ETag", "Link"):
                assert name in reply.headers["access-control-expose-headers"]
            assert (await post(web, "v=0", Origin="https://evil.example")).status == 403
            plain = await web.ask("OPTIONS", "/whip/echo")
            assert plain.status == 204
            assert "application/sdp" in plain.headers["accept-post"]
            await caller.hang_up()

    asyncio.run(run())


# ---- fragments ----


@pytest.mark.parametrize(
    "text",
    [
        "a=ice-ufrag:abcd",
        "a=ice-pwd:0123456789012345678901",
        "a=ice-ufrag:abcd\r\na=ice-pwd:short",
        "a=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\na=ice-pwd:0123456789012345678901",
        "a=candidate:1\r\n" * 401,
    ],
)
def test_half_of_a_fragment_is_none(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadFragment):
        read_fragment(text)


def test_fragments_are_read_and_written() -> None:
    """What we write can be read; a restarted offer differs in its credentials alone."""
    offer = "v=0\r\na=ice-ufrag:old1\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 X 0\r\na=mid:0\r\n"
    offer += "a=candidate:1\r\n"
    fragment = read_fragment(
        "a=ice-ufrag:new1\r\na=ice-pwd:9876543210987654321098\r\na=mid:0\r\na=candidate:2 1 udp\r\n"
    )
    assert fragment.candidates == ({"candidate": "candidate:2 1 udp", "sdp_mid": "0"},)
    made = restarted(offer, fragment)
    assert "old1" not in made
    assert "a=candidate" not in made
    assert "a=mid:0" in made
    again = read_fragment(write_fragment(made))
    assert (again.ufrag, again.password) == ("new1", "9876543210987654321098")
    assert entity_tag(made) != entity_tag(offer)
