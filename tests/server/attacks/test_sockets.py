"""WebSockets under attack: whose pages may open one, who is let in, and what one may cost."""

import asyncio
import base64
import contextlib
import json
import logging
import socket as sockets
from pathlib import Path

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect

from livegraph.server.access import Tickets
from livegraph.server.access.token_file import TokenFile, read_tokens
from livegraph.server.gate import by_tokens
from livegraph.server.limits import CallerLimits
from livegraph.server.refusals import Refusal
from livegraph.server.sockets import door
from livegraph.server.wall_clock import unix_seconds
from support.clients import echo
from support.web import Web, serving

SECRET = b"0123456789abcdef0123456789abcdef"
TOKEN = "kiosk-token-0123456789"


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    """One."""
    path = tmp_path / "tokens.yaml"
    path.write_text(f"tokens:\n  kiosk: {{token: {TOKEN}}}\n")
    path.chmod(0o600)
    return read_tokens(path)


def url(web: Web, path: str = "/ws/echo") -> str:
    """Of its sockets."""
    return f"ws://127.0.0.1:{web.port}{path}"


async def answer(socket: ClientConnection, **hello: object) -> str:
    """What comes of a hello: ``ready``, or the code of the error."""
    await socket.send(json.dumps({"type": "hello", **hello}))
    async with asyncio.timeout(10):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == "error":
                return str(message["code"])
            if message["type"] == "ready":
                return "ready"


async def status(web: Web, path: str = "/ws/echo", **options: object) -> int:
    """Of a handshake that is refused; 101 when it is not."""
    try:
        async with connect(url(web, path), **options):  # type: ignore[arg-type]
            return 101
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


def test_foreign_pages_open_no_socket() -> None:
    """Browsers let every page open a socket to everybody, with the user's cookies: the origin tells whose it is."""

    async def run() -> None:
        async with serving([echo()], allow_origins=["https://voice.example.org"]) as web:
            own = f"http://127.0.0.1:{web.port}"
            for good in (None, own, "https://voice.example.org", "http://localhost:3000"):
                assert await status(web, origin=good) == 101, good
            for bad in ("https://evil.example", "null", "https://voice.example.org.evil.example", "file://"):
                assert await status(web, origin=bad) == 403, bad
            with pytest.raises(websockets.InvalidStatus) as refused:
                await connect("ws://evil.example/ws/echo", host="127.0.0.1", port=web.port)
            assert refused.value.response.status_code == 403
            assert json.loads(refused.value.response.body or b"")["error"]["code"] == "host_not_allowed"
            assert await status(web, origin=own, additional_headers={"Origin": "https://evil.example"}) == 400

    asyncio.run(run())


def test_tokens_and_tickets_open_sockets(tokens: TokenFile) -> None:
    """By a header, by a subprotocol, in the first message; a ticket opens one, its agent only; a wrong one none."""
    tickets = Tickets(SECRET, unix_seconds)

    def subprotocols(token: str) -> list[str]:
        packed = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
        return ["livegraph.v1", f"livegraph.bearer.{packed}"]

    async def run() -> None:
        authorize = by_tokens(lambda: tokens, tickets)
        async with serving([echo()], authorize=authorize) as web:
            async with connect(url(web), additional_headers={"Authorization": f"Bearer {TOKEN}"}) as socket:
                assert await answer(socket) == "ready"
                assert [call["identity"] for call in web.desk.calls()] == ["kiosk"]
            async with connect(url(web), subprotocols=subprotocols(TOKEN)) as socket:  # type: ignore[arg-type]
                assert socket.subprotocol == "livegraph.v1"
                assert await answer(socket) == "ready"
            async with connect(url(web)) as socket:
                assert await answer(socket, token=TOKEN) == "ready"
            ticket = tickets.make("ada", agents=["echo"])
            async with connect(url(web)) as socket:
                assert await answer(socket, token=ticket) == "ready"
            for _ in range(2):
                async with connect(url(web)) as socket:
                    assert await answer(socket, token=ticket) == "ticket_used"
                    await socket.wait_closed()
                    assert socket.close_code == 4401
            other = tickets.make("ada", agents=["other"])
            async with connect(url(web)) as socket:
                assert await answer(socket, token=other) == "agent_unknown"
            async with connect(url(web)) as socket:
                assert await answer(socket) == "unauthorized"
            assert await status(web, additional_headers={"Authorization": "Bearer wrong"}) == 401
            assert await status(web, subprotocols=subprotocols("wrong")) == 401
            # Who guesses is not asked any more, by whichever way.
            codes = []
            for _ in range(25):
                async with connect(url(web)) as socket:
                    codes.append(await answer(socket, token="guess"))
            assert codes[-1] == "too_often"
            await web.until_free()

    asyncio.run(run())


def test_what_a_programs_own_rule_says_holds_for_sockets() -> None:
    """``authorize`` sees the handshake as the request that it is; what it raises is told."""
    seen: list[tuple[str, str, str]] = []

    async def authorize(request):  # type: ignore[no-untyped-def]
        seen.append((request.method, request.url.scheme, request.headers.get("authorization", "")))
        raise Refusal(403, "not_today", "Not today.")

    async def run() -> None:
        async with serving([echo()], authorize=authorize) as web, connect(url(web)) as socket:
            assert await answer(socket, token="abc") == "not_today"
            await socket.wait_closed()
            assert socket.close_code == 4403

    asyncio.run(run())
    assert seen == [("GET", "http", "Bearer abc")]


def test_limits_are_those_of_every_call() -> None:
    """Handshakes of an address, calls of an identity, places of the server; 429 before the socket opens."""

    async def run() -> None:
        limits = CallerLimits(offers_per_minute=12, calls=2)
        async with serving([echo()], limits=limits, max_calls=3) as web:
            assert [await status(web) for _ in range(8)] == [101] * 6 + [429] * 2
        async with serving([echo()], max_calls=1) as web, connect(url(web)) as first:
            assert await answer(first) == "ready"
            async with connect(url(web)) as second:
                assert await answer(second) == "full"
                await second.wait_closed()
                assert second.close_code == 4503
            await web.desk.drain(0)
            assert await status(web) == 503

    asyncio.run(run())


def test_a_socket_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In time, and only so many of them may wait."""
    monkeypatch.setattr(door, "_MOST_WAITING_OF_ONE", 3)

    async def run() -> None:
        async with serving([echo()]) as web:
            waiting = [await connect(url(web)) for _ in range(3)]
            async with connect(url(web)) as one_more:
                assert json.loads(await one_more.recv())["code"] == "too_many_waiting"
            for socket in waiting:
                await socket.close()
            with monkeypatch.context() as patch:
                patch.setattr(door, "_FIRST_WITHIN_S", 0.1)
                async with connect(url(web)) as silent:
                    assert json.loads(await silent.recv())["code"] == "timeout"
                    await silent.wait_closed()
                    assert silent.close_code == 4408
            async with connect(url(web)) as later:
                assert await answer(later) == "ready"

    asyncio.run(run())


def test_large_messages_and_floods_end_the_call_that_sends_them() -> None:
    """More than 256 KB at once, more than a megabyte a second; others go on."""

    async def run() -> None:
        async with serving([echo()]) as web, connect(url(web)) as other:
            assert await answer(other) == "ready"
            async with connect(url(web)) as socket:
                assert await answer(socket) == "ready"
                await socket.send(bytes(door.MOST_MESSAGE_BYTES + 2))
                await socket.wait_closed()
                assert socket.close_code == 1009
            async with connect(url(web)) as socket:
                assert await answer(socket) == "ready"
                with contextlib.suppress(websockets.ConnectionClosed):
                    for _ in range(40):
                        await socket.send("x" * 200_000)
                await socket.wait_closed()
            async with asyncio.timeout(10):
                while web.desk.active > 1:
                    await asyncio.sleep(0.01)
            await other.ping()
            assert web.desk.active == 1

    asyncio.run(run())


def test_what_unpacks_to_more_is_not_agreed() -> None:
    """No compression: a kilobyte cannot become a megabyte."""

    async def run() -> None:
        async with serving([echo()]) as web, connect(url(web), compression="deflate") as socket:
            assert socket.protocol.extensions == []

    asyncio.run(run())


def test_who_pings_and_never_reads_costs_no_memory() -> None:
    """Its pongs are not kept for it, and it is cut off."""

    async def run() -> None:
        async with serving([echo()]) as web:
            raw = sockets.create_connection(("127.0.0.1", web.port))
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
            raw.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=raw, limit=1_024)
            key = base64.b64encode(bytes(16)).decode()
            writer.write(
                f"GET /ws/echo HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            ping = bytes((0x89, 0x80 | 125, 0, 0, 0, 0)) + bytes(125)
            (connection,) = [one for one in web.server.server_state.connections if hasattr(one, "conn")]
            most = 0
            with contextlib.suppress(TimeoutError, ConnectionError):
                for _ in range(400):
                    writer.write(ping * 100)
                    await asyncio.wait_for(writer.drain(), 5)
                    await asyncio.sleep(0)
                    most = max(most, connection.transport.get_write_buffer_size())
            assert most < 1_000_000
            writer.transport.abort()

    asyncio.run(run())


def test_tokens_are_in_no_log(caplog: pytest.LogCaptureFixture, tokens: TokenFile) -> None:
    """However they come, whether they are right or wrong, and however much is logged."""
    packed = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")

    async def run() -> None:
        async with serving([echo()], authorize=by_tokens(lambda: tokens, None)) as web:
            async with connect(
                url(web), subprotocols=["livegraph.v1", f"livegraph.bearer.{packed}"]
            ) as socket:  # type: ignore[list-item]
                assert await answer(socket) == "ready"
            async with connect(url(web)) as socket:
                assert await answer(socket, token=TOKEN + "x") == "unauthorized"
            async with connect(url(web, f"/ws/echo?token={TOKEN}")) as socket:
                assert await answer(socket) == "unauthorized"
            heads = {"Authorization": f"Bearer {TOKEN}", "Cookie": f"session={TOKEN}"}
            async with connect(url(web), additional_headers=heads) as socket:
                assert await answer(socket) == "ready"

    with caplog.at_level(logging.DEBUG, logger="livegraph"), caplog.at_level(logging.DEBUG):
        asyncio.run(run())
    # The caller of this test is in this process, too, and logs what it sends.
    told = [record.getMessage() for record in caplog.records if record.name != "websockets.client"]
    assert told
    assert TOKEN not in "\n".join(told)
    assert packed not in "\n".join(told)


@pytest.mark.parametrize(("level", "kinds"), [("none", {"hello", "ready", "state"}), ("full", {"graph"})])
def test_callers_are_told_what_their_level_allows(level: str, kinds: set[str]) -> None:
    """Who asks to see the inside is answered only at ``full``."""

    async def run() -> None:
        async with serving([echo()], report=level) as web, connect(url(web)) as socket:
            assert await answer(socket) == "ready"
            await socket.send(json.dumps({"type": "watch", "on": True}))
            told = {"hello", "ready"}
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.5):
                    while True:
                        data = await socket.recv()
                        if isinstance(data, str):
                            told.add(json.loads(data)["type"])
            assert kinds <= told
            assert ("graph" in told) is (level == "full")

    asyncio.run(run())
