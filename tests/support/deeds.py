"""What functions do to the process that they run in."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from livegraph.pipeline.running.process_worker import tell

_kept: list[bytearray] = []


def segfault() -> None:
    """A fault in C."""
    ctypes.string_at(0)


def close_everything() -> None:
    """Every descriptor, the one to the server too, and go on."""
    os.closerange(3, 256)
    spin()


def spin() -> None:
    """Never return."""
    while True:
        pass


def spin_for(_: int) -> None:
    """Never return, whatever is given."""
    spin()


def take_much(_: int) -> None:
    """A gigabyte."""
    take(1 << 30)


def spin_in_c() -> None:
    """Never return, and never let another thread run."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def ignore_everything() -> None:
    """Take no signal that can be refused."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    spin()


def sleep_in_a_loop() -> None:
    """Wait for nothing."""
    while True:
        time.sleep(60)


def take(count: int) -> int:
    """So many bytes."""
    return len(bytearray(count))


def pile_up() -> None:
    """One small thing after another."""
    held = []
    while True:
        held.append(bytearray(100_000))


def keep(count: int) -> int:
    """So many bytes, for ever; gives the process."""
    _kept.append(bytearray(b"x" * count))
    return os.getpid()


def start_another(told: str) -> None:
    """Start a program, tell both processes, and never return."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(told).write_text(f"{os.getpid()} {other.pid}")
    spin()


def refuse(text: str) -> None:
    """Raise."""
    raise ValueError(text)


def refuse_in_its_own_way() -> None:
    """Raise what cannot be pickled."""

    class Unsendable(Exception):
        pass

    raise Unsendable("of a local class")


def leave() -> None:
    """As programs do."""
    sys.exit(4)


def give_a_lock() -> Any:
    """What cannot be pickled."""
    return threading.Lock()


def ask(questions: list[Any]) -> list[Any]:
    """The answers."""
    return [tell(question) for question in questions]


def start_and_return(told: str) -> None:
    """Leave a program running: one of the group, and one that has left it and whose parent is gone."""
    code = (
        "import os, time\nos.fork() and os._exit(0)\nos.setsid()\n"
        "open({0!r}, 'a').write(f'{{os.getpid()}} ')\ntime.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(told).write_text(f"{other.pid} ")
    subprocess.run([sys.executable, "-c", code.format(told)], check=True)
    while len(Path(told).read_text().split()) < 2:
        time.sleep(0.01)


def multiply() -> None:
    """Start processes without end, each of which does the same."""
    while True:
        if not os.fork():
            time.sleep(0.05)


def leave_a_thread(computes: bool) -> int:
    """Return while a thread goes on: one that computes, or one that waits; gives the process."""
    threading.Thread(target=spin if computes else sleep_in_a_loop, daemon=True).start()
    return os.getpid()


def go_deep(depth: int = 0) -> int:
    """Call itself without end."""
    return 1 + go_deep(depth + 1)


def say_nonsense(own: int = 0) -> None:
    """Write to every descriptor what is no message."""
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(number, b"\x00\x00\x00\x04nope")


def print_much() -> str:
    """To where programs print."""
    print("printed " * 10_000)
    os.write(1, b"written\n")
    return "done"


def give_much() -> bytes:
    """More than an answer may have."""
    return bytes(100 << 20)


def stop_itself() -> None:
    """Be there, and do nothing any more."""
    os.kill(os.getpid(), signal.SIGSTOP)
