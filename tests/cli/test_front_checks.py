"""How a server is to look from outside: what could never work is refused before anything listens."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from livegraph.cli.exits import Exit, Fault, check_there
from livegraph.cli.listening import open_sockets
from livegraph.cli.proxies import BehindSocket
from livegraph.cli.serving import settle
from livegraph.language import load_agent
from livegraph.language.finding import shipped_agents
from livegraph.language.server_section import ServerSection
from livegraph.pipeline.units import SECOND
from livegraph.server import make_app
from livegraph.server.tls import self_signed


@pytest.mark.parametrize(
    ("wish", "option"),
    [
        (ServerSection(root_path="voice"), "--root-path"),
        (ServerSection(root_path='/a"><b>'), "--root-path"),
        (ServerSection(root_path="/a//b"), "--root-path"),
        (ServerSection(root_path="/a/../b"), "--root-path"),
        (ServerSection(root_path="/a?b"), "--root-path"),
        (ServerSection(allow_host=["http://voice.lan/"]), "--allow-host"),
        (ServerSection(allow_host=["voice.lan:8080"]), "--allow-host"),
        (ServerSection(allow_host=["voice.lan", "*"], trusted_proxy=["localhost"]), "--trusted-proxy"),
        (ServerSection(trusted_proxy=["10.0.0.1/8"]), "10.0.0.0/8"),
        (ServerSection(trusted_proxy=[""]), "--trusted-proxy"),
        (ServerSection(ice_servers=["http://stun.example.org"]), "--ice-servers"),
        (ServerSection(ice_servers=["stun:"]), "--ice-servers"),
        (ServerSection(ice_servers=["turn:relay.example.org"]), "--turn-secret-file"),
    ],
)
def test_what_would_match_nobody_is_refused(wish: ServerSection, option: str) -> None:
    """A name, proxy or path that no request ever has would be ignored without a word."""
    with pytest.raises(Fault) as fault:
        settle(wish)
    assert option in f"{fault.value} {fault.value.remedy}"
    assert fault.value.code == Exit.USAGE


def test_what_may_be_said_is_taken() -> None:
    """In each of its forms."""
    wish = ServerSection(
        root_path="/voice/v1/",
        allow_host=["Voice.LAN", "*.example.org", "*", "[2001:db8::7]"],
        trusted_proxy=["127.0.0.1", "10.0.0.0/8", "::1", "*"],
        ice_servers=["stun:stun.example.org", "STUN:[2001:db8::7]:3478", "stuns:stun.example.org:5349"],
    )
    assert settle(wish).front.root_path == "/voice/v1"
    assert settle(ServerSection(root_path="/")).front.root_path == ""


@pytest.mark.parametrize(
    "wish",
    [
        ServerSection(uds=Path("voice.sock")),
        ServerSection(trusted_proxy=["127.0.0.1"]),
        ServerSection(public_address=["203.0.113.7"]),
        ServerSection(root_path="/voice"),
        ServerSection(allow_host=["voice.example.org"]),
    ],
)
def test_behind_a_proxy_callers_are_strangers(wish: ServerSection) -> None:
    """Only this machine reaches the server, and everybody the proxy: they are told and given what strangers are."""
    here, behind = settle(ServerSection()), settle(wish)
    assert here.app["report"] == "full" and here.app["limits"].call_duration is None
    assert behind.app["report"] == "none" and behind.app["limits"].call_duration is not None
    assert not here.notes and "--tokens" in behind.notes[0]
    said = settle(replace(wish, report="full", idle=3 * SECOND))
    assert said.app["report"] == "full" and said.app["limits"].idle == 3 * SECOND


@pytest.mark.parametrize(
    ("said", "proxies", "client"),
    [
        (["203.0.113.7"], [], "203.0.113.7"),
        # A proxy that adds its own to what the caller has written.
        (["127.0.0.1, 203.0.113.7"], [], "203.0.113.7"),
        (["the socket", "203.0.113.7"], [], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7, 10.0.0.1"], ["10.0.0.0/8"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7"], ["*"], "203.0.113.7"),
        ([], [], None),
        ([""], [], None),
    ],
)
def test_behind_a_socket_the_nearest_address_is_the_caller_s(
    said: list[str], proxies: list[str], client: str | None
) -> None:
    """What a caller writes itself makes it nobody else, whatever its proxy makes of it."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope["client"] and scope["client"][0], scope["scheme"]))

    async def nothing(*_: object) -> Any:
        return None

    headers = [(b"x-forwarded-for", each.encode()) for each in said] + [(b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": None, "scheme": "http", "headers": headers}
    asyncio.run(BehindSocket(app, proxies)(scope, nothing, nothing))
    assert seen == [(client, "https")]


def test_an_application_refuses_names_that_are_none() -> None:
    """As it does with origins."""
    with pytest.raises(ValueError, match=r"voice\.lan:80"):
        make_app([load_agent(shipped_agents()["echo"])], allow_hosts=["voice.lan:80"])


def test_a_certificate_is_tried_before_anything_listens(tmp_path: Path) -> None:
    """One that is none, a key of another, one with a pass phrase."""
    from cryptography.hazmat.primitives import serialization

    cert, key = self_signed(tmp_path / "own", ["127.0.0.1"], datetime.now(UTC))
    _, other = self_signed(tmp_path / "other", ["127.0.0.1"], datetime.now(UTC))
    assert settle(ServerSection(ssl_certfile=cert, ssl_keyfile=key)).front.certfile == cert
    nothing, locked = tmp_path / "nothing.pem", tmp_path / "locked.pem"
    nothing.write_bytes(b"\xff\x00 no PEM")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"phrase"),
        )
    )
    for wrong in ((nothing, nothing), (cert, nothing), (cert, other), (cert, locked)):
        with pytest.raises(Fault) as fault:
            settle(ServerSection(ssl_certfile=wrong[0], ssl_keyfile=wrong[1]))
        assert fault.value.code == Exit.CONFIG and str(wrong[1]) in str(fault.value)


def test_a_descriptor_is_one_that_callers_reach() -> None:
    """A datagram socket, one without an address, a file and one that is not open are told apart from it."""

    def opened(descriptor: int) -> socket.socket:
        return open_sockets(settle(ServerSection(fd=descriptor, open=True)))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as nowhere:
        datagrams.bind(("127.0.0.1", 0))
        for one, why in ((datagrams, "no stream"), (nowhere, "no address")):
            with pytest.raises(Fault, match=why):
                opened(os.dup(one.fileno()))
    with Path(__file__).open("rb") as file, pytest.raises(Fault, match="--fd"):
        opened(file.fileno())
    with pytest.raises(Fault, match="--fd"):
        opened(1 << 19)
    with socket.create_server(("127.0.0.1", 0)) as listener, opened(os.dup(listener.fileno())) as again:
        assert again.getsockname() == listener.getsockname()


def test_a_unix_socket_by_its_descriptor_is_one_behind_a_proxy(tmp_path: Path) -> None:
    """As one by its path: whoever may write to it says where callers are."""

    def believes(descriptor: int) -> bool:
        return settle(ServerSection(fd=descriptor, open=True)).front.behind_socket

    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as port:
        unix.bind(str(tmp_path / "voice.sock"))
        assert believes(unix.fileno()) and not believes(port.fileno())
        assert unix.getsockname() == str(tmp_path / "voice.sock")
    assert not believes(1 << 19)
    assert settle(ServerSection(uds=tmp_path / "other.sock")).front.behind_socket


def test_a_pipe_is_told_to_be_no_file(tmp_path: Path) -> None:
    """It is there: only what it holds could be read once, and for ever be waited for."""
    os.mkfifo(tmp_path / "tokens")
    with pytest.raises(Fault, match="is no file"):
        check_there(tmp_path / "tokens", "--tokens")
