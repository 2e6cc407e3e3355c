"""The pool of processes: whatever a piece of work does to its process, it is told by name, and nobody else feels it."""

import asyncio
import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from livegraph.pipeline.running.processes import (
    OffloadError,
    Processes,
    WorkCrashedError,
    WorkTooLargeError,
    WorkTooLongError,
)
from support import deeds, heavy
from support.processes import gone


def real(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run on a loop in real time: processes know no other."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture(scope="module")
def pool() -> Iterator[Processes]:
    """One for all: whatever was done to it before, the next work finds a process."""
    pool = Processes(4)
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("work", "args", "told"),
    [
        (os._exit, (3,), r"the process that ran _exit died \(it left with 3\)"),
        (os.abort, (), r"the process that ran abort died \(by SIGABRT\)"),
        (deeds.segfault, (), r"the process that ran segfault died \(by SIGSEGV\)"),
        (deeds.close_everything, (), "the process that ran close_everything died"),
    ],
)
@real
async def test_work_that_takes_its_process_along_is_told_how(
    pool: Processes, work: Callable[..., Any], args: tuple[Any, ...], told: str
) -> None:
    """And the next work finds a process."""
    with pytest.raises(WorkCrashedError, match=told):
        await pool.run(work, args)
    assert await pool.run(heavy.digest, (7,)) == heavy.digest(7)


@pytest.mark.parametrize(
    "work", [deeds.spin, deeds.spin_in_c, deeds.ignore_everything, deeds.sleep_in_a_loop]
)
@real
async def test_work_that_does_not_end_is_ended(pool: Processes, work: Callable[..., Any]) -> None:
    """An endless loop, one in C that never lets go of the interpreter, one that takes no signals, one that sleeps."""
    with pytest.raises(WorkTooLongError, match=f"{work.__name__} took longer than 0.5s, and was ended"):
        await pool.run(work, limit_s=0.5)


@real
async def test_work_that_wants_too_much_memory_is_told_so(pool: Processes) -> None:
    """By bytes at once and by many small things; what is within the bound is given."""
    for work, args in ((deeds.take, (1 << 30,)), (deeds.pile_up, ())):
        with pytest.raises(WorkTooLargeError, match="wanted more than 200 MB of memory"):
            await pool.run(work, args, memory_bytes=200_000_000)
    assert await pool.run(deeds.take, (50_000_000,), memory_bytes=200_000_000) == 50_000_000


@real
async def test_cancelled_work_ends_with_what_it_started(pool: Processes, tmp_path: Path) -> None:
    """Its own process, and those that it began."""
    told = tmp_path / "pids"
    task = asyncio.create_task(pool.run(deeds.start_another, (str(told),)))
    until_s = time.monotonic() + 30
    while not told.exists() or len(told.read_text().split()) < 2:
        assert time.monotonic() < until_s
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [pid for pid in map(int, told.read_text().split()) if not gone(pid)] == []


@real
async def test_what_work_has_left_running_ends_with_it(pool: Processes, tmp_path: Path) -> None:
    """A program in its group, and one that has left it and has no parent any more; the next work finds a process."""
    told = tmp_path / "pids"
    await pool.run(deeds.start_and_return, (str(told),))
    assert await pool.run(heavy.digest, (7,)) == heavy.digest(7)
    assert [pid for pid in map(int, told.read_text().split()) if not gone(pid)] == []


@real
async def test_work_that_multiplies_is_ended_with_all_of_it(pool: Processes) -> None:
    """Before its time is over: it would take the machine from everybody else."""
    with pytest.raises(WorkTooLargeError, match="multiply started more than 64 processes, and was ended"):
        await pool.run(deeds.multiply, limit_s=60)
    assert await pool.run(heavy.digest, (7,)) == heavy.digest(7)


@real
async def test_a_thread_that_goes_on_computing_ends_with_its_work() -> None:
    """Its process is not used again. One whose threads only wait is: many libraries have such."""
    pool = Processes(1)
    try:
        waiting = await pool.run(deeds.leave_a_thread, (False,))
        assert await pool.run(heavy.where) == waiting
        computing = await pool.run(deeds.leave_a_thread, (True,))
        # At once, or on a machine where nobody gets to compute a little later.
        until_s = time.monotonic() + 30
        while not gone(computing):
            assert time.monotonic() < until_s
            await asyncio.sleep(0.05)
        assert await pool.run(heavy.where) != computing
    finally:
        pool.close()


@real
async def test_odd_work_is_told_by_name(pool: Processes) -> None:
    """Endless depth, nonsense on the line to the server, too large a result, a process that stops itself."""
    with pytest.raises(RecursionError):
        await pool.run(deeds.go_deep)
    with pytest.raises(WorkCrashedError, match="say_nonsense"):
        await pool.run(deeds.say_nonsense, limit_s=20)
    with pytest.raises(WorkTooLargeError, match="too large"):
        await pool.run(deeds.give_much)
    with pytest.raises(WorkTooLongError, match="stop_itself took longer"):
        await pool.run(deeds.stop_itself, limit_s=0.5)
    assert await pool.run(heavy.digest, (7,)) == heavy.digest(7)


def test_what_work_prints_is_no_part_of_what_its_server_says() -> None:
    """It goes to where errors go: a program that reads the server's lines sees none of it."""
    code = (
        "import asyncio\nfrom livegraph.pipeline.running.processes import Processes\nfrom support import deeds\n"
        "if __name__ == '__main__':\n    pool = Processes(1)\n    print(asyncio.run(pool.run(deeds.print_much)))\n"
        "    pool.close()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "done\n"
    assert "printed printed" in done.stderr
    assert "written" in done.stderr


@real
async def test_work_beside_goes_on(pool: Processes) -> None:
    """While others crash, hang and grow, each of the rest gets its own result."""
    bad = [
        pool.run(os._exit, (1,)),
        pool.run(deeds.spin, limit_s=0.5),
        pool.run(deeds.take, (1 << 30,), memory_bytes=100_000_000),
    ]
    good = [pool.run(heavy.digest, (number,)) for number in range(20)]
    results = await asyncio.gather(*bad, *good, return_exceptions=True)
    assert [type(result) for result in results[:3]] == [
        WorkCrashedError,
        WorkTooLongError,
        WorkTooLargeError,
    ]
    assert results[3:] == [heavy.digest(number) for number in range(20)]


@real
async def test_what_work_raises_is_raised_here(pool: Processes) -> None:
    """With its place in the process as a note; what cannot be sent is told in words."""
    with pytest.raises(ValueError, match="not this one") as caught:
        await pool.run(deeds.refuse, ("not this one",))
    assert "deeds.py" in caught.value.__notes__[0]
    with pytest.raises(RuntimeError, match="Unsendable: of a local class"):
        await pool.run(deeds.refuse_in_its_own_way)
    with pytest.raises(SystemExit):
        await pool.run(deeds.leave)


@real
async def test_what_cannot_be_sent_is_refused_with_a_remedy(pool: Processes) -> None:
    with pytest.raises(OffloadError, match="it takes a function of a module, and arguments that pickle"):
        await pool.run(lambda: 1)
    with pytest.raises(TypeError, match="pickle"):
        await pool.run(deeds.give_a_lock)
    with pytest.raises(WorkTooLargeError, match="its result of 70 MB is too large: at most 67 MB"):
        await pool.run(bytes, (70_000_000,))


@real
async def test_work_can_ask_who_waits_for_it(pool: Processes) -> None:
    """It says something, and has the answer, or what the answer raises."""
    assert await pool.run(deeds.ask, ([1, 2, 3],), answer=lambda what: what * 2) == [2, 4, 6]
    with pytest.raises(ZeroDivisionError):
        await pool.run(deeds.ask, ([0],), answer=lambda what: 1 // what)


@real
async def test_processes_are_used_again_and_bounded() -> None:
    """Forty pieces of work at once in two processes at most; one that has kept much is not used again."""
    pool = Processes(2)
    try:
        pids = await asyncio.gather(*(pool.run(heavy.where) for _ in range(40)))
        assert len(set(pids)) <= 2
        kept = await pool.run(deeds.keep, (200_000_000,))
        assert kept not in await asyncio.gather(*(pool.run(heavy.where) for _ in range(8)))
    finally:
        pool.close()


@real
async def test_a_process_that_died_holds_no_file() -> None:
    """Whoever keeps the error keeps its traceback, and no pipe to the process that is in it."""
    pool = Processes(1)
    kept: list[WorkCrashedError] = []
    try:
        await pool.run(heavy.where)
        before = psutil.Process().num_fds()
        for _ in range(3):
            with pytest.raises(WorkCrashedError) as died:
                await pool.run(os._exit, (3,))
            kept.append(died.value)
        await pool.run(heavy.where)
        assert psutil.Process().num_fds() <= before
    finally:
        pool.close()
    assert len(kept) == 3


@real
async def test_a_closed_pool_leaves_no_process(tmp_path: Path) -> None:
    """Those at work end too."""
    pool = Processes(2)
    pid = await pool.run(heavy.where)
    task = asyncio.create_task(pool.run(deeds.spin))
    await asyncio.sleep(0.2)
    pool.close()
    with pytest.raises(WorkCrashedError):
        await task
    assert gone(pid)
