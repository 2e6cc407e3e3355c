"""One suite for every pool: whoever has the workers, callers are let in, placed, led back and told the same way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCSessionDescription
from prometheus_client.parser import text_string_to_metric_families

from livegraph.cli.web import WebServer
from livegraph.server.access.grant import ANYBODY, Grant
from livegraph.server.app import make_pool_app
from livegraph.server.calls import CallDesk
from livegraph.server.limits import CallerLimits
from livegraph.server.metrics import Metrics
from livegraph.server.offering import Answered, Offer
from livegraph.server.pool import LocalPool, Pool, ProcessPool, WorkerSetup, WorkersPool
from livegraph.server.pool.desk_worker import DeskWorker
from livegraph.server.pool.setup import make_desk
from livegraph.server.refusals import Refusal
from livegraph.transports.webrtc.network import Network
from support.pool_agents import SOURCE, agents, source
from support.pool_callers import Crew, until
from support.pool_stand import Stand, standing
from support.web import Web
from support.webrtc import Caller

KINDS = ("local", "workers", "processes", "ray")
WORKERS = 2
MOST_CALLS = 8


@dataclass
class Made:
    """A pool under test."""

    pool: Pool
    kind: str
    title_file: Path
    callers: Crew

    def caller(self, hertz: float = 440) -> Caller:
        """One more."""
        return self.callers.caller(hertz)

    @property
    def names(self) -> list[str]:
        """Of its workers, as they stand in the names of calls."""
        return [worker["name"] for worker in self.pool.workers] or ["0-1"]

    @property
    def several(self) -> bool:
        """Whether it has more than one worker."""
        return self.kind != "local"


@asynccontextmanager
async def opened(kind: str, title_file: Path) -> AsyncIterator[Pool]:
    """A pool of this kind with the agent ``echo``."""
    setup = WorkerSetup(source=SOURCE, options={"title_file": str(title_file)}, report="full")
    async with AsyncExitStack() as stack:
        match kind:
            case "local":
                desk = CallDesk(
                    agents(), metrics=Metrics(), network=Network(), report="full", max_calls=MOST_CALLS
                )
                yield await stack.enter_async_context(LocalPool(desk))
            case "workers":
                pool = await stack.enter_async_context(WorkersPool(agents(), max_calls=MOST_CALLS))
                of = await stack.enter_async_context(source(setup.options))
                for slot in range(WORKERS):
                    worker = DeskWorker(*make_desk(setup, agents(), slot=slot), of)
                    pool.install(slot, await stack.enter_async_context(worker))
                yield pool
            case "ray":
                from livegraph.server.pool.ray_pool import RayPool

                some = {"CPU": 0.1}
                on_ray = RayPool(setup, agents(), workers=WORKERS, resources=some, max_calls=MOST_CALLS)
                yield await stack.enter_async_context(on_ray)
            case _:
                made = ProcessPool(setup, agents(), workers=WORKERS, spares=0, max_calls=MOST_CALLS)
                yield await stack.enter_async_context(made)


class Kind:
    """One kind of pool, which all tests have one after the other."""

    def __init__(self, kind: str, title_file: Path, stand: Stand[Pool]) -> None:
        self._kind, self._title_file, self._stand = kind, title_file, stand

    def run(self, test: Callable[[Made], Awaitable[None]]) -> None:
        """Run a test of it."""
        self._title_file.write_text("Echo")
        self._stand.run(lambda pool, callers: test(Made(pool, self._kind, self._title_file, callers)))


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kind]:
    """The kinds of pools."""
    if request.param == "ray":
        request.getfixturevalue("ray_here")
    title_file = tmp_path_factory.mktemp("kind") / "title"
    with standing(lambda: opened(request.param, title_file)) as stand:
        yield Kind(request.param, title_file, stand)


async def workers_of(pool: Pool) -> set[int]:
    """Those that have calls."""
    return {one["worker"] for one in await pool.calls()}


async def on_each_worker(made: Made, least: int) -> list[tuple[Caller, Answered]]:
    """So many calls, and more until each worker has one; their notes are 100 Hz apart, the first is at 400.

    They are placed by measured load: where the machine keeps one from its turn for long, all are hung up, and it is
    tried anew.
    """
    async with asyncio.timeout(240):
        while True:
            calls: list[tuple[Caller, Answered]] = []
            while len(calls) < MOST_CALLS - 2:
                calls.append(await made.callers.call(made.pool, made.caller(400 + 100 * len(calls))))
                if len(calls) >= least and (not made.several or await workers_of(made.pool) == {0, 1}):
                    return calls
            for _, answered in calls:
                await made.pool.hang_up(answered.pc_id)
            await until(lambda: made.pool.active == 0)


def test_calls_are_spread_and_each_is_led_back_to_its_own_worker(kind: Kind) -> None:
    """Callers hear themselves; a further offer, a resumption and a goodbye reach the call that they are of."""

    async def run(made: Made) -> None:
        pool = made.pool
        callers, answers = zip(*await on_each_worker(made, 3), strict=True)
        for number, caller in enumerate(callers):
            await made.callers.heard(caller, 400 + 100 * number)
        listed = await pool.calls()
        assert pool.active == len(listed) == len(callers)
        assert pool.pending == 0
        # A restart of ICE, by the name of the call.
        await callers[1].pc.setLocalDescription(await callers[1].pc.createOffer())
        again = await pool.renegotiate(answers[1].pc_id, callers[1].pc.localDescription.sdp)
        assert again.pc_id == answers[1].pc_id
        # Another connection, by the token.
        callers[2].vanish()
        fresh = made.caller(777)
        resumed = await pool.resume(answers[2].resume, await fresh.offer())
        assert resumed.pc_id == answers[2].pc_id
        await fresh.pc.setRemoteDescription(RTCSessionDescription(resumed.sdp, resumed.type))
        await made.callers.heard(fresh, 777)
        with pytest.raises(Refusal) as used:
            await pool.resume(answers[2].resume, await made.caller().offer())
        assert used.value.status == 410
        for answered in answers:
            await pool.hang_up(answered.pc_id)
        await until(lambda: pool.active == 0)
        await pool.hang_up(answers[0].pc_id)

    kind.run(run)


def test_a_call_that_is_not_there_is_unknown(kind: Kind) -> None:
    """Names that carry no worker, another's, or one that never was: 404, and nothing else happens."""

    async def run(made: Made) -> None:
        caller = made.caller()
        _, answered = await made.callers.call(made.pool, caller)
        others = [f"{worker}.nobody" for worker in made.names]
        for name in ("nobody", *others, "9-9.nobody", "", ".", answered.pc_id[:-1]):
            with pytest.raises(Refusal) as refused:
                await made.pool.hang_up(name)
            assert refused.value.status == 404
            with pytest.raises(Refusal) as refused:
                await made.pool.renegotiate(name, await made.caller().offer())
            assert refused.value.status in (404, 410)
        with pytest.raises(Refusal) as refused:
            await made.pool.call("nobody")
        assert refused.value.status == 404
        assert made.pool.active == 1

    kind.run(run)


def test_limits_are_of_the_whole(kind: Kind) -> None:
    """So many calls at a time over all workers, so many of one identity, and each ticket for one."""

    async def run(made: Made) -> None:
        pool = made.pool

        names: list[str] = []

        async def offered(grant: Grant = ANYBODY) -> None:
            """A call whose caller has not come yet takes a place as well."""
            answered = await pool.answer(Offer(sdp=await made.caller().offer(), grant=grant))
            names.append(answered.pc_id)

        ann = Grant(identity="ann", limits=CallerLimits(calls=2))
        for _ in range(2):
            await made.callers.call(pool, grant=ann)
        with pytest.raises(Refusal) as refused:
            await offered(ann)
        assert refused.value.code == "too_many_calls"
        ticket = Grant(identity="bob", once="ticket", expires_s=4e9)
        _, last = await made.callers.call(pool, grant=ticket)
        for _ in range(MOST_CALLS - 3):
            await offered()
        assert pool.unready == "full"
        with pytest.raises(Refusal) as refused:
            await offered()
        assert (refused.value.status, refused.value.code) == (503, "full")
        await pool.hang_up(last.pc_id)
        await until(lambda: not pool.unready)
        with pytest.raises(Refusal) as refused:
            await offered(ticket)
        assert refused.value.code == "ticket_used"
        await offered()
        assert pool.active == MOST_CALLS
        await asyncio.gather(*map(pool.hang_up, names))

    kind.run(run)


def test_an_offer_that_comes_twice_makes_one_call(kind: Kind) -> None:
    """It is answered as it was, by the same worker; once its call is on, it is refused."""

    async def run(made: Made) -> None:
        caller = made.caller()
        offer = Offer(sdp=await caller.offer())
        first, second = await asyncio.gather(made.pool.answer(offer), made.pool.answer(offer))
        assert first == second
        assert made.pool.active == 1
        await caller.pc.setRemoteDescription(RTCSessionDescription(first.sdp, first.type))
        await until(lambda: caller.messages)
        await until(lambda: made.pool.pending == 0)
        with pytest.raises(Refusal) as refused:
            await made.pool.answer(offer)
        assert refused.value.status == 409

    kind.run(run)


def test_what_is_wrong_with_an_offer_is_told_and_takes_no_place(kind: Kind) -> None:
    """No SDP, an agent that there is not, inputs of the wrong name: each with its status, and the line stays free."""

    async def run(made: Made) -> None:
        sdp = await made.caller().offer()
        for offer, status in (
            (Offer(sdp="v=0"), 400),
            (Offer(sdp=sdp, agent="nobody"), 404),
            (Offer(sdp=sdp, inputs={"shoe_size": 44}), 400),
            (Offer(sdp=sdp, grant=Grant(agents=("other",))), 404),
        ):
            with pytest.raises(Refusal) as refused:
                await made.pool.answer(offer)
            assert refused.value.status == status
        assert made.pool.active == 0
        # A ticket whose call did not come about is as good as before.
        grant = Grant(identity="ann", once="one", expires_s=4e9)
        with pytest.raises(Refusal):
            await made.pool.answer(Offer(sdp="v=0", grant=grant))
        caller = made.caller()
        await made.callers.call(made.pool, caller, grant=grant, inputs={"name": "Ann"})

    kind.run(run)


def test_operators_see_and_end_calls(kind: Kind) -> None:
    """Each call is listed with who it is, one is shown with its queues, and ended with its caller told why."""

    async def run(made: Made) -> None:
        callers = [made.caller(), made.caller()]
        for caller, name in zip(callers, ("ann", "bob"), strict=True):
            await made.callers.call(made.pool, caller, grant=Grant(identity=name), address="192.0.2.7")
        listed = {one["identity"]: one for one in await made.pool.calls()}
        assert set(listed) == {"ann", "bob"}
        assert listed["ann"]["address"] == "192.0.2.7"
        shown = await made.pool.call(listed["bob"]["id"])
        assert shown["state"] == "running"
        assert "edges" in shown
        await made.pool.end(listed["bob"]["id"], "that is all")
        await until(lambda: callers[1].messages[-1]["type"] == "end")
        assert callers[1].messages[-1]["reason"] == "operator"
        assert callers[1].messages[-1]["detail"] == "that is all"
        assert [one["identity"] for one in await made.pool.calls()] == ["ann"]

    kind.run(run)


def families_of(text: bytes) -> dict[str, Any]:
    """What is counted, by name."""
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


def refusals(text: bytes) -> float:
    """How many offers were refused."""
    found = families_of(text).get("livegraph_offers_refused")
    return sum(sample.value for sample in found.samples if sample.name.endswith("_total")) if found else 0.0


def test_metrics_are_joined(kind: Kind) -> None:
    """The numbers of all workers in one text, each labelled with its worker where there are several."""

    async def run(made: Made) -> None:
        before = refusals(await made.pool.metrics())
        calls = len(await on_each_worker(made, 2))
        made.pool.refused("full")
        text = await made.pool.metrics()
        assert refusals(text) == before + 1
        families = families_of(text)
        active = families["livegraph_calls_active"].samples
        assert sum(sample.value for sample in active) == calls
        if made.several:
            assert {sample.labels["worker"] for sample in active} == {"0", "1"}
            assert families["livegraph_workers"].samples[0].value == 2
            await until(lambda: sum(worker["calls"] for worker in made.pool.workers) == calls)
        assert text.count(b"# TYPE livegraph_calls_active ") == 1

    kind.run(run)


def test_new_agents_count_for_new_calls_and_faulty_ones_change_nothing(kind: Kind) -> None:
    """Agents are exchanged under running calls; offers that come meanwhile are answered."""

    async def run(made: Made) -> None:
        pool, caller = made.pool, made.caller(500)
        await made.callers.call(pool, caller)
        made.title_file.write_text("Echo two")
        others = [made.caller() for _ in range(3)]
        running, *_ = await asyncio.gather(
            pool.exchange(agents("Echo two")), *(made.callers.call(pool, other) for other in others)
        )
        assert pool.cards["echo"].title == "Echo two"
        assert sum(one.tuned + one.kept for one in running.values()) >= 1
        await made.callers.heard(caller, 500)
        if made.several:
            # They read for themselves, and keep what they have.
            made.title_file.write_text("")
            assert await pool.exchange(agents("Echo two")) == {}
        last = made.caller(600)
        await made.callers.call(pool, last)
        await made.callers.heard(last, 600)

    kind.run(run)


def test_the_same_over_http(kind: Kind) -> None:
    """Offer, candidates, goodbye, health: the routes know no difference."""

    async def run(made: Made) -> None:
        app = make_pool_app(made.pool, metrics=True)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listening = asyncio.Event()
            server = WebServer(app, listening.set, grace_s=1)
            server.config.lifespan = "off"
            task = asyncio.create_task(server.serve(sockets=[listener]))
            await listening.wait()
            web = Web(listener.getsockname()[1], None, server)  # type: ignore[arg-type]
            assert (await web.ask("GET", "/readyz")).json == {"status": "ready"}
            (listed,) = (await web.ask("GET", "/api/agents")).json["agents"]
            assert listed["inputs"][0]["name"] == "name"
            caller = made.caller(500)
            pc_id = await web.call(caller)
            await made.callers.heard(caller, 500)
            trickled = {"pc_id": pc_id, "candidates": []}
            assert (await web.send_json("PATCH", "/api/offer", trickled)).status == 204
            assert (await web.ask("DELETE", f"/api/offer/{pc_id}")).status == 204
            assert (await web.ask("DELETE", f"/api/offer/{pc_id}")).status == 204
            assert (await web.ask("DELETE", f"/api/offer/{made.names[0]}.nobody")).error == "call_unknown"
            assert b"livegraph_calls_active" in (await web.ask("GET", "/metrics")).body
            server.should_exit = True
            await task

    kind.run(run)


def test_fresh_workers_take_the_place_of_old_ones(kind: Kind) -> None:
    """New calls go to them, old calls go on where they are; where there are no workers that is said."""

    async def run(made: Made) -> None:
        pool = made.pool
        if made.kind in ("local", "workers"):
            with pytest.raises(Refusal) as refused:
                await pool.roll()
            assert refused.value.status == 409
            return
        old, answered = await made.callers.call(pool)
        before = {worker["name"] for worker in pool.workers}
        await pool.roll()
        serving = {worker["name"] for worker in pool.workers if worker["state"] == "serving"}
        assert len(serving) == WORKERS
        assert not serving & before
        _, fresh = await made.callers.call(pool)
        assert fresh.pc_id.partition(".")[0] in serving
        await made.callers.heard(old, 440)
        await pool.hang_up(answered.pc_id)
        await until(lambda: {worker["name"] for worker in pool.workers} == serving, 30)

    kind.run(run)


def test_a_drain_takes_no_more_calls_and_ends_those_it_has(kind: Kind) -> None:
    """New offers are refused with where else to go; running calls are told when the time is over."""

    async def run(made: Made) -> None:
        pool, caller = made.pool, made.caller()
        await made.callers.call(pool, caller)
        pool.hint = "Call 112."
        draining = asyncio.create_task(pool.drain(0.3))
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await pool.answer(Offer(sdp=await made.caller().offer()))
        assert (refused.value.status, refused.value.remedy) == (503, "Call 112.")
        assert pool.unready == pool.status == "draining"
        assert await draining == 1
        await until(lambda: caller.messages[-1]["type"] == "end")
        assert caller.messages[-1]["reason"] == "shutdown"
        await until(lambda: pool.active == 0)

    kind.run(run)
