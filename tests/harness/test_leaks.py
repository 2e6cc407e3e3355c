"""The leak check finds each kind of thing left behind, and nothing where nothing is."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from livegraph.testing import no_leaks, no_tasks_left


@pytest.mark.leaks
def test_a_clean_test_passes(tmp_path: Path) -> None:
    """Threads, files and tasks that end in time are no leak."""

    async def work() -> None:
        await asyncio.to_thread((tmp_path / "note").write_text, "x")

    asyncio.run(work())


def test_thread_is_found() -> None:
    """A thread that outlives the block is named."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="lingers")
    with pytest.raises(AssertionError, match="thread lingers"), no_leaks(settle_s=0):
        thread.start()
    stop.set()
    thread.join()


def test_open_file_is_found(tmp_path: Path) -> None:
    """A file still open is found; on Linux by its path."""
    with pytest.raises(AssertionError, match="file"), no_leaks(settle_s=0):
        file = (tmp_path / "open").open("w")
    file.close()


def test_child_process_is_found() -> None:
    """A process still running is found."""
    with pytest.raises(AssertionError, match="process"), no_leaks(settle_s=0):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.communicate()


def test_abandoned_task_is_found_when_its_loop_closes() -> None:
    """``asyncio.run`` cancels what is left without a word; the leak check does not."""

    async def main() -> None:
        asyncio.get_running_loop().create_task(asyncio.sleep(60), name="forgotten")

    with pytest.raises(AssertionError, match="task forgotten"), no_leaks(settle_s=0):
        asyncio.run(main())


def test_task_left_in_a_running_loop_is_found() -> None:
    """Inside one loop, a block's tasks must be done soon after the block."""

    async def main() -> None:
        with pytest.raises(AssertionError, match="forgotten"):
            async with no_tasks_left(settle_s=0):
                task = asyncio.create_task(asyncio.sleep(60), name="forgotten")
        task.cancel()
        async with no_tasks_left():
            asyncio.create_task(asyncio.sleep(0), name="quick")  # noqa: RUF006  # done before it can be collected

    asyncio.run(main())
