"""A server that runs, as its operator sees it: how it is reached, who is let in, and how it ends."""

import asyncio
import json
import re
import signal
import ssl
import stat
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCSessionDescription

from livegraph.cli.admin_socket import admin_folder
from livegraph.cli.exits import Fault
from livegraph.server.access import Tickets
from livegraph.server.wall_clock import unix_seconds
from support.command import Running, in_this_process, livegraph, running
from support.webrtc import Caller


def fetch(url: str, body: object = None, token: str = "", context: ssl.SSLContext | None = None) -> Any:
    """The JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, data, headers)
    with urllib.request.urlopen(request, timeout=20, context=context) as reply:
        return json.loads(reply.read())


async def call(server: Running) -> Caller:
    """A caller whose call is ready."""
    caller = Caller()
    offer = {"sdp": await caller.offer(), "type": "offer"}
    answer = await asyncio.to_thread(fetch, f"{server.word_with('http')}api/offer", offer)
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    async with asyncio.timeout(30):
        while not caller.messages:
            await asyncio.sleep(0.02)
    return caller


async def ask(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(in_this_process, *arguments)


@pytest.mark.timeout(240)
def test_calls_are_seen_and_ended_by_the_admin_socket(tmp_path: Path) -> None:
    """``calls``, ``top``, ``hangup`` and ``drain`` find the server by its socket, which is its user's only."""
    socket = tmp_path / "admin.sock"

    async def run(server: Running) -> None:
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert (await ask("calls", "--server", socket)).stdout == "no calls\n"
        one, two = await call(server), await call(server)
        listed = json.loads((await ask("calls", "--server", socket, "--json")).stdout)["calls"]
        assert [(each["agent"], each["state"]) for each in listed] == [("echo", "running")] * 2
        shown = json.loads((await ask("calls", listed[0]["id"], "--server", socket, "--json")).stdout)
        assert any(edge["passed"] for edge in shown["edges"]) or shown["edges"] == []
        seen = (await ask("top", "--server", socket)).stdout
        assert re.search(r"2 of \d+ calls", seen)
        assert listed[0]["id"] in seen
        assert (await ask("hangup", listed[0]["id"], "--server", socket)).returncode == 0
        async with asyncio.timeout(20):
            while one.messages[-1] != {"type": "end", "reason": "operator"}:
                await asyncio.sleep(0.02)
        wrong = await ask("hangup", "call-99", "--server", socket)
        assert (wrong.returncode, "no such call" in wrong.stderr) == (1, True)
        draining = asyncio.create_task(ask("drain", "--within", "60s", "--server", socket))
        async with asyncio.timeout(20):
            while True:
                try:
                    await asyncio.to_thread(fetch, f"{server.word_with('http')}readyz")
                except urllib.error.HTTPError as error:
                    assert json.loads(error.read()) == {"status": "draining"}
                    break
                await asyncio.sleep(0.1)
        await two.hang_up()
        done = await draining
        assert done.returncode == 0
        await one.hang_up()

    with running("run", "echo", "--port", "0", "--admin", f"unix:{socket}", until="Ctrl-C") as server:
        asyncio.run(run(server))
        code, _, _ = server.ended(40)
    assert code == 0
    assert not socket.exists()


def test_sigterm_lets_calls_go_on_and_a_second_one_does_not(tmp_path: Path) -> None:
    """Running calls have their time; a second signal ends the process at once."""

    async def run(server: Running) -> None:
        caller = await call(server)
        server.send(signal.SIGTERM)
        await asyncio.sleep(1.0)
        assert caller.messages[-1]["type"] != "end"
        server.send(signal.SIGTERM)
        code, _, said = await asyncio.to_thread(server.ended)
        assert code == 128 + signal.SIGTERM
        assert "Draining: 1 call(s)" in said
        await caller.hang_up()

    with running("run", "echo", "--port", "0", "--admin", "off", "--drain", "60s", until="Ctrl-C") as server:
        asyncio.run(run(server))


@pytest.mark.parametrize(
    "way", [("--host", "0.0.0.0"), ("--host", "::"), ("--fd", "0"), (), ("file",)], ids=str
)
def test_nobody_is_let_in_from_a_network_unasked(way: tuple[str, ...], tmp_path: Path) -> None:
    """Every way to listen beyond this machine wants tokens, or to be told that everybody may call."""
    agent = tmp_path / "a.yaml"
    agent.write_text("version: 1\npipeline: [webrtc_in, webrtc_out]\nserver: {host: 0.0.0.0}\n")
    if way == ("file",):
        done = livegraph("run", agent)
    elif way:
        done = livegraph("run", "echo", "--port", "0", *way)
    else:
        done = livegraph("run", "echo", LIVEGRAPH_HOST="0.0.0.0")
    assert done.returncode == 2
    assert "--tokens" in done.stderr
    assert "--open" in done.stderr


def test_tokens_and_tickets_by_https(tmp_path: Path) -> None:
    """A token of the file and a ticket of the command open the server; the flag counts more than the environment."""
    tokens, secret = tmp_path / "tokens.yaml", tmp_path / "ticket.key"
    tokens.write_text("tokens: {kiosk: {token: kiosk-token-0123456789}}\n")
    secret.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    made = livegraph("ticket", "ada", "--secret-file", secret, "--agent", "echo").stdout.strip()
    assert Tickets(secret.read_bytes().strip(), unix_seconds).read(made).identity == "ada"
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    arguments = ("--self-signed", "--tokens", tokens, "--ticket-secret-file", secret, "--port", "0")
    environment = {"LIVEGRAPH_PORT": "1", "XDG_CACHE_HOME": str(tmp_path), "LIVEGRAPH_MAX_CALLS": "7"}
    with running("run", "echo", *arguments, "--admin", "off", until="Ctrl-C", **environment) as server:
        url = server.word_with("https")
        for token in ("kiosk-token-0123456789", made):
            assert fetch(f"{url}api/agents", token=token, context=context)["default"] == "echo"
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f"{url}api/agents", token="kiosk-token-012345678", context=context)
        assert refused.value.code == 401
        assert json.loads(refused.value.read())["error"]["code"] == "unauthorized"
        key = tmp_path / "livegraph" / "https" / "key.pem"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        server.send(signal.SIGTERM)
        assert server.ended()[0] == 0


def test_a_unix_socket_and_json_logs(tmp_path: Path) -> None:
    """Behind a proxy on this machine: a socket instead of a port, and every line of the log an object."""
    import http.client
    import socket as sockets

    path = tmp_path / "voice.sock"
    with running(
        *("run", "echo", "--uds", path, "--admin", "off", "--log-format", "json", "--log-level", "debug"),
        *("--root-path", "/voice"),
        until="Ctrl-C",
    ) as server:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = sockets.socket(sockets.AF_UNIX)
        connection.sock.connect(str(path))
        connection.request("GET", "/api/agents")
        assert json.loads(connection.getresponse().read())["default"] == "echo"
        connection.close()
        server.send(signal.SIGINT)
        code, _, said = server.ended()
    assert code == 130
    for line in said.splitlines():
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys()


def test_the_folder_of_admin_sockets_is_its_users_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was there first, with a link, a file or a folder that others may look into, gets no server to talk to."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder, elsewhere = tmp_path / "livegraph", tmp_path / "elsewhere"
    assert admin_folder() == folder and stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o750)
    with pytest.raises(Fault, match="is not this user's alone"):
        admin_folder()
    folder.rmdir()
    elsewhere.mkdir(0o700)
    folder.symlink_to(elsewhere)
    with pytest.raises(Fault, match="is not this user's alone"):
        admin_folder()
    elsewhere.rmdir()
    with pytest.raises(Fault, match="cannot make"):
        admin_folder()
    folder.unlink()
    folder.touch(0o600)
    with pytest.raises(Fault, match="cannot make"):
        admin_folder()
