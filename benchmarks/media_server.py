"""Our server for ``bench_media``: one voice agent, and stalls of its event loop on command.

    python benchmarks/media_server.py ws://127.0.0.1:PORT

Prints its port; each number on stdin holds the event loop up for as many milliseconds, and ``lag`` prints by how many
a timer of 10 ms was late since that was asked last: 99 of 100, and the worst. Where the model is deaf to
interruptions, as it is here, both sides can speak at once.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `livegraph run` does

AGENT = """
version: 1
turns: {barge_in: false}
pipeline:
  - webrtc_in
  - vad_gate
  - gemini_live: {input_transcription: false, output_transcription: false}
  - webrtc_out
"""


class Lags:
    """By how much the event loop is late."""

    def __init__(self) -> None:
        self._late_ms: list[float] = []

    async def watch(self) -> None:
        """Look a hundred times a second."""
        while True:
            due = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            self._late_ms.append(max(0.0, 1_000 * (time.monotonic() - due)))

    def told(self) -> str:
        """99 of 100 and the worst, in milliseconds, since it was told last."""
        late, self._late_ms = sorted(self._late_ms) or [0.0], []
        return f"{late[len(late) * 99 // 100]:.1f} {late[-1]:.1f}"


class Orders:
    """What comes by stdin: stalls of the event loop, and questions for its lag. ``stop`` is called at its end."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._lags = Lags()
        self._watching: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sys.stdin.fileno(), self._obey)

    def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()

    def _obey(self) -> None:
        line = sys.stdin.readline()
        if line.strip() == "lag":
            self._watching = self._watching or asyncio.create_task(self._lags.watch())
            print(self._lags.told(), flush=True)
        elif line:
            time.sleep(int(line) / 1_000)
        else:
            self._stop()
            self._loop.remove_reader(sys.stdin.fileno())


async def main(model: str) -> None:
    """Serve until stdin ends."""
    from livegraph.cli.web import WebServer
    from livegraph.language import parse_agent
    from livegraph.pipeline.graph.plan import make_plan
    from livegraph.processors.gemini_live import LiveConnector
    from livegraph.processors.gemini_live.connect import WebSocketConnector
    from livegraph.server.app import make_app
    from livegraph.server.calls import ServedAgent

    agent = parse_agent(AGENT)
    plan = make_plan(agent.graph, agent.turns)
    app = make_app(
        [ServedAgent("agent", plan, resources={LiveConnector: WebSocketConnector(model, "stub")})],
        max_calls=128,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = WebServer(app, lambda: print(listener.getsockname()[1], flush=True), grace_s=1)

        orders = Orders(lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=[listener])
        orders.close()


if __name__ == "__main__":
    from bench_calls import fastest_loop

    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(main(sys.argv[1]))
