"""Calls that come and go at a real server: memory, tasks, threads and descriptors must stay flat.

    python benchmarks/soak_calls.py --minutes 60 --callers 6

``livegraph run`` is a process of its own. Each caller calls, hums for a while, and closes its connection; some
offer a call and never come. Each minute prints what the server has; at the end it drains under load: half of the
callers hang up by themselves, and nobody is cut off before the time. The exit code is 1 when memory grew by more
than ``--slack`` after the first fifth of the time, or a call was lost in the drain. *refused* are calls that the
server told to come again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import psutil
from callers import Caller, packets

_RATE = 48_000
_GAUGES = ("livegraph_tasks", "livegraph_threads")


def fetch(address: str, path: str) -> str:
    """An answer of the server."""
    try:
        with urllib.request.urlopen(f"{address}{path}", timeout=10) as reply:
            return str(reply.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.read().decode())


def _hum() -> list[bytes]:
    """Two seconds of a note, as Opus."""
    times = np.arange(2 * _RATE) / _RATE
    return packets((6_000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16), _RATE)


class Soak:
    """One server, and what was seen of it."""

    def __init__(self, page: str, admin: str, process: asyncio.subprocess.Process, seed: int) -> None:
        self.page, self.admin, self.process = page, admin, process
        self.server = psutil.Process(process.pid)
        self.random = random.Random(seed)
        self.made = self.failed = self.refused = self.abandoned = 0
        self.rows: list[tuple[float, ...]] = []

    async def caller(self, until: float) -> None:
        """Call again and again."""
        hum = _hum()
        while time.monotonic() < until:
            try:
                if self.random.random() < 0.15:
                    await self._abandon()
                    continue
                caller = Caller(hum)
                await caller.open(self.page, "echo")
                self.made += 1
                await asyncio.sleep(self.random.uniform(1.0, 8.0))
                await caller.close()
            except urllib.error.HTTPError as error:
                self.refused += error.code in (429, 503)
                self.failed += error.code not in (429, 503)
                await asyncio.sleep(1.0)
            except (OSError, TimeoutError, KeyError):
                self.failed += 1
                await asyncio.sleep(1.0)

    async def _abandon(self) -> None:
        """An offer whose caller never comes."""
        from aiortc import RTCPeerConnection

        pc = RTCPeerConnection()
        pc.addTransceiver("audio")
        await pc.setLocalDescription(await pc.createOffer())
        body = json.dumps({"sdp": pc.localDescription.sdp, "type": "offer"}).encode()
        await pc.close()
        request = urllib.request.Request(f"{self.page}api/offer", body, {"Content-Type": "application/json"})
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).close())
        self.abandoned += 1

    async def watch(self, until: float, every_s: float) -> None:
        """Print a line each minute."""
        print(
            f"{'minute':>7}{'calls':>8}{'failed':>8}{'refused':>9}{'left':>7}{'MiB':>8}{'tasks':>7}{'threads':>9}{'files':>7}"
        )
        began = time.monotonic()
        while time.monotonic() < until:
            await asyncio.sleep(min(every_s, max(0.1, until - time.monotonic())))
            text = await asyncio.to_thread(fetch, self.admin, "/metrics")
            gauges = [float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1]) for name in _GAUGES]  # type: ignore[index]
            row = (
                (time.monotonic() - began) / 60,
                self.server.memory_info().rss / (1 << 20),
                *gauges,
                self.server.num_fds(),
            )
            self.rows.append(row)
            print(
                f"{row[0]:7.1f}{self.made:8}{self.failed:8}{self.refused:9}{self.abandoned:7}"
                f"{row[1]:8.1f}{row[2]:7.0f}{row[3]:9.0f}{row[4]:7.0f}",
                flush=True,
            )

    async def drain(self, callers: int) -> int:
        """Drain while so many calls run; returns how many were cut off before the time."""
        hum = _hum()
        running = [Caller(hum) for _ in range(callers)]
        for one in running:
            await one.open(self.page, "echo")
        request = urllib.request.Request(
            f"{self.admin}/drain", b'{"within_s": 20}', {"Content-Type": "application/json"}
        )
        began = time.monotonic()
        await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).close())
        await asyncio.sleep(2.0)
        there = int(json.loads(await asyncio.to_thread(fetch, self.admin, "/healthz"))["calls"])
        refused = "draining" in await asyncio.to_thread(fetch, self.page, "readyz")
        for one in running[: callers // 2]:
            await one.close()
        async with asyncio.timeout(60):
            await self.process.wait()
        took_s = time.monotonic() - began
        for one in running[callers // 2 :]:
            await one.close()
        print(
            f"drain: {there} of {callers} calls went on, new ones were {'refused' if refused else 'TAKEN'}, "
            f"the process ended after {took_s:.1f} s"
        )
        return callers - there + (not refused)


async def main(minutes: float, callers: int, slack: float, seed: int) -> int:
    """The whole soak; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from livegraph.cli import main; main()", "run", "echo", "--port", "0"),
        *("--admin", f"127.0.0.1:{port}", "--max-calls", str(4 * callers + 8)),
        stdout=asyncio.subprocess.PIPE,
        stderr=None,
        cwd=str(Path(folder).parent),
    )
    assert process.stdout is not None
    page = ""
    while not page:
        line = (await process.stdout.readline()).decode()
        page = next((word for word in line.split() if word.startswith("http")), "")
    soak = Soak(page, f"http://127.0.0.1:{port}", process, seed)
    until = time.monotonic() + 60 * minutes
    async with asyncio.TaskGroup() as group:
        group.create_task(soak.watch(until, min(60.0, 6 * minutes)))
        for _ in range(callers):
            group.create_task(soak.caller(until))
    await asyncio.sleep(20)  # Offers that nobody took up are forgotten by now.
    cut = await soak.drain(callers)
    rows = soak.rows[len(soak.rows) // 5 :]
    grown = [after / max(1.0, before) - 1 for before, after in zip(rows[0][1:], rows[-1][1:], strict=True)]
    names = ("memory", "tasks", "threads", "files")
    print(", ".join(f"{name} {part:+.0%}" for name, part in zip(names, grown, strict=True)))
    print(
        f"{soak.made} calls, {soak.failed} failed, {soak.refused} refused, {soak.abandoned} offers that nobody took up"
    )
    return int(grown[0] > slack or cut > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--callers", type=int, default=6)
    parser.add_argument("--slack", type=float, default=0.1, help="how much memory may grow: 0.1 is 10 %%")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    sys.exit(asyncio.run(main(chosen.minutes, chosen.callers, chosen.slack, chosen.seed)))
