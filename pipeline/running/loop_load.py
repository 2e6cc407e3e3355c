"""How busy the thread of an event loop is: for whoever can do with less when there is little time."""

from __future__ import annotations

import asyncio
import time
from weakref import WeakKeyDictionary

from ..clock import VirtualLoop
from ..units import SECOND

__all__ = ["BUSY", "LoadMeter", "loop_load"]

BUSY = 0.15
"""The share of a core from which on a loop has little time: five to ten calls."""

_WINDOW_NS = SECOND


class LoadMeter:
    """Measures one thread when it is asked, at most once a second. Sans-IO: times are arguments."""

    __slots__ = ("_at_ns", "_cpu_ns", "share")

    def __init__(self, now_ns: int, cpu_ns: int) -> None:
        self.share = 0.0
        """The share of a core that the thread took between the last two measurements, 0 to 1."""
        self._at_ns, self._cpu_ns = now_ns, cpu_ns

    def is_due(self, now_ns: int) -> bool:
        """Whether ``measure`` would learn anything."""
        return now_ns - self._at_ns >= _WINDOW_NS

    def measure(self, now_ns: int, cpu_ns: int) -> None:
        """The thread has computed for ``cpu_ns`` in all by now."""
        self.share = min(1.0, (cpu_ns - self._cpu_ns) / max(1, now_ns - self._at_ns))
        self._at_ns, self._cpu_ns = now_ns, cpu_ns


_meters: WeakKeyDictionary[asyncio.AbstractEventLoop, LoadMeter] = WeakKeyDictionary()


def loop_load() -> float:
    """The share of a core that the running loop's thread took lately, 0 to 1; 0 on virtual time, and when first asked.

    Cheap enough to be asked for every packet.
    """
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualLoop):
        return 0.0
    now_ns = time.monotonic_ns()
    meter = _meters.get(loop)
    if meter is None:
        _meters[loop] = LoadMeter(now_ns, time.thread_time_ns())
        return 0.0
    if meter.is_due(now_ns):
        meter.measure(now_ns, time.thread_time_ns())
    return meter.share
