"""How many calls this machine can be expected to hold: the default of ``--max-calls``.

All calls of a process share one core. What one costs is measured here and now, by the work that there is most of: the
codec encodes and decodes a short sound, on the clock of the thread's own CPU time, so that what else runs does not
count. It is an expectation: while calls run, the measured lag of the event loop decides (``load``).
"""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ...pipeline.running.cores import may_use
from ...pipeline.units import SECOND

__all__ = ["Room", "cores", "measure_room", "memory_bytes"]

_PACKETS = 25
_PACKET_NS = SECOND // 50
_WHOLE_CALL = 4.0
"""A call that speaks and is heard costs so many times what its codec does: packets, encryption, the detector, and the
model's connection. By ``benchmarks/bench_calls.py`` beside this measurement, on one machine."""
_BUSY = 0.7
"""The part of a core that calls may take: the rest is for their beginnings, for tools, and for others."""
_LEAST, _MOST = 2, 200


@dataclass(frozen=True, slots=True)
class Room:
    """What was found out."""

    cores: float
    """That this process may use, a limit of its container included."""
    packet_ns: int
    """CPU time to encode and decode 20 ms of sound."""

    @property
    def calls(self) -> int:
        """How many calls at a time are expected to fit on the one core that a process uses."""
        share = _BUSY * min(1.0, self.cores) * _PACKET_NS / (_WHOLE_CALL * max(1, self.packet_ns))
        return max(_LEAST, min(_MOST, int(share)))

    def __str__(self) -> str:
        share = "1 core" if self.cores >= 1 else f"{self.cores:.2g} of a core"
        return f"{self.calls} calls on {share}: 20 ms of sound take {self.packet_ns / 1_000:.0f} us here"


@functools.cache
def measure_room() -> Room:
    """Measure, once in a process; takes some 10 ms. Where there is no codec a slow one is supposed."""
    return Room(cores(), _packet_ns())


def cores(cgroup: Path = Path("/sys/fs/cgroup/cpu.max")) -> float:
    """How many cores this process may use: those that it is pinned to, or the share that its container has."""
    allowed = float(len(may_use()))
    try:
        quota, period = cgroup.read_text("ascii").split()
        return allowed if quota == "max" else min(allowed, int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return allowed


def memory_bytes(cgroup: Path = Path("/sys/fs/cgroup/memory.max")) -> int | None:
    """How much memory this machine has, or its container may use; ``None`` where nobody says."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
    try:
        return min(there, int(cgroup.read_text("ascii")))
    except (OSError, ValueError):
        return there


def _packet_ns() -> int:
    import numpy as np

    from ...transports.webrtc.opus import make_decoder, make_encoder

    encoder, decoder = make_encoder(24_000), make_decoder(16_000)
    times = np.arange(encoder.samples * _PACKETS) / encoder.rate
    # A voice of sorts: a buzz whose pitch and loudness move, so that the encoder has something to do.
    voice = np.sin(2 * np.pi * 140 * times + 3 * np.sin(2 * np.pi * 3 * times)) ** 3
    pcm = (9_000 * voice * (1 + np.sin(2 * np.pi * 2 * times)) / 2).astype(np.int16)
    spent_ns = 0
    for at in range(0, len(pcm), encoder.samples):
        began_ns = time.thread_time_ns()
        decoder.decode(encoder.encode(pcm[at : at + encoder.samples]))
        took_ns = time.thread_time_ns() - began_ns
        # The first ones set things up.
        if at >= 5 * encoder.samples:
            spent_ns += took_ns
    return spent_ns // (_PACKETS - 5)
