"""Credentials are asked for at each connect, so that a call outlives them; what they are is shown nowhere."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline import ServiceError, StartError
from livegraph.processors.gemini_live.credentials import Credentials, FromFunction, credentials_from
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
