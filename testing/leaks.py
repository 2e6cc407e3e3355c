"""What code leaves behind: tasks, threads, open files and child processes."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

__all__ = ["no_leaks", "no_tasks_left", "open_files"]


@contextmanager
def no_leaks(*, settle_s: float = 2.0) -> Iterator[None]:
    """Raise ``AssertionError`` when threads, open files or child processes are more than before, ``settle_s`` later.

    Tasks that an event loop still had when its ``asyncio.Runner`` closed it count as well. What a process
    keeps on purpose (a loaded model, its threads) has to be there before the block begins.
    """
    abandoned: list[str] = []
    cancel_all = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def note_and_cancel(loop: asyncio.AbstractEventLoop) -> None:
        abandoned.extend(f"task {task.get_name()}: {task.get_coro()}" for task in asyncio.all_tasks(loop))
        cancel_all(loop)

    before = _held()
    asyncio.runners._cancel_all_tasks = note_and_cancel  # type: ignore[attr-defined]
    try:
        yield
    finally:
        asyncio.runners._cancel_all_tasks = cancel_all  # type: ignore[attr-defined]
    deadline = time.monotonic() + settle_s
    while (left := _more(before, _held())) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.02)
    assert not abandoned and not left, "left behind:\n  " + "\n  ".join([*abandoned, *left])


@asynccontextmanager
async def no_tasks_left(*, settle_s: float = 1.0) -> AsyncIterator[None]:
    """Raise ``AssertionError`` when the running loop has tasks that it did not have before.

    They may take ``settle_s`` of the loop's time to end.
    """
    before = asyncio.all_tasks()
    yield
    loop = asyncio.get_running_loop()
    deadline = loop.time() + settle_s
    while (left := asyncio.all_tasks() - before) and loop.time() < deadline:  # noqa: ASYNC110  # they tell nobody
        await asyncio.sleep(0.01)
    assert not left, "tasks left behind:\n  " + "\n  ".join(f"{t.get_name()}: {t.get_coro()}" for t in left)


def open_files() -> dict[str, str]:
    """Every open descriptor of this process and, where the system tells, what is behind it."""
    folder = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    found: dict[str, str] = {}
    for entry in list(folder.iterdir()):
        try:
            found[entry.name] = str(entry.readlink()) if folder.is_relative_to("/proc") else entry.name
        except OSError:
            # The descriptor of the listing itself, closed by now.
            continue
    return found


def _children() -> set[int]:
    """Child processes, theirs included; where the system does not tell, psutil does, if it is there."""
    tasks = Path(f"/proc/{os.getpid()}/task")
    if tasks.exists():
        found: set[int] = set()
        waiting = [os.getpid()]
        while waiting:
            for entry in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
                try:
                    children = {int(child) for child in entry.read_text().split()}
                except OSError:  # ended meanwhile
                    continue
                waiting += children - found
                found |= children
        return found
    try:
        import psutil
    except ImportError:
        return set()
    return {child.pid for child in psutil.Process().children(recursive=True)}


def _held() -> tuple[set[threading.Thread], dict[str, str], set[int]]:
    return set(threading.enumerate()), open_files(), _children()


def _more(
    before: tuple[set[threading.Thread], dict[str, str], set[int]],
    after: tuple[set[threading.Thread], dict[str, str], set[int]],
) -> list[str]:
    threads = [f"thread {thread.name}" for thread in after[0] - before[0]]
    files = [f"file {name}: {target}" for name, target in after[1].items() if before[1].get(name) != target]
    # A descriptor may have been closed and its number used again for something that lives on by right.
    files = files if len(after[1]) > len(before[1]) else []
    return [*threads, *files, *(f"process {pid}" for pid in after[2] - before[2])]
