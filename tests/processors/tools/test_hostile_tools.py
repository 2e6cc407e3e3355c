"""Tools in processes that harm where they can: each ends its own call with a clear error, and leaves nothing behind."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from livegraph.pipeline import ConfigError
from livegraph.pipeline.events import Event, ToolFinished
from livegraph.pipeline.running.offload import shut_pool
from livegraph.processors.tools.sources import known_tools
from support.tool_calls import Model, talk, with_tools

TOOLS = '''
import os, signal, subprocess, sys, threading, time

class Closed(Exception):
    """One that cannot be made again from what it was pickled to."""

    def __init__(self, one, two):
        super().__init__("only one")

class Mute(Exception):
    """One that has no text."""

    def __str__(self):
        raise ValueError("no text")

class Held(Exception):
    """One that cannot be pickled."""

    def __init__(self):
        super().__init__("held")
        self.lock = threading.Lock()

class Sly:
    """Ends whoever makes it again."""

    def __reduce__(self):
        return os._exit, (5,)

def answer() -> str:
    return "well"

def deep() -> str:
    def down(n): return down(n + 1)
    return down(0)

def nested() -> list:
    value = []
    for _ in range(100_000):
        value = [value]
    return value

def enormous() -> str:
    return "x" * (80 << 20)

def unsendable() -> object:
    return threading.Lock()

def sly() -> object:
    return Sly()

def closed() -> str:
    raise Closed(1, 2)

def mute() -> str:
    raise Mute()

def held() -> str:
    raise Held()

def interrupt() -> str:
    raise KeyboardInterrupt()

def quit_by_signal() -> str:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

def stop_by_signal() -> str:
    os.kill(os.getpid(), signal.SIGSTOP)
    return "went on"

def deaf() -> str:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    while True: time.sleep(1)

def shout() -> str:
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        os.write(1, b"out " * 1000)
        os.write(2, b"")
    return "shouted"

def close_all() -> str:
    os.closerange(3, 256)
    return "closed"

def scribble() -> str:
    for fd in range(3, 64):
        try: os.write(fd, b"nonsense" * 8)
        except OSError: pass
    time.sleep(0.2)
    return "scribbled"

def children(folder: str) -> str:
    left = [
        subprocess.Popen([sys.executable, "-c", "import os, time; os.setsid(); time.sleep(600)"]) for _ in range(3)
    ]
    open(folder + "/pids", "w").write(" ".join(str(child.pid) for child in left))
    return "left"

def forks(folder: str) -> str:
    with open(folder + "/pids", "w") as told:
        for _ in range(4):
            if (child := os.fork()) == 0:
                os.setsid()
                if os.fork():
                    os._exit(0)
                while True: time.sleep(1)
            told.write(f"{child} ")
    while True: time.sleep(1)

def threads() -> str:
    def compute():
        while True: pass
    for _ in range(3):
        threading.Thread(target=compute).start()
    return "begun"
'''


@pytest.fixture(scope="module", autouse=True)
def _nothing_left() -> Iterator[None]:
    """No process and no file of this one is there that was not before."""
    shut_pool()
    processes = {process.pid for process in psutil.Process().children(recursive=True)}
    files = psutil.Process().num_fds()
    yield
    shut_pool()
    there = [
        process
        for process in psutil.Process().children(recursive=True)
        if process.pid not in processes
        and "multiprocessing.resource_tracker" not in " ".join(process.cmdline())
    ]
    _, left = psutil.wait_procs(there, timeout=5)
    assert not left
    assert psutil.Process().num_fds() <= files + 4


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of tools."""
    file = tmp_path_factory.mktemp("hostile") / "tools.py"
    file.write_text(TOOLS, "utf-8")
    return str(file)


def asked(
    tools: str, name: str, timeout: str = "60s", **given: str
) -> tuple[dict[str, object], ToolFinished]:
    """What the model is told of one call, and what operators are; the next call is answered as if nothing had been."""
    found: list[tuple[dict[str, object], ToolFinished]] = []

    async def script(model: Model, events: list[Event]) -> None:
        model.ask(name, "1", **given)
        answer = await model.answer()
        found.append((answer, [event for event in events if isinstance(event, ToolFinished)][-1]))
        model.ask("answer", "2")
        assert await model.answer() == {"output": "well"}

    talk(with_tools(tools, isolation="process", max_memory=300_000_000, timeout=timeout), script)
    return found[0]


@pytest.mark.parametrize(
    ("name", "told", "says"),
    [
        ("deep", "deep failed (RecursionError)", "tools.py:"),
        ("nested", "nested failed (", "Error"),
        ("enormous", "enormous failed (", "enormous was ended: its result of 84 MB is too large"),
        ("unsendable", "unsendable failed (TypeError)", "TypeError"),
        ("sly", "sly failed (", "TypeError"),
        ("closed", "closed failed (Closed)", "Closed"),
        ("mute", "mute failed (Mute)", "Mute"),
        ("held", "held failed (Held)", "Held"),
        ("interrupt", "interrupt failed (KeyboardInterrupt)", "tools.py:"),
        ("quit_by_signal", "quit_by_signal failed (its process was ended)", "SIGTERM"),
        ("close_all", "close_all failed (its process was ended)", "close_all died"),
        ("scribble", "scribble failed (", "scribble"),
    ],
)
def test_what_harms_its_process_ends_its_own_call(tools: str, name: str, told: str, says: str) -> None:
    """Recursion, results and exceptions that cannot be sent, signals, files that are not its own."""
    answer, finished = asked(tools, name)
    assert str(answer["error"]).startswith(told)
    assert finished.outcome == "crashed"
    assert says in finished.fault


@pytest.mark.parametrize("name", ["deaf", "stop_by_signal"])
def test_no_signal_keeps_a_process_beyond_its_time(tools: str, name: str) -> None:
    """Whether it does not hear, or stands still."""
    answer, finished = asked(tools, name, "2s")
    assert answer == {"error": f"{name} did not answer within 2s"}
    assert finished.outcome == "timeout"


def test_an_import_that_never_returns_in_the_process_ends_with_the_call(tmp_path: Path) -> None:
    """Here it returned, there it does not: the call ends at its deadline, its process with it, and so does the next."""
    file = tmp_path / "tools.py"
    hang = f"import os, time\nif os.getpid() != {os.getpid()}:\n    time.sleep(600)\n"
    file.write_text(hang + "def answer() -> str:\n    return 'well'\n", "utf-8")

    async def script(model: Model, events: list[Event]) -> None:
        for number in ("1", "2"):
            model.ask("answer", number)
            assert await model.answer() == {"error": "answer did not answer within 1s"}

    began = time.monotonic()
    talk(with_tools(str(file), isolation="process", timeout="1s"), script)
    assert time.monotonic() - began < 50


def test_what_a_tool_writes_goes_nowhere_where_it_harms(tools: str) -> None:
    """Without end, to the outputs of the process: it is answered all the same."""
    answer, _ = asked(tools, "shout")
    assert answer == {"output": "shouted"}


@pytest.mark.parametrize(("name", "timeout"), [("children", "60s"), ("forks", "3s")])
def test_processes_that_a_tool_leaves_behind_end_with_its_call(
    tools: str, tmp_path: Path, name: str, timeout: str
) -> None:
    """Also those that have left its session, or whose parent is gone."""
    asked(tools, name, timeout, folder=str(tmp_path))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert pids
    deadline = time.monotonic() + 20
    while (left := [pid for pid in pids if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def _lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_threads_that_go_on_computing_end_with_their_process(tools: str) -> None:
    """The call is answered; no other work runs beside them."""
    answer, _ = asked(tools, "threads")
    assert answer == {"output": "begun"}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import sys\nsys.exit(3)\n", "SystemExit"),
        ("import os\nraise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("def greet(:\n", "syntax"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_when_it_is_read(
    tmp_path: Path, source: str, says: str
) -> None:
    """It ends nothing but the check."""
    file = tmp_path / "tools.py"
    file.write_text(source + "\ndef greet() -> str:\n    return 'hello'\n", "utf-8")
    with pytest.raises(ConfigError) as fault:
        known_tools([str(file)], "process")
    assert says.lower() in str(fault.value).lower()
