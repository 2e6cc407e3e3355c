"""From the caller's mouth to silence: how fast an agent stops when it is spoken over, and goes on after a mere noise.

    python benchmarks/bench_conversation.py --times 8
    python benchmarks/bench_conversation.py --presets service local telephone --times 6

A caller of aiortc, in a process of its own, hears an agent that speaks on and on, and says one syllable over it, at
four levels, clean and with noise 10 dB below. Measured in the caller's network: from the first sample of the syllable,
as its packet was recorded, to the last packet with sound in it; and from the last sample of the syllable to the first
packet with sound again. Only the detector decides: there is no model. With a receive buffer of 80 ms and a decision
after 96 ms of speech the figures were 190 and 213 ms.

With ``--presets`` there is a row for each preset of ``turns``, and figures of an agent whose model answers as soon as
the turn is over: from the last sample of a sentence to the first packet of the answer. That is the silence which
whoever judges the end of the turn waits for (with ``service`` the model: 800 ms, unless told otherwise; else the gate),
and the rest, which is the framework's own share: both are printed.
"""

import argparse
import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from callers import Caller, packets, trimmed
from live_stub import Prompt

from livegraph.audio import Pcm, SpeechDetector, SpeechEnded
from livegraph.audio.speech import SpeechEvent
from livegraph.audio.wav import read_wav
from livegraph.pipeline import (
    AudioFrame,
    Graph,
    InterruptFrame,
    Out,
    Processor,
    TurnPolicy,
)
from livegraph.pipeline.turns.controller import TurnPreset

ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "configs" / "amiable.wav"
LEVELS_DB = (-18, -28, -38, -48)
SYLLABLE_S = 0.3
OLD = "190 / 213"
PRESETS: tuple[TurnPreset, ...] = ("service", "local", "telephone")


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


ANSWERER = """
version: 1
turns: {preset}
pipeline:
  - webrtc_in
  - vad_gate
  - gemini_live: {{input_transcription: false, output_transcription: false}}
  - webrtc_out
"""


class Waiting(SpeechDetector):
    """Prints how much silence it has waited for before it took speech for over."""

    def feed(self, probabilities: Iterable[float], start_ns: int) -> list[SpeechEvent]:
        events = super().feed(probabilities, start_ns)
        for event in events:
            if isinstance(event, SpeechEnded):
                print((event.decided_ns - event.at_ns) / 1e6, flush=True)
        return events


async def serve(preset: TurnPreset) -> None:
    """Serve an agent that speaks on and on, and one that answers, until stdin ends; print the port."""
    import websockets

    from livegraph.cli.web import WebServer
    from livegraph.language import parse_agent
    from livegraph.processors import VadGate, vad_gate
    from livegraph.processors.gemini_live import LiveConnector
    from livegraph.processors.gemini_live.connect import WebSocketConnector
    from livegraph.server.app import make_app
    from livegraph.server.calls import ServedAgent
    from livegraph.simulator import hearing
    from livegraph.transports.webrtc.webrtc_in import WebRTCIn
    from livegraph.transports.webrtc.webrtc_out import WebRTCOut

    # Whoever judges the end of a turn: with `service` the model's own detector. By `setattr`, as mypy lets no module's
    # class be replaced by assignment.
    setattr(hearing if preset == "service" else vad_gate, "SpeechDetector", Waiting)  # noqa: B010
    graph = Graph("talker")
    graph.add("mic", WebRTCIn)
    graph.add("gate", VadGate)
    graph.add("talker", Talker)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "gate")
    graph.connect("talker", "ear")
    stub = Prompt(judges=preset == "service")
    async with websockets.serve(stub.serve, "127.0.0.1", 0, compression=None, max_size=None) as model:
        address = f"ws://127.0.0.1:{model.sockets[0].getsockname()[1]}"
        answers = parse_agent(ANSWERER.format(preset=preset), file="answerer.yaml")
        connector: dict[type, Any] = {LiveConnector: WebSocketConnector(address, "stub")}
        app = make_app(
            [
                ServedAgent("talker", graph.plan(turns=TurnPolicy(preset=preset))),
                ServedAgent("answerer", answers.plan(), resources=connector),
            ]
        )
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


async def answered(page: str, level_db: float, *, times: int) -> list[float]:
    """Milliseconds from the last sample of a sentence to the first packet of the answer."""
    pcm, rate = read_wav(RECORDING)
    words = packets(np.clip(levelled(trimmed(pcm, rate), level_db), -32_768, 32_767).astype(np.int16), rate)
    caller = Caller(packets(np.zeros(3 * rate, np.int16), rate))
    found: list[float] = []
    try:
        await caller.open(page, "answerer")
        await asyncio.sleep(1)
        for number in range(times):
            ended = await caller.microphone.say(words)
            await asyncio.sleep(2 + 0.013 * number)
            found += [(at - ended) * 1e3 for at in caller.sounds if at > ended][:1]
    finally:
        await caller.close()
    return found


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
    parser.add_argument(
        "--presets", nargs="+", choices=PRESETS, default=[], help="a row for each, and answers"
    )
    parser.add_argument("--serve", choices=PRESETS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve))
        return
    if options.presets:
        compare(options.presets, options.times)
        return
    with running("service") as page:
        every(page, options.times)


def compare(presets: list[TurnPreset], times: int) -> None:
    """The presets beside each other, at a middling level, clean."""
    titles = (
        "mouth to silence, ms",
        "silence to sound, ms",
        "end to answer, ms",
        "waited for, ms",
        "ours, ms",
    )
    print(f"{'':18} " + " ".join(f"{title:>22}" for title in titles))
    print(f"{'':18} " + " ".join(f"{'p50':>11} {'p95':>10}" for _ in titles))
    for preset in presets:
        waits: list[float] = []
        with running(preset, waits) as page:
            stops, resumes = asyncio.run(measure(page, LEVELS_DB[1], noisy=False, times=times))
            answers = asyncio.run(answered(page, LEVELS_DB[1], times=times))
        waits = waits[-len(answers) :]
        ours = [answer - waited for answer, waited in zip(answers, waits, strict=True)]
        show(preset, stops, resumes, answers, waits, ours)
    print(f"{'before':18} {OLD:>22}")


@contextmanager
def running(preset: TurnPreset, waits: list[float] | None = None) -> Iterator[str]:
    """A server with this preset in a process of its own: the address of its page.

    ``waits`` is given the milliseconds of silence that were waited for at the end of each turn.
    """
    command = [sys.executable, __file__, "--serve", preset]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdin is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}/"
        server.stdin.close()
        if waits is not None:
            waits += map(float, server.stdout.read().split())


def every(page: str, times: int) -> None:
    """All levels, clean and with noise."""
    stops: list[float] = []
    resumes: list[float] = []
    print(f"{'':18} {'mouth to silence, ms':>22} {'silence to sound, ms':>22}")
    print(f"{'':18} {'p50':>11} {'p95':>10} {'p50':>11} {'p95':>10}")
    for name, stopped, resumed in rows(page, times):
        show(name, stopped, resumed)
        stops += stopped
        resumes += resumed
    show("all", stops, resumes)
    print(f"{'before':18} {OLD:>22}")


def show(name: str, *columns: list[float]) -> None:
    found = [np.percentile(values or [float("nan")], share) for values in columns for share in (50, 95)]
    pairs = (f"{p50:11.0f} {p95:10.0f}" for p50, p95 in zip(found[::2], found[1::2], strict=True))
    print(f"{name:18} {' '.join(pairs)}", flush=True)


if __name__ == "__main__":
    main()
