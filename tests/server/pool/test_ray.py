"""Workers on a Ray cluster of three nodes on this machine: spread, lost with their node, rolled, scaled."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import websockets
from aiortc import RTCSessionDescription

from livegraph.server.app import make_pool_app
from livegraph.server.calls import ServedAgent
from livegraph.server.offering import Offer
from livegraph.server.pool import WorkerSetup
from livegraph.server.pool.scaling import Scaling
from livegraph.server.refusals import Refusal
from support.pool_agents import SOURCE, agents
from support.pool_callers import Crew, assert_whole, crew, until
from support.pool_stand import Stand, standing
from support.ray_left import shut_ray

ray = pytest.importorskip("ray", reason="Ray has no wheel for this Python")
from livegraph.cli.entries import Entries  # noqa: E402  # it needs Ray
from livegraph.server.pool.ray_pool import Placement, RayPool  # noqa: E402

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("ray")]

NODES = 3
ADDRESS = "livegraph.io/public-address"


class Nodes:
    """A head without room for workers, and three nodes with room for two each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.made = Cluster()
        self._patiently(num_cpus=1, include_dashboard=False)
        self.workers = [self.add() for _ in range(NODES)]

    def add(self) -> Any:
        """One more."""
        return self._patiently(num_cpus=2, resources={"udp": 2})

    def _patiently(self, **options: Any) -> Any:
        # Ray gives a node 30 s to start, which a machine that does other things as well may need.
        for _ in range(2):
            with suppress(Exception):
                return self.made.add_node(object_store_memory=100_000_000, **options)
        return self.made.add_node(object_store_memory=100_000_000, **options)

    def remove(self, node_id: str) -> None:
        """Lose one, without a word."""
        (node,) = [node for node in self.workers if node.node_id == node_id]
        self.workers.remove(node)
        self.made.remove_node(node, allow_graceful=False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    """One for all tests here: it takes longer to start than they take."""
    nodes = Nodes()
    ray.init(address=nodes.made.address, log_to_driver=False)
    yield nodes
    shut_ray()
    nodes.made.shutdown()


@pytest.fixture(autouse=True)
def whole(cluster: Nodes) -> None:
    """A node that another test has lost is there again."""
    while len(cluster.workers) < NODES:
        cluster.workers.append(cluster.add())


def made(**options: Any) -> RayPool:
    """A pool on the cluster."""
    setup = WorkerSetup(source=SOURCE, report="full")
    options = {"max_calls": 32, "workers": NODES, "resources": {"CPU": 0.5, "udp": 1}, **options}
    return RayPool(setup, options.pop("agents", agents()), retired_drain_s=60, **options)


@pytest.fixture(scope="module")
def stand(cluster: Nodes) -> Iterator[Stand[RayPool]]:
    """A worker on each node, for all tests that want nothing else."""
    with standing(made) as one:
        yield one


async def back_to(pool: RayPool, workers: int) -> None:
    """Wait until so many serve, and no other is there."""
    pool.scaling = None
    await pool.resize(workers)
    await until(lambda: [post.state for post in pool.posts] == ["serving"] * workers, 120)


def nodes_of(pool: Any) -> dict[int, str]:
    """The node of each worker."""
    return {post.slot: started.node for post, started in pool._started.items()}


def test_a_node_that_is_lost_takes_its_calls_only(cluster: Nodes, stand: Stand[RayPool]) -> None:
    """Each worker is on a node of its own. One node is removed: its calls are lost and told so, the others lose no
    sample, and a worker on another node takes its place."""

    async def run(pool: RayPool, callers: Crew) -> None:
        await back_to(pool, NODES)
        assert len(set(nodes_of(pool).values())) == NODES
        lines: dict[int, list[tuple[Any, str]]] = {}
        while len(lines) < NODES or sum(map(len, lines.values())) < 5:
            assert len(callers.callers) < 12
            caller, answered = await callers.call(pool)
            lines.setdefault(int(answered.pc_id.partition("-")[0]), []).append((caller, answered.pc_id))
        calls = await pool.calls()
        assert {call["worker"] for call in calls} == {0, 1, 2}
        gone = nodes_of(pool)[1]
        await asyncio.to_thread(cluster.remove, gone)
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
                assert_whole(caller)
                await pool.hang_up(pc_id)

    stand.run(run)


def test_an_upgrade_rolls_without_a_failed_offer(cluster: Nodes, stand: Stand[RayPool]) -> None:
    """All workers are replaced while calls are made: each offer is answered, and calls that were on go on."""

    async def run(pool: RayPool, callers: Crew) -> None:
        await back_to(pool, 2)
        before = {post.name for post in pool.posts}
        old, answered = await callers.call(pool)
        stop, calls = False, 0

        async def keep_calling() -> None:
            nonlocal calls
            while not stop:
                caller = callers.caller()
                reply = await pool.answer(Offer(sdp=await caller.offer()))
                await pool.hang_up(reply.pc_id)
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

    stand.run(run)


def test_the_pool_grows_and_shrinks_with_its_load(cluster: Nodes, stand: Stand[RayPool]) -> None:
    """More workers as soon as those that there are get full; fewer by drain when they have been empty for a while."""

    async def run(pool: RayPool, callers: Crew) -> None:
        # What is full here is nearly nothing, so that a few calls make it so.
        scaling = Scaling(1, 3, full=0.03, empty=0.02, patience_ns=2_000_000_000)
        await back_to(pool, 1)
        pool.scaling = scaling
        lines = [await callers.call(pool) for _ in range(4)]
        await until(lambda: pool.size == 3, 60)
        await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 3, 90)
        # Nothing is full here, however late the loops of a busy machine come.
        pool.scaling = Scaling(1, 3, full=9.0, empty=8.0, patience_ns=1_000_000_000)
        await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 1, 90)
        for caller, _ in lines:
            await callers.heard(caller, 440)
        for _, answered in lines:
            await pool.hang_up(answered.pc_id)
        await until(lambda: len(pool.posts) == 1, 60)

    stand.run(run)


def test_an_agent_may_have_workers_of_its_own(cluster: Nodes) -> None:
    """On a node with what it needs, as many as it wants: its calls go there, and no others do. Callers are told the
    address that the node's label names, each worker's port counted from there."""
    cluster.made.add_node(
        num_cpus=1,
        resources={"vision": 2},
        object_store_memory=100_000_000,
        labels={ADDRESS: "203.0.113.7:50000"},
    )

    async def run() -> None:
        (echo,) = agents()
        other = ServedAgent("other", echo.plan, "Other")
        own = {"echo": Placement({"CPU": 0.1, "vision": 1}, 2)}
        async with made(agents=[echo, other], workers=1, placements=own) as pool, crew() as callers:
            ports = set()
            while len(ports) < 2:
                assert len(callers.callers) < 8
                answered = await pool.answer(Offer(sdp=await callers.caller().offer(), agent="echo"))
                assert answered.pc_id.startswith(("1024-", "1025-"))
                ports |= {line.split()[5] for line in answered.sdp.splitlines() if " 203.0.113.7 5" in line}
            assert ports == {"50000", "50001"}
            with pytest.raises(Refusal):
                # The source of these workers has no such agent: but it is the general worker that was asked.
                await callers.call(pool, agent="other")
            assert {call["worker"] for call in await pool.calls()} == {1024, 1025}

    asyncio.run(run())


def replicas() -> set[str]:
    """Of the application that Ray Serve has of ours, by name."""
    there = ray.util.list_named_actors(all_namespaces=True)
    return {actor["name"] for actor in there if actor["name"].startswith("SERVE_REPLICA::livegraph-voice")}


@asynccontextmanager
async def by_socket_to(address: str) -> AsyncIterator[websockets.ClientConnection]:
    """A WebSocket; where the workers have too much to do just now, a little later."""
    async with asyncio.timeout(60):
        while True:
            try:
                made = await websockets.connect(address)
                break
            except websockets.InvalidStatus as refused:
                assert refused.response.status_code == 503
                await asyncio.sleep(1)
    async with made:
        yield made


def test_every_node_takes_calls(cluster: Nodes, stand: Stand[RayPool]) -> None:
    """HTTP on each node: the page, an offer, a candidate, a goodbye and a WebSocket reach the worker that has the call,
    whatever node it is on. A node that is lost takes its entry along, one that comes gets one."""

    async def run(pool: RayPool, callers: Crew) -> None:
        await back_to(pool, 1)
        async with (
            Entries(make_pool_app(pool, metrics=True), "127.0.0.1", 0) as entries,
            httpx.AsyncClient(timeout=30) as client,
        ):
            # The process with the pool is on the head.
            own = {node.node_id for node in cluster.workers}
            await until(lambda: set(entries.addresses) >= own, 90)
            first, second, *_ = (entries.addresses[node] for node in own)
            assert "livegraph" in (await client.get(first)).text
            assert (await client.get(f"{second}readyz")).json() == {"status": "ready"}
            caller = callers.caller(500)
            offer = {"sdp": await caller.offer(), "type": "offer"}
            answer = (await client.post(f"{first}api/offer", json=offer)).json()
            await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            await until(lambda: caller.messages, 20)
            await callers.heard(caller, 500)
            trickled = {"pc_id": answer["pc_id"], "candidates": []}
            assert (await client.patch(f"{second}api/offer", json=trickled)).status_code == 204
            assert (await client.delete(f"{second}api/offer/{answer['pc_id']}")).status_code == 204
            await until(lambda: pool.active == 0)
            async with by_socket_to(f"{second.replace('http', 'ws')}ws/echo") as by_socket:
                await by_socket.send('{"type": "hello"}')
                async with asyncio.timeout(20):
                    while '"ready"' not in str(await by_socket.recv()):
                        pass
                assert pool.active == 1
            gone = next(node for node in own if node != nodes_of(pool)[0])
            await asyncio.to_thread(cluster.remove, gone)
            await until(lambda: gone not in entries.addresses, 60)
            there = set(entries.addresses)
            # In this thread: Ray sets signal handlers as it starts one.
            cluster.workers.append(cluster.add())
            await until(lambda: set(entries.addresses) - there, 90)
            (fresh,) = set(entries.addresses) - there
            assert (await client.get(f"{entries.addresses[fresh]}readyz")).status_code == 200

    stand.run(run)


def test_ray_serve_is_a_way_in(cluster: Nodes, stand: Stand[RayPool]) -> None:
    """The page, offers, candidates, goodbyes, a WebSocket, and more requests than Serve itself would take at a time,
    through two replicas; a replica and the relay are killed, and calls and what follows know nothing of it. When the
    command is gone without a word, Serve has the application no more."""
    pytest.importorskip("ray.serve", reason="Ray Serve is not installed", exc_type=ImportError)
    from livegraph.server.pool import ray_serve

    async def run(pool: RayPool, callers: Crew) -> None:
        await back_to(pool, 1)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        front = ray_serve.ServeFront(port=port, root_path="/voice", replicas=2)
        page = f"http://127.0.0.1:{port}/voice/"
        async with (
            ray_serve.ServeIngress(make_pool_app(pool, metrics=True), front) as ingress,
            httpx.AsyncClient(timeout=30) as client,
        ):

            async def answers() -> bool:
                return bool((await client.get(f"{page}readyz")).status_code == 200)

            await until(lambda: ingress.lines == 2, 60)
            with pytest.raises(ray_serve.ServeTaken):
                async with ray_serve.ServeIngress(make_pool_app(pool), front):
                    raise AssertionError
            assert "livegraph" in (await client.get(page)).text
            caller = callers.caller(500)
            offer = {"sdp": await caller.offer(), "type": "offer"}
            answer = (await client.post(f"{page}api/offer", json=offer)).json()
            await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            await until(lambda: caller.messages, 20)
            trickled = {"pc_id": answer["pc_id"], "candidates": []}
            for _ in range(4):
                assert (await client.patch(f"{page}api/offer", json=trickled)).status_code == 204
            let_go = asyncio.Event()

            async def slowly() -> AsyncIterator[bytes]:
                yield b"{"
                await let_go.wait()
                yield b"}"

            kind = {"Content-Type": "application/json"}
            slow = [
                asyncio.create_task(client.post(f"{page}api/offer", content=slowly(), headers=kind))
                for _ in range(14)
            ]
            await asyncio.sleep(1)
            assert await answers()
            assert not any(one.done() for one in slow)
            let_go.set()
            assert {reply.status_code for reply in await asyncio.gather(*slow)} == {400}
            async with by_socket_to(f"{page.replace('http', 'ws')}ws/echo") as by_socket:
                await by_socket.send('{"type": "hello"}')
                async with asyncio.timeout(20):
                    while '"ready"' not in str(await by_socket.recv()):
                        pass
                assert pool.active == 2
            await until(lambda: pool.active == 1)
            before = await asyncio.to_thread(replicas)
            ray.kill(ray.get_actor(min(before), namespace="serve"), no_restart=True)
            async with asyncio.timeout(90):
                # Serve puts another one into its place.
                while not (await asyncio.to_thread(replicas) - before and ingress.lines >= 2):
                    await asyncio.sleep(0.2)
            assert await answers()
            await callers.heard(caller, 500)
            ray.kill(ingress._relay, no_restart=True)
            await until(lambda: ingress.lines == 0, 30)
            await until(lambda: ingress.lines >= 2, 60)
            assert await answers()
            assert (await client.delete(f"{page}api/offer/{answer['pc_id']}")).status_code == 204
            await until(lambda: pool.active == 0)
            # As with `kill -9` of the command: the relay ends with it, and there is no other.
            ingress._serving.cancel()
            ray.kill(ingress._relay, no_restart=True)
            async with asyncio.timeout(60):
                while front.name in (await asyncio.to_thread(ray_serve.serve.status)).applications:
                    await asyncio.sleep(0.2)

    stand.run(run)
