"""The configurations of nginx and Caddy in `docs/deploying.md`, in the real programs, in front of the real server."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, unix_serve

from livegraph.server.tls import self_signed
from support.command import running
from support.webrtc import Caller

PAGE = Path(__file__).resolve().parents[2] / "docs" / "deploying.md"
NAME = "voice.example.org"


def block(kind: str) -> str:
    """The page's configuration of this proxy."""
    found = re.search(rf"^```{kind}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def nginx(folder: Path, upstream: Path, port: int) -> list[str]:
    """The command that runs nginx with the page's configuration; only paths and the port are those of this test."""
    cert, key = self_signed(folder / "tls", ["127.0.0.1"], datetime.datetime.now(datetime.UTC))
    text = (
        block("nginx")
        .replace("/run/livegraph/voice.sock", str(upstream))
        .replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
        .replace("/etc/letsencrypt/live/voice.example.org/fullchain.pem", str(cert))
        .replace("/etc/letsencrypt/live/voice.example.org/privkey.pem", str(key))
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The socket is its owner's, and nginx is in no group of this test's.
    user = "user root;\n" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}pid {folder}/nginx.pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{text}}}\n"
    )
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, upstream: Path, port: int) -> list[str]:
    """The same for Caddy; its certificate is one of its own authority, since the name is nobody's."""
    text = (
        block("caddy").replace("/run/livegraph/voice.sock", str(upstream)).replace(NAME, f"{NAME}:{port}", 1)
    )
    text = text.replace("{\n", "{\n    tls internal\n    bind 127.0.0.1\n", 1)
    options = "{\n    admin off\n    skip_install_trust\n    auto_https disable_redirects\n}\n"
    (folder / "Caddyfile").write_text(options + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(params=sorted(PROXIES))
def proxy(request: pytest.FixtureRequest) -> Callable[[Path, Path, int], list[str]]:
    """Each of them; skipped where it is not installed (`apt-get install nginx-light caddy`)."""
    if shutil.which(request.param) is None:
        missing = f"{request.param} is not installed: apt-get install nginx-light caddy"
        if os.environ.get("LIVEGRAPH_TEST_PROXIES") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    return PROXIES[request.param]


@contextmanager
def in_front(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """The proxy while the block runs."""
    own = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                said = (folder / "proxy.log").read_text()
                assert process.poll() is None and time.monotonic() < until, said
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


def trusting() -> ssl.SSLContext:
    """Whoever is there is believed: the name is not that of this machine."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class _Named(urllib.request.HTTPSHandler):
    """Connects to this machine, and asks for the name (SNI) as a browser does."""

    def __init__(self, port: int) -> None:
        super().__init__(context=trusting())
        self._port = port

    def https_open(self, request: urllib.request.Request) -> Any:
        """See ``urllib``."""
        import http.client

        port, context = self._port, trusting()

        class Connection(http.client.HTTPSConnection):
            def connect(self) -> None:
                plain = socket.create_connection(("127.0.0.1", port), timeout=20)
                self.sock = context.wrap_socket(plain, server_hostname=NAME)

        return self.do_open(Connection, request)


def ask(port: int, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    """One request through the proxy."""
    data = None if body is None else json.dumps(body).encode()
    given = {"Content-Type": "application/json"} | headers
    request = urllib.request.Request(f"https://{NAME}:{port}{path}", data, given)
    request.add_header("Host", NAME)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Named(port))
    try:
        with opener.open(request, timeout=20) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if path.startswith("/api") else text.decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def calls(admin: int) -> list[dict[str, Any]]:
    """The calls that the server has, as its operator sees them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/calls", timeout=10) as reply:
        found: list[dict[str, Any]] = json.loads(reply.read())["calls"]
    return found


def test_a_call_through_the_proxy(tmp_path: Path, proxy: Callable[[Path, Path, int], list[str]]) -> None:
    """The page, an offer, a call; its address is the one that the proxy saw, whatever the caller says it is."""
    upstream, port, admin = tmp_path / "voice.sock", free_port(), free_port()

    async def run() -> None:
        with in_front(proxy(tmp_path, upstream, port), tmp_path, port):
            status, page = await asyncio.to_thread(ask, port, "/")
            assert status == 200 and "<title>" in page
            caller = Caller()
            offer = {"sdp": await caller.offer(), "type": "offer"}
            forged = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"}
            status, answer = await asyncio.to_thread(ask, port, "/api/offer", offer, **forged)
            assert status == 200, answer
            from aiortc import RTCSessionDescription

            await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            async with asyncio.timeout(30):
                while not caller.messages:
                    await asyncio.sleep(0.02)
            (call,) = await asyncio.to_thread(calls, admin)
            assert call["address"] == "127.0.0.1"
            await caller.hang_up()

    options = (
        "run",
        "echo",
        "--uds",
        upstream,
        "--allow-host",
        NAME,
        "--admin",
        f"127.0.0.1:{admin}",
        "--open",
    )
    with running(*options, until="Page"):
        asyncio.run(run())


def test_a_websocket_through_the_proxy(tmp_path: Path, proxy: Callable[[Path, Path, int], list[str]]) -> None:
    """The upgrade passes, and messages both ways."""
    upstream, port = tmp_path / "voice.sock", free_port()

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def run() -> None:
        async with unix_serve(echo, str(upstream)):
            with in_front(proxy(tmp_path, upstream, port), tmp_path, port):
                where = {"host": "127.0.0.1", "port": port, "ssl": trusting(), "server_hostname": NAME}
                async with connect(f"wss://{NAME}:{port}/ws/desk", proxy=None, **where) as client:
                    await client.send("there")
                    assert await client.recv() == "there"

    asyncio.run(run())
