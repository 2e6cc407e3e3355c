"""What the media plane costs and adds, beside stock aiortc in one run.

    python benchmarks/bench_media.py [--calls 8 16] [--seconds 5] [--only cpu delay] [--pipecat PYTHON]

Processes: this one with the callers, a model that only notes and speaks (``live_stub.py``), and the server under test:
ours (``media_server.py``), aiortc as it comes (``stock_aiortc.py``), and with ``--pipecat`` Pipecat's small WebRTC
transport (``pipecat_server.py``), run by that Python. All see the same load, one after the other.

- *CPU*: of the server's process, for one call, as a share of a core; both sides speak without end, the model in turns
  of 2.4 s, and the detector is on. Where a caller got fewer than 47.5 packets/s, the next row says what 50 would have
  taken at the same cost of a packet: too little, since such a server leaves out work on the other way as well.
- *memory*, *threads*: what each further call adds that joins those which are there.
- *up*: from a packet of the caller to its sound at the model, mean and the slowest of a hundred, at 0, 0.5, 3 % loss.
- *given back*: lost packets of speech whose sound the model got all the same, of single losses, where the caller sends
  copies (in-band FEC). *thrown away*: packets that came, and whose sound the model did not get, for each lost one.
- *down*: from the model's message to its first packet at the caller. 10 ms of it are the beat of 20 ms.
- *stalls*: packets that the caller lacks, or that are silent, after the server's event loop stood still.
- *answer*, *connected*: from the offer.

On a machine that is busy with other things the times say more about the machine; CPU and counts can be trusted.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from media_callers import MediaCaller, speech_packets

from livegraph.audio import Pcm, from_bytes

HERE = Path(__file__).resolve().parent
PACKET_S = 0.02
SETTLE_S = 1.0
PARTING_S = 60.0
STARVED = 47.5
"""Packets a second below which a server did not do all of the work."""
ALIKE, SURELY = 0.7, 0.9
"""How alike a piece of sound must be to be the one that was sent (correlation): where it is expected, and elsewhere."""
SEARCH = 16_000 * 2 // 5  # 400 ms either way


class Tool:
    """A process that takes lines and gives lines."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
        )
        self.usage = psutil.Process(self._process.pid)
        self.port = self.line().strip()
        if not self.port:
            raise SystemExit(f"{command[1]} did not start")

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    async def ask(self, **command: Any) -> Any:
        self.say(json.dumps(command))
        return json.loads(await asyncio.to_thread(self.line))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def cpu_s(self) -> float:
        user, system = self.usage.cpu_times()[:2]
        return float(user + system)


class Bench:
    """One server and the model behind it."""

    def __init__(self, model: Tool, server: Tool) -> None:
        self.model, self.server = model, server
        self.packets, self.sound = speech_packets()

    @asynccontextmanager
    async def calls(self, count: int, **wishes: Any) -> AsyncIterator[list[MediaCaller]]:
        async with AsyncExitStack() as stack:
            yield [await self._join(stack, **wishes) for _ in range(count)]
        # What is left of these calls would be heard among those that follow.
        await self.model.ask(do="part", within=PARTING_S)

    async def _join(self, stack: AsyncExitStack, **wishes: Any) -> MediaCaller:
        """One call more; ``stack`` hangs up."""
        caller = MediaCaller(self.packets, **wishes)
        stack.push_async_callback(caller.close)
        await caller.open(f"http://127.0.0.1:{self.server.port}/api/offer")
        return caller

    async def cpu(self, counts: Sequence[int], seconds: float) -> AsyncIterator[tuple[str, str]]:
        """CPU for a call, and what further ones add that join the first."""
        sizes = []
        async with AsyncExitStack() as stack:
            callers: list[MediaCaller] = []
            for count in sorted(counts):
                while len(callers) < count:
                    callers.append(await self._join(stack))
                await self.model.ask(do="talk", on=True)
                await asyncio.sleep(SETTLE_S)
                before, began = self.server.cpu_s, time.monotonic()
                heard = sum(len(caller.heard) for caller in callers)
                await asyncio.sleep(seconds)
                passed = time.monotonic() - began
                share = 100 * (self.server.cpu_s - before) / passed / count
                rate = (sum(len(caller.heard) for caller in callers) - heard) / passed / count
                yield f"CPU for a call, {count} calls", f"{share:.2f} % ({rate:.1f} packets/s)"
                if rate < STARVED:
                    yield f"the same for 50 packets/s, {count} calls", f"{share * 50 / rate:.1f} %"
                sizes.append(
                    (count, self.server.usage.memory_info().rss / 2**20, self.server.usage.num_threads())
                )
                await self.model.ask(do="talk", on=False)
                await asyncio.sleep(SETTLE_S)
        await self.model.ask(do="part", within=PARTING_S)
        if len(sizes) > 1:
            (few, small, some), (many, large, more) = sizes[0], sizes[-1]
            yield "memory for a further call", f"{(large - small) / (many - few):.2f} MB"
            yield "threads for a further call", f"{(more - some) / (many - few):.2f}"

    async def up(self, loss: float, seconds: float) -> tuple[float, float, float, float]:
        """Mean and 99 % of the delay in ms; shares given back of those lost, and thrown away for each lost one."""
        async with self.calls(1, loss=loss) as (caller,):
            await self.model.ask(do="heard", keep=True)
            began = caller.count
            await asyncio.sleep(seconds)
            notes = await self.model.ask(do="heard", keep=False)
            return self._compared(caller, began, notes)

    def _compared(
        self, caller: MediaCaller, began: int, notes: Sequence[tuple[float, str]]
    ) -> tuple[float, float, float, float]:
        pieces = [(at, from_bytes(base64.b64decode(data))) for at, data in notes]
        heard = np.concatenate([pcm for _, pcm in pieces]).astype(np.float32)
        most = 320 * (caller.count - began) + 16_000
        if len(heard) > most:
            raise SystemExit(f"the model heard {len(heard)} samples where one caller spoke at most {most}")
        ends = np.cumsum([len(pcm) for _, pcm in pieces])
        delays: list[float] = []
        back = gone = thrown = 0
        shift: int | None = None
        sent = [number for number in range(began + 10, caller.count - 25) if self._is_telling(number)]
        for number in sent:
            piece = self._sound(number)
            guess = None if shift is None else 320 * (number - began) + shift
            lost = number in caller.lost
            at = _find(heard, piece, guess, elsewhere=not lost)
            gone += lost
            back += lost and at is not None
            thrown += not lost and at is None
            if not lost and at is not None:
                shift = at - 320 * (number - began)
                arrived = pieces[int(np.searchsorted(ends, at + 319, "right"))][0]
                delays.append(1_000 * (arrived - caller.sent_at[number]))
        slow = sorted(delays)[len(delays) * 99 // 100] if delays else float("nan")
        mean = statistics.fmean(delays) if delays else float("nan")
        return mean, slow, back / max(1, gone), thrown / max(1, gone)

    def _sound(self, number: int) -> Pcm:
        place = number % len(self.packets)
        return self.sound[320 * place : 320 * (place + 1)]

    def _is_telling(self, number: int) -> bool:
        """Whether a packet's sound can be told from others: it is loud enough."""
        return float(np.square(self._sound(number).astype(np.float32)).mean()) > 500.0**2

    async def down(self, times: int) -> float:
        """Milliseconds from the model's message to the caller's packet, mean."""
        delays = []
        async with self.calls(1) as (caller,):
            await asyncio.sleep(SETTLE_S)
            for number in range(times):
                # At any place of the beat.
                await asyncio.sleep(0.7 + 0.0037 * number)
                said = float(await self.model.ask(do="beep"))
                await asyncio.sleep(0.3)
                first = next((at for at, _, loud in caller.heard if at > said and loud), None)
                if first is not None:
                    delays.append(1_000 * (first - said))
        return statistics.fmean(delays) if delays else float("nan")

    async def stalls(self, times: int) -> str:
        """Packets lost or silent for stalls of 15, 25 and 45 ms."""
        found = []
        async with self.calls(1) as (caller,):
            await self.model.ask(do="talk", on=True)
            await asyncio.sleep(SETTLE_S)
            for held in (15, 25, 45):
                before = len(caller.heard)
                for _ in range(times):
                    self.server.say(str(held))
                    await asyncio.sleep(0.25)
                numbers = [sequence for _, sequence, _ in caller.heard[before:]]
                missing = (numbers[-1] - numbers[0] & 0xFFFF) + 1 - len(set(numbers))
                expected = times * 0.25 / PACKET_S
                short = max(0, round(expected - len(numbers)))
                found.append(str(missing + short))
            await self.model.ask(do="talk", on=False)
        return " / ".join(found)

    async def offers(self, times: int) -> tuple[float, float]:
        """Milliseconds from the offer to the answer and to the connection, medians."""
        answers, connections = [], []
        for _ in range(times):
            async with self.calls(1) as (caller,):
                answers.append(1_000 * caller.answered_s)
                connections.append(1_000 * caller.connected_s)
        return statistics.median(answers), statistics.median(connections)


def _find(heard: Any, piece: Pcm, guess: int | None, *, elsewhere: bool) -> int | None:
    """Where ``piece`` is in ``heard``: near the guess, or anywhere about it where it is sure to be told from others."""
    wanted = piece.astype(np.float32)
    wanted /= np.linalg.norm(wanted) + 1e-9
    places = [] if guess is None else [(guess, 40, ALIKE)]
    if elsewhere:
        places.append((guess or 0, SEARCH if guess is not None else 2 * SEARCH, SURELY))
    for middle, reach, enough in places:
        low = max(0, middle - reach)
        part = heard[low : middle + reach + len(wanted)]
        if len(part) < len(wanted):
            continue
        products = np.correlate(part, wanted, "valid")
        squares = np.concatenate(([0.0], np.cumsum(np.square(part, dtype=np.float64))))
        levels = np.sqrt(np.maximum(squares[len(wanted) :] - squares[: -len(wanted)], 1.0))
        likeness = products / levels
        best = int(likeness.argmax())
        if likeness[best] >= enough:
            return low + best
    return None


async def measure(bench: Bench, given: argparse.Namespace) -> AsyncIterator[tuple[str, str]]:
    """All that was asked for of one server, each as soon as it is known."""
    if "cpu" in given.only:
        async for row in bench.cpu(given.calls, given.seconds):
            yield row
    if "delay" in given.only:
        for loss in (0.0, 0.005, 0.03):
            mean, slow, _, _ = await bench.up(loss, given.seconds)
            yield f"up, {100 * loss:g} % loss", f"{mean:.1f} ms (99 %: {slow:.0f})"
        yield "down", f"{await bench.down(int(2 * given.seconds)):.1f} ms"
    if "loss" in given.only:
        _, _, back, thrown = await bench.up(-0.1, 2 * given.seconds)  # each tenth, alone
        yield "given back of single losses", f"{100 * back:.0f} %"
        yield "thrown away for each lost", f"{thrown:.2f}"
    if "stalls" in given.only:
        yield "packets missing, stalls of 15 / 25 / 45 ms", await bench.stalls(8)
    if "offers" in given.only:
        answer, connected = await bench.offers(8)
        yield "answer", f"{answer:.1f} ms"
        yield "connected", f"{connected:.0f} ms"


async def main(given: argparse.Namespace) -> None:
    """Measure every server, print what is found as it is found, and then a table."""
    servers = {"ours": (sys.executable, "media_server.py"), "aiortc": (sys.executable, "stock_aiortc.py")}
    if given.pipecat:
        servers["pipecat"] = (given.pipecat, "pipecat_server.py")
    columns: dict[str, dict[str, str]] = {}
    for name, command in servers.items():
        if given.servers and name not in given.servers:
            continue
        model = Tool(sys.executable, "live_stub.py")
        try:
            server = Tool(*command, f"ws://127.0.0.1:{model.port}")
            columns[name] = {}
            print(f"{name}:", flush=True)
            try:
                async for row, value in measure(Bench(model, server), given):
                    columns[name][row] = value
                    print(f"    {row:42}  {value}", flush=True)
            finally:
                server.close()
        finally:
            model.close()
    if len(columns) < 2:
        return
    width = max(len(row) for column in columns.values() for row in column)
    print(f"{'':{width}}  " + "  ".join(f"{name:>26}" for name in columns))
    rows = dict.fromkeys(row for column in columns.values() for row in column)
    for row in rows:
        cells = (column.get(row, "") for column in columns.values())
        print(f"{row:{width}}  " + "  ".join(f"{cell:>26}" for cell in cells))


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description="What the media plane costs and adds, beside stock aiortc.")
    parts = ["cpu", "delay", "loss", "stalls", "offers"]
    parser.add_argument("--calls", type=int, nargs="+", default=[8, 16], help="numbers of calls at a time")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each thing is measured")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--servers", nargs="+", help="of ours, aiortc and pipecat")
    parser.add_argument(
        "--pipecat", metavar="PYTHON", help="a Python that has pipecat-ai[webrtc,silero,google]"
    )
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(arguments()))
