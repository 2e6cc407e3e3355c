"""The cores that this process may use, and the one that its event loop is bound to where it is.

Threads and processes begin with the binding of the thread that starts them. So what work in other processes may use is
kept beside it, for them as well.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

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


def unbind() -> None:
    """This process was started by one that is bound, and is not itself."""
    if os.environ.get(_VARIABLE):
        _set(set(may_use()))


def _set(cores: set[int]) -> None:
    try:
        os.sched_setaffinity(0, cores)
    except (AttributeError, OSError):
        # macOS has no such call; a container may have taken the core away since.
        return
