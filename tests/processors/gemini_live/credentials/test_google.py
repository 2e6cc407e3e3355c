"""Credentials of Google Cloud by google-auth, against servers at hand: the loop never waits, secrets are not told."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from livegraph.language import check_text
from livegraph.pipeline import ServiceError, StartError
from livegraph.processors.gemini_live.credentials import credentials_from, google
from support.live_room import Room, converse, listen
from support.live_server import Connection

pytest.importorskip("google.auth")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")


@dataclass(slots=True)
class TokenServer:
    """Gives numbered access tokens; what it was asked is in ``asked``."""

    url: str = ""
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    expires_in: int = 2
    """Two seconds are less than google-auth wants of a token, so that it is renewed whenever it is asked for."""
    refusal: tuple[int, dict[str, Any]] | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    """Answers wait for it."""

    def answer(self, body: str) -> tuple[int, dict[str, Any]]:
        """What a token request is answered."""
        self.asked.append(parse_qs(body))
        self.gate.wait(20)
        if self.refusal is not None:
            return self.refusal
        number = len(self.asked)
        return 200, {
            "access_token": f"ya29.secret-{number}",
            "expires_in": self.expires_in,
            "token_type": "Bearer",
        }

    def metadata(self, path: str) -> tuple[int, Any]:
        """The same as a machine of Google's has it."""
        place = path.partition("?")[0].removeprefix("/computeMetadata/v1/")
        if place in ("", "/"):
            return 200, "computeMetadata/"
        if place == "project/project-id":
            return 200, "example"
        if place == "universe/universe-domain":
            return 200, "googleapis.com"
        if place.endswith("/token"):
            return self.answer("")
        if place.startswith("instance/service-accounts/"):
            return 200, {"email": "vm@example.com", "scopes": [], "aliases": ["default"]}
        return 404, ""


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    made = TokenServer()
    made.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._send(*made.answer(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def do_GET(self) -> None:
            self._send(*made.metadata(self.path))

        def _send(self, status: int, body: Any) -> None:
            data = body if isinstance(body, str) else json.dumps(body)
            self.send_response(status)
            self.send_header(
                "Content-Type", "application/text" if isinstance(body, str) else "application/json"
            )
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data.encode())

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    # A user's login is renewed at an address that no file can change.
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", f"{made.url}/token")
    yield made
    made.gate.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(scope="module")
def private_key() -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def service_account(tokens: TokenServer, private_key: str) -> dict[str, Any]:
    return {
        "type": "service_account",
        "client_email": "agent@example.iam.gserviceaccount.com",
        "private_key": private_key,
        "private_key_id": "1",
        "project_id": "example",
        "token_uri": f"{tokens.url}/token",
    }


def user(tokens: TokenServer) -> dict[str, Any]:
    return {
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "client-secret",
        "refresh_token": "refresh-secret",
        "token_uri": f"{tokens.url}/token",
        "quota_project_id": "who-pays",
    }


def written(path: Path, content: dict[str, Any]) -> str:
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def faults(endpoint: str, path: str) -> list[str]:
    """What `check` says of an agent with these credentials."""
    live = f"gemini_live: {{endpoint: {endpoint}, project: p, credentials: '{path}'}}"
    text = f"version: 1\npipeline:\n  - webrtc_in\n  - {live}\n  - webrtc_out\n"
    return [fault.problem.message for fault in check_text(text, environ={}).diagnostics]


def fetched(source: str, times: int = 1) -> list[str]:
    """So many tokens, one after the other."""

    async def main() -> list[str]:
        credentials = credentials_from(source)
        assert credentials is not None and credentials.renewable
        return [(await credentials.fetch()).reveal() for _ in range(times)]

    return asyncio.run(main())


async def dies(server: Connection) -> None:
    await server.accept("h1")
    await asyncio.sleep(3)
    server.abort()


async def stays(server: Connection) -> None:
    await server.accept("h2")
    await server.until(lambda: False)


async def body(room: Room) -> None:
    await asyncio.sleep(10)
    await listen(room)


def bearers(room: Room) -> list[str]:
    return [connection.headers["Authorization"] for connection in room.server.connections]


def test_a_call_outlives_the_tokens_of_its_service_account(
    tmp_path: Path, tokens: TokenServer, private_key: str
) -> None:
    """Each connection has a token of its own, signed for anew, when they are good for two seconds."""
    path = written(tmp_path / "account.json", service_account(tokens, private_key))
    room = converse(body, dies, dies, stays, credentials=path)
    assert bearers(room) == [f"Bearer ya29.secret-{number}" for number in (1, 2, 3)]
    assert room.changes()[-1] == "closed" and room.call.reason == "completed"
    assert all(sorted(asked) == ["assertion", "grant_type"] for asked in tokens.asked)


def test_a_token_that_is_good_serves_every_call(
    tmp_path: Path, tokens: TokenServer, private_key: str
) -> None:
    """A hundred calls do not sign a hundred times; one that was refused is not given again."""
    tokens.expires_in = 3600
    path = written(tmp_path / "account.json", service_account(tokens, private_key))
    assert fetched(path, 3) == ["ya29.secret-1"] * 3
    room = converse(body, dies, ServiceError("HTTP 401", code=401), stays, credentials=path)
    assert bearers(room) == ["Bearer ya29.secret-1", "Bearer ya29.secret-2"]
    assert room.changes() == ["connected", "lost", "resumed", "closed"]


def test_a_key_file_that_was_replaced_is_read_again(
    tmp_path: Path, tokens: TokenServer, private_key: str
) -> None:
    """When a key is rotated in mid-call, the refusal of the old one leads to the new."""
    tokens.expires_in = 3600
    path = tmp_path / "account.json"
    written(path, service_account(tokens, private_key))

    async def main() -> tuple[str, str]:
        credentials = credentials_from(str(path))
        assert credentials is not None
        first = (await credentials.fetch()).reveal()
        written(path, user(tokens))
        credentials.refused()
        return first, (await credentials.fetch()).reveal()

    assert asyncio.run(main()) == ("ya29.secret-1", "ya29.secret-2")
    assert tokens.asked[-1]["refresh_token"] == ["refresh-secret"]


def test_a_user_file_names_who_pays(tmp_path: Path, tokens: TokenServer) -> None:
    """As `gcloud auth application-default login` writes it."""
    room = converse(body, stays, credentials=written(tmp_path / "user.json", user(tokens)))
    (connection,) = room.server.connections
    assert connection.headers["Authorization"] == "Bearer ya29.secret-1"
    assert connection.headers["x-goog-user-project"] == "who-pays"


def test_the_loop_goes_on_while_a_token_is_made(
    tmp_path: Path, tokens: TokenServer, private_key: str
) -> None:
    """The server answers only when the loop lets it; and whoever asks meanwhile shares the answer."""
    tokens.gate.clear()
    path = written(tmp_path / "account.json", service_account(tokens, private_key))

    async def main() -> list[str]:
        credentials = credentials_from(path)
        assert credentials is not None
        fetching = [asyncio.create_task(credentials.fetch()) for _ in range(5)]
        while not tokens.asked:
            await asyncio.sleep(0.01)
        tokens.gate.set()
        return [token.reveal() for token in await asyncio.gather(*fetching)]

    assert asyncio.run(main()) == ["ya29.secret-1"] * 5 and len(tokens.asked) == 1


def test_a_server_that_never_answers_is_named_in_time(
    tmp_path: Path, tokens: TokenServer, private_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the attempt to connect is given up, so that the reason is told; it may be tried again."""
    monkeypatch.setattr(google, "_FETCH_S", 0.3)
    monkeypatch.setattr(google, "_REQUEST_S", 0.5)
    tokens.gate.clear()
    path = written(tmp_path / "account.json", service_account(tokens, private_key))
    with pytest.raises(ServiceError, match="no access token within") as failed:
        fetched(path)
    assert failed.value.retryable and "proxy" in failed.value.remedy


def _revoked(tokens: TokenServer, _: pytest.MonkeyPatch) -> None:
    tokens.refusal = (400, {"error": "invalid_grant", "error_description": "Token has been revoked."})


def _away(_: TokenServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("what", "told", "retryable", "remedy"),
    [
        (_revoked, "invalid_grant: Token has been revoked", False, "make a new key"),
        (_away, "cannot be reached", True, "network"),
    ],
)
def test_why_there_is_no_token(
    what: Callable[[TokenServer, pytest.MonkeyPatch], None],
    told: str,
    retryable: bool,
    remedy: str,
    tmp_path: Path,
    tokens: TokenServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that was revoked is not asked for again and again; nothing of the file is shown."""
    what(tokens, monkeypatch)
    path = written(tmp_path / "user.json", user(tokens))
    with pytest.raises(ServiceError, match=told) as failed:
        fetched(path)
    assert failed.value.retryable is retryable and remedy in failed.value.remedy
    assert "secret" not in str(failed.value) and "option credentials" in str(failed.value)


def test_a_revoked_key_ends_the_start_of_a_call_at_once(
    tmp_path: Path, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _revoked(tokens, monkeypatch)
    path = written(tmp_path / "user.json", user(tokens))
    with pytest.raises(StartError, match="Token has been revoked"):
        converse(body, stays, credentials=path)
    assert len(tokens.asked) <= 2, "once more, for the file may have been replaced"


def _no_json(_: dict[str, Any]) -> str:
    return '{"private_key": "-----BEGIN'


def _no_key(account: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in account.items() if name != "private_key"})


def _other(account: dict[str, Any]) -> str:
    return json.dumps({**account, "type": "external_account"})


def _list(account: dict[str, Any]) -> str:
    return json.dumps([account])


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (_no_json, "it is not JSON"),
        (_no_key, "it has no private_key"),
        (_other, "it is of the type external_account; name it in GOOGLE_APPLICATION_CREDENTIALS"),
        (_list, "it names no type"),
    ],
)
def test_a_file_that_is_no_key_file_is_a_fault_of_the_agent(
    broken: Callable[[dict[str, Any]], str],
    told: str,
    tmp_path: Path,
    tokens: TokenServer,
    private_key: str,
) -> None:
    """`check` says so, in one sentence that shows nothing of it."""
    path = tmp_path / "account.json"
    path.write_text(broken(service_account(tokens, private_key)), "utf-8")
    problems = faults("vertex", str(path))
    assert len(problems) == 1 and told in problems[0] and "BEGIN" not in problems[0], problems


def test_a_private_key_that_is_none_is_told_at_the_start(tmp_path: Path, tokens: TokenServer) -> None:
    path = written(tmp_path / "account.json", service_account(tokens, "-----BEGIN very-secret"))
    with pytest.raises(ServiceError, match="cannot be used") as failed:
        fetched(path)
    assert "very-secret" not in str(failed.value) and failed.value.remedy


def test_no_log_holds_a_secret(
    tmp_path: Path, tokens: TokenServer, private_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even one at DEBUG, of a call whose tokens are refreshed."""
    caplog.set_level(logging.DEBUG)
    path = written(tmp_path / "account.json", service_account(tokens, private_key))
    room = converse(body, dies, stays, credentials=path)
    assert len(bearers(room)) == 2
    told = caplog.text + repr(room.call.events)
    assert "ya29" not in told and "BEGIN" not in told and "assertion=" not in told


ASK = """
import asyncio, os, google.oauth2.credentials
google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT = os.environ["TOKEN_URL"]
from livegraph.pipeline import ServiceError
from livegraph.processors.gemini_live.credentials import credentials_from

async def main():
    credentials = credentials_from("adc")
    try:
        for _ in range(2):
            print((await credentials.fetch()).reveal())
    except ServiceError as error:
        print(error, "|", error.remedy)

asyncio.run(main())
"""


def by_default(**environ: str) -> list[str]:
    """What the application's default credentials are in such an environment, in a process of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_"))}
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**kept, "CLOUDSDK_CONFIG": "/nonexistent", "TOKEN_URL": "none", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split("\n")[:-1]


def test_default_credentials_of_a_file(tmp_path: Path, tokens: TokenServer, private_key: str) -> None:
    path = written(tmp_path / "account.json", service_account(tokens, private_key))
    assert by_default(GOOGLE_APPLICATION_CREDENTIALS=path) == ["ya29.secret-1", "ya29.secret-2"]


def test_default_credentials_of_a_login(tmp_path: Path, tokens: TokenServer) -> None:
    written(tmp_path / "application_default_credentials.json", user(tokens))
    assert by_default(CLOUDSDK_CONFIG=str(tmp_path), TOKEN_URL=tokens.url) == [
        "ya29.secret-1",
        "ya29.secret-2",
    ]


def test_default_credentials_of_a_machine_of_google(tokens: TokenServer) -> None:
    """By its metadata server."""
    host = tokens.url.removeprefix("http://")
    given = by_default(GCE_METADATA_HOST=host, GCE_METADATA_IP=host, NO_GCE_CHECK="false")
    assert given == ["ya29.secret-1", "ya29.secret-2"]


def test_that_there_are_none_is_told_with_what_to_do(tmp_path: Path) -> None:
    (told,) = by_default(NO_GCE_CHECK="true")
    assert "there are no credentials of Google Cloud" in told and "gcloud auth" in told
    (told,) = by_default(GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json"))
    assert "was not found" in told and "gcloud auth" in told


def test_they_are_for_vertex(tmp_path: Path, tokens: TokenServer) -> None:
    """The Gemini API takes keys: `check` says so; and where nothing is said, Vertex is meant."""
    path = written(tmp_path / "user.json", user(tokens))
    (told,) = faults("google", path)
    assert "are for Vertex" in told
    assert faults("auto", path) == faults("vertex", path) == []
