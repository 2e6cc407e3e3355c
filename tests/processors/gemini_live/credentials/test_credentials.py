"""Credentials are asked for at each connect, so that a call outlives them; what they are is shown nowhere."""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import Any

import pytest

from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline import ServiceError, StartError, run_virtual
from livegraph.pipeline.options import Secret
from livegraph.processors.gemini_live.credentials import (
    Credentials,
    FromFunction,
    credential_of,
    credentials_from,
)
from livegraph.processors.gemini_live.credentials.google import GoogleCredentials
from support.live_room import Room, converse, listen
from support.live_server import Connection


async def dies(server: Connection) -> None:
    """Good for as long as its token."""
    await server.accept("h1")
    await asyncio.sleep(3)
    server.abort()


async def stays(server: Connection) -> None:
    await server.accept("h2")
    await server.until(lambda: False)


async def body(room: Room) -> None:
    await asyncio.sleep(10)
    await listen(room)


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_function_is_asked_at_each_connect(kind: str) -> None:
    """Tokens of seconds carry a call of any length."""
    numbers = itertools.count(1)

    def plain() -> str:
        return f"auth_tokens/{next(numbers)}"

    async def waits() -> str:
        await asyncio.sleep(0)
        return plain()

    room = converse(body, dies, dies, stays, credentials=plain if kind == "plain" else waits)
    given = [connection.headers["Authorization"] for connection in room.server.connections]
    assert given == [f"Token auth_tokens/{number}" for number in (1, 2, 3)]
    assert all(connection.path.endswith("Constrained") for connection in room.server.connections)
    assert room.changes()[-1] == "closed" and room.call.reason == "completed"


def test_a_token_that_is_refused_is_had_anew_once() -> None:
    """The second one works; were it refused too, the call would end."""
    numbers = itertools.count(1)
    expired = ServiceError("HTTP 401", code=401)
    room = converse(body, dies, expired, stays, credentials=lambda: f"key-{next(numbers)}")
    assert room.changes() == ["connected", "lost", "resumed", "closed"]
    assert room.server.connections[-1].headers["x-goog-api-key"] == "key-3"
    with pytest.raises(Exception, match="option credentials"):
        converse(body, dies, expired, expired, credentials=lambda: "key")


def test_a_function_that_fails_is_named_and_its_words_are_not_shown() -> None:
    """They may hold a secret."""

    def tells() -> str:
        raise ValueError("the secret is 42")

    with pytest.raises(StartError) as failed:
        converse(body, stays, credentials=tells)
    assert "tells() gave no credential: ValueError" in str(failed.value) and "42" not in str(failed.value)


async def hangs() -> str:
    await asyncio.sleep(3_600)
    return ""


async def exits() -> str:
    raise SystemExit(3)


class Mine(Credentials):
    """Somebody's own, with an answer that is none."""

    def __init__(self, given: object) -> None:
        self._given = given

    async def fetch(self) -> Secret:
        if isinstance(self._given, BaseException):
            raise self._given
        return self._given  # type: ignore[return-value]


WRONG: dict[str, tuple[object, str, bool]] = {
    "nothing": (lambda: None, "() gave no credential", True),
    "an empty text": (lambda: " ", "() gave no credential", True),
    "never": (hangs, r"hangs\(\) gave no credential within", True),
    "an exit": (exits, r"exits\(\) gave no credential: SystemExit", True),
    "the end of an iterator": (lambda: next(iter(())), "gave no credential: RuntimeError", True),
    "bytes": (lambda: b"very-secret", "as text, not bytes", False),
    "a number": (lambda: 42, "as text, not int", False),
    "two lines": (lambda: "very-secret\nx: y", "no key and no token", False),
    "other letters": (lambda: "very-secr\u00e9t", "no key and no token", False),
    "a source's own error": (Mine(KeyError("very-secret")), "Mine gave no credential: KeyError", True),
    "a source's plain text": (Mine(3), "Mine must give a key", False),
}


@pytest.mark.parametrize(("given", "told", "passes"), WRONG.values(), ids=WRONG)
def test_what_is_no_credential_is_told_and_never_shown(given: object, told: str, passes: bool) -> None:
    """What may pass is asked for again; a function of which nothing comes ends the start of a call, in its words."""
    source = credentials_from(given)  # type: ignore[arg-type]
    assert source is not None

    async def ask() -> None:
        with pytest.raises(ServiceError, match=told) as refused:
            await credential_of(source)
        assert "very-secr" not in str(refused.value) and refused.value.retryable == passes

    run_virtual(ask())
    if isinstance(source, FromFunction):
        with pytest.raises(StartError, match=told) as failed:
            converse(body, stays, credentials=given)
        assert "very-secr" not in str(failed.value)


def test_a_source_that_fails_in_a_running_call_is_asked_again() -> None:
    """Its token server is away while the connection breaks: the call waits for it, and goes on."""
    answers: list[Any] = ["key-1", OSError("away"), None, "", "key-2"]

    def gives() -> Any:
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    room = converse(body, dies, stays, credentials=gives)
    assert room.changes() == ["connected", "lost", "resumed", "closed"]
    assert room.server.connections[-1].headers["x-goog-api-key"] == "key-2"


def test_tokens_that_are_good_for_no_time_at_all_end_nothing() -> None:
    """Each is refused once, and the next one may be better: a refused token is replaced at once."""
    numbers = itertools.count(1)
    expired = ServiceError("HTTP 401", code=401)
    room = converse(body, dies, expired, dies, expired, stays, credentials=lambda: f"key-{next(numbers)}")
    assert room.changes() == ["connected", "lost", "resumed", "lost", "resumed", "closed"]


def test_a_function_that_never_returns_holds_up_nobody() -> None:
    """Its threads are its own and end with the program, and there are a few of them at most."""
    let_go = threading.Event()

    async def main() -> None:
        source = FromFunction(lambda: str(let_go.wait(60)))
        asking = [asyncio.ensure_future(source.fetch()) for _ in range(8)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceError, match="has not come back"):
            await source.fetch()
        # The loop's own threads are free.
        assert await asyncio.to_thread(lambda: "free") == "free"
        daemons = [each for each in threading.enumerate() if each.name.startswith("credentials")]
        assert len(daemons) == 8 and all(each.daemon for each in daemons)
        let_go.set()
        await asyncio.gather(*asking)

    asyncio.run(main())


def test_what_a_server_repeats_of_it_is_taken_out() -> None:
    async def repeats(server: Connection) -> None:
        await server.until(lambda: server.messages)
        await server.close(1008, "no project for very-secret")

    with pytest.raises(StartError) as failed:
        converse(body, repeats, credentials=lambda: "very-secret")
    assert "very-secret" not in str(failed.value) and "***" in str(failed.value)
    assert LinkClosed(1008).code == 1008


@pytest.mark.parametrize("wrong", ["nothing", "./missing.json", "json:no_such_function"])
def test_a_name_that_leads_nowhere_is_an_error(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"nor module:function|no key file|no function"):
        credentials_from(wrong)


def test_what_the_option_takes() -> None:
    assert credentials_from(None) is None
    assert isinstance(credentials_from("adc"), GoogleCredentials)
    assert isinstance(credentials_from("json:dumps"), FromFunction)
    mine = Credentials()
    assert credentials_from(mine) is mine
