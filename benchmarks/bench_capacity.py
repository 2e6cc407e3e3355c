"""How many calls one core holds.

    python benchmarks/bench_capacity.py [--calls 15 30 45 60] [--seconds 6] [--aiortc 4 8 12]

The agent of ``bench_media.py`` with the detector on, the model of ``live_stub.py``, and callers that cost next to
nothing (``light_callers.py``): all of them speak without end, and so does the model. The server is one process whose
work is done by one thread, so it has one core at most. For each number of calls:

- *CPU for a call*: of the server's process, as a share of a core.
- *lag*: by how much a timer of 10 ms in the server's event loop is late, 99 of 100 and the worst.
- *packets/s*: that each caller got, the mean and the least; there should be 50. *late*: that came more than 60 ms
  after the one before.

With ``--aiortc`` the same agent on stock aiortc is measured first, with these numbers of calls; the last line tells how
many calls each of the two held: the most of those asked for at which the lag stayed under 30 ms for 99 of 100 and every
caller got its 50 packets a second, within one in a hundred.

"machine" is how busy all cores were, with everything on them. Where there are several the server has one for itself,
and callers and model the others; "waited" is for which share of the time its thread was ready to run and had no core
all the same: what that adds to the lag is the machine's. Under a real-time priority Linux takes 5 % of a core that is
full away, at a stretch: many calls are to be measured without one.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
from bench_calls import fastest_loop
from bench_media import SETTLE_S, Tool
from full_ice_caller import FullIceCaller
from light_callers import LightCaller, speak
from media_callers import speech_packets

_LATE_NS = 60_000_000
_MOST_LAG_MS = 30.0
_LEAST_RATE = 49.5


async def measure(
    model: Tool, server: Tool, kind: type[LightCaller], count: int, seconds: float
) -> tuple[str, bool]:
    """One line of the table, and whether so many calls are held."""
    packets, _ = speech_packets()
    url = f"http://127.0.0.1:{server.port}/api/offer"
    async with AsyncExitStack() as stack:
        callers = []
        for _ in range(count):
            caller = kind(packets)
            stack.push_async_callback(caller.close)
            await caller.open(url)
            callers.append(caller)
        await model.ask(do="talk", on=True)
        await speak(callers, 2 * SETTLE_S)
        for caller in callers:
            caller.heard = 0
            caller.held_ns.clear()
        server.say("lag")
        await asyncio.to_thread(server.line)
        psutil.cpu_percent()
        before, waited_ns = server.cpu_s, _waited_ns(server)
        await speak(callers, seconds)
        share = 100 * (server.cpu_s - before) / seconds / count
        machine = psutil.cpu_percent()
        waited = (_waited_ns(server) - waited_ns) / seconds / 1e7
        server.say("lag")
        slow, worst = (float(part) for part in (await asyncio.to_thread(server.line)).split())
        await model.ask(do="talk", on=False)
        rates = [caller.heard / seconds for caller in callers]
        held = [each for caller in callers for each in caller.held_ns]
        late = 100 * sum(each > _LATE_NS for each in held) / max(1, len(held))
    await model.ask(do="part", within=30)
    line = (
        f"{count:5} {share:14.2f} % {slow:9.1f} {worst:8.1f} {statistics.fmean(rates):11.1f} {min(rates):8.1f} "
        f"{late:8.2f} % {machine:8.0f} % {waited:7.1f} %"
    )
    return line, slow < _MOST_LAG_MS and min(rates) >= _LEAST_RATE


def _share_cores(server: Tool, model: Tool) -> None:
    """One for the server, the others for everything else; as they come where that cannot be said."""
    cores = sorted(server.usage.cpu_affinity()) if hasattr(server.usage, "cpu_affinity") else []
    if len(cores) > 1:
        server.usage.cpu_affinity(cores[:1])
        for other in (model.usage, psutil.Process()):
            other.cpu_affinity(cores[1:])


def _waited_ns(server: Tool) -> int:
    """How long the server's main thread has waited for a core so far; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{server.usage.pid}/schedstat").read_bytes().split()[1])
    except (OSError, IndexError):
        return 0


async def held_by(program: str, kind: type[LightCaller], counts: Sequence[int], seconds: float) -> int:
    """The most calls that the server ``program`` holds of these numbers; each is printed as soon as it is known."""
    model = Tool(sys.executable, "live_stub.py")
    held = 0
    try:
        server = Tool(sys.executable, program, f"ws://127.0.0.1:{model.port}")
        _share_cores(server, model)
        try:
            print(f"{program}:  CPU of one call    lag, ms               packets/s")
            print(
                "calls                       99 %    worst        mean    least       late   machine    waited"
            )
            for count in counts:
                line, holds = await measure(model, server, kind, count, seconds)
                print(line, flush=True)
                held = max(held, count if holds else 0)
        finally:
            server.close()
    finally:
        model.close()
    return held


async def main(given: argparse.Namespace) -> None:
    """All numbers of calls."""
    theirs = (
        await held_by("stock_aiortc.py", FullIceCaller, given.aiortc, given.seconds) if given.aiortc else 0
    )
    ours = await held_by("media_server.py", LightCaller, given.calls, given.seconds)
    if given.aiortc:
        ratio = f"{ours / theirs:.2f}" if theirs else "-"
        print(f"held: ours {ours}, aiortc {theirs}, ratio {ratio}")


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description="How many calls one core holds.")
    parser.add_argument(
        "--calls", type=int, nargs="+", default=[15, 30, 45, 60], help="numbers of calls at a time"
    )
    parser.add_argument("--aiortc", type=int, nargs="+", help="of calls to stock aiortc, for comparison")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each is measured")
    return parser.parse_args()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(main(arguments()))
