"""How long the import of what a user names may take: one that never returns would keep everything else waiting.

A thread of its own looks on. It says where a slow import is, and ends one that has had its time: a loop in Python in
any thread, and in the main thread also what waits in C. In other threads that ends with whoever has the thread.
"""

from __future__ import annotations

import ctypes
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["LIMIT_S", "ImportTooLongError", "limited"]

logger = logging.getLogger("livegraph.pipeline")

LIMIT_S = 120.0
"""A model that is loaded by an import takes tens of seconds; what takes longer never ends."""
_SLOW_S = 10.0
_AGAIN_S = 1.0
_SIGNAL = getattr(signal, "SIGURG", None)
"""Where nobody handles it, it is nothing."""


class ImportTooLongError(Exception):
    """It was not done in time; ``where`` it was then."""

    def __init__(self, where: str) -> None:
        super().__init__(f"it was not done after {LIMIT_S:g} s")
        self.where = where


class _Ended(BaseException):
    """Raised in the middle of the import."""


@contextmanager
def limited(name: str, file: Path | None = None) -> Iterator[None]:
    """Import within the block what the user calls ``name``. Raises ``ImportTooLongError``."""
    watch = _Watch(name, file)
    handled = watch.handle_signal()
    watch.start()
    try:
        yield
    except _Ended:
        raise ImportTooLongError(watch.where) from None
    finally:
        watch.close()
        if handled is not None and signal.getsignal(handled[0]) is handled[1]:
            signal.signal(handled[0], handled[2])


class _Watch(threading.Thread):
    def __init__(self, name: str, file: Path | None) -> None:
        super().__init__(name="import watch", daemon=True)
        self.where = "?"
        self._what = name
        self._file = None if file is None else str(file)
        self._importing = threading.get_ident()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._by_signal = False

    def handle_signal(self) -> tuple[int, Any, Any] | None:
        """Have a signal end the import, where it can: its number, its handler, and the one before."""
        if _SIGNAL is None or threading.current_thread() is not threading.main_thread():
            return None

        def end(_number: int, _frame: FrameType | None) -> None:
            if not self._over.is_set():
                raise _Ended

        before = signal.signal(_SIGNAL, end)
        self._by_signal = True
        return _SIGNAL, end, before

    def run(self) -> None:
        if self._over.wait(min(_SLOW_S, LIMIT_S)):
            return
        self.where = self._place()
        logger.warning("the import of %s takes long: it is at %s", self._what, self.where)
        if self._over.wait(max(0.0, LIMIT_S - _SLOW_S)):
            return
        self.where = self._place()
        # Code that catches everything may go on after it.
        while not self._over.is_set():
            self._end()
            self._over.wait(_AGAIN_S)

    def close(self) -> None:
        """It is done."""
        with self._lock:
            self._over.set()
            if not self._by_signal:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._importing), None)
        self.join()

    def _end(self) -> None:
        with self._lock:
            if self._over.is_set():
                return
            if self._by_signal and _SIGNAL is not None:
                signal.pthread_kill(self._importing, _SIGNAL)
            else:
                raised = ctypes.py_object(_Ended)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._importing), raised)

    def _place(self) -> str:
        """Where it is: in the file that is imported, else wherever it is furthest inside."""
        frame = furthest = sys._current_frames().get(self._importing)
        while frame is not None and frame.f_code.co_filename != self._file:
            frame = frame.f_back
        found = frame or furthest
        return "?" if found is None else f"{Path(found.f_code.co_filename).name}:{found.f_lineno}"
