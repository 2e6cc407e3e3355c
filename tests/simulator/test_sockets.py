"""Real sockets on loopback: TLS and plain on one port, requests for tokens, and every way to break a connection."""

import asyncio
import itertools
import json
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livegraph.simulator.certificate import Certificate, find_or_make
from livegraph.simulator.ears import NoEars
from livegraph.simulator.http_request import HttpReader
from livegraph.simulator.scenario_file import parse_scenario
from livegraph.simulator.server import DEFAULT_PATH, Simulator
from livegraph.simulator.voice import TonesVoice

SETUP = json.dumps({"setup": {"model": "models/gemini-3.8-live"}})
HELLO = json.dumps({"realtimeInput": {"text": "Hello."}})
STORY = json.dumps({"realtimeInput": {"text": "Tell me a story."}})
Run = Callable[[Coroutine[Any, Any, None]], None]


def runners() -> list[Run]:
    """asyncio's own loop, and uvloop's where there is one."""
    found: list[Run] = [asyncio.run]
    with suppress(ImportError):
        import uvloop

        # It keeps a pipe for signals from its first run on.
        uvloop.run(asyncio.sleep(0))
        found.append(uvloop.run)
    return found


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of the simulator's own."""
    return find_or_make(tmp_path_factory.mktemp("tls"), datetime.now(UTC))


def serving(
    run: Run,
    test: Callable[[int, Simulator], Awaitable[None]],
    tls: Certificate | None = None,
    **options: Any,
) -> None:
    """Run a test with the port of a simulator."""

    async def serve() -> None:
        options.setdefault("time_scale", 0.02)
        async with Simulator(ears=NoEars(), voice=TonesVoice(), **options) as simulator:
            await test(await simulator.serve(tls=tls.context() if tls else None), simulator)
            async with asyncio.timeout(30):
                while simulator.sessions:
                    await asyncio.sleep(0.01)

    run(serve())


def trusting(certificate: Certificate) -> ssl.SSLContext:
    """A client that takes this certificate only, and is particular about it."""
    context = ssl.create_default_context(cafile=certificate.cert)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def plain(port: int, **options: Any) -> connect:
    """A plain WebSocket."""
    return connect(f"ws://127.0.0.1:{port}{DEFAULT_PATH}", proxy=None, **options)


async def told(socket: ClientConnection) -> list[Any]:
    """All messages until the connection ends or the turn does."""
    found = []
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            while True:
                found.append(json.loads(await socket.recv()))
                if "turnComplete" in found[-1].get("serverContent", {}):
                    break
    return found


@pytest.mark.leaks
@pytest.mark.parametrize("run", runners())
def test_tls_and_plain_share_a_port(run: Run, certificate: Certificate) -> None:
    """By name and by address, at the same time."""

    async def test(port: int, simulator: Simulator) -> None:
        for host in ("localhost", "127.0.0.1"):
            url = f"wss://{host}:{port}//{DEFAULT_PATH}"
            async with connect(url, ssl=trusting(certificate), proxy=None) as safe, plain(port) as open_:
                for socket in (safe, open_):
                    await socket.send(SETUP)
                    await socket.send(HELLO)
                    assert len(await told(socket)) > 5
                    await (await socket.ping())

    serving(run, test, certificate)


@pytest.mark.leaks
def test_clients_that_speak_no_tls_to_a_plain_server_or_do_not_trust_it(certificate: Certificate) -> None:
    """They fail, and the server goes on."""

    async def test(port: int, simulator: Simulator) -> None:
        with pytest.raises((ssl.SSLError, OSError)):
            await connect(f"wss://localhost:{port}{DEFAULT_PATH}", proxy=None, open_timeout=5)
        async with plain(port) as socket:
            await socket.send(SETUP)
            assert json.loads(await socket.recv()) == {"setupComplete": {}}

    serving(asyncio.run, test)
    serving(asyncio.run, test, certificate)


def test_a_certificate_is_kept_and_made_anew_in_time(tmp_path: Path) -> None:
    """So that whoever trusts it need not be told again; its key is for the owner only."""
    now = datetime.now(UTC)
    first = find_or_make(tmp_path / "deep" / "folder", now)
    pem = first.cert.read_bytes()
    assert first.key.stat().st_mode & 0o777 == 0o600
    assert find_or_make(first.cert.parent, now + timedelta(days=60)).cert.read_bytes() == pem
    assert find_or_make(first.cert.parent, now + timedelta(days=85)).cert.read_bytes() != pem
    first.key.write_text("nonsense")
    find_or_make(first.cert.parent, now).context()


async def request(port: int, head: str, body: str = "", tls: ssl.SSLContext | None = None) -> tuple[int, Any]:
    """The status and the JSON of an HTTP request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    text = f"{head} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nx-goog-api-key: good\r\n\r\n{body}"
    for piece in (text[:7], text[7:40], text[40:]):
        writer.write(piece.encode())
        await writer.drain()
        await asyncio.sleep(0.01)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    status, _, rest = answer.partition(b"\r\n")
    content = rest.partition(b"\r\n\r\n")[2]
    return int(status.split()[1]), json.loads(content) if content.startswith(b"{") else content


@pytest.mark.parametrize("run", runners())
def test_tokens_are_made_on_the_same_port(run: Run, certificate: Certificate) -> None:
    """In any version of the API, with TLS and without; they open sessions."""

    async def test(port: int, simulator: Simulator) -> None:
        for tls, version in ((None, "v1beta"), (trusting(certificate), "v1alpha")):
            status, found = await request(port, f"POST /{version}/auth_tokens", '{"uses": 1}', tls)
            assert status == 200 and found["name"].startswith("auth_tokens/")
            url = f"ws://127.0.0.1:{port}{DEFAULT_PATH}Constrained?access_token={found['name']}"
            async with connect(url, proxy=None) as socket:
                await socket.send(SETUP)
                assert json.loads(await socket.recv()) == {"setupComplete": {}}
        for head, body, expected in (
            ("POST /v1beta/auth_tokens", '{"uses": -1}', 400),
            ("POST /v1beta/auth_tokens?key=good", "", 200),
            ("GET /v1beta/auth_tokens", "", 405),
            ("POST /v1beta/models", "", 404),
            ("GET /", "", 404),
            ("nonsense", "", 400),
        ):
            assert (await request(port, head, body))[0] == expected, head

    serving(run, test, certificate, keys=["good"])


def test_vertex_refuses_a_bad_token_at_the_door() -> None:
    """With 401 instead of a WebSocket."""
    path = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"

    async def test(port: int, simulator: Simulator) -> None:
        for token, status in (("bad", 401), ("good", 101)):
            url = f"ws://127.0.0.1:{port}{path}"
            try:
                async with connect(
                    url, proxy=None, additional_headers={"Authorization": f"Bearer {token}"}
                ) as socket:
                    assert socket.response and socket.response.status_code == status
            except InvalidStatus as refused:
                assert refused.response.status_code == status

    serving(asyncio.run, test, keys=["good"])


def breaking(act: str) -> Any:
    """A scenario that does something after the third message of sound."""
    return parse_scenario(
        f"version: 1\nscenes:\n  - when: {{sent: audio, nth: 3, connection: 1}}\n    do: [{act}]\n"
    )


@pytest.mark.leaks
@pytest.mark.parametrize("run", runners())
@pytest.mark.parametrize(
    ("act", "code", "reason"),
    [
        ("close: 1011", 1011, ""),
        ("close: {code: 4001, reason: Enough.}", 4001, "Enough."),
        ("close: {code: 1008, reason: Enough., half: true}", 1008, "Enough."),
        ("reset", None, ""),
        ("reset: {half: true}", None, ""),
        ("hang_up", None, ""),
        ("hang_up: {half: true}", None, ""),
    ],
)
def test_a_connection_can_end_in_every_way(run: Run, act: str, code: int | None, reason: str) -> None:
    """In the middle of a turn, between messages or within one; the next connection is well."""

    async def test(port: int, simulator: Simulator) -> None:
        async with plain(port) as socket:
            await socket.send(SETUP)
            await socket.send(STORY)
            messages = await told(socket)
            assert len([m for m in messages if "modelTurn" in m.get("serverContent", {})]) == 3
            received = socket.protocol.close_rcvd
            assert (received.code if received else None) == code
            assert (received.reason if received else "") == reason
        async with plain(port) as socket:
            await socket.send(SETUP)
            await socket.send(HELLO)
            assert "turnComplete" in (await told(socket))[-1]["serverContent"]

    serving(run, test, scenario=breaking(act))


def test_bytes_outside_of_messages_are_the_clients_to_refuse() -> None:
    """1002, which is what its library says to a broken protocol."""

    async def test(port: int, simulator: Simulator) -> None:
        async with plain(port) as socket:
            await socket.send(SETUP)
            await socket.send(STORY)
            await told(socket)
            sent = socket.protocol.close_sent
            assert sent and sent.code == 1002

    serving(asyncio.run, test, scenario=breaking("garbage: {bytes: 40, outside: true}"))


@pytest.mark.parametrize(("stall", "answers"), [("{for: 400ms, writing: false}", True), ("400ms", False)])
def test_a_stalled_server_answers_no_pings(stall: str, answers: bool) -> None:
    """For as long as it stalls; what it had to say comes afterwards, or, when it only reads nothing, meanwhile."""

    async def test(port: int, simulator: Simulator) -> None:
        async with plain(port, max_queue=None) as socket:
            await socket.send(SETUP)
            await socket.send(STORY)
            loop = asyncio.get_running_loop()
            heard: list[float] = []
            async with asyncio.timeout(10):
                while len(heard) < 3:
                    if "modelTurn" in json.loads(await socket.recv()).get("serverContent", {}):
                        heard.append(loop.time())
                pong = await socket.ping()
                began = loop.time()
                await socket.recv()
                assert (loop.time() - began < 0.3) is answers
                await pong
                assert loop.time() - began > 0.2
            await told(socket)

    serving(asyncio.run, test, scenario=breaking(f"stall: {stall}"))


def test_a_connection_can_be_refused_at_the_door() -> None:
    async def test(port: int, simulator: Simulator) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await plain(port)
        assert refused.value.response.status_code == 503
        async with plain(port) as socket:
            await socket.send(SETUP)
            await socket.recv()

    scenario = parse_scenario("version: 1\nscenes:\n  - when: {connect: 1}\n    do: [refuse: 503]\n")
    serving(asyncio.run, test, scenario=scenario)


@pytest.mark.parametrize("size", [200, 70_000, 3_000_000])
def test_messages_of_any_size_and_in_pieces(size: int) -> None:
    """Images and histories are large, and clients may send them in fragments."""

    async def test(port: int, simulator: Simulator) -> None:
        async with plain(port, max_size=None) as socket:
            await socket.send(SETUP)
            whole = json.dumps({"realtimeInput": {"text": "a" * size}})
            await socket.send([whole[at : at + 50_000] for at in range(0, len(whole), 50_000)])
            await told(socket)

    serving(asyncio.run, test)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
def test_no_bytes_break_the_reader_of_requests(data: bytes, cuts: list[int]) -> None:
    """It finds a request, waits for more, or says that there is none."""
    reader = HttpReader()
    for at in range(0, len(data), 40):
        reader.feed(data[at : at + 40])
    whole = b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    reader, found = HttpReader(), None
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    for first, last in itertools.pairwise(edges):
        found = reader.feed(whole[first:last]) or found
    assert found is not None and found.body == data and found.raw == whole
