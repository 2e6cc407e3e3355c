"""How long a caller waits for the agent's first sound, and what waiting for the caller before the model costs of it.

    python benchmarks/bench_greeting.py --calls 20

Callers of aiortc call an agent that greets, whose model is the local simulator behind a delay that stands for the
network (``--model-delay``, for each way). Printed are the medians of: offer to answer, offer to the caller's proof
of its address (when the call, and with it the paid session, begins), offer to the caller's connection (before which
nothing could be heard), offer to the model's being ready, offer to the first sound heard. Every other call begins
when it is answered, without waiting for its caller: the difference is what waiting costs.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from aiortc import RTCSessionDescription

from livegraph.language import parse_agent
from livegraph.liveapi.link import Link
from livegraph.pipeline.events import ServiceChanged
from livegraph.processors.gemini_live import LiveConnector
from livegraph.server import Arrival, ServedAgent, make_app
from livegraph.server.calls import WebRTCLeg
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice

# The callers of the tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.webrtc import Caller

AGENT = """
version: 1
pipeline: [webrtc_in, {gemini_live: {greeting: "Good morning, how can I help you today?"}}, webrtc_out]
"""


class Distant(LiveConnector):
    """The simulator, so many seconds away: TCP, TLS and the upgrade are three round trips."""

    label = "distant"

    def __init__(self, simulator: Simulator, delay_s: float) -> None:
        self._inner = simulator.connector()
        self._delay_s = delay_s

    async def connect(self, path: str = "", headers: object = None) -> Link:
        """Connect as the simulator's own connector does, later."""
        await asyncio.sleep(6 * self._delay_s)
        return await (self._inner.connect(path) if path else self._inner.connect())


async def _at_once(_: WebRTCLeg) -> None:
    """A caller who is believed before it is there."""


async def main(calls: int, delay_s: float) -> None:
    """Print the medians."""
    marks: dict[tuple[str, bool], list[float]] = defaultdict(list)
    reached = WebRTCLeg.reached
    began = 0.0
    ready: list[float] = []

    def on_call(_: object, arrival: Arrival) -> None:
        arrival.subscribe(ServiceChanged, lambda event: ready.append(time.monotonic() - began))

    async with Simulator(ears=NoEars(), voice=TonesVoice(), time_scale=1.0) as simulator:
        agent = ServedAgent.of(
            parse_agent(AGENT, file="greeter.yaml"), resources={LiveConnector: Distant(simulator, delay_s)}
        )
        app = make_app([agent], on_call=on_call)
        async with app.state.desk as desk:
            for number in range(2 * calls):
                waits = number % 2 == 0
                setattr(WebRTCLeg, "reached", reached if waits else _at_once)  # noqa: B010
                caller = Caller(None)
                sdp = await caller.offer()
                ready.clear()
                began = time.monotonic()
                answered = await desk.answer(sdp)
                marks["answer", waits].append(time.monotonic() - began)
                (line,) = desk.lines()
                await caller.pc.setRemoteDescription(RTCSessionDescription(answered.sdp, answered.type))
                await reached(line.leg)
                marks["reached", waits].append(time.monotonic() - began)
                await line.leg.connected()
                marks["connected", waits].append(time.monotonic() - began)
                while not any(np.abs(piece).max(initial=0) > 300 for piece in caller.heard):  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
                marks["heard", waits].append(time.monotonic() - began)
                marks["ready", waits].append(ready[0])
                await caller.hang_up()
                while desk.active:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    for name, what in (
        ("answer", "offer to answer"),
        ("reached", "offer to the caller's proof of its address"),
        ("connected", "offer to the caller's connection"),
        ("ready", "offer to the model's being ready"),
        ("heard", "offer to the first sound heard"),
    ):
        waiting, at_once = (1_000 * statistics.median(marks[name, waits]) for waits in (True, False))
        print(f"{what:46}{waiting:6.0f} ms, {at_once:6.0f} ms without waiting: {waiting - at_once:+5.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--model-delay", type=float, default=0.02, help="seconds each way to the model")
    chosen = parser.parse_args()
    asyncio.run(main(chosen.calls, chosen.model_delay))
