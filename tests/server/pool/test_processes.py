"""Workers as processes: one that dies, hangs, or grows takes its own calls and no others, and is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from livegraph.server.offering import Offer
from livegraph.server.pool import ProcessPool, WorkerSetup, remote
from livegraph.server.pool.worker import WorkerLost
from livegraph.server.refusals import Refusal
from livegraph.testing import no_tasks_left
from support.pool_agents import SOURCE, agents
from support.pool_callers import Crew, assert_whole, crew, until
from support.pool_stand import Stand, standing
from support.webrtc import Caller

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture(scope="module")
def title_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The title of the agent that the shared pool has."""
    return tmp_path_factory.mktemp("agents") / "title"


@pytest.fixture(scope="module")
def stand(title_file: Path) -> Iterator[Stand[ProcessPool]]:
    """Two workers and a spare one, for all tests that want nothing else."""
    title_file.write_text("Echo")
    setup = WorkerSetup(source=SOURCE, options={"title_file": str(title_file)}, report="full")
    with standing(lambda: ProcessPool(setup, agents(), workers=2, spares=1, max_calls=64)) as made:
        yield made


@asynccontextmanager
async def opened(workers: int = 2, **options: Any) -> AsyncIterator[tuple[ProcessPool, Crew]]:
    """A pool of processes, and callers."""
    setup = WorkerSetup(source=SOURCE, report="full", **options.pop("setup", {}))
    options = {"max_calls": 16, "spares": 0, **options}
    async with ProcessPool(setup, agents(), workers=workers, **options) as pool, crew() as callers:
        yield pool, callers


async def on_both(pool: ProcessPool, callers: Crew) -> dict[int, list[tuple[Caller, str]]]:
    """Calls on both workers: by worker, its callers and the names of their calls."""
    found: dict[int, list[tuple[Caller, str]]] = {0: [], 1: []}
    while not all(found.values()) or sum(map(len, found.values())) < 4:
        assert len(callers.callers) < 10
        caller, answered = await callers.call(pool)
        found[int(answered.pc_id.partition("-")[0])].append((caller, answered.pc_id))
    return found


def pid_of(pool: ProcessPool, slot: int) -> int:
    """The process of the worker that takes calls there; 0 while there is none."""
    serving = (w["pid"] for w in pool.workers if w["worker"] == slot and w["state"] == "serving")
    return int(next(serving, 0))


def name_of(pool: ProcessPool, slot: int) -> str:
    """The worker that takes calls there, as it stands in the names of its calls."""
    return next(post.name for post in pool.posts if post.slot == slot and post.state == "serving")


def workers_here() -> set[int]:
    """The processes of all workers that this one has started."""
    children = psutil.Process().children()
    return {child.pid for child in children if "pool.process" in " ".join(child.cmdline())}


async def with_a_spare(pool: ProcessPool) -> None:
    """Wait until one is ready: on a busy machine it takes long to start."""
    await until(lambda: pool._ready and all(worker["pid"] for worker in pool.workers), 90)


def test_a_worker_that_is_killed_takes_its_own_calls_and_no_others() -> None:
    """The others lose no sample; its own are told that the call is lost, and may call again at once."""

    async def run() -> None:
        async with no_tasks_left(), opened(spares=1) as (pool, callers):
            lines = await on_both(pool, callers)
            await with_a_spare(pool)
            before = pid_of(pool, 0)
            os.kill(before, signal.SIGKILL)
            killed = time.monotonic()
            caller, pc_id = lines[0][0]
            await until(lambda: pool.active == len(lines[1]), 5)
            with pytest.raises(Refusal) as lost:
                await pool.renegotiate(pc_id, "v=0")
            assert (lost.value.status, lost.value.code) == (410, "call_lost")
            await pool.hang_up(pc_id)
            again, _ = await callers.call(pool)
            await callers.heard(again, 440)
            await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 2, 10)
            assert time.monotonic() - killed < 10
            assert pid_of(pool, 0) != before
            await asyncio.sleep(1)
            for caller, _ in lines[1]:
                assert_whole(caller)
            text = (await pool.metrics()).decode()
            assert 'livegraph_workers_ended_total{reason="lost",worker="0"} 1.0' in text
            assert f'livegraph_calls_lost_total{{worker="0"}} {len(lines[0])}.0' in text

    asyncio.run(run())


def test_a_worker_that_ends_itself_is_replaced() -> None:
    """A tool that calls os._exit ends its process: the place is taken by another, and calls go on being answered."""

    async def run() -> None:
        async with opened(workers=1, spares=1) as (pool, callers):
            for _ in range(2):
                await with_a_spare(pool)
                before = pid_of(pool, 0)
                caller, _ = await callers.call(pool)
                caller.say(type="text", text="exit")
                await until(lambda: pool.active == 0, 10)
                # With nobody there for a moment an offer waits for the next one.
                fresh, answered = await callers.call(pool)
                assert pid_of(pool, 0) != before
                await callers.heard(fresh, 440)
                await pool.hang_up(answered.pc_id)

    asyncio.run(run())


def test_a_worker_whose_loop_is_held_is_drained_and_replaced(stand: Stand[ProcessPool]) -> None:
    """Calls go to others as soon as it is noticed; when the loop is free again its calls go on."""

    async def run(pool: ProcessPool, callers: Crew) -> None:
        await with_a_spare(pool)
        lines = await on_both(pool, callers)
        before, held = pid_of(pool, 1), name_of(pool, 1)
        lines[1][0][0].say(type="text", text="hold 7")
        await until(lambda: any(w["state"] == "draining" for w in pool.workers), 12)
        others = [await callers.call(pool) for _ in range(2)]
        assert not any(answered.pc_id.startswith(f"{held}.") for _, answered in others)
        await until(lambda: pid_of(pool, 1) not in (0, before), 60)
        assert len(await pool.calls()) == 2 + sum(map(len, lines.values()))
        await callers.heard(lines[1][0][0], 440)
        # When the last of its calls is over, it is gone.
        for _, pc_id in lines[1]:
            await pool.hang_up(pc_id)
        await until(lambda: not psutil.pid_exists(before), 20)

    stand.run(run)


def test_offers_do_not_wait_for_a_worker_that_has_stopped(stand: Stand[ProcessPool]) -> None:
    """One that is stopped answers nothing: whoever asks it is answered by another in a few seconds, also when the
    stopped one is killed meanwhile; it is replaced, and none of them has two calls."""

    async def run(pool: ProcessPool, callers: Crew) -> None:
        await with_a_spare(pool)
        stopped = pid_of(pool, 0)
        os.kill(stopped, signal.SIGSTOP)
        try:
            answers = await asyncio.wait_for(asyncio.gather(*(callers.call(pool) for _ in range(4))), 60)
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert {answered.pc_id.partition(".")[0] for _, answered in answers} == {name_of(pool, 1)}
        await until(lambda: pool.active == sum(len(post.held) for post in pool.posts) == 4)
        os.kill(stopped, signal.SIGKILL)
        await until(lambda: pid_of(pool, 0) not in (0, stopped), 20)
        assert len(await pool.calls()) == 4

    stand.run(run)


def test_an_offer_whose_worker_dies_of_it_is_answered_by_another(stand: Stand[ProcessPool]) -> None:
    """Killed while it is asked: the caller has an answer, and one place is taken."""

    async def run(pool: ProcessPool, callers: Crew) -> None:
        await with_a_spare(pool)
        first, second = (pid_of(pool, slot) for slot in (0, 1))
        os.kill(first, signal.SIGSTOP)
        os.kill(second, signal.SIGSTOP)
        calling = asyncio.create_task(callers.call(pool))
        await until(lambda: any(post._answering for post in pool.posts))
        asked = next(post for post in pool.posts if post._answering)
        os.kill(pid_of(pool, asked.slot), signal.SIGKILL)
        os.kill(second if asked.slot == 0 else first, signal.SIGCONT)
        caller, answered = await asyncio.wait_for(calling, 60)
        assert not answered.pc_id.startswith(asked.name)
        await callers.heard(caller, 440)
        assert pool.active == 1

    stand.run(run)


def test_workers_that_cannot_be_started_are_tried_less_and_less_often(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server says that it takes no calls, refuses offers in time and with when to come back, and mends itself."""

    async def run() -> None:
        async with opened(workers=1) as (pool, callers):
            await until(lambda: pid_of(pool, 0))
            whole = pool._environment
            pool._environment = {**whole, "PYTHONMALLOC": "none such"}
            os.kill(pid_of(pool, 0), signal.SIGKILL)
            await until(lambda: pool.unready == "overloaded")
            began = asyncio.get_running_loop().time()
            with pytest.raises(Refusal) as refused:
                await pool.answer(Offer(sdp=await callers.caller().offer()))
            assert asyncio.get_running_loop().time() - began < 15
            assert (refused.value.status, refused.value.code) == (503, "overloaded")
            assert 1 <= int(refused.value.headers["Retry-After"]) <= 30
            await until(lambda: "worker 0 is started again in 1 s" in caplog.text, 60)
            pool._environment = whole
            await until(lambda: pool.unready == "", 60)
            assert pool.active == 0

    with caplog.at_level("WARNING", "livegraph.server"):
        asyncio.run(run())
    assert caplog.text.count("cannot be started") < 12


def test_a_worker_that_outgrows_its_memory_is_drained_and_replaced() -> None:
    """By its own resident memory; the calls that it has go on. One that goes on growing while it drains is killed
    before the machine has no memory left: its calls are lost and told so, the others lose nothing."""

    async def run() -> None:
        async with opened(memory_bytes=400_000_000) as (pool, callers):
            lines = await on_both(pool, callers)
            before = pid_of(pool, 0)
            eater, pc_id = lines[0][0]
            eater.say(type="text", text="eat 400")
            await until(lambda: any(w["state"] == "draining" for w in pool.workers), 15)
            await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 2, 60)
            assert pid_of(pool, 0) != before
            await callers.heard(eater, 440)
            assert 'reason="memory"' in (await pool.metrics()).decode()
            eater.say(type="text", text="eat 400")
            await until(lambda: not psutil.pid_exists(before), 20)
            await until(lambda: pool.active == len(lines[1]))
            with pytest.raises(Refusal, match="lost"):
                await pool.renegotiate(pc_id, "v=0")
            for caller, _ in lines[1]:
                assert_whole(caller)

    asyncio.run(run())


def test_what_follows_an_offer_is_told_of_a_worker_that_dies_of_it(
    stand: Stand[ProcessPool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart of ICE, candidates, a page that comes back, one that leaves and a goodbye, all under way as their
    worker is killed: each hears at once that the call is lost, the goodbye that it is over. A worker that only stands
    still is said not to answer, in time."""

    async def run(pool: ProcessPool, callers: Crew) -> None:
        await with_a_spare(pool)
        _, answered = await callers.call(pool)
        pc_id, slot = answered.pc_id, int(answered.pc_id.partition("-")[0])
        await until(lambda: pid_of(pool, slot))
        stopped = pid_of(pool, slot)
        os.kill(stopped, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(remote, "_WITHIN_S", 0.5)
            with pytest.raises(Refusal) as refused:
                await pool.add_candidates(pc_id, [])
        assert (refused.value.status, refused.value.code) == (503, "no_answer")
        assert "Retry-After" in refused.value.headers
        asking = [
            asyncio.create_task(one)
            for one in (
                pool.renegotiate(pc_id, "v=0"),
                pool.add_candidates(pc_id, []),
                pool.resume(answered.resume, "v=0"),
                pool.leave(pc_id),
                pool.hang_up(pc_id),
            )
        ]
        # All of them are asked of it.
        await until(lambda: len(pool._post(pc_id)[0].worker._asked) >= len(asking))  # type: ignore[attr-defined]  # of RemoteWorker
        os.kill(stopped, signal.SIGKILL)
        *found, goodbye = await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 20)
        assert [isinstance(one, Refusal) and (one.status, one.code) for one in found] == [
            (410, "call_lost")
        ] * 4
        assert goodbye is None
        await until(lambda: pool.active == 0)
        again, _ = await callers.call(pool)
        await callers.heard(again, 440)

    stand.run(run)


def test_a_worker_whose_agents_do_not_load_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that never returns: the pool does not open, says so, and no process is left."""
    monkeypatch.setattr(remote, "_PREPARE_WITHIN_S", 3.0)

    async def run() -> None:
        before = workers_here()
        with pytest.raises(WorkerLost, match="did not answer within 3 s"):
            async with opened(workers=1, setup={"options": {"hang_s": 600}}):
                raise AssertionError
        assert workers_here() <= before

    asyncio.run(run())


def test_sigterm_to_a_worker_drains_it(stand: Stand[ProcessPool]) -> None:
    """An operator may end one: its calls go on, and another takes its place."""

    async def run(pool: ProcessPool, callers: Crew) -> None:
        await with_a_spare(pool)
        caller, answered = await callers.call(pool)
        name = answered.pc_id.partition(".")[0]
        await until(lambda: any(w["pid"] for w in pool.workers if w["name"] == name))
        before = next(int(w["pid"]) for w in pool.workers if w["name"] == name)
        os.kill(before, signal.SIGTERM)
        await until(lambda: any(w["state"] == "draining" for w in pool.workers), 10)
        await callers.call(pool)
        await callers.heard(caller, 440)
        await pool.hang_up(answered.pc_id)
        await until(lambda: not psutil.pid_exists(before), 20)

    stand.run(run)


def test_each_worker_has_its_own_port_and_so_has_its_successor(caplog: pytest.LogCaptureFixture) -> None:
    """``udp_port`` and the next ones, and a core where that is wished; callers are told the port of the worker that has
    their call. A port that is taken meanwhile is named, the other worker goes on, and the successor is there when the
    port is free again."""

    async def run() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        port = min(port, 65_000)
        bound = {"udp_port": port, "pin": True, "setup": {"media_hosts": ("127.0.0.1",)}}
        async with opened(**bound) as (pool, callers):
            await until(lambda: all(worker["udp_port"] for worker in pool.workers))
            cores = sorted(os.sched_getaffinity(0))
            for slot in (0, 1):
                assert psutil.Process(pid_of(pool, slot)).cpu_affinity() == [cores[slot % len(cores)]]
            assert [worker["udp_port"] for worker in pool.workers] == [port, port + 1]
            lines = await on_both(pool, callers)
            for slot, found in lines.items():
                for caller, _ in found:
                    sdp = caller.pc.remoteDescription.sdp
                    assert f" 127.0.0.1 {port + slot} typ host" in sdp
            os.kill(pid_of(pool, 1), signal.SIGKILL)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
                # Somebody takes it before the successor can, which takes a second to start.
                await until(lambda: _binds(another, port + 1))
                await until(lambda: f"cannot listen on UDP port {port + 1}" in caplog.text, 60)
                caller, answered = await callers.call(pool)
                assert answered.pc_id.startswith("0-")
                await callers.heard(caller, 440)
            await until(lambda: [w["udp_port"] for w in pool.workers] == [port, port + 1], 60)
            for caller, _ in lines[0]:
                assert_whole(caller)

    with caplog.at_level("WARNING", "livegraph.server"):
        asyncio.run(run())


def _binds(sock: socket.socket, port: int) -> bool:
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_a_port_that_is_taken_is_named_and_nothing_is_left() -> None:
    """The pool does not open, says which port it is, and its processes are gone."""

    async def run() -> None:
        before = workers_here()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            with pytest.raises(Refusal) as refused:
                async with opened(workers=1, udp_port=port, setup={"media_hosts": ("127.0.0.1",)}):
                    raise AssertionError
            assert refused.value.code == "worker_failed"
            assert f"UDP port {port}: Address already in use" in refused.value.message
            assert "--udp-port" in refused.value.remedy
        assert workers_here() <= before

    asyncio.run(run())


@pytest.mark.parametrize(
    ("ports", "first"),
    [({"udp_port": 65_535}, "65534"), ({"setup": {"public_addresses": ("203.0.113.7:65535",)}}, "7:65534")],
)
def test_ports_that_there_are_not_are_refused(ports: dict[str, Any], first: str) -> None:
    """Each worker has one: of both kinds the last is 65535, and where to begin at the latest is said."""

    async def run() -> None:
        with pytest.raises(ValueError, match=f"none above 65535: begin at .*{first} at the latest"):
            async with opened(workers=2, **ports):
                raise AssertionError

    asyncio.run(run())


def test_agents_that_are_faulty_keep_the_pool_from_opening(tmp_path: Path) -> None:
    """What is wrong with them is said, and no process is left."""

    async def run() -> None:
        before = workers_here()
        title = tmp_path / "title"
        title.write_text("")
        setup = {"options": {"title_file": str(title)}}
        with pytest.raises(Refusal, match="no title"):
            async with opened(setup=setup):
                raise AssertionError
        assert workers_here() <= before

    asyncio.run(run())


_SUPERVISOR = """
import asyncio, sys
from support.pool_agents import SOURCE, agents
from livegraph.server.pool import ProcessPool, WorkerSetup, remote
from livegraph.server.pool.worker import WorkerLost

async def main():
    async with ProcessPool(WorkerSetup(source=SOURCE), agents(), workers=2, max_calls=4) as pool:
        while not pool._ready or not all(worker["pid"] for worker in pool.workers):
            await asyncio.sleep(0.05)
        print(*(worker["pid"] for worker in pool.workers), pool._ready[0].process.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_nothing_is_left_of_a_supervisor_that_is_killed() -> None:
    """``kill -9`` of the one that has the HTTP port ends its workers and the spare one, each with its loop held."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR], stdout=subprocess.PIPE, env=environment
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 3
        # A process that does not run cannot see that the other side of its socket is closed.
        os.kill(pids[0], signal.SIGSTOP)
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 10
        while left := [pid for pid in pids if psutil.pid_exists(pid) and not _is_zombie(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def test_nothing_is_left_of_a_supervisor_that_is_killed_while_its_workers_start() -> None:
    """Whatever they were doing: a process that has just been started finds that nobody is there for it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for wait_s in (0.0, 0.7):
        with subprocess.Popen([sys.executable, "-c", _SUPERVISOR], env=environment) as parent:
            deadline = time.monotonic() + 60
            while not (started := psutil.Process(parent.pid).children(recursive=True)):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            time.sleep(wait_s)
            started = psutil.Process(parent.pid).children(recursive=True)
            parent.kill()
            parent.wait()
        deadline = time.monotonic() + 20
        while left := [child for child in started if child.is_running() and not _is_zombie(child.pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_an_exchange_under_load_fails_no_offer(stand: Stand[ProcessPool], title_file: Path) -> None:
    """Offers that come while all workers take new agents are answered, each by one of them."""

    async def run(pool: ProcessPool, callers: Crew) -> None:
        stop = False

        async def keep_calling() -> int:
            calls = 0
            while not stop:
                caller = callers.caller()
                answered = await pool.answer(Offer(sdp=await caller.offer()))
                await pool.hang_up(answered.pc_id)
                calls += 1
            return calls

        calling = [asyncio.create_task(keep_calling()) for _ in range(2)]
        for number in range(4):
            title_file.write_text(f"Title {number}")  # noqa: ASYNC240  # a few bytes
            await pool.exchange(agents(f"Title {number}"))
            assert pool.cards["echo"].title == f"Title {number}"
            await asyncio.sleep(0.3)
        stop = True
        assert sum(await asyncio.gather(*calling)) >= 4
        await until(lambda: pool.active == 0)

    stand.run(run)
