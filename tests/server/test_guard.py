"""Who may use the server, and what every answer says of itself."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.pipeline import Graph
from livegraph.server.calls import ServedAgent
from livegraph.server.guard import is_loopback, normal_origin
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.web import Reply, Web, serving


def agent() -> ServedAgent:
    graph = Graph("echo")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent("echo", graph.plan())


async def ask(web: Web, origin: str | None = None, host: str | None = None, method: str = "GET") -> Reply:
    headers = {}
    if origin is not None:
        headers["Origin"] = origin
    if host is not None:
        headers["Host"] = host
    return await web.ask(method, "/api/agents", headers=headers)


def test_origins() -> None:
    """Pages of this server, of this machine, and those allowed may ask; others are refused before anything runs."""

    async def run() -> None:
        async with serving([agent()], allow_origins=["https://Voice.example.org:443"]) as web:
            own = f"http://127.0.0.1:{web.port}"
            for good in (
                None,
                own,
                "http://localhost:3000",
                "http://[::1]:8080",
                "https://voice.example.org",
            ):
                reply = await ask(web, good)
                assert reply.status == 200, good
                assert reply.headers.get("access-control-allow-origin") == good
            for bad in (
                "https://evil.example",
                "null",
                "http://voice.example.org",
                "https://voice.example.org.evil.example",
                "http://127.0.0.1.evil.example",
                "http://localhost@evil.example",
                "file://",
                "",
            ):
                for method in ("GET", "POST", "DELETE", "OPTIONS"):
                    reply = await ask(web, bad, method=method)
                    assert (reply.status, reply.error) == (403, "origin_not_allowed"), bad
                    assert "access-control-allow-origin" not in reply.headers

    asyncio.run(run())


def test_names() -> None:
    """A foreign name that leads to this machine is refused, unless it was allowed or the server is for everybody."""

    async def run() -> None:
        async with serving([agent()], allow_origins=["https://voice.example.org"]) as web:
            for good in (
                "localhost",
                "localhost:1234",
                "127.0.0.1",
                "[::1]:80",
                "192.168.1.7:8080",
                "voice.example.org",
            ):
                assert (await ask(web, host=good)).status == 200, good
            for bad in ("evil.example", f"evil.example:{web.port}", "localhost.evil.example", "", "[::1"):
                reply = await ask(web, f"http://{bad}", host=bad)
                assert (reply.status, reply.error) == (403, "host_not_allowed"), bad
        async with serving([agent()], any_host=True) as web:
            assert (await ask(web, "http://box.lan:8080", host="box.lan:8080")).status == 200
            assert (await ask(web, "http://evil.example", host="box.lan:8080")).status == 403

    asyncio.run(run())


def test_preflight() -> None:
    """A page of another allowed origin may send JSON, PATCH and DELETE."""

    async def run() -> None:
        async with serving([agent()]) as web:
            reply = await ask(web, "http://localhost:3000", method="OPTIONS")
            assert reply.status == 204
            assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
            assert {"PATCH", "DELETE"} <= set(reply.headers["access-control-allow-methods"].split(", "))
            assert reply.headers["access-control-allow-headers"] == "Content-Type, Authorization"
            assert (await web.ask("OPTIONS", "/api/agents")).status == 405

    asyncio.run(run())


def test_headers_of_every_answer() -> None:
    """Nothing from elsewhere is loaded, nothing is guessed, nothing is kept without asking."""

    async def run() -> None:
        async with serving([agent()]) as web:
            for path in ("/", "/main.js", "/api/agents", "/api/nothing", "/nothing"):
                reply = await web.ask("GET", path)
                policy = reply.headers["content-security-policy"]
                assert policy.startswith("default-src 'none'")
                assert "unsafe" not in policy
                assert reply.headers["x-content-type-options"] == "nosniff"
                assert reply.headers["cache-control"] == "no-cache"
                assert "server" not in reply.headers
            page = await web.ask("GET", "/")
            assert page.headers["content-type"].startswith("text/html")
            assert (await web.ask("GET", "/main.js")).headers["content-type"].startswith("text/javascript")
            again = await web.ask("GET", "/", headers={"If-None-Match": page.headers["etag"]})
            assert again.status == 304
            config = await web.ask("GET", "/api/config")
            assert config.json == {"iceServers": []}
            assert config.headers["cache-control"] == "no-store"

    asyncio.run(run())


@pytest.mark.parametrize(
    "text", ["", "example.org", "ftp://example.org", "https://", "https://a/b", "https://a:b", "https://u@a"]
)
def test_what_is_no_origin(text: str) -> None:
    """It is refused when the server is made, not when somebody comes."""
    with pytest.raises(ValueError, match=r"origin|[Pp]ort"):
        normal_origin(text)


@given(st.text(max_size=40))
def test_any_host_can_be_asked_about(text: str) -> None:
    """Whatever a header holds, there is an answer."""
    is_loopback(text)
