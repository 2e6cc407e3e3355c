"""A loop that is blocked is named while it is: which box or tool, for how long, and where in the code.

A thread of its own looks whether the loop still beats; it is the only one that can tell while the loop cannot.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from ...pipeline.processor import Processor
from ...pipeline.units import MS, SECOND

__all__ = ["BlockWatch", "who_blocks"]

logger = logging.getLogger("livegraph.server")

_DEEPEST = 12
_TELL_EVERY_NS = 10 * SECOND


class BlockWatch:
    """Watches one loop from outside, while it is open.

    Args:
        limit_ns: how long the loop may be busy with one step.
        now_ns: a monotonic clock that any thread may read.
        told: called from the watching thread with the nanoseconds so far, and who it is.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        *,
        limit_ns: int = 250 * MS,
        told: Callable[[int, str], None] | None = None,
    ) -> None:
        self._now_ns = now_ns
        self._limit_ns = limit_ns
        self._told = told
        self._beat_ns = now_ns()
        self._last_told_ns = -_TELL_EVERY_NS
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0
        self._schedule = Path()

    def open(self) -> None:
        """Begin; to be called in the loop that is watched."""
        self._watched = threading.get_ident()
        self._schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self.beat()
        self._thread = threading.Thread(target=self._watch, name="livegraph loop watch", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """The loop has come round."""
        self._beat_ns = self._now_ns()

    def close(self) -> None:
        """End; returns when the thread has."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        named_ns = seen_ns = 0
        starved_ns = began_starved_ns = self._starved_ns()
        while not self._over.wait(self._limit_ns / 2 / SECOND):
            beat_ns, now_ns, starved_ns = self._beat_ns, self._now_ns(), self._starved_ns()
            if beat_ns != seen_ns:
                seen_ns, began_starved_ns = beat_ns, starved_ns
            blocked_ns = now_ns - beat_ns
            if blocked_ns < self._limit_ns or beat_ns == named_ns:
                continue
            named_ns = beat_ns
            if starved_ns - began_starved_ns > blocked_ns // 2:
                logger.info("the event loop waits for a CPU: the machine has too much to do")
            else:
                self._tell(blocked_ns, now_ns)

    def _starved_ns(self) -> int:
        """How long the loop's thread has been ready to run without running; 0 where the system does not say."""
        try:
            return int(self._schedule.read_bytes().split()[1])
        except (OSError, ValueError, IndexError):
            return 0

    def _tell(self, blocked_ns: int, now_ns: int) -> None:
        frame = sys._current_frames().get(self._watched)
        if frame is None:
            return
        who, stack = who_blocks(frame), _stack(frame)
        if self._told is not None:
            self._told(blocked_ns, who)
        # One that blocks all the time is named now and then; its stack is the same.
        if now_ns - self._last_told_ns < _TELL_EVERY_NS:
            return
        self._last_told_ns = now_ns
        logger.warning(
            "the event loop is blocked for %d ms and more by %s; every call waits.\n%s",
            *(blocked_ns // MS, who, stack),
            extra={"lines": True},
        )


def who_blocks(frame: FrameType) -> str:
    """The box or tool whose code runs in ``frame``, for people; else the function that is furthest inside."""
    found: FrameType | None = frame
    while found is not None:
        owner = found.f_locals.get("self")
        if isinstance(owner, Processor):
            return f"the box {_name(owner)!r} ({type(owner).__name__}.{found.f_code.co_name})"
        kind = type(owner).__name__
        if kind == "ToolFunction":
            return f"the tool {getattr(owner, 'name', '?')!r}"
        found = found.f_back
    code = frame.f_code
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"


def _name(box: Processor) -> str:
    try:
        return box.name
    except (AttributeError, RuntimeError):
        return type(box).__name__


def _stack(frame: FrameType) -> str:
    # The file, the line and the function: the text of a line could hold a secret of the user's.
    entries = traceback.extract_stack(frame)[-_DEEPEST:]
    return "\n".join(f"    {entry.filename}:{entry.lineno} in {entry.name}" for entry in entries)
