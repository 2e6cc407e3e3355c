"""Callers by WebSocket where the calls are in other processes: served by a worker as by the process with the port."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets
from starlette.requests import Request

from livegraph.cli.web import WebServer
from livegraph.server.access.grant import Grant, bearer_of
from livegraph.server.app import make_pool_app
from livegraph.server.limits import CallerLimits
from livegraph.server.offering import Offer
from livegraph.server.pool import ProcessPool, WorkerSetup
from livegraph.server.refusals import Refusal
from support.pool_agents import SOURCE, agents
from support.pool_callers import until
from support.webrtc import Caller


@asynccontextmanager
async def served(**options: Any) -> AsyncIterator[tuple[ProcessPool, str]]:
    """Two workers behind HTTP, which ``authorize`` says who may call; where WebSockets are."""
    setup, authorize = WorkerSetup(source=SOURCE, report="full"), options.pop("authorize", None)
    pool = ProcessPool(setup, agents(), workers=2, spares=0, **{"max_calls": 3, **options})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = asyncio.Event()
        server = WebServer(make_pool_app(pool, authorize=authorize), listening.set, grace_s=1)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait_for(listening.wait(), 120)
            yield pool, f"ws://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def by_name(request: Request) -> Grant | None:
    """A caller is who it says that it is; one with a number in front has a ticket of that number."""
    number, dot, name = bearer_of(request).rpartition(".")
    once = {"once": number, "expires_s": 4e9} if dot else {}
    return Grant(identity=name, **once) if name else None


async def told(caller: Any, kind: str) -> dict[str, Any]:
    """Wait for a message of this type."""
    async with asyncio.timeout(15):
        while True:
            data = await caller.recv()
            if isinstance(data, str) and (message := json.loads(data))["type"] == kind:
                return dict(message)


def test_a_call_by_websocket_is_a_workers() -> None:
    """It is listed with its worker, counted in the whole, ended by operators, and told when its worker dies."""

    async def run() -> None:
        async with served() as (pool, url):
            async with websockets.connect(f"{url}/ws/echo") as caller:
                await caller.send(json.dumps({"type": "hello"}))
                assert (await told(caller, "ready"))["agent"] == "echo"
                (call,) = await pool.calls()
                assert call["transport"] == "websocket"
                assert call["worker"] in (0, 1)
                assert pool.active == 1
                await pool.end(call["id"], "that is all")
                assert (await told(caller, "end"))["detail"] == "that is all"
            await until(lambda: pool.active == 0)
            async with websockets.connect(f"{url}/ws") as caller:
                await caller.send(json.dumps({"type": "hello"}))
                await told(caller, "ready")
                (call,) = await pool.calls()
                (worker,) = [one for one in pool.workers if one["worker"] == call["worker"]]
                os.kill(worker["pid"], signal.SIGKILL)
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    async with asyncio.timeout(5):
                        while True:
                            await caller.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1012
            await until(lambda: pool.active == 0)

    asyncio.run(run())


def test_a_socket_takes_the_place_of_an_offer_that_led_nowhere() -> None:
    """Whichever worker has the offer: its place of the whole and its single-use ticket; not so what is unknown."""

    async def run() -> None:
        async with served(max_calls=1, authorize=by_name) as (pool, url):
            caller = Caller()
            headers = {"Authorization": "Bearer 7.ann"}
            address = f"{url.replace('ws:', 'http:', 1)}/api/offer"
            async with httpx.AsyncClient() as http:
                body = {"sdp": await caller.offer(), "type": "offer", "agent": "echo"}
                offered = await http.post(address, json=body, headers=headers)
            assert (offered.status_code, pool.active) == (200, 1), offered.text
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with websockets.connect(f"{url}/ws/echo?instead=0.unknown", additional_headers=headers):
                    raise AssertionError
            assert refused.value.response.status_code == 503
            instead = f"{url}/ws/echo?instead={offered.json()['pc_id']}"
            async with websockets.connect(instead, additional_headers=headers) as page:
                await page.send(json.dumps({"type": "hello"}))
                await told(page, "ready")
                assert pool.active == 1
            await until(lambda: pool.active == 0)
            async with websockets.connect(instead, additional_headers=headers) as page:
                await page.send(json.dumps({"type": "hello"}))
                assert (await told(page, "error"))["code"] == "ticket_used"
            await caller.pc.close()

    asyncio.run(run())


def test_sockets_take_places_of_the_whole_and_unknown_ones_are_refused() -> None:
    """One too many is refused as over HTTP, before it opens; so is an address without a socket."""

    async def run() -> None:
        async with served(max_calls=1) as (pool, url):
            async with websockets.connect(f"{url}/ws/echo") as caller:
                await caller.send(json.dumps({"type": "hello"}))
                await told(caller, "ready")
                with pytest.raises(websockets.InvalidStatus) as refused:
                    async with websockets.connect(f"{url}/ws/echo"):
                        raise AssertionError
                assert refused.value.response.status_code == 503
            await until(lambda: pool.active == 0)
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with websockets.connect(f"{url}/elsewhere"):
                    raise AssertionError
            assert refused.value.response.status_code == 404

    asyncio.run(run())


def test_how_many_calls_somebody_has_counts_over_all_workers() -> None:
    """Who calls is told to the worker, and counted in the whole: by socket, by whatever worker, and by offer."""

    async def run() -> None:
        limits = CallerLimits(calls=2)
        async with served(authorize=by_name, max_calls=8, limits=limits) as (pool, url):
            async with AsyncExitStack() as stack:
                for _ in range(2):
                    caller = await stack.enter_async_context(websockets.connect(f"{url}/ws/echo"))
                    await caller.send(json.dumps({"type": "hello", "token": "ann"}))
                    await told(caller, "ready")
                assert {call["identity"] for call in await pool.calls()} == {"ann"}
                # Whatever worker has room, and whether it is said in the handshake or behind it.
                for headers, first in (({}, {"token": "ann"}), ({"Authorization": "Bearer ann"}, {})):
                    third = await stack.enter_async_context(
                        websockets.connect(f"{url}/ws/echo", additional_headers=headers)
                    )
                    await third.send(json.dumps({"type": "hello", **first}))
                    assert (await told(third, "error"))["code"] == "too_many_calls"
                with pytest.raises(Refusal) as refused:
                    await pool.answer(Offer(sdp="v=0", grant=Grant(identity="ann")))
                assert refused.value.code == "too_many_calls"
                other = await stack.enter_async_context(websockets.connect(f"{url}/ws/echo"))
                await other.send(json.dumps({"type": "hello", "token": "bob"}))
                await told(other, "ready")
                await until(lambda: pool.active == 3)
            await until(lambda: pool.active == 0)
            async with websockets.connect(f"{url}/ws/echo") as caller:
                await caller.send(json.dumps({"type": "hello", "token": "ann"}))
                await told(caller, "ready")

    asyncio.run(run())


def test_a_ticket_makes_one_call_whichever_worker_has_it() -> None:
    """Where the sockets are it is known which were used: workers share neither files nor secrets. A call that did not
    come about gives its ticket back; nobody is let in without one."""

    async def run() -> None:
        async with served(authorize=by_name, max_calls=8) as (pool, url), AsyncExitStack() as stack:

            async def say(**hello: Any) -> Any:
                caller = await stack.enter_async_context(websockets.connect(f"{url}/ws"))
                await caller.send(json.dumps({"type": "hello", **hello}))
                return caller

            assert (await told(await say(), "error"))["code"] == "unauthorized"
            refused = await say(token="1.ann", inputs={"shoe_size": 44})
            assert (await told(refused, "error"))["code"] == "bad_inputs"
            await told(await say(token="1.ann"), "ready")
            workers = len(pool.workers)
            for _ in range(workers + 1):
                assert (await told(await say(token="1.ann"), "error"))["code"] == "ticket_used"
            await told(await say(token="2.ann"), "ready")
            assert {call["identity"] for call in await pool.calls()} == {"ann"}
            # An offer with the same ticket is another call.
            with pytest.raises(Refusal) as used:
                await pool.answer(Offer(sdp="v=0", grant=Grant(identity="ann", once="2", expires_s=4e9)))
            assert used.value.code == "ticket_used"

    asyncio.run(run())
