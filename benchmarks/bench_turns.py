"""When a caller's turn is taken for over: what waiting costs, whom it cuts off, and what the framework adds to it.

    python benchmarks/bench_turns.py --turns 40 --model ./smart-turn-v3.2-cpu.onnx

First, who is cut off and who waits: speakers made of recorded people's words, with pauses of four temperaments between
them (log-normal, drawn anew for each turn), through the real detector. An answer takes 700 ms from the moment at which
the turn was taken for over; who goes on before that was cut off. Second, the framework's own share: a caller of aiortc
says a word to an agent with `turns: local` whose model answers as soon as it is told that the turn is over; measured in
the caller's network, from the last packet of the word to the first with sound, less the silence that was waited for.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from callers import Caller, packets, trimmed
from live_stub import Prompt

from livegraph.audio import Pcm, SileroVad, SmartTurn, SpeakerPauses, SpeechDetector, SpeechEnded, read_wav

ROOT = Path(__file__).resolve().parents[1]
WORDS = [
    ROOT / "tests" / "data" / "speech" / f"{name}.wav" for name in ("go_forward", "do_something", "numbers")
]
RATE = 16_000
MS = 1_000_000
WINDOW = 512
SILENCE_MS = 500
ANSWER_MS = 700
SPEAKERS = {
    "quick": (150, 0.4, 1.0),
    "usual": (260, 0.5, 1.5),
    "slow": (480, 0.5, 2.0),
    "halting": (700, 0.5, 3.0),
}
"""Median of the pauses in milliseconds, their spread (sigma of the logarithm), and how many there are in a turn."""


# ---- whom it cuts off ----


def voiced(pcm: Pcm) -> list[float]:
    """The detector's probability for each window."""
    return SileroVad().process(pcm)


class Listener:
    """A gate's judgement of one speaker's turns: by one silence for all, by their pauses, or with a model beside."""

    def __init__(self, silence_ms: int | None, model: SmartTurn | None) -> None:
        self.model = model
        self.pauses = None
        if silence_ms is None:
            self.pauses = SpeakerPauses(
                expected_ns=SILENCE_MS * MS, shortest_ns=300 * MS, longest_ns=1_200 * MS
            )
        self.silence_ns = (silence_ms or 0) * MS
        self.cut = 0
        self.waited: list[float] = []

    def turn(self, words: list[Pcm], gaps_ms: list[int]) -> None:
        """Hear one turn: words with pauses between them, and silence."""
        room = [np.random.default_rng(1).normal(0, 4, RATE * ms // 1_000).astype(np.int16) for ms in gaps_ms]
        pieces = [
            piece for pair in zip(words, [*room, np.zeros(2 * RATE, np.int16)], strict=True) for piece in pair
        ]
        pcm = np.concatenate(pieces)
        detector = SpeechDetector(hang_over_ns=self.silence_ns, min_speech_ns=96 * MS, pauses=self.pauses)
        ended: SpeechEnded | None = None
        asked = False
        for number, probability in enumerate(voiced(pcm)):
            for event in detector.feed([probability], number * WINDOW * 1_000 * MS // RATE):
                if isinstance(event, SpeechEnded):
                    ended = event
                elif ended is not None:
                    gap_ns = event.at_ns - ended.at_ns
                    if event.at_ns < ended.decided_ns + ANSWER_MS * MS:
                        self.cut += 1
                        if self.pauses is not None:
                            self.pauses.cut_off(gap_ns)
                    elif self.pauses is not None:
                        self.pauses.answered()
            if self.model is None or self.pauses is None or detector.unvoiced_ns < 200 * MS:
                asked = False
            elif not asked:
                asked = True
                self.pauses.judged(self.model.finished(pcm[: (number + 1) * WINDOW]))
        assert ended is not None
        self.waited.append((ended.decided_ns - ended.at_ns) / MS)
        if self.pauses is not None:
            self.pauses.answered()


def endings(turns: int, model: SmartTurn | None) -> None:
    """Print whom each way of judging cuts off, and how long it waits."""
    words = []
    for file in WORDS:
        pcm, rate = read_wav(file)
        words.append(trimmed(pcm, rate))
    ways: list[tuple[str, int | None, SmartTurn | None]] = [("500 ms", 500, None), ("700 ms", 700, None)]
    ways.append(("adaptive", None, None))
    if model is not None:
        ways.append(("with model", None, model))
    print(f"{'':10}" + "".join(f"{name:>24}" for name, _, _ in ways))
    print(f"{'speaker':10}" + f"{'cut/100':>12}{'wait, ms':>12}" * len(ways))
    for name, (median, sigma, many) in SPEAKERS.items():
        cells = ""
        for _, silence_ms, judge in ways:
            rng = np.random.default_rng(5)
            listener = Listener(silence_ms, judge)
            for _ in range(turns):
                count = min(6, int(rng.geometric(1 / (1 + many))) - 1)
                gaps = [int(median * np.exp(rng.normal(0, sigma))) for _ in range(count)]
                listener.turn([words[int(rng.integers(len(words)))] for _ in range(count + 1)], gaps)
            cells += f"{100 * listener.cut / turns:12.0f}{np.mean(listener.waited):12.0f}"
        print(f"{name:10}{cells}", flush=True)


# ---- the framework's own share ----

AGENT = f"""
version: 1
turns: local
pipeline:
  - webrtc_in
  - vad_gate: {{turn_end: silence, hang_over: {SILENCE_MS}ms}}
  - gemini_live: {{input_transcription: false, output_transcription: false}}
  - webrtc_out
"""


async def serve() -> None:
    """Serve the agent and its model until stdin ends; print the port."""
    import websockets

    from livegraph.cli.web import WebServer
    from livegraph.language import parse_agent
    from livegraph.pipeline.graph.plan import make_plan
    from livegraph.processors.gemini_live import LiveConnector
    from livegraph.processors.gemini_live.connect import WebSocketConnector
    from livegraph.server.app import make_app
    from livegraph.server.calls import ServedAgent

    stub = Prompt()
    async with websockets.serve(stub.serve, "127.0.0.1", 0, compression=None, max_size=None) as model:
        address = f"ws://127.0.0.1:{model.sockets[0].getsockname()[1]}"
        agent = parse_agent(AGENT)
        resources: dict[type, Any] = {LiveConnector: WebSocketConnector(address, "stub")}
        app = make_app([ServedAgent("agent", make_plan(agent.graph, agent.turns), resources=resources)])
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            server = WebServer(app, lambda: print(port, flush=True), grace_s=1)
            loop = asyncio.get_running_loop()
            loop.add_reader(sys.stdin.fileno(), lambda: setattr(server, "should_exit", True))
            await server.serve(sockets=[listener])
            loop.remove_reader(sys.stdin.fileno())


async def share(page: str, times: int) -> list[float]:
    """Milliseconds from the last packet of a word to the first with sound, less the silence that is waited for."""
    pcm, rate = read_wav(WORDS[0])
    words = packets(trimmed(pcm, rate), rate)
    caller = Caller(packets(np.random.default_rng(1).normal(0, 3, 3 * rate).astype(np.int16), rate))
    found = []
    try:
        await caller.open(page, "agent")
        for number in range(times + 1):
            await asyncio.sleep(0.6 + 0.013 * number)
            ended = await caller.microphone.say(words)
            sounded = await caller.first_sound(ended)
            if number:
                found.append((sounded - ended) * 1e3 - SILENCE_MS)
    finally:
        await caller.close()
    return found


def own_share(times: int) -> None:
    """Print it."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        page = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        found = asyncio.run(share(page, times))
        server.stdin.close()
    half, most = np.percentile(found, [50, 95])
    print(f"own share from the end of speech to the first sound: p50 {half:.0f} ms, p95 {most:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=40, help="of each speaker; 0: only the own share")
    parser.add_argument("--times", type=int, default=12, help="how often the own share is measured")
    parser.add_argument("--model", type=Path, help="smart-turn's file")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
        return
    if given.turns:
        endings(given.turns, SmartTurn.load(given.model) if given.model else None)
    own_share(given.times)


if __name__ == "__main__":
    main()
