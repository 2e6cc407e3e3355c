"""What a call costs the server, and how long its caller waits.

    python benchmarks/bench_calls.py [--calls 1 4 8] [--seconds 4]

Three processes: the server under test, the simulator of the Live API, and this one with the callers. The callers send a
person's recorded words as Opus over WebRTC; the server runs the agent of `configs/voice_agent.yaml` without its
greeting; the simulator detects speech as it always does, but understands no words and answers with the same sound
each time, so that recogniser and synthesiser take no CPU away from what is measured.

For each number of calls, all of them at the same time:

- *listening*: every caller speaks without end and the agent is silent. *speaking*: the agent speaks, every caller
  is silent. CPU is that of the server's process alone, user and system, as a share of one core and for one call.
- *lag*: by how much a timer of 10 ms in the server's event loop is late, 99 of 100 and the worst.
- *answer*: from the end of the caller's words to the first sound of the agent, in the caller's network: what a
  browser's own buffer adds comes on top. *of it ours* is without the time that the model takes.
- *barge-in*: from the first sound of the caller, who speaks over the agent, to the agent's last sound.

Of the times the median and the worst of all calls. "machine" is how busy all cores were, with everything on them:
near 100 % the numbers say more about the machine than about livegraph.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `livegraph run` does, before numpy is there

import numpy as np
import psutil
from callers import Caller, packets, trimmed

from livegraph.audio import read_wav
from livegraph.processors.gemini_live import LiveConnector

ROOT = Path(__file__).resolve().parents[1]
RECORDING = ROOT / "tests" / "data" / "speech" / "go_forward.wav"
WHOLE_WITHIN_S = 80.0

AGENT = """
version: 1
agent:
  instructions: You are a friendly voice assistant.
  tools: [./voice_agent_tools.py]
"""
SILENT = "version: 1\nuse_tools: false\nrules:\n  - hear: /./\n    silent: true\n"
TALKING = "version: 1\nuse_tools: false\nrules:\n  - hear: /./\n    say: " + " ".join(
    f"This is sentence number {number} of a long answer." for number in range(1, 11)
)


# ---- the server's process ----


async def serve(simulator_url: str) -> None:
    """Serve the agents; print the port, and answer every line on stdin with the timer's lag since the last one."""
    from livegraph.cli.web import WebServer
    from livegraph.language import parse_agent
    from livegraph.pipeline.graph.plan import make_plan
    from livegraph.processors.gemini_live.connect import WebSocketConnector
    from livegraph.server.app import make_app
    from livegraph.server.calls import ServedAgent

    agent = parse_agent(AGENT, base_dir=ROOT / "configs")
    plan = make_plan(agent.graph, agent.turns)
    app = make_app(
        [
            ServedAgent(
                name,
                plan,
                resources={LiveConnector: WebSocketConnector(f"{simulator_url}/agents/{name}", "simulator")},
            )
            for name in ("silent", "talking")
        ],
        max_calls=64,
    )
    lags: list[float] = []
    loop = asyncio.get_running_loop()

    def beat(due: float) -> None:
        lags.append(loop.time() - due)
        loop.call_at(loop.time() + 0.01, beat, loop.time() + 0.01)

    def report() -> None:
        if not sys.stdin.readline():
            server.should_exit = True
            return
        taken = sorted(lags)
        lags.clear()
        worst = taken[-1] if taken else 0.0
        print(json.dumps([taken[len(taken) * 99 // 100] if taken else 0.0, worst]), flush=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = WebServer(app, lambda: print(port, flush=True), grace_s=1)
        beat(loop.time())
        loop.add_reader(sys.stdin.fileno(), report)
        await server.serve(sockets=[listener])
        loop.remove_reader(sys.stdin.fileno())


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop that `livegraph run` has."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


# ---- the simulator's process ----


async def simulate() -> None:
    """Run the simulator until stdin ends; print its port."""
    from livegraph.simulator.brain import parse_brain
    from livegraph.simulator.ears import NoEars
    from livegraph.simulator.server import Simulator
    from livegraph.simulator.voice import TonesVoice

    class Recorded(TonesVoice):
        """The same sound for the same sentence, made once."""

        speak_sentence = functools.cache(TonesVoice.speak_sentence)

    scripts = {"silent": parse_brain(SILENT), "talking": parse_brain(TALKING)}
    async with Simulator(scripts=scripts, ears=NoEars(), voice=Recorded(), max_sessions=128) as simulator:
        print(await simulator.serve("127.0.0.1", 0), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def model_takes_s() -> float:
    """How long the simulator waits for the end of speech and then thinks."""
    from livegraph.simulator.behaviour import Timing
    from livegraph.simulator.hearing import HearingSettings

    return (HearingSettings().silence_ns + Timing().think_ns) / 1e9


# ---- measuring ----


class Bench:
    """The other two processes, and what is measured of them."""

    def __init__(self, page: str, server: subprocess.Popen[str], simulator: subprocess.Popen[str]) -> None:
        self._page = page
        self._server = server
        self._cpu = {
            name: psutil.Process(process.pid)
            for name, process in (("server", server), ("simulator", simulator))
        } | {"callers": psutil.Process()}
        pcm, rate = read_wav(RECORDING)
        self._words = packets(trimmed(pcm, rate), rate)
        noise = np.random.default_rng(1).normal(0, 8, 3 * rate).astype(np.int16)
        self._room = packets(noise, rate)

    @asynccontextmanager
    async def calls(self, count: int, agent: str) -> AsyncIterator[list[Caller]]:
        """So many calls to an agent, while the block lasts."""
        async with AsyncExitStack() as stack:
            callers = []
            for _ in range(count):
                callers.append(caller := Caller(self._room))
                stack.push_async_callback(caller.close)
                await caller.open(self._page, agent)
            yield callers

    async def usage(self, seconds: float) -> dict[str, float]:
        """Shares of a core by process, of all cores as ``machine``, and the server's lag in ms, over a time."""
        await asyncio.to_thread(self._lag)
        psutil.cpu_percent()
        before, began = self._times(), time.perf_counter()
        await asyncio.sleep(seconds)
        after, wall = self._times(), time.perf_counter() - began
        machine = psutil.cpu_percent()
        usual, worst = await asyncio.to_thread(self._lag)
        shares = {name: 100 * (after[name] - before[name]) / wall for name in after}
        return {**shares, "machine": machine, "lag": 1_000 * usual, "worst lag": 1_000 * worst}

    async def listening(self, count: int, seconds: float) -> dict[str, float]:
        """Every caller speaks."""
        async with self.calls(count, "silent") as callers:
            for caller in callers:
                caller.microphone.loop(self._words)
            await asyncio.sleep(1.0)
            return await self.usage(seconds)

    async def speaking(self, count: int, seconds: float) -> tuple[dict[str, float], list[float], list[float]]:
        """The agent speaks; also, for each call, milliseconds to the answer, and to silence after barging in."""
        async with self.calls(count, "talking") as callers:
            answers = await asyncio.gather(*(self._ask(caller, at) for at, caller in enumerate(callers)))
            await asyncio.sleep(0.5)
            usage = await self.usage(seconds)
            silences = await asyncio.gather(
                *(self._barge_in(caller, at) for at, caller in enumerate(callers))
            )
            return usage, answers, silences

    async def _ask(self, caller: Caller, number: int) -> float:
        await asyncio.sleep(number * 0.053)
        ended = await caller.microphone.say(self._words)
        return 1_000 * (await caller.first_sound(ended) - ended)

    async def _barge_in(self, caller: Caller, number: int) -> float:
        await asyncio.sleep(number * 0.053)
        began = asyncio.get_running_loop().time()
        # The next packet goes out within 20 ms, and its sound began 20 ms before that: now, or a little earlier.
        await caller.microphone.say(self._words)
        return 1_000 * (caller.silent_at(began) - began)

    def _times(self) -> dict[str, float]:
        return {name: sum(process.cpu_times()[:2]) for name, process in self._cpu.items()}

    def _lag(self) -> tuple[float, float]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write("lag\n")
        self._server.stdin.flush()
        usual, worst = json.loads(self._server.stdout.readline())
        return usual, worst


@contextmanager
def role(name: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """This program in another process: it and the port that it prints; ended with the block."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--role", name, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise SystemExit(f"the {name} did not start")
        yield process, port
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def measure(counts: Sequence[int], seconds: float) -> None:
    """Print a row for each number of calls."""
    with (
        role("simulate") as (simulator, simulator_port),
        role("serve", f"ws://127.0.0.1:{simulator_port}") as (server, port),
    ):
        bench = Bench(f"http://127.0.0.1:{port}/", server, simulator)
        idle = await bench.usage(2.0)
        print(
            f"The server without calls: {idle['server']:.1f} % of a core. The machine: {idle['machine']:.0f} %."
        )
        print(HEAD)
        async with asyncio.timeout(WHOLE_WITHIN_S):
            for count in counts:
                listening = await bench.listening(count, seconds)
                speaking, answers, silences = await bench.speaking(count, seconds)
                print(row(count, listening, speaking, answers, silences), flush=True)


HEAD = (
    "        CPU of one call, %      lag, ms       answer, ms       of it ours  barge-in, ms     machine, %\n"
    "calls   listening  speaking    99 %  worst   median  worst      median     median  worst    (simulator, callers)"
)


def row(
    count: int,
    listening: dict[str, float],
    speaking: dict[str, float],
    answers: Sequence[float],
    silences: Sequence[float],
) -> str:
    """One line of the table."""

    def both(name: str) -> float:
        return max(listening[name], speaking[name])

    return (
        f"{count:5}   {listening['server'] / count:9.1f} {speaking['server'] / count:9.1f}"
        f"  {both('lag'):6.1f} {both('worst lag'):6.1f}"
        f"   {statistics.median(answers):6.0f} {max(answers):6.0f}"
        f"      {statistics.median(answers) - 1_000 * model_takes_s():6.0f}"
        f"     {statistics.median(silences):6.0f} {max(silences):6.0f}"
        f"    {both('machine'):3.0f} ({both('simulator'):.0f}, {both('callers'):.0f})"
    )


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(description="CPU per call and waiting times of a caller.")
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 4, 8], help="numbers of calls at a time")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long CPU is measured, at most 6")
    parser.add_argument("--role", choices=["serve", "simulate"], help=argparse.SUPPRESS)
    parser.add_argument("simulator", nargs="?", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.role == "simulate":
        asyncio.run(simulate())
    elif given.role == "serve":
        with asyncio.Runner(loop_factory=fastest_loop()) as runner:
            runner.run(serve(given.simulator))
    else:
        asyncio.run(measure(given.calls, min(given.seconds, 6.0)))


if __name__ == "__main__":
    main()
