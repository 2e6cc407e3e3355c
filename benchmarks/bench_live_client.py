"""What a minute of conversation with the Live API costs the client: our box, and the official SDK for the same.

    python benchmarks/bench_live_client.py [--calls 8] [--seconds 9.5] [--rounds 2]

Two processes: the simulator, which hears no words and answers every utterance with the same sound, and this one, which
is measured. It holds so many conversations at once, in real time, in turns with one client and the other. In each the
user says the same recorded words every five seconds, and is silent between them; the agent answers.

Both do the same work, from sound to sound: PCM goes in in pieces of 20 ms (and of 100 ms), PCM, words and usage come
out. Ours is the box `gemini_live` in a graph with a source and a sink, so with sessions that resume, playout, turns and
history. The SDK is a program as its guide has it: one task sends, one receives and appends.

CPU is that of this process, user and system, from when all conversations are connected until the last has been said,
without what it takes to wait as long with no conversation at all.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from livegraph.audio import Pcm, read_wav
from livegraph.pipeline import AudioFrame, Graph, In, Plan, Processor, TranscriptFrame, UsageFrame
from livegraph.processors.app import AppIn
from livegraph.processors.gemini_live import GeminiLive

ROOT = Path(__file__).resolve().parents[1]
RECORDING = ROOT / "tests" / "data" / "speech" / "go_forward.wav"
RATE = 16_000
EVERY_S = 5.0
ANSWER = (
    "version: 1\nuse_tools: false\nrules:\n  - hear: /./\n    say: This is a sentence that I say each time.\n"
)


# ---- the simulator's process ----


async def simulate() -> None:
    """Serve until stdin ends; print the port."""
    from livegraph.simulator import Simulator, parse_brain
    from livegraph.simulator.ears import NoEars
    from livegraph.simulator.voice import TonesVoice

    async with Simulator(script=parse_brain(ANSWER), ears=NoEars(), voice=TonesVoice()) as simulator:
        print(await simulator.serve(), flush=True)
        await asyncio.to_thread(sys.stdin.read)


# ---- what both clients do ----


@dataclass(slots=True)
class Heard:
    """What came of a conversation."""

    samples: int = 0
    words: str = ""
    turns: int = 0


Say = Callable[[Callable[[Pcm], Awaitable[None]]], Awaitable[None]]
"""Given a way to send, sends the user's part when all others are ready too; returns when all are through."""


@dataclass(slots=True)
class Client:
    """A way to hold a conversation: ``talk`` connects, has its part said, and returns what came back."""

    name: str
    talk: Callable[[Say], Awaitable[Heard]]
    cpu: list[float] = field(default_factory=list)
    """Per minute of conversation, in seconds, of each round."""
    heard: list[Heard] = field(default_factory=list)


class Sink(Processor):
    """Takes what the box gives."""

    kind = "sink"
    sound: In[AudioFrame] = In(rate=24_000, channels=1)
    words: In[TranscriptFrame] = In()
    usage: In[UsageFrame] = In()

    def __init__(self) -> None:
        self.heard = Heard()

    def on_sound(self, frame: AudioFrame) -> None:
        self.heard.samples += len(frame.samples)
        # Played at once: how long that takes is no matter of CPU.
        self.call.conversation.played(frame.turn, 1 << 60)

    def on_words(self, frame: TranscriptFrame) -> None:
        if frame.final and frame.role == "agent":
            self.heard.words += frame.text

    def on_usage(self, frame: UsageFrame) -> None:
        self.heard.turns += 1


def make_plan(url: str) -> Plan:
    """A source, the box, a sink."""
    graph = Graph()
    graph.add("mic", AppIn)
    graph.add("live", GeminiLive, endpoint="local", url=url)
    graph.add("sink", Sink)
    graph.connect("mic.audio", "live.audio")
    graph.connect("live.out", "sink.sound")
    graph.connect("live.transcript", "sink.words")
    graph.connect("live.usage", "sink.usage")
    return graph.plan()


async def by_box(plan: Plan, say: Say) -> Heard:
    """A conversation by our box."""
    async with plan.call() as call:
        mic = call.processor("mic", AppIn)

        async def send(piece: Pcm) -> None:
            await mic.send(AudioFrame(piece, RATE, time_ns=call.clock.now_ns()))

        await say(send)
        heard = call.processor("sink", Sink).heard
    return heard


async def by_sdk(port: int, say: Say) -> Heard:
    """A conversation by a program as the SDK's guide has it."""
    from google import genai
    from google.genai import types

    heard = Heard()
    client = genai.Client(api_key="none")
    api: Any = client._api_client
    # Public options force TLS, which would cost the one and not the other.
    api._websocket_ssl_ctx = {"proxy": None}
    api._websocket_base_url = lambda *_, **__: f"ws://127.0.0.1:{port}"
    config: Any = {
        "response_modalities": ["AUDIO"],
        "input_audio_transcription": {},
        "output_audio_transcription": {},
        "session_resumption": {},
        "context_window_compression": {"sliding_window": {}},
    }

    async def receive(session: Any) -> None:
        while True:
            async for message in session.receive():
                if message.data:
                    heard.samples += len(np.frombuffer(message.data, "<i2"))
                content = message.server_content
                if content and content.output_transcription:
                    heard.words += content.output_transcription.text or ""
                if message.usage_metadata:
                    heard.turns += 1

    async with client.aio.live.connect(model="gemini-3.8-live", config=config) as session:
        receiver = asyncio.create_task(receive(session))

        async def send(piece: Pcm) -> None:
            blob = types.Blob(data=piece.tobytes(), mime_type=f"audio/pcm;rate={RATE}")
            await session.send_realtime_input(audio=blob)

        await say(send)
        receiver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiver
    await client.aio.aclose()
    client.close()
    return heard


async def at_their_time(send: Callable[[Pcm], Awaitable[None]], pieces: list[Pcm], piece_s: float) -> None:
    """Send each piece when a microphone would have it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number, piece in enumerate(pieces, 1):
        await send(piece)
        await asyncio.sleep(began + number * piece_s - loop.time())


# ---- measuring ----


def microphone(seconds: float, piece_s: float) -> list[Pcm]:
    """The user: the recorded words every five seconds."""
    words, rate = read_wav(RECORDING)
    assert rate == RATE
    sound = np.zeros(round(seconds * RATE), np.int16)
    for at in range(RATE // 2, len(sound) - round(3.5 * RATE), round(EVERY_S * RATE)):
        sound[at : at + len(words)] = words[: len(sound) - at]
    size = round(piece_s * RATE)
    return [sound[at : at + size] for at in range(0, len(sound), size)]


async def idle(say: Say) -> Heard:
    """The same waits, with nothing to do."""

    async def nothing(piece: Pcm) -> None:
        return

    await say(nothing)
    return Heard()


async def measure(client: Client, calls: int, seconds: float, piece_s: float, idle_cpu: float = 0.0) -> float:
    """CPU seconds for each minute of conversation."""
    pieces = microphone(seconds, piece_s)
    ready, through = asyncio.Barrier(calls + 1), asyncio.Barrier(calls + 1)

    async def say(send: Callable[[Pcm], Awaitable[None]]) -> None:
        await ready.wait()
        await at_their_time(send, pieces, piece_s)
        await through.wait()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_held(client, say)) for _ in range(calls)]
        await ready.wait()
        before = time.process_time()
        await through.wait()
        spent = (time.process_time() - before) / (calls * seconds / 60) - idle_cpu
    client.heard += [task.result() for task in tasks]
    client.cpu.append(spent)
    return spent


async def _held(client: Client, say: Say) -> Heard:
    return await client.talk(say)


async def compare(port: int, calls: int, seconds: float, rounds: int) -> None:
    """Measure in turns, and print."""
    plan = make_plan(f"ws://127.0.0.1:{port}")
    print(
        f"{calls} conversations at once, {seconds:g} s, {rounds} rounds; ms of CPU a minute of conversation"
    )
    print(f"{'':24}{'livegraph':>12}{'google-genai':>14}{'ratio':>8}")
    for piece_ms in (20, 100):
        piece_s = piece_ms / 1_000
        ours = Client("livegraph", lambda say: by_box(plan, say))
        theirs = Client("google-genai", lambda say: by_sdk(port, say))
        waits = await measure(Client("idle", idle), calls, 2.0, piece_s)
        for client in (ours, theirs):
            # What is loaded at the first use is no part of it.
            await measure(client, 1, 0.5, piece_s)
            client.cpu.clear()
            client.heard.clear()
        for _ in range(rounds):
            for client in (ours, theirs):
                await measure(client, calls, seconds, piece_s, waits)
        one, other = statistics.median(ours.cpu), statistics.median(theirs.cpu)
        name = f"sound of {piece_ms} ms"
        print(f"{name:24}{one * 1_000:12.0f}{other * 1_000:14.0f}{one / other:8.2f}", flush=True)
        for client in (ours, theirs):
            samples = sum(each.samples for each in client.heard) / 24_000
            turns = sum(each.turns for each in client.heard)
            print(
                f"  {client.name}: rounds {', '.join(f'{each * 1_000:.0f}' for each in client.cpu)}", end=""
            )
            print(f"; heard {turns} turns, {samples:.0f} s of sound", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=9.5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--simulate", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.simulate:
        asyncio.run(simulate())
        return
    logging.disable(logging.INFO)
    warnings.simplefilter("ignore")
    server = subprocess.Popen(
        [sys.executable, __file__, "--simulate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None and server.stdout is not None
    try:
        port = int(server.stdout.readline())
        asyncio.run(compare(port, given.calls, given.seconds, given.rounds))
    finally:
        server.stdin.close()
        server.wait(10)
        server.stdout.close()


if __name__ == "__main__":
    main()
