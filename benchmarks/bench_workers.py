"""How many calls one and two workers hold, and what becomes of calls when a worker is killed.

    python benchmarks/bench_workers.py hold [--workers 1 2]
    python benchmarks/bench_workers.py cost [--workers 1 2] [--pinned]
    python benchmarks/bench_workers.py pinned
    python benchmarks/bench_workers.py kill [--calls 20]
    python benchmarks/bench_workers.py churn [--calls 1000]

*hold*: callers come one after the other, one each four seconds, until the event loop of a worker comes late. As many
are held as there were when last, in the three seconds before the next caller came, 99 of 100 beats of a 10 ms timer
were within 30 ms in every worker, or as were taken before the workers refused more. The agent's box computes for 10 %
of a core a call (``busy_agent``), and the callers (``light_callers``, one process) for next to nothing: they are on the
same machine, and were they no cheaper than calls, they would be what fills it; for the same reason they have a lower
priority. Who is late says all the same what is due. What each process has computed is told, and how late the callers
were. The ratio is of the calls held. Takes about two minutes on two cores, which must have nothing else to do.

*cost*: six calls a worker, for ten seconds; the CPU time of the workers for a call and second (by the packets that went
to and fro: on a machine that is not quiet callers send fewer), and that of the process with the port. It is what *hold*
comes to: a process computes on one core, so twice as many hold twice as many calls if a call costs them the same.

*pinned*: the same for two workers, four times: as the system puts them, each bound to one core, and once more. Beside
the cost it tells how late the loop of the worker comes that is worst off: a worker that is bound waits for whatever
else its core is given, here the callers and the process with the port.

*kill*: calls on two workers; one of them is killed (SIGKILL). Told are the calls that were lost, what the others lost
(by packet and by sample), after how long a worker was there again, and how soon those who lost their call had another.

*churn*: so many calls are made and dropped, 25 a second, to an agent that gives back what it hears; what is left of
them afterwards. Callers who are told to come back, because the workers are overloaded, do so; where the callers
themselves come late, calls begin later than planned (told as held back).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from busy_agent import SOURCE, WORK_S, agents

from livegraph.cli.web import WebServer
from livegraph.server.app import make_pool_app
from livegraph.server.limits import CallerLimits
from livegraph.server.pool import ProcessPool, WorkerSetup
from livegraph.testing.load import LoadPlan, LoadReport, run_load

_HELD_MS = 30.0
_SURELY_HELD = 4
_STEP_S = 4.0
_LATE_STEPS = 2
"""One may be the machine's."""
_FULL_STEPS = 3
"""So many without another call: the workers take no more, their cores are full before their loops come late."""
_PATIENCE_S = 300.0
_CALLERS_NICE = 10
_PACKETS_A_SECOND = 100
"""Of a call, both ways."""
_FREE = CallerLimits(calls=None, pending=None, offers_per_minute=None)


@asynccontextmanager
async def serving(
    workers: int, folder: Path, spares: int = 1, work_s: float = WORK_S
) -> AsyncIterator[tuple[ProcessPool, str]]:
    """A pool behind HTTP; its address."""
    options = {"folder": str(folder), "work_s": work_s}
    setup = WorkerSetup(source=SOURCE, options=options, max_calls=2_000, limits=_FREE)
    pool = ProcessPool(setup, agents(work_s), workers=workers, spares=spares, max_calls=2_000, limits=_FREE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = asyncio.Event()
        server = WebServer(make_pool_app(pool), listening.set, grace_s=1)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.wait_for(listening.wait(), 60)
            await until(lambda: len(pool._ready) == spares)
            yield pool, f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            server.should_exit = True
            await task


async def until(true: Callable[[], object]) -> None:
    """Look every 2 ms whether it is."""
    while not true():  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.002)


def worst_ms(pool: ProcessPool, folder: Path) -> float:
    """The delay of the worker that is worst off."""
    files = [folder / f"{worker['pid']}.lag" for worker in pool.workers]
    return max((float(file.read_text() or 0) for file in files if file.exists()), default=0.0)


async def hold(workers: int) -> int:
    """How many calls are held."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with serving(workers, folder, spares=0) as (pool, url):
            script = str(Path(__file__).parent / "light_callers.py")
            callers = await asyncio.create_subprocess_exec(
                *(sys.executable, script, f"{url}api/offer", str(_SURELY_HELD * workers), str(_STEP_S))
            )
            # They stand for machines elsewhere: where a core is wanted by both, the workers have it.
            os.setpriority(os.PRIO_PROCESS, callers.pid, _CALLERS_NICE)
            try:
                return await _held(pool, folder)
            finally:
                spent = _cpu_s(callers.pid)
                callers.send_signal(signal.SIGINT)
                await callers.wait()
                front, ours = _cpu_s(os.getpid()), _cpu_s(*(worker["pid"] for worker in pool.workers))
                print(
                    f"  CPU seconds: workers {ours:.1f}, callers {spent:.1f}, in front {front:.1f}",
                    flush=True,
                )


async def _held(pool: ProcessPool, folder: Path) -> int:
    """The most calls of which the loops came in time, when they had been there for some seconds."""
    held = calls = late = 0
    now_ms, since = 0.0, time.monotonic()
    while True:
        await asyncio.sleep(0.1)
        if (there := pool.active - pool.pending) == calls:
            now_ms = worst_ms(pool, folder)
            if calls and time.monotonic() - since > _FULL_STEPS * _STEP_S:
                print(f"  {calls} calls: {now_ms:.1f} ms, and no more are taken", flush=True)
                return held if now_ms > _HELD_MS else calls
            continue
        if time.monotonic() - since > 0.8 * _STEP_S:
            print(f"  {calls} calls: {now_ms:.1f} ms", flush=True)
            late = late + 1 if now_ms > _HELD_MS else 0
            held = held if late else calls
            if late == _LATE_STEPS:
                return held
        calls, since = there, time.monotonic()


def pin(pool: ProcessPool) -> None:
    """Bind each worker to a core of its own."""
    cores = sorted(os.sched_getaffinity(0))
    for worker in pool.workers:
        core = cores[worker["worker"] % len(cores)]
        for thread in psutil.Process(worker["pid"]).threads():
            os.sched_setaffinity(thread.id, {core})


async def cost(workers: int, pinned: bool = False) -> float:
    """CPU time of the workers for a call, as a share of a core."""
    calls = 6 * workers
    with tempfile.TemporaryDirectory() as name:
        async with serving(workers, Path(name)) as (pool, url):
            if pinned:
                pin(pool)
            reports: list[LoadReport] = []
            plan = LoadPlan(url=url, calls=calls, ramp_per_s=10, hold_s=30)
            load = asyncio.create_task(run_load(plan, processes=1, told=reports.append))
            await until(lambda: pool.active == calls and not pool.pending)
            await asyncio.sleep(3)
            pids = [worker["pid"] for worker in pool.workers]
            shares = [worker["calls"] for worker in pool.workers]
            before, own, began, first = _cpu_s(*pids), _cpu_s(os.getpid()), time.monotonic(), reports[-1]
            await asyncio.sleep(10)
            took, last = time.monotonic() - began, reports[-1]
            spent, front = _cpu_s(*pids) - before, (_cpu_s(os.getpid()) - own) / took
            load.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await load
            packets = last.sent_packets + last.received_packets - first.sent_packets - first.received_packets
            each = _PACKETS_A_SECOND * spent / packets
            print(
                f"{workers} worker(s){', pinned' if pinned else ''}, calls {shares}: {each:.2%} of a core a call; "
                f"{front:.2%} in front of them; 99 of 100 beats within {worst_ms(pool, Path(name)):.1f} ms",
                flush=True,
            )
            return each


def _cpu_s(*pids: int) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(each.user + each.system for each in times))


async def kill(calls: int) -> None:
    """Kill one of two workers under load."""
    with tempfile.TemporaryDirectory() as name:
        async with serving(2, Path(name)) as (pool, url):
            found: dict[str, float] = {}

            async def killing() -> None:
                await asyncio.sleep(calls / 10 + 3)
                (one, _) = pool.workers
                before, began = pool.active, time.monotonic()
                os.kill(one["pid"], signal.SIGKILL)
                await until(lambda: pool.active != before)
                found["noticed_ms"] = 1_000 * (time.monotonic() - began)
                await until(
                    lambda: any(w["worker"] == 0 and w["pid"] not in (0, one["pid"]) for w in pool.workers)
                )
                found["replaced_ms"] = 1_000 * (time.monotonic() - began)

            task = asyncio.create_task(killing())
            report = await run_load(
                LoadPlan(url=url, calls=calls, ramp_per_s=10, hold_s=8 + calls / 10, again=True), processes=1
            )
            await task
            told(report)
            print(
                f"noticed after {found['noticed_ms']:.0f} ms, another worker after {found['replaced_ms']:.0f} ms"
            )


async def churn(calls: int) -> None:
    """Make calls and drop them."""
    with tempfile.TemporaryDirectory() as name:
        async with serving(2, Path(name), work_s=0.0) as (pool, url):
            plan = LoadPlan(url=url, calls=50, ramp_per_s=25, hold_s=0.5)
            await run_load(plan, processes=1)
            before = [psutil.Process(worker["pid"]).memory_info().rss for worker in pool.workers]
            plan = LoadPlan(url=url, calls=calls, ramp_per_s=25, hold_s=0.5, patience_s=_PATIENCE_S)
            report = await run_load(plan, processes=1)
            await asyncio.sleep(2)
            told(report)
            after = [psutil.Process(worker["pid"]).memory_info().rss for worker in pool.workers]
            grown = ", ".join(f"{(b - a) / 1e6:+.1f}" for a, b in zip(before, after, strict=True))
            print(f"left: {pool.active} calls; memory of the workers {grown} MB")


def told(report: LoadReport) -> None:
    """The report in a line."""
    print(
        f"{report.connected} of {report.calls} connected, failed {report.failed}, dropped {report.dropped}, "
        f"put off {report.put_off}, held back {report.held_back_s} s, again {report.again} after {report.again_ms}, "
        f"{report.lost_packets} of {report.received_packets + report.lost_packets} packets lost, "
        f"{report.lost_samples} samples, connected in {report.connect_ms}"
    )


def main() -> None:
    """See the module."""
    sys.path.insert(0, str(Path(__file__).parent))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("hold", "cost", "pinned", "kill", "churn"))
    parser.add_argument("--pinned", action="store_true")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--calls", type=int, default=0)
    given = parser.parse_args()
    if given.what == "kill":
        asyncio.run(kill(given.calls or 20))
    elif given.what == "churn":
        asyncio.run(churn(given.calls or 1_000))
    elif given.what == "cost":
        costs = [asyncio.run(cost(workers, given.pinned)) for workers in given.workers]
        print(f"by CPU {given.workers[-1] / given.workers[0] * costs[0] / costs[-1]:.2f} times as many calls")
    elif given.what == "pinned":
        for pinned in (False, True, False, True):
            asyncio.run(cost(2, pinned))
    else:
        found = []
        for workers in given.workers:
            found.append(asyncio.run(hold(workers)))
            print(
                f"{workers} worker(s): {found[-1]} calls with 99 of 100 beats within {_HELD_MS:.0f} ms",
                flush=True,
            )
        if len(found) > 1 and found[0]:
            print(f"ratio {found[-1] / found[0]:.2f}")


if __name__ == "__main__":
    main()
