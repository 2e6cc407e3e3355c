"""What functions do to the process that they run in."""

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
