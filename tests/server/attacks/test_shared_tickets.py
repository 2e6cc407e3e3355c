"""A ticket makes one call, however many servers it is shown to at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from livegraph.pipeline import Graph
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server.access import SharedTickets, Tickets
from livegraph.server.access.ticket_store import OwnTickets, TicketStore, TicketStoreError
from livegraph.server.calls import ServedAgent
from livegraph.server.gate import by_tokens
from livegraph.server.wall_clock import unix_seconds
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.ticket_users import TICKETS, use_all
from support.web import Web, serving
from support.webrtc import Caller

SECRET = b"0123456789abcdef0123456789abcdef"


def agent() -> ServedAgent:
    """Says back what it hears."""
    graph = Graph("desk")
    graph.add("mic", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("mic", "ear")
    return ServedAgent("desk", make_plan(graph))


async def offered(web: Web, ticket: str, **fields: object) -> tuple[int, str]:
    """Offer a call by this ticket; the status, and the code of a refusal."""
    caller = Caller(None)
    sdp = await caller.offer()
    await caller.hang_up()
    body = {"sdp": sdp, "type": "offer", **fields}
    reply = await web.send_json("POST", "/api/offer", body, Authorization=f"Bearer {ticket}")
    return reply.status, "" if reply.status == 200 else reply.error


def stores(folder: Path) -> list[TicketStore]:
    """Both kinds."""
    return [OwnTickets(), SharedTickets(folder / "used.db")]


def test_of_several_processes_one_may_use_it(tmp_path: Path) -> None:
    """Four processes show the same tickets at the same time: each is good exactly once."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawn) as pool:
        found = list(pool.map(use_all, [str(tmp_path / "used.db")] * 4))
    assert [sum(column) for column in zip(*found, strict=True)] == [1] * TICKETS


def test_stores_forget_and_expire(tmp_path: Path) -> None:
    """A call that did not come about gives its ticket back; what is void is not kept."""

    async def run() -> None:
        for store in stores(tmp_path):
            assert await store.use("a", 100.0, 0.0)
            assert not await store.use("a", 100.0, 1.0)
            await store.forget("a")
            await store.forget("never seen")
            assert await store.use("a", 100.0, 2.0)
            assert await store.use("b", 1_000.0, 500.0)
            assert await store.use("a", 1_000.0, 501.0)

    asyncio.run(run())


def test_the_file_is_its_owners_and_tells_nothing(tmp_path: Path) -> None:
    """No ticket's id is in it, and nobody else may read it."""

    async def run() -> None:
        assert await SharedTickets(tmp_path / "used.db").use("a-telling-id", 10.0, 0.0)

    asyncio.run(run())
    for path in tmp_path.iterdir():
        assert b"a-telling-id" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_two_servers_with_one_file_take_a_ticket_once(tmp_path: Path) -> None:
    """The second server refuses what the first has taken, and takes what the first gave back."""
    tickets = Tickets(SECRET, unix_seconds)
    authorize = by_tokens(lambda: None, tickets)

    async def run() -> None:
        path = tmp_path / "used.db"
        async with (
            serving([agent()], used_tickets=SharedTickets(path), authorize=authorize) as one,
            serving([agent()], used_tickets=SharedTickets(path), authorize=authorize) as other,
        ):
            ticket = tickets.make("ada")
            assert (await offered(one, ticket, inputs={"nonsense": 1}))[1] == "bad_inputs"
            status, _ = await offered(other, ticket)
            assert status == 200
            assert await offered(one, ticket) == (401, "ticket_used")

    asyncio.run(run())


def test_a_store_that_does_not_answer_lets_nobody_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """503 and a number, no place is kept, and the log has the cause."""
    tickets = Tickets(SECRET, unix_seconds)

    class Broken:
        async def use(self, once: str, expires_s: float, now_s: float) -> bool:
            """Never."""
            raise TicketStoreError("the disk is gone")

        async def forget(self, once: str) -> None:
            """Never."""
            raise TicketStoreError("the disk is gone")

    async def run() -> None:
        authorize = by_tokens(lambda: None, tickets)
        async with serving([agent()], used_tickets=Broken(), authorize=authorize) as web:
            assert await offered(web, tickets.make("ada")) == (503, "authorization_unavailable")
            assert web.desk.active == 0
        assert "the disk is gone" in caplog.text

    asyncio.run(run())


def test_a_file_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    """Before anybody calls."""
    (tmp_path / "used.db").write_bytes(os.urandom(4_096))
    for path in (tmp_path / "used.db", tmp_path / "no" / "folder", tmp_path):
        with pytest.raises(TicketStoreError):
            SharedTickets(path)
