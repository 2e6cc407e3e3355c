"""The relay between replicas of Ray Serve and the pool's process, with its two ends in one loop: what Ray does between
them is here a task for each call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from livegraph.pipeline import run_virtual
from livegraph.server.pool.carrying import handing_on, serving_far

pytest.importorskip("ray", reason="Ray has no wheel for this Python")
from livegraph.server.pool.relay import Relay, line_to  # it needs Ray


class Handle:
    """The relay as an actor's handle has it: each call is under way at once, and they may overtake each other."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.turned = False
        """Whether calls begin in another order than they were made in."""
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        return _Method(self, getattr(self._relay, name))

    async def later(self, number: int) -> None:
        """Wait for as long as this one is overtaken."""
        if self.turned:
            await asyncio.sleep(0.003 * (3 - number % 3))


class _Method:
    def __init__(self, handle: Handle, method: Any) -> None:
        self._handle, self._method = handle, method

    def remote(self, *args: Any) -> asyncio.Task[Any]:
        """As Ray's."""
        self._handle._calls += 1
        return asyncio.create_task(self._run(self._handle._calls, args))

    async def _run(self, number: int, args: tuple[Any, ...]) -> Any:
        await self._handle.later(number)
        return await self._method(*args)


async def echo(request: Request) -> PlainTextResponse:
    """What was sent, by whom."""
    assert request.client is not None
    return PlainTextResponse(f"{request.client.host}: {(await request.body()).decode()}")


APP = Starlette(routes=[Route("/echo", echo, methods=["POST"])])


async def asked(sockets: Any, *pieces: bytes) -> bytes:
    """A request in pieces; the body of its answer."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/echo",
        "headers": [],
        "query_string": b"",
        "client": ("192.0.2.7", 5),
    }
    coming = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
    coming.append({"type": "http.request", "body": b"", "more_body": False})
    heard: list[bytes] = []

    async def receive() -> Message:
        if coming:
            return coming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        heard.append(message.get("body", b""))

    await sockets.carry(scope, receive, send)
    return b"".join(heard)


@pytest.mark.parametrize("turned", [False, True], ids=["in_order", "overtaking"])
def test_requests_of_several_replicas_are_served_where_the_pool_is(turned: bool) -> None:
    """Each by its own line, in the order in which its parts were said, also where calls overtake each other."""

    async def run() -> None:
        handle = Handle(Relay([]))
        lines = [await handle.join.remote() for _ in range(2)]
        assert [await handle.joined.remote() for _ in range(2)] == lines
        handle.turned = turned
        async with (
            handing_on(line_to(handle, lines[0], of_pool=False)) as (one, _),
            handing_on(line_to(handle, lines[1], of_pool=False)) as (other, _),
            serving_far(line_to(handle, lines[0], of_pool=True), APP),
            serving_far(line_to(handle, lines[1], of_pool=True), APP),
        ):
            pieces = [f"{number} ".encode() for number in range(9)]
            answers = await asyncio.gather(asked(one, *pieces), asked(other, b"other"))
        assert answers == [b"192.0.2.7: 0 1 2 3 4 5 6 7 8 ", b"192.0.2.7: other"]

    run_virtual(run())


def test_a_replica_that_is_gone_ends_its_own_line_only() -> None:
    """It asks for nothing any more: that is noticed in some seconds; one that leaves is gone at once."""

    async def run() -> None:
        handle = Handle(Relay([]))
        first, second, third = [await handle.join.remote() for _ in range(3)]
        async with (
            serving_far(line_to(handle, first, of_pool=True), APP) as first_gone,
            serving_far(line_to(handle, second, of_pool=True), APP) as second_gone,
            serving_far(line_to(handle, third, of_pool=True), APP) as third_gone,
            handing_on(line_to(handle, second, of_pool=False)) as (sockets, _),
        ):
            await handle.leave.remote(third)
            await asyncio.wait_for(third_gone.wait(), 1)
            async with asyncio.timeout(30):
                while not first_gone.is_set():
                    await handle.joined.remote()
            assert not second_gone.is_set()
            assert await asked(sockets, b"well") == b"192.0.2.7: well"

    run_virtual(run())


def test_a_request_whose_pool_is_gone_is_answered() -> None:
    """Nobody asks at the other end any more: 503, and what is asked from then on as well."""

    async def run() -> None:
        handle = Handle(Relay([]))
        line = await handle.join.remote()
        async with handing_on(line_to(handle, line, of_pool=False)) as (sockets, gone):
            asking = asyncio.create_task(asked(sockets, b"anybody?"))
            async with asyncio.timeout(30):
                while not gone.is_set():
                    await handle.joined.remote()
            sockets.lose()
            assert b"no_answer" in await asking

    run_virtual(run())
