"""What pytest finds once livegraph is installed: a marker and fixtures; and the clock that goes when it is told to."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from livegraph.pipeline import ms
from livegraph.testing import FakeClock

_TESTS = '''
import asyncio
import threading

import pytest

from livegraph.pipeline import TextFrame, processor


@processor
def shout(text: TextFrame) -> TextFrame:
    """Upper case."""
    return TextFrame(text.text.upper())


@pytest.mark.virtual_time
@pytest.mark.parametrize("hours", [1, 20])
async def test_hours_pass_in_no_time(hours):
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(3600 * hours)
    assert loop.time() - began == pytest.approx(3600 * hours)


@pytest.mark.virtual_time
async def test_a_fault_is_a_fault():
    await asyncio.sleep(1)
    assert False, "as it should be"


def test_a_processor(run_processor):
    assert run_processor(shout, [TextFrame("a")]).texts == ["A"]


def test_a_thread_is_left(no_leaks):
    threading.Thread(target=threading.Event().wait, args=(30,), daemon=True, name="astray").start()


def test_the_clock(fake_clock):
    fake_clock.advance("1s")
    assert fake_clock.now_ns() == 10**9
'''


def test_the_plugin_is_there_without_a_word(tmp_path: Path) -> None:
    """In a folder of somebody else's, with strict markers and warnings as errors."""
    (tmp_path / "test_mine.py").write_text(_TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "--strict-markers",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "as it should be" in done.stdout
    assert "thread astray" in done.stdout
    assert "1 failed, 5 passed, 1 error" in done.stdout, done.stdout + done.stderr


def test_a_fake_clock_wakes_whose_time_has_come() -> None:
    """The earliest first, nobody before, and whoever gave up is left alone."""
    woken: list[str] = []

    async def sleeper(clock: FakeClock, name: str, until_ns: int) -> None:
        await clock.sleep_until_ns(until_ns)
        woken.append(name)

    async def main() -> None:
        clock = FakeClock()
        late, early, gone = (
            asyncio.create_task(sleeper(clock, name, when))
            for name, when in (("late", ms(30)), ("early", ms(10)), ("gone", ms(20)))
        )
        await asyncio.sleep(0)
        clock.advance("9ms")
        await asyncio.sleep(0)
        assert woken == []
        gone.cancel()
        await asyncio.wait({gone})
        clock.advance(ms(21))
        await asyncio.gather(late, early)
        assert woken == ["early", "late"]
        await clock.sleep_until_ns(ms(30))
        with pytest.raises(ValueError, match="below zero"):
            clock.advance(-1)

    asyncio.run(main())
