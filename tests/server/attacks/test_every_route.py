"""What is done to every route that there is, found by looking: a route that somebody adds is attacked by itself.

By OWASP's lists for APIs (2023) and WebSockets. Whatever is sent, the answer is a refusal of ours or what the route is
for; none is a 500, none costs a call, none makes a warning in the log, and the server serves on.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from livegraph.cli.web import Patience, WebServer
from livegraph.pipeline import Graph
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server import bodies, make_admin_app
from livegraph.server.access import Grant, Tickets
from livegraph.server.access.token_file import TokenFile, digest
from livegraph.server.app import make_app
from livegraph.server.calls import ServedAgent
from livegraph.server.gate import by_tokens
from livegraph.server.limits import CallerLimits
from livegraph.server.wall_clock import unix_seconds
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.routes import Way, ways_of
from support.web import Reply, Web, serving

TOKEN = "an-attackers-token-0123456789"
PUBLIC = {"/healthz", "/readyz", "/status", "/metrics", "/client.js", "/{file}"}
"""What strangers may read: whether it is well, and the page, which asks for the token. A route that is new is not."""
BY_NAME = {
    ("PATCH", "/api/offer"),
    ("DELETE", "/api/offer/{pc_id}"),
    ("POST", "/sessions/{session}/api/offer"),
    ("PATCH", "/sessions/{session}/api/offer"),
    *((method, "/whip/session/{session}") for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")),
}
"""What the name of a call or a session opens, which nobody can guess: who has it is its caller."""
KEYS = {"Authorization": f"Bearer {TOKEN}"}


def agent() -> ServedAgent:
    """Says back what it hears."""
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent("echo", make_plan(graph, inputs={"name": InputSpec(default="nobody")}))


def options() -> dict[str, Any]:
    """All that an application can have switched on, for one caller with a token."""
    known = TokenFile({digest(TOKEN): Grant(identity="mallory", inputs={"name": "mallory"}, report="none")})
    tickets = Tickets(b"0123456789abcdef0123456789abcdef", unix_seconds)
    return {
        "authorize": by_tokens(lambda: known, tickets),
        "limits": CallerLimits(offers_per_minute=100_000, calls=4),
        "metrics": True,
    }


OTHER_TONGUES = ("/whip", "/telephone", "/start")
"""Ways in that speak SDP, forms of telephone services, or to other clients. They are sent every body, as all are; how
their addresses and methods are attacked is in their own tests."""
EVERY = [way for way in ways_of(make_app([agent()], **options())) if not way.is_websocket]
WAYS = [way for way in ways_of(make_app([agent()], **options())) if not way.pattern.startswith(OTHER_TONGUES)]
HTTP = [way for way in WAYS if not way.is_websocket]
SOCKETS = [way for way in WAYS if way.is_websocket]
TAKING = [way for way in EVERY if way.takes_body]

pytestmark = pytest.mark.timeout(240)


@asynccontextmanager
async def attacked(caplog: pytest.LogCaptureFixture, patience: Patience | None = None) -> AsyncIterator[Web]:
    """A server that, when the block ends, is as well as before: no call, no fault, nothing in its operator's log."""
    caplog.set_level(logging.INFO)
    async with serving([agent()], patience=patience, **options()) as web:
        yield web
        assert web.desk.active == 0
        assert (await web.ask("GET", "/healthz")).json == {"status": "ok"}
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    # A machine that is busy with other things holds the loop up as well.
    assert [text for text in said if not text.startswith("the event loop is blocked")] == []
    assert "Traceback" not in caplog.text
    assert TOKEN not in caplog.text


def attack(
    caplog: pytest.LogCaptureFixture,
    during: Callable[[Web], Awaitable[None]],
    patience: Patience | None = None,
) -> None:
    """Run ``during`` against a server."""

    async def run() -> None:
        async with attacked(caplog, patience) as web:
            await during(web)

    asyncio.run(run())


def refused(reply: Reply, what: object) -> None:
    """It is one of ours: a code, a sentence and a remedy, and nothing of how the server is made."""
    assert 400 <= reply.status < 500, (what, reply.status, reply.body[:300])
    assert_plain(reply, what)
    if reply.body and reply.headers.get("content-type", "").startswith("application/json"):
        assert reply.error, what


def of_no_effect(way: Way, reply: Reply, what: object) -> None:
    """It is refused; ``/start`` needs no body, and may leave out of account what it does not know."""
    if way.pattern == "/start" and reply.status == 200:
        assert_plain(reply, what)
        assert set(reply.json) == {"sessionId"}, what
    else:
        refused(reply, what)


def assert_plain(reply: Reply, what: object) -> None:
    """No path, class, version or traceback; the headers that protect a page."""
    text = reply.body.decode(errors="replace") if reply.status >= 400 else ""
    for word in ("Traceback", "site-packages", "starlette", "uvicorn", "msgspec", ".py", "livegraph."):
        assert word not in text, (what, text[:300])
    assert "server" not in reply.headers and "x-powered-by" not in reply.headers
    assert reply.headers["x-content-type-options"] == "nosniff", what
    assert "default-src 'none'" in reply.headers["content-security-policy"], what


async def sent(web: Web, way: Way, method: str, body: bytes = b"", path: str = "", **headers: str) -> Reply:
    """One request with a good token."""
    fields = KEYS | {name.replace("_", "-"): value for name, value in headers.items()}
    return await web.ask(method, path or way.path(), body, headers=fields)


def test_there_are_routes_to_attack() -> None:
    """The walk finds what is known to be there, and those that take a body."""
    found = {way.pattern for way in WAYS}
    assert {"/api/offer", "/api/offer/{pc_id}", "/api/agents", "/healthz", "/{file}"} <= found
    assert any(way.pattern == "/api/offer" for way in TAKING)


# API1, API2, API5: who may do what ------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": f"Bearer {TOKEN} {TOKEN}"},
        {"Authorization": "Bearer " + "x" * 12_000},
        {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."},
        {"Cookie": f"token={TOKEN}; session={TOKEN}"},
        {"X-Authorization": f"Bearer {TOKEN}"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
        {"X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz"},
    ],
    ids=lambda headers: ", ".join(headers) or "nothing",
)
def test_nothing_but_what_is_public_is_there_for_strangers(
    headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """With no token, a wrong one, or one in the wrong place; for each method that a route takes."""

    async def during(web: Web) -> None:
        for way in EVERY:
            for method in sorted(way.methods):
                reply = await web.ask(method, way.path(), headers=headers)
                if way.pattern in PUBLIC:
                    assert reply.status in (200, 404), (str(way), reply.status)
                elif (method, way.pattern) in BY_NAME:
                    refused(reply, str(way))
                elif way.pattern.startswith("/whip") and method != "POST":
                    # What it takes is for everybody to know (RFC 9725, section 4.2).
                    assert reply.status == (204 if method == "OPTIONS" else 405), (str(way), reply.status)
                    assert_plain(reply, str(way))
                elif way.pattern.startswith("/telephone"):
                    # Their services sign what they ask; what is no question of theirs is told so.
                    refused(reply, str(way))
                else:
                    # Too many wrong ones are told to wait.
                    assert reply.status in (401, 403, 429), (str(way), method, reply.status)
                    assert_plain(reply, str(way))

    attack(caplog, during)


def test_a_token_in_an_address_is_none(caplog: pytest.LogCaptureFixture) -> None:
    """It would stand in every log on the way: it neither opens anything nor is it logged."""

    async def during(web: Web) -> None:
        for way in EVERY:
            if way.pattern in PUBLIC:
                continue
            for name in ("token", "access_token", "ticket", "key", "authorization"):
                for method in sorted(way.methods):
                    reply = await web.ask(method, f"{way.path()}?{name}={TOKEN}")
                    if (method, way.pattern) in BY_NAME or way.pattern.startswith("/telephone"):
                        refused(reply, str(way))
                    elif method == "POST" or not way.pattern.startswith("/whip"):
                        assert reply.status in (401, 403, 429), (str(way), reply.status)

    attack(caplog, during)


METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PROPFIND",
    "BREW",
    "get",
    "G" * 300,
)


def test_a_method_that_a_route_does_not_take_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Also where a header, a query or a field says that it means another."""
    override = dict.fromkeys(("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"), "DELETE")

    async def during(web: Web) -> None:
        for way in HTTP:
            for method in METHODS:
                if method in way.methods:
                    continue
                reply = await web.ask(method, f"{way.path()}?_method=DELETE", headers=KEYS | override)
                assert reply.status in (400, 404, 405), (str(way), method, reply.status)

    attack(caplog, during)


# API3: what a caller may set ------------------------------------------------------------------------

MASS = {
    **{
        "identity": "admin",
        "report": "full",
        "grant": {"identity": "admin", "report": "full"},
        "admin": True,
    },
    **{"limits": {"calls": 10**6}, "max_calls": 10**6, "once": "x", "expires_s": 0, "address": "127.0.0.1"},
    **{"inputs": {"name": "root", "call.identity": "admin", "__proto__": {"name": "x"}}, "resources": {}},
    **{
        "request": {},
        "headers": {"authorization": f"Bearer {TOKEN}"},
        "dialect": "../../x",
        "live": "google",
    },
}


def test_a_caller_sets_nothing_that_is_not_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Fields that look like ours in every body: each is refused, or is of no effect."""

    async def during(web: Web) -> None:
        for way in TAKING:
            for method in sorted(way.methods - {"GET", "HEAD"}):
                for name, value in MASS.items():
                    body = json.dumps({"sdp": "v=0\r\n", "type": "offer", name: value}).encode()
                    reply = await sent(web, way, method, body, Content_Type="application/json")
                    of_no_effect(way, reply, (str(way), name))

    attack(caplog, during)


# API4: what a request may cost ----------------------------------------------------------------------

DEEP = b'{"sdp":' + b"[" * 100_000
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "deep": DEEP + b"]" * 100_000 + b"}",
    "deep and open": DEEP,
    "deep objects": b'{"a":' * 50_000,
    "a long integer": b'{"sdp": ' + b"9" * 100_000 + b"}",
    "a long integer in inputs": b'{"sdp": "v=0", "type": "offer", "inputs": {"name": '
    + b"9" * 50_000
    + b"}}",
    "a long fraction": b'{"sdp": 0.' + b"1" * 100_000 + b"}",
    "a great exponent": b'{"sdp": 1e999999999}',
    "no number": b'{"sdp": NaN, "type": Infinity}',
    "a key twice": b'{"sdp": "v=0", "sdp": "v=1", "type": "offer", "type": "answer"}',
    "many keys": b"{" + b",".join(b'"k%d": %d' % (n, n) for n in range(20_000)) + b"}",
    "one key": b'{"' + b"k" * 300_000 + b'": 1}',
    "a null byte": b'{"sdp": "v=0\x00", "type": "offer"}',
    "an escaped null": b'{"sdp": "v=0\\u0000\\r\\n", "type": "offer", "agent": "\\u0000"}',
    "half a character": b'{"sdp": "\\ud800", "type": "offer"}',
    "no UTF-8": b'{"sdp": "\xff\xfe\xc0\xaf", "type": "offer"}',
    "another encoding": '{"sdp": "v=0", "type": "offer"}'.encode("utf-16"),
    "a mark in front": b"\xef\xbb\xbf" + b'{"sdp": "v=0", "type": "offer"}',
    "a list": b"[" + b"1," * 100_000 + b"1]",
    "lines": b'{"sdp": "v=0"}\n{"sdp": "v=0"}\n',
    "a comment": b'{"sdp": "v=0" /* */, // \n "type": "offer"}',
    "an entity": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "proto": b'{"__proto__": {"sdp": "v=0"}, "constructor": {"prototype": {}}}',
    "another name": b'{"agent": "\xef\xbd\x85cho", "sdp": "v=0", "type": "offer"}',
    "a template": b'{"agent": "{{config}}${7*7}$(id)`id`", "sdp": "v=0", "type": "offer"}',
}


@pytest.mark.parametrize("what", BODIES)
def test_no_body_does_harm(what: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever stands in the place of JSON, on every route that takes some."""

    async def during(web: Web) -> None:
        for way in TAKING:
            for method in sorted(way.methods - {"GET", "HEAD"}):
                reply = await sent(web, way, method, BODIES[what], Content_Type="application/json")
                of_no_effect(way, reply, (str(way), what))

    attack(caplog, during)


KINDS = (
    *("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml"),
    *("application/json5", "application/jsonx", "x/application/json", "text/plain; application/json", "*/*"),
    "application/x-msgpack",
)


KINDS_READ = (
    "application/json",
    "application/sdp",
    "application/trickle-ice-sdpfrag",
    "application/x-www-form-urlencoded",
)
"""One of them is what a route reads."""
BOMB = gzip.compress(bytes(50_000_000), 1)


def test_another_kind_of_body_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A form of a foreign page can send some of these without asking: none is read as JSON."""
    body = b'{"sdp": "v=0\\r\\n", "type": "offer"}'

    async def during(web: Web) -> None:
        for way in TAKING:
            for method in sorted(way.methods - {"GET", "HEAD"}):
                for kind in KINDS:
                    more = {"Content_Type": kind} if kind else {}
                    refused(await sent(web, way, method, body, **more), (str(way), kind))
                for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip"):
                    more = {"Content_Type": "application/json", "Content_Encoding": coding}
                    refused(await sent(web, way, method, BOMB, **more), (str(way), coding))

    attack(caplog, during)


def test_a_body_without_end_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    """In pieces, or by a length that is a promise: no more than the limit is read, on any route."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    async def during(web: Web) -> None:
        for way in TAKING:
            for method in sorted(way.methods):
                if method in ("GET", "HEAD"):
                    continue
                headers = KEYS | {"Content-Type": "application/json"}
                # Hung up on, with or without having read why.
                with suppress(ConnectionError):
                    refused(await web.ask(method, way.path(), endless(), headers=headers), str(way))
                length = {"Content-Length": str(10**12)}
                refused(await web.ask(method, way.path(), b" ", headers=headers | length), str(way))

    attack(caplog, during)


def test_who_is_slow_is_hung_up_on(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a head or half a body on each route, all at once: every connection is closed, and others are served."""
    monkeypatch.setattr(bodies, "_DEADLINE_S", 0.5)

    async def half(web: Web, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        try:
            writer.write(request)
            async with asyncio.timeout(30):
                return await reader.read()
        finally:
            writer.close()

    async def during(web: Web) -> None:
        waiting: list[Awaitable[bytes]] = []
        for way in EVERY:
            for method in sorted(way.methods):
                line = f"{method} {way.path()} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n".encode()
                waiting.append(half(web, line))
                for kind in KINDS_READ if method in ("POST", "PUT", "PATCH") else ():
                    key = f"Authorization: Bearer {TOKEN}\r\nIf-Match: *\r\nContent-Type: {kind}\r\n".encode()
                    waiting.append(half(web, line + key + b'Content-Length: 99\r\n\r\n{"sdp"'))
                    waiting.append(half(web, line + key + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"))
        served = asyncio.gather(*waiting)
        assert (await web.ask("GET", "/api/agents", headers=KEYS)).status == 200
        for reply in await served:
            assert reply == b"" or reply.startswith(b"HTTP/1.1 4"), reply[:200]

    attack(caplog, during, patience=Patience(head_s=0.5, body_s=1.0))


# Addresses ------------------------------------------------------------------------------------------

PARAMETERS = (
    *(
        "..",
        ".",
        "%2e%2e",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%252e%252e%252f",
        "%00",
        "a%00b",
        "%c0%ae%c0%ae%c0%af",
    ),
    *(
        "%0d%0aSet-Cookie:%20x=1",
        "%0aX",
        "%e2%80%ae",
        "%ff%fe",
        "%ed%a0%80",
        "%F0%9F%92%A9",
        "\\..\\..",
        "C:",
    ),
    *(
        "'%20OR%201=1--",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "$%7B7*7%7D",
        "-1",
        "0",
        "9" * 1_000,
        "x" * 4_000,
    ),
    *(";x=1", "%2f%2fevil.example", "http:%2f%2f127.0.0.1%2f", "nul", "__proto__", "*", "%", "%zz"),
)


def test_no_part_of_an_address_does_harm(caplog: pytest.LogCaptureFixture) -> None:
    """In the place of every parameter: not found, whatever it looks like; nothing of it comes back in a header."""

    async def during(web: Web) -> None:
        for way in HTTP:
            if not way.has_parameters:
                continue
            for method in sorted(way.methods):
                for value in PARAMETERS:
                    reply = await sent(web, way, method, path=way.path(value))
                    assert reply.status in (204, 307, 400, 404, 405, 415), (str(way), value, reply.status)
                    assert "set-cookie" not in reply.headers and "x" not in reply.headers
                    location = reply.headers.get("location", "")
                    assert not location or location.startswith(f"http://127.0.0.1:{web.port}/"), location
                    assert b"root:" not in reply.body and b"<script" not in reply.body[:200]

    attack(caplog, during)


QUERIES = (
    *(
        "x=" + "y" * 12_000,
        "&".join(f"a{n}=1" for n in range(2_000)),
        "%00=%00",
        "agent=%ff",
        "a=1&a=2&a[]=3",
    ),
    *("=&=&=&", "agent=echo%0d%0aX:1", "sound=true&sound=false", "x" * 60_000, "?" * 5_000, "a=%E0%80%80"),
)


def test_no_query_does_harm(caplog: pytest.LogCaptureFixture) -> None:
    """However long or odd: the answer is the one without it, or that the head is too long."""

    async def during(web: Web) -> None:
        for way in HTTP:
            for method in sorted(way.methods):
                plain = await sent(web, way, method)
                for query in QUERIES:
                    reply = await sent(web, way, method, path=f"{way.path()}?{query}")
                    assert reply.status in (plain.status, 400, 414, 431), (str(way), query[:40], reply.status)

    attack(caplog, during)


# Hosts, origins and other pages ---------------------------------------------------------------------

FOREIGN = (
    *(
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "file://",
    ),
    *("http://evil.example#127.0.0.1", "http://127.0.0.1@evil.example", "http://evil.example:80\\@127.0.0.1"),
    *(
        "http://xn--lcalhost-6bb.example",
        "chrome-extension://abc",
        "HTTP://EVIL.EXAMPLE",
        "//127.0.0.1",
        " ",
        "*",
    ),
    *("http://127.0.0.1 http://evil.example", "http://0x7f.evil", "http://127.0.0.1%00.evil.example"),
)


def test_foreign_pages_neither_ask_nor_read(caplog: pytest.LogCaptureFixture) -> None:
    """On every route, by every method, also by a preflight: refused, and no header lets them read."""

    async def during(web: Web) -> None:
        for way in EVERY:
            for method in sorted(way.methods | {"OPTIONS"}) if way in HTTP else ("OPTIONS", "POST"):
                for origin in FOREIGN:
                    reply = await sent(
                        web, way, method, Origin=origin, Access_Control_Request_Method="DELETE"
                    )
                    assert reply.status in (400, 403), (str(way), method, origin, reply.status)
                    assert not [name for name in reply.headers if name.startswith("access-control-allow")], (
                        origin
                    )

    attack(caplog, during)


HOSTS = (
    *(
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example.",
    ),
    *(
        "[::1].evil.example",
        "127.0.0.1:80:80@evil",
        "localhost%00.evil.example",
        "127。0。0。1",
        "ⓛocalhost.evil",
        "",
    ),
    *(
        "evil.example:localhost",
        "localhost evil.example",
        "127.0.0.1/evil",
        "xn--localhost",
        "_",
        "a" * 5_000,
    ),
)


def test_a_name_that_is_not_ours_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """However it is written: a page that was rebound to this machine asks by such a name."""

    async def during(web: Web) -> None:
        for way in EVERY:
            method = sorted(way.methods)[0]
            for host in HOSTS:
                reply = await sent(web, way, method, Host=host)
                assert reply.status in (400, 403), (str(way), host, reply.status)
            spoofed = await sent(
                web, way, method, X_Forwarded_Host="evil.example", X_Forwarded_Proto="gopher"
            )
            assert b"evil.example" not in spoofed.body and "evil.example" not in str(spoofed.headers)

    attack(caplog, during)


TWICE = {
    "authorization": f"Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer wrong\r\n",
    "origin": "Origin: http://127.0.0.1\r\nOrigin: https://evil.example\r\n",
    "content-type": "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
    "content-length": "Content-Length: 2\r\nContent-Length: 9\r\n",
    "host": "Host: evil.example\r\n",
    "transfer-encoding": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "both lengths": "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "a coding of no one": "Transfer-Encoding: xchunked\r\n",
    "a folded line": "X-A: 1\r\n Authorization: Bearer x\r\n",
    "a space before the colon": "Content-Length : 2\r\n",
    "a bare line feed": "X-A: 1\nAuthorization: Bearer x\r\n",
}


@pytest.mark.parametrize("what", TWICE)
def test_what_two_readers_may_read_in_two_ways_is_refused(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A header twice, or of a form that proxies disagree about: one answer of 4xx, and nothing behind it is read."""
    behind = b"DELETE /api/offer/hidden HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    async def during(web: Web) -> None:
        for way in EVERY:
            method = sorted(way.methods)[-1]
            key = "" if what == "authorization" else f"Authorization: Bearer {TOKEN}\r\n"
            head = f"{method} {way.path()} HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n{key}{TWICE[what]}\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
            writer.write(head.encode() + b"0\r\n\r\n" + behind)
            found = b""
            try:
                async with asyncio.timeout(1.5):
                    while piece := await reader.read(65_536):
                        found += piece
            except (TimeoutError, ConnectionError):
                pass
            finally:
                writer.close()
            if what in ("a folded line", "a bare line feed") and found.startswith(
                (b"HTTP/1.1 2", b"HTTP/1.1 404")
            ):
                # One header with a longer value: nothing that anybody reads.
                continue
            assert found.startswith(b"HTTP/1.1 4"), (str(way), found[:200])
            assert b"hidden" not in found

    attack(caplog, during)


# API7: nothing that a caller names is asked for -----------------------------------------------------


def test_nothing_that_a_caller_names_is_connected_to(caplog: pytest.LogCaptureFixture) -> None:
    """A listener of ours, named in every header, field, parameter and query: nobody comes."""

    async def during(web: Web) -> None:
        with (
            socket.create_server(("127.0.0.1", 0)) as canary,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as beside,
        ):
            canary.setblocking(False)
            beside.bind(canary.getsockname())
            beside.setblocking(False)
            port = canary.getsockname()[1]
            url = f"http://127.0.0.1:{port}/"
            named = (
                "Referer",
                "X-Forwarded-For",
                "X-Callback",
                "Link",
                "From",
                "Via",
                "X-Real-IP",
                "traceparent",
                "baggage",
            )
            headers = KEYS | dict.fromkeys(named, url) | {"Forwarded": f"for={url};host=127.0.0.1:{port}"}
            candidate = f"a=candidate:1 1 {{}} 1 127.0.0.1 {port} typ host tcptype passive"
            sdp = "\r\n".join(["v=0", candidate.format("udp"), candidate.format("tcp"), ""])
            body = {
                "sdp": sdp,
                "type": "offer",
                "agent": url,
                "inputs": {"name": url},
                "callback": url,
                "url": url,
            }
            quoted = url.replace("/", "%2f").replace(":", "%3a")
            for way in HTTP:
                for method in sorted(way.methods):
                    kind = {"Content-Type": "application/json"}
                    data = json.dumps(body).encode() if way.takes_body else b""
                    await web.ask(
                        method, f"{way.path(quoted)}?url={url}&next={url}", data, headers=headers | kind
                    )
            await asyncio.sleep(0.3)
            for listener in (canary.accept, lambda: beside.recv(1)):
                with pytest.raises(BlockingIOError):
                    listener()

    attack(caplog, during)


# WebSockets -----------------------------------------------------------------------------------------


def handshake(web: Web, path: str, *more: str) -> bytes:
    """The opening of one."""
    lines = [
        f"GET {path} HTTP/1.1",
        *(f"Host: 127.0.0.1:{web.port}" for _ in [0] if not any(line.startswith("Host:") for line in more)),
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


KEY = f"Authorization: Bearer {TOKEN}"


def refused_openings(web: Web, path: str) -> Iterator[tuple[str, bytes]]:
    """Handshakes that are answered with a refusal, whatever would follow."""
    yield "a wrong token", handshake(web, path, f"{KEY}x")
    for origin in FOREIGN:
        yield f"a page of {origin}", handshake(web, path, KEY, f"Origin: {origin}")
    yield "two origins", handshake(web, path, KEY, "Origin: http://127.0.0.1", "Origin: https://evil.example")
    yield "two tokens", handshake(web, path, KEY, f"{KEY}x")
    yield "another name", handshake(web, path, KEY, "Host: evil.example")
    yield "an old version", handshake(web, path, KEY).replace(b"Version: 13", b"Version: 8")
    yield "no key", handshake(web, path, KEY).replace(b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", b"")
    yield "another method", handshake(web, path, KEY).replace(b"GET ", b"POST ", 1)


def strange_openings(web: Web, path: str) -> Iterator[tuple[str, bytes]]:
    """Handshakes of nobody: a way in may hear one message that says who it is, and no more."""
    yield "a stranger", handshake(web, path)
    yield "a token in the address", handshake(web, f"{path}?token={TOKEN}&access_token={TOKEN}")
    yield "a cookie", handshake(web, path, f"Cookie: token={TOKEN}")


def frame(data: bytes, first: int = 0x81, *, masked: bool = True, length: int | None = None) -> bytes:
    """One frame of RFC 6455, as clients send it."""
    size = len(data) if length is None else length
    mark = 0x80 if masked else 0
    head = bytes([first, mark | size]) if size < 126 else bytes([first, mark | 127]) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + data


MESSAGES = {
    **{f"JSON: {what}": frame(body) for what, body in BODIES.items() if len(body) < 60_000},
    "text that is none": frame(b"\xff\xfe"),
    "binary": frame(bytes(999), 0x82),
    "not masked": frame(b"{}", masked=False),
    "a bit that means nothing": frame(b"{}", 0xF1),
    "an opcode that means nothing": frame(b"{}", 0x83),
    "a promise of much": frame(b"x", length=1 << 40),
    "far too much": frame(b"x" * 3_000_000),
    "pieces without end": b"".join([frame(b"x" * 10_000, 0x01), *[frame(b"x" * 10_000, 0x00)] * 500]),
    "a long ping": frame(b"x" * 200, 0x89),
    "many pings": frame(b"", 0x89) * 5_000,
    "a goodbye that is none": frame(b"\x00", 0x88),
}


async def spoken(web: Web, request: bytes, message: bytes) -> tuple[bytes, bytes]:
    """The first line that comes back of a handshake, and all that follows when a message is sent on it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    rest = b""
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            first = await reader.readline()
            if b" 101 " in first:
                writer.write(message)
                with suppress(ConnectionError):
                    rest = await reader.read()
    finally:
        writer.close()
    return first, rest


def test_no_socket_opens_for_whoever_may_not_call(caplog: pytest.LogCaptureFixture) -> None:
    """Refused before it opens: wrong tokens, foreign pages, names that are not ours."""

    async def during(web: Web) -> None:
        for way in SOCKETS:
            for what, request in refused_openings(web, way.path("echo")):
                first, _ = await spoken(web, request, b"")
                assert first.startswith(b"HTTP/1.1 4"), (str(way), what, first)

    attack(caplog, during)


def test_a_stranger_s_socket_hears_no_more_than_who_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """It is closed with a refusal at its first message, whatever that is; no call is made."""

    async def during(web: Web) -> None:
        for way in SOCKETS:
            for what, request in strange_openings(web, way.path("echo")):
                for said in ('{"type": "start"}', '{"event": "start"}', "hello", f'{{"cookie": "{TOKEN}"}}'):
                    # Closed behind it by the stranger too: the server would wait for that.
                    sent = frame(said.encode()) + frame(b"\x03\xe8", 0x88)
                    first, rest = await spoken(web, request, sent)
                    assert first.startswith((b"HTTP/1.1 4", b"HTTP/1.1 101")), (str(way), what, first)
                    assert b"ready" not in rest, (str(way), what, rest)
                    assert web.desk.active == 0

    attack(caplog, during)


@pytest.mark.parametrize("what", MESSAGES)
def test_no_message_does_harm(what: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever comes first on a socket: it is closed, or hears nothing of it; memory and calls are bounded."""

    async def during(web: Web) -> None:
        for way in SOCKETS:
            request = handshake(web, way.path("echo"), KEY)
            first, rest = await spoken(web, request, MESSAGES[what] + frame(b"\x03\xe8", 0x88))
            assert first.startswith(b"HTTP/1.1 "), (str(way), first)
            assert b"Traceback" not in rest
            await web.until_free()

    attack(caplog, during)


# API8, API9: nothing is there by mistake ------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/docs",
            "/redoc",
            "/openapi.json",
            "/debug",
            "/admin",
            "/calls",
            "/drain",
            "/calls/x/tap/y",
            "/.env",
        ),
        *(
            "/.git/config",
            "/server-status",
            "/api",
            "/api/",
            "/api/v1/offer",
            "/API/OFFER",
            "/api/offer/",
            "/api//offer",
        ),
        *(
            "/api/calls",
            "/api/metrics",
            "/actuator",
            "/static/../app.py",
            "/client.js.map",
            "/index.html~",
            "/page",
        ),
    ],
)
def test_nothing_is_there_that_was_not_meant(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an operator's route nor a page for developers, an older version, or another spelling."""

    async def during(web: Web) -> None:
        for method in ("GET", "POST", "DELETE"):
            reply = await web.ask(method, path, headers=KEYS)
            assert reply.status in (307, 400, 404, 405, 415), (path, method, reply.status)
            if reply.status == 307:
                # The same address without its last slash, on this server.
                assert reply.headers["location"].startswith(f"http://127.0.0.1:{web.port}/api/")

    attack(caplog, during)


def test_operators_routes_are_as_hard(caplog: pytest.LogCaptureFixture) -> None:
    """The admin application on loopback: pages of other origins, other names and odd requests are refused there too."""
    caplog.set_level(logging.INFO)

    async def run() -> None:
        app = make_app([agent()], **options())
        admin = make_admin_app(app.state.desk)
        ways = ways_of(admin)
        assert {"/calls/{id}/tap/{port}", "/drain"} <= {way.pattern for way in ways}
        with socket.create_server(("127.0.0.1", 0)) as listener:
            up = asyncio.Event()
            server = WebServer(admin, up.set, grace_s=1)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            await up.wait()
            web = Web(listener.getsockname()[1], app.state.desk, server)
            try:
                for way in ways:
                    for method in sorted(way.methods):
                        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
                            reply = await web.ask(method, way.path(), headers=headers)
                            assert reply.status == 403, (str(way), headers)
                        for value in PARAMETERS if way.has_parameters else ():
                            reply = await web.ask(method, way.path(value))
                            assert reply.status in (400, 404, 405), (str(way), value, reply.status)
                    if way.takes_body:
                        for what, body in BODIES.items():
                            json_kind = {"Content-Type": "application/json"}
                            reply = await web.ask("POST", way.path(), body, headers=json_kind)
                            assert reply.status in (400, 409, 413), (str(way), what)
            finally:
                server.should_exit = True
                await task

    asyncio.run(run())
    assert "Traceback" not in caplog.text
