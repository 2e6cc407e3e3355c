"""The cores that this process may use, and the one that its event loop is bound to where it is.

Threads and processes begin with the binding of the thread that starts them. So what they may use is kept beside it, and
each takes it as it begins: what decodes a picture must not have the loop's core alone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from types import FrameType

__all__ = ["bind_loop", "may_use", "unbind"]

_VARIABLE = "_LIVEGRAPH_CORES"


def may_use() -> Sequence[int]:
    """The numbers of the cores that this process may use, whatever its loop is bound to."""
    if kept := os.environ.get(_VARIABLE, ""):
        return [int(number) for number in kept.split(",")]
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:
        return range(os.cpu_count() or 1)


def bind_loop(index: int) -> None:
    """Bind this thread, which runs the event loop, to one of them: the first for 0, and round again.

    Nothing where the system knows no such thing.
    """
    cores = may_use()
    os.environ[_VARIABLE] = ",".join(map(str, cores))
    _set({cores[index % len(cores)]})
    threading.setprofile(_begin_unbound)


def unbind() -> None:
    """This thread, or this process, was started by one that is bound, and is not itself."""
    if os.environ.get(_VARIABLE):
        _set(set(may_use()))


def _begin_unbound(_frame: FrameType, _event: str, _arg: object) -> None:
    """Called for the first thing that a thread does, and never again."""
    sys.setprofile(None)
    unbind()


def _set(cores: set[int]) -> None:
    try:
        os.sched_setaffinity(0, cores)
    except (AttributeError, OSError):
        # macOS has no such call; a container may have taken the core away since.
        return
