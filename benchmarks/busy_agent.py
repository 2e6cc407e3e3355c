"""An agent for ``bench_workers`` whose box computes as much as several ordinary calls; each worker's loop is timed.

The callers are on the same machine: were a call of theirs no cheaper than one of the server's, the machine would be
full before its workers are.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from livegraph.pipeline import AudioFrame, Graph, In, Out, Processor
from livegraph.pipeline.units import MS
from livegraph.server.calls import ServedAgent
from livegraph.server.tracing import Tracing
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut

__all__ = ["SOURCE", "agents", "source"]

SOURCE = "busy_agent:source"
WORK_S = 0.002
"""For 20 ms of sound: 10 % of a core for a call."""
_BEAT_S = 0.01
_WINDOW = 300
_FRAME_NS = 20 * MS


class Busy(Processor):
    """Passes sound on, and computes for ``work_s`` beside each 20 ms of it."""

    audio: In[AudioFrame] = In()
    out: Out[AudioFrame]

    def __init__(self, work_s: float) -> None:
        self._work_s = work_s

    def on_audio(self, frame: AudioFrame) -> list[AudioFrame]:
        """Compute for a while by the thread's own CPU time, whatever else the machine does."""
        until = time.thread_time() + self._work_s * frame.duration_ns / _FRAME_NS
        while time.thread_time() < until:
            pass
        return [frame]


def agents(work_s: float = WORK_S) -> list[ServedAgent]:
    """Echo, after some work."""
    graph = Graph("busy")
    graph.add("mic", WebRTCIn)
    graph.add("busy", Busy, work_s=work_s)
    graph.add("ear", WebRTCOut)
    graph.chain("mic", "busy", "ear")
    return [ServedAgent("busy", graph.plan())]


class _Source:
    tracing: Tracing | None = None

    def __init__(self, work_s: float) -> None:
        self._work_s = work_s

    async def load(self, options: Mapping[str, Any] | None = None) -> Sequence[ServedAgent]:
        """See ``AgentSource``."""
        return agents(self._work_s)


@asynccontextmanager
async def source(options: Mapping[str, Any]) -> AsyncIterator[_Source]:
    """See ``OpenSource``. Its agent computes for ``work_s``.

    The delay of a timer of 10 ms is written to ``folder``: 99 of 100 of the last 3 s, in ms.
    """
    beating = asyncio.create_task(_beat(Path(options["folder"]) / f"{os.getpid()}.lag"))
    try:
        yield _Source(options["work_s"])
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


async def _beat(told: Path) -> None:
    lags: list[float] = []
    loop = asyncio.get_running_loop()
    # Opened once, and written to in place: opening a file may take longer than what is measured.
    file = os.open(told, os.O_WRONLY | os.O_CREAT)
    try:
        for beats in itertools.count():
            due = loop.time() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            lags = [*lags[1 - _WINDOW :], loop.time() - due]
            if beats % 25 == 0:
                ranked = sorted(lags)
                os.pwrite(file, f"{1_000 * ranked[len(ranked) * 99 // 100]:12.2f}".encode(), 0)
    finally:
        os.close(file)
