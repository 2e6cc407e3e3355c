"""From the caller's mouth to silence: how fast an agent stops when it is spoken over, and goes on after a mere noise.

    python benchmarks/bench_conversation.py --times 8

A caller of aiortc, in a process of its own, hears an agent that speaks on and on, and says one syllable over it, at
four levels, clean and with noise 10 dB below. Measured in the caller's network: from the first sample of the syllable,
as its packet was recorded, to the last packet with sound in it; and from the last sample of the syllable to the first
packet with sound again. Only the detector decides: there is no model. With a receive buffer of 80 ms and a decision
after 96 ms of speech the figures were 190 and 213 ms.
"""

import argparse
import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from callers import Caller, packets, trimmed

from livegraph.audio import Pcm
from livegraph.audio.wav import read_wav
from livegraph.pipeline import AudioFrame, Graph, InterruptFrame, Out, Processor

ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "configs" / "amiable.wav"
LEVELS_DB = (-18, -28, -38, -48)
SYLLABLE_S = 0.3
OLD = "190 / 213"


# ---- the server's process ----


class Talker(Processor):
    """Says one long turn after the other."""

    kind = "source"
    out: Out[AudioFrame] = Out(rate=24_000, channels=1)

    async def run(self) -> None:
        tone = (np.sin(np.arange(2_400) * (2 * np.pi * 300 / 24_000)) * 6_000).astype(np.int16)
        self._cut = asyncio.Event()
        while True:
            turn = self.call.conversation.next_turn()
            self._cut.clear()
            while not self._cut.is_set():
                await self.out.send(AudioFrame(tone, 24_000, turn=turn))

    def on_interrupt(self, frame: InterruptFrame) -> None:
        self._cut.set()


async def serve() -> None:
    """Serve an agent that speaks on and on, until stdin ends; print the port."""
    from livegraph.cli.web import WebServer
    from livegraph.processors import VadGate
    from livegraph.server.app import make_app
    from livegraph.server.calls import ServedAgent
    from livegraph.transports.webrtc.webrtc_in import WebRTCIn
    from livegraph.transports.webrtc.webrtc_out import WebRTCOut

    graph = Graph("talker")
    graph.add("mic", WebRTCIn)
    graph.add("gate", VadGate)
    graph.add("talker", Talker)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "gate")
    graph.connect("talker", "ear")
    app = make_app([ServedAgent("talker", graph.plan())])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = WebServer(app, lambda: print(port, flush=True), grace_s=1)
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=[listener])
        loop.remove_reader(sys.stdin.fileno())


# ---- the caller's ----


def levelled(pcm: Pcm, level_db: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """``pcm`` at so many dB below full scale, by its mean power."""
    samples = pcm.astype(np.float64)
    made: np.ndarray[tuple[int], np.dtype[np.float64]] = samples * (
        32_768 * 10 ** (level_db / 20) / np.sqrt(np.mean(samples**2))
    )
    return made


def syllable(level_db: float, *, noisy: bool) -> tuple[list[bytes], list[bytes], float]:
    """Packets of the syllable and of the room at this level, and the syllable's length in seconds."""
    pcm, rate = read_wav(RECORDING)
    speech = levelled(trimmed(pcm, rate)[: int(SYLLABLE_S * rate)], level_db)
    rng = np.random.default_rng(1)
    noise_db = level_db - 10 if noisy else -80
    noise = rng.normal(0, 32_768 * 10 ** (noise_db / 20), 3 * rate)
    said = np.clip(speech + noise[: len(speech)], -32_768, 32_767).astype(np.int16)
    room = np.clip(noise, -32_768, 32_767).astype(np.int16)
    words = packets(said, rate)
    return words, packets(room, rate), len(words) * 0.02


async def measure(page: str, level_db: float, *, noisy: bool, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds from mouth to silence, and from the mouth's silence to sound again."""
    words, room, length_s = syllable(level_db, noisy=noisy)
    caller = Caller(room)
    stops: list[float] = []
    resumes: list[float] = []
    try:
        await caller.open(page, "talker")
        loop = asyncio.get_running_loop()
        await caller.first_sound(0)
        for number in range(times + 1):
            await asyncio.sleep(0.9 + 0.013 * number)
            ended = await caller.microphone.say(words)
            began = ended - length_s
            await asyncio.sleep(0.9)
            silent, again = gap(caller.sounds, began, loop.time())
            if number:  # the first time the detector gets to know the voice
                stops.append((silent - began) * 1e3)
                resumes.append((again - ended) * 1e3)
    finally:
        await caller.close()
    return stops, resumes


def gap(sounds: list[float], after: float, now: float) -> tuple[float, float]:
    """When the sound stopped, and when it went on; ``now`` for what did not happen."""
    heard = [at for at in sounds if at > after - 0.02]
    for before, following in itertools.pairwise(heard):
        if following - before > 0.1:
            return before, following
    return now, now


def rows(page: str, times: int) -> Iterator[tuple[str, list[float], list[float]]]:
    for noisy in (False, True):
        for level_db in LEVELS_DB:
            stops, resumes = asyncio.run(measure(page, level_db, noisy=noisy, times=times))
            yield f"{level_db} dBFS{', noise' if noisy else ''}", stops, resumes


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--times", type=int, default=6, help="how often for each level")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve())
        return
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        page = f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        stops: list[float] = []
        resumes: list[float] = []
        print(f"{'':18} {'mouth to silence, ms':>22} {'silence to sound, ms':>22}")
        print(f"{'':18} {'p50':>11} {'p95':>10} {'p50':>11} {'p95':>10}")
        for name, stopped, resumed in rows(page, options.times):
            show(name, stopped, resumed)
            stops += stopped
            resumes += resumed
        show("all", stops, resumes)
        print(f"{'before':18} {OLD:>22}")
        server.stdin.close()


def show(name: str, stops: list[float], resumes: list[float]) -> None:
    found = [np.percentile(values, share) for values in (stops, resumes) for share in (50, 95)]
    print(f"{name:18} {found[0]:11.0f} {found[1]:10.0f} {found[2]:11.0f} {found[3]:10.0f}", flush=True)


if __name__ == "__main__":
    main()
