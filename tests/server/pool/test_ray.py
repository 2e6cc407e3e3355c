"""Workers on a Ray cluster of three nodes on this machine: spread, lost with their node, rolled, scaled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from livegraph.server.calls import ServedAgent
from livegraph.server.offering import Offer
from livegraph.server.pool import WorkerSetup
from livegraph.server.pool.scaling import Scaling
from livegraph.server.refusals import Refusal
from support.pool_agents import SOURCE, agents
from support.pool_callers import Crew, crew, until

ray = pytest.importorskip("ray", reason="Ray has no wheel for this Python")
pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("ray")]

NODES = 3


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head without room for workers, and three nodes with room for two each."""
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 100_000_000, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **small})
    made.workers = [
        made.add_node(num_cpus=2, resources={"udp": 2}, object_store_memory=100_000_000) for _ in range(NODES)
    ]
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[Any, Crew]]:
    """A pool on the cluster, and callers."""
    from livegraph.server.pool.ray_pool import RayPool

    setup = WorkerSetup(source=SOURCE, report="full")
    options = {"max_calls": 32, "workers": NODES, "resources": {"CPU": 0.5, "udp": 1}, **options}
    served = options.pop("agents", agents())
    async with RayPool(setup, served, **options) as pool, crew() as callers:
        yield pool, callers


def nodes_of(pool: Any) -> dict[int, str]:
    """The node of each worker."""
    return {post.slot: started.node for post, started in pool._started.items()}


def test_a_node_that_is_lost_takes_its_calls_only(cluster: Any) -> None:
    """Each worker is on a node of its own. One node is removed: its calls are lost and told so, the others lose no
    packet, and a worker on another node takes its place."""

    async def run() -> None:
        async with opened() as (pool, callers):
            assert len(set(nodes_of(pool).values())) == NODES
            lines: dict[int, list[tuple[Any, str]]] = {}
            while len(lines) < NODES or sum(map(len, lines.values())) < 5:
                assert len(callers.callers) < 12
                caller, answered = await callers.call(pool)
                lines.setdefault(int(answered.pc_id.partition("-")[0]), []).append((caller, answered.pc_id))
            calls = await pool.calls()
            assert {call["worker"] for call in calls} == {0, 1, 2}
            gone = nodes_of(pool)[1]
            (node,) = [node for node in cluster.workers if node.node_id == gone]
            await asyncio.to_thread(cluster.remove_node, node, allow_graceful=False)
            await until(lambda: pool.active == len(calls) - len(lines[1]), 60)
            with pytest.raises(Refusal) as lost:
                await pool.renegotiate(lines[1][0][1], "v=0")
            assert lost.value.code == "call_lost"
            again, _ = await callers.call(pool)
            await callers.heard(again, 440)
            await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == NODES, 120)
            assert gone not in nodes_of(pool).values()
            for slot in (0, 2):
                for caller, pc_id in lines[slot]:
                    numbers = [number for number, _ in caller.packets]
                    came = sorted(number - numbers[0] & 0xFFFF for number in numbers)
                    assert came == [*range(len(numbers))]
                    await pool.hang_up(pc_id)

    asyncio.run(run())


def test_an_upgrade_rolls_without_a_failed_offer(cluster: Any) -> None:
    """All workers are replaced while calls are made: each offer is answered, and calls that were on go on."""

    async def run() -> None:
        async with opened(workers=2, retired_drain_s=60) as (pool, callers):
            before = {post.name for post in pool.posts}
            old, answered = await callers.call(pool)
            stop, calls = False, 0

            async def keep_calling() -> None:
                nonlocal calls
                while not stop:
                    caller = callers.caller()
                    made = await pool.answer(Offer(sdp=await caller.offer()))
                    await pool.hang_up(made.pc_id)
                    calls += 1
                    await asyncio.sleep(0.1)

            calling = asyncio.create_task(keep_calling())
            await pool.roll()
            stop = True
            await calling
            assert calls > 0
            serving = {post.name for post in pool.posts if post.state == "serving"}
            assert len(serving) == 2
            assert not serving & before
            await callers.heard(old, 440)
            fresh, other = await callers.call(pool)
            assert other.pc_id.partition(".")[0] in serving
            # The last of its calls is over: the old version is gone.
            await pool.hang_up(answered.pc_id)
            await until(lambda: {post.name for post in pool.posts} == serving, 30)
            await callers.heard(fresh, 440)

    asyncio.run(run())


def test_the_pool_grows_and_shrinks_with_its_load(cluster: Any) -> None:
    """More workers as soon as those that there are get full; fewer by drain when they have been empty for a while."""

    async def run() -> None:
        # What is full here is nearly nothing, so that a few calls make it so.
        scaling = Scaling(1, 3, full=0.03, empty=0.02, patience_ns=2_000_000_000)
        async with opened(workers=1, scaling=scaling, retired_drain_s=60) as (pool, callers):
            lines = [await callers.call(pool) for _ in range(4)]
            await until(lambda: pool.size == 3, 60)
            await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 3, 90)
            pool.scaling = Scaling(1, 3, full=0.9, empty=0.8, patience_ns=1_000_000_000)
            await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 1, 90)
            for caller, _ in lines:
                await callers.heard(caller, 440)
            for _, answered in lines:
                await pool.hang_up(answered.pc_id)
            await until(lambda: len(pool.posts) == 1, 60)

    asyncio.run(run())


def test_an_agent_may_have_a_worker_of_its_own(cluster: Any) -> None:
    """On a node with what it needs; its calls go there, and no others do."""

    async def run() -> None:
        (echo,) = agents()
        other = ServedAgent("other", echo.plan, "Other")
        async with opened(agents=[echo, other], workers=1, placements={"echo": {"CPU": 0.1, "udp": 1}}) as (
            pool,
            callers,
        ):
            for _ in range(3):
                _, answered = await callers.call(pool, agent="echo")
                assert answered.pc_id.startswith("1024-")
            with pytest.raises(Refusal):
                # The source of these workers has no such agent: but it is the general worker that was asked.
                await callers.call(pool, agent="other")
            assert {call["worker"] for call in await pool.calls()} == {1024}

    asyncio.run(run())
