"""webrtc_in and webrtc_out in whole calls: a caller in the same process, the real network stack in between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from livegraph.pipeline.end_reason import EndReason
from livegraph.pipeline.errors import StartError
from livegraph.pipeline.frames import AudioFrame, TextFrame, TurnEndFrame
from livegraph.pipeline.graph.graph import Graph
from livegraph.pipeline.graph.registry import load
from livegraph.pipeline.ports import In, Out
from livegraph.pipeline.processor import Processor
from livegraph.pipeline.running.call import Call
from livegraph.pipeline.turns.controller import TurnState
from livegraph.testing import no_tasks_left
from livegraph.transports.webrtc.peer import Peer
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.webrtc import Caller, pitch


class Ears(Processor):
    """Notes what the caller said and typed."""

    audio: In[AudioFrame] = In(rate=16_000, channels=1)
    text: In[TextFrame] = In()

    def __init__(self) -> None:
        self.frames: list[AudioFrame] = []
        self.texts: list[str] = []

    def on_audio(self, frame: AudioFrame) -> None:
        self.frames.append(frame)

    def on_text(self, frame: TextFrame) -> None:
        self.texts.append(frame.text)


class Voice(Processor):
    """Says one long turn, much faster than it lasts."""

    out: Out[AudioFrame] = Out(rate=24_000, channels=1)

    async def run(self) -> None:
        number = self.call.conversation.next_turn()
        times = np.arange(24_000 * 8) / 24_000
        tone = np.round(8_000 * np.sin(2 * np.pi * 1_000 * times)).astype(np.int16)
        for piece in np.split(tone, 80):
            await self.out.send(AudioFrame(samples=piece, rate=24_000, turn=number))
        await self.out.send(TurnEndFrame(turn=number))  # type: ignore[arg-type]  # markers pass any port


def echo() -> Graph:
    graph = Graph()
    graph.add("caller", WebRTCIn)
    graph.add("ear", WebRTCOut)
    graph.connect("caller.audio", "ear")
    return graph


@asynccontextmanager
async def calling(graph: Graph) -> AsyncIterator[tuple[Caller, Peer, Call]]:
    async with no_tasks_left():
        caller = Caller(hertz=440.0)
        peer = await caller.call()
        try:
            async with graph.plan().call(resources={Peer: peer}) as call:
                yield caller, peer, call
        finally:
            await peer.close()
            await caller.hang_up()


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.leaks
def test_a_caller_hears_the_echo() -> None:
    async def main() -> None:
        async with calling(echo()) as (caller, _, call):
            # 40 ms of cushion are enough: no gap in half a second of a steady tone. On a busy machine it may take a
            # while until the caller, in this same process, is not held up itself for that long.
            def steady() -> bool:
                heard = np.abs(caller.recent(0.4))
                pieces = heard[: len(heard) // 240 * 240].reshape(-1, 240)
                return len(heard) > 18_000 and int(pieces.max(axis=1).min()) > 4_000

            await until(steady)
            assert pitch(caller.recent(0.25)) == pytest.approx(440, abs=8)
            assert not call.reason

    asyncio.run(main())


def test_what_is_said_and_typed_reaches_the_graph() -> None:
    async def main() -> None:
        graph = Graph()
        graph.add("caller", WebRTCIn)
        graph.add("ears", Ears)
        graph.connect("caller.audio", "ears.audio")
        graph.connect("caller.text", "ears.text")
        async with calling(graph) as (caller, _, call):
            ears = call.processor("ears", Ears)
            caller.say(type="text", text="  good morning ")
            caller.say(type="text", text="   ")
            caller.say(type="text", text=7)
            caller.say(type="news", text="of tomorrow")
            caller.say(type="text", text="x" * 9_000)
            await until(lambda: len(ears.frames) > 30 and len(ears.texts) > 1)
            assert ears.texts[0] == "good morning" and len(ears.texts[1]) == 8_000
            sound = np.concatenate([frame.samples for frame in ears.frames])
            assert pitch(sound[-4_000:], 16_000) == pytest.approx(440, abs=8)
            assert all(frame.rate == 16_000 and frame.channels == 1 for frame in ears.frames)
            times = [frame.time_ns for frame in ears.frames]
            assert times == sorted(times)

    asyncio.run(main())


@pytest.mark.parametrize("way", ["message", "close"])
def test_a_hang_up_ends_the_call(way: str) -> None:
    async def main() -> None:
        async with calling(echo()) as (caller, _, call):
            if way == "message":
                caller.say(type="hangup")
            else:
                await caller.hang_up()
            async with asyncio.timeout(30):
                await call.finished()
            assert call.reason is EndReason.HUNG_UP

    asyncio.run(main())


def test_the_caller_speaks_over_the_agent_and_it_falls_silent() -> None:
    """Pause at once, flush when it is certain; the graph knows what was heard."""

    async def main() -> None:
        graph = Graph()
        graph.add("voice", Voice)
        graph.add("ear", WebRTCOut)
        graph.connect("voice", "ear")

        async with calling(graph) as (caller, _, call):
            conversation = call.processor("ear", WebRTCOut).call.conversation
            heard: list[str] = []
            conversation.say(1, 200_000_000, lambda: heard.append("beginning"))
            conversation.say(1, 7_000_000_000, lambda: heard.append("end"))
            await until(lambda: np.abs(caller.recent(0.1)).max(initial=0) > 4_000)
            assert conversation.state is TurnState.SPEAKING
            await until(lambda: bool(heard))
            conversation.user_started()
            assert conversation.state is TurnState.PAUSED
            await until(lambda: np.abs(caller.recent(0.1)).max(initial=0) < 50)
            await until(lambda: conversation.state is TurnState.INTERRUPTED)
            conversation.user_stopped()
            await asyncio.sleep(0.5)
            assert np.abs(caller.recent(0.3)).max() < 50
            assert heard == ["beginning"]

    asyncio.run(main())


@pytest.mark.parametrize(("name", "kind"), [("caller", WebRTCIn), ("ear", WebRTCOut)])
def test_without_a_caller_the_call_does_not_start(name: str, kind: type[Processor]) -> None:
    graph = echo() if kind is WebRTCOut else Graph()
    if kind is WebRTCIn:
        graph.add("caller", WebRTCIn)
        graph.add("ears", Ears)
        graph.connect("caller.audio", "ears.audio")
        graph.connect("caller.text", "ears.text")
    with pytest.raises(StartError, match=rf"{name}: there is no caller\. .*livegraph run"):
        asyncio.run(graph.plan().call().run())


def test_the_boxes_are_registered() -> None:
    assert load("webrtc_in") is WebRTCIn
    assert load("webrtc_out") is WebRTCOut


def test_checking_a_graph_loads_no_network_stack() -> None:
    """`livegraph check` stays fast: aiortc and av load when a call starts."""
    code = (
        "import sys, livegraph.transports.webrtc.webrtc_in, livegraph.transports.webrtc.webrtc_out,"
        "livegraph.transports.file_in, livegraph.transports.file_out\n"
        "print([name for name in ('aiortc', 'aioice', 'av') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
