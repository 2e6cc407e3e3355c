"""A caller behind a socket: its call hears it and is heard, whatever it sends, and ends when it goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from livegraph.audio import Pcm
from livegraph.pipeline import AudioFrame, Graph, In, Out, Processor, TextFrame
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.end_reason import EndReason
from livegraph.pipeline.frames import TurnEndFrame, TurnStartFrame
from livegraph.pipeline.running.call import Call
from livegraph.pipeline.units import SECOND
from livegraph.transports.socket.caller import SocketCaller
from livegraph.transports.socket.codings import Coding
from livegraph.transports.socket.native import NativeCodec
from livegraph.transports.socket.signals import Data
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.far_side import Ear, MemoryWire

PCM16 = Coding("pcm16", 16_000)


SAID = (np.arange(20 * 16_000) % 90 + 1).astype(np.int16)


class Agent(Processor):
    """Says a turn of ``say_s`` seconds when it is written to, faster than it is heard; keeps what it hears."""

    ages = False

    audio: In[AudioFrame] = In(rate=16_000, channels=1)
    text: In[TextFrame] = In()
    out: Out[AudioFrame | TurnStartFrame | TurnEndFrame] = Out(rate=16_000, channels=1)

    def __init__(self, *, say_s: float = 2.0) -> None:
        self.say_s = say_s
        self.heard: list[AudioFrame] = []
        self.texts: list[str] = []

    def on_audio(self, frame: AudioFrame) -> None:
        """Keep it."""
        self.heard.append(frame)

    def on_text(self, frame: TextFrame) -> Iterator[AudioFrame | TurnStartFrame | TurnEndFrame]:
        """Answer."""
        self.texts.append(frame.text)
        turn, now_ns = self.call.conversation.next_turn(), self.call.clock.now_ns()
        yield TurnStartFrame(time_ns=now_ns, turn=turn)
        for at in range(0, round(self.say_s * 16_000), 1_600):
            yield AudioFrame(SAID[at : at + 1_600], 16_000, time_ns=now_ns, turn=turn)
        yield TurnEndFrame(time_ns=now_ns, turn=turn)


class Far:
    """A program at the other end."""

    def __init__(self, *, delay_s: float = 0.0, marks: bool = True) -> None:
        self.words: list[dict[str, Any]] = []
        self.wire = MemoryWire(self._listen, delay_s=delay_s)
        self.ear = Ear(16_000, lambda name: self.say({"type": "marked", "id": name}))
        self.caller = SocketCaller(NativeCodec(PCM16, PCM16, confirms=marks))

    def say(self, message: dict[str, Any]) -> None:
        """A message."""
        self.wire.say(json.dumps(message))

    def speak(self, pcm: Pcm) -> None:
        """Sound."""
        self.wire.say(pcm.astype("<i2").tobytes())

    async def talk(self, pcm: Pcm) -> None:
        """Sound at its pace."""
        for at in range(0, len(pcm), 320):
            self.speak(pcm[at : at + 320])
            await asyncio.sleep(0.02)

    def _listen(self, data: Data) -> None:
        if isinstance(data, bytes):
            self.ear.play(np.frombuffer(data, "<i2").astype(np.int16))
            return
        message = json.loads(data)
        self.words.append(message)
        if message["type"] == "mark":
            self.ear.mark(message["id"])
        elif message["type"] == "clear":
            self.ear.clear()


@asynccontextmanager
async def calling(far: Far, **options: Any) -> AsyncIterator[tuple[Call, Agent]]:
    """A call with it."""
    graph = Graph("test")
    graph.add("mic", WebRTCIn)
    graph.add("agent", Agent, **options)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "agent.audio")
    graph.connect("mic.text", "agent.text")
    graph.connect("agent.out", "ear")
    call = graph.plan().call(resources={SocketCaller: far.caller})
    running = asyncio.create_task(call.run())
    carrying = asyncio.create_task(far.caller.carry(far.wire))
    await asyncio.sleep(0.1)
    try:
        yield call, call.processor("agent", Agent)
    finally:
        await far.caller.close("the test is over")
        await running
        await carrying


def virtually(test: Callable[[], Awaitable[None]]) -> None:
    """Run it on the virtual clock."""

    async def run() -> None:
        await test()

    run_virtual(run())


@pytest.mark.parametrize("delay_s", [0.0, 0.08])
@pytest.mark.parametrize("marks", [True, False])
def test_what_the_agent_says_is_heard_whole_and_in_time(delay_s: float, marks: bool) -> None:
    """From the first frame on without a gap, with little more at the far side than it was promised; the turn is over
    when it was heard."""

    async def test() -> None:
        far = Far(delay_s=delay_s, marks=marks)
        async with calling(far) as (call, agent):
            asked = call.clock.now_ns()
            far.say({"type": "text", "text": "Hello?"})
            await asyncio.sleep(0.3 + delay_s)
            assert agent.call.conversation.state.value == "speaking"
            await asyncio.sleep(1.6 + delay_s)
            assert agent.call.conversation.state.value == "speaking"
            await asyncio.sleep(0.3 + 2 * delay_s)
            assert agent.call.conversation.state.value == "listening"
            assert np.array_equal(far.ear.samples()[:32_000], SAID[:32_000])
            assert far.ear.gaps() == []
            began_s = far.ear.heard[0][0] - asked / SECOND
            assert began_s <= 2 * delay_s + 0.05
            assert far.ear.most_held_s <= 0.25

    virtually(test)


def test_who_speaks_over_the_agent_hears_it_stop_and_go_on() -> None:
    """The far side is told to forget, at once; after a cough the rest is heard, and of it nothing is lost or said
    twice, but for what the way there takes."""

    async def test() -> None:
        far = Far()
        async with calling(far) as (_, agent):
            far.say({"type": "text", "text": "Hello?"})
            await asyncio.sleep(1.005)
            agent.call.conversation.user_started()
            await asyncio.sleep(0.001)
            assert len(far.ear.clears) == 1
            heard = len(far.ear.samples())
            assert agent.call.conversation.state.value == "paused"
            await asyncio.sleep(0.1)
            assert len(far.ear.samples()) == heard
            agent.call.conversation.user_stopped()
            await asyncio.sleep(2.5)
            got = far.ear.samples()[:32_000]
            assert np.array_equal(got, SAID[:32_000])
            assert agent.call.conversation.state.value == "listening"

    virtually(test)


def test_an_interruption_stops_the_sound_where_it_is() -> None:
    """Nothing of the turn is heard after it, though it was sent."""

    async def test() -> None:
        far = Far(delay_s=0.03)
        async with calling(far) as (_, agent):
            far.say({"type": "text", "text": "Hello?"})
            await asyncio.sleep(1.0)
            agent.call.conversation.user_started()
            await asyncio.sleep(1.0)
            assert agent.call.conversation.state.value == "interrupted"
            heard_s = len(far.ear.samples()) / 16_000
            assert 0.9 <= heard_s <= 1.0
            await asyncio.sleep(1.0)
            assert len(far.ear.samples()) / 16_000 == heard_s

    virtually(test)


def test_the_voice_arrives_whole_and_silence_where_nothing_comes() -> None:
    """Every sample once and in order; who sends nothing is silent, so that a pause can be told from a hole."""

    async def test() -> None:
        far = Far()
        async with calling(far) as (_, agent):
            voice = (np.arange(16_000) % 1_000 + 1).astype(np.int16)
            await far.talk(voice)
            await asyncio.sleep(1.0)
            got = np.concatenate([frame.samples for frame in agent.heard])
            begin = int(np.argmax(got > 0))
            assert np.array_equal(got[begin : begin + 16_000], voice)
            rest = got[begin + 16_000 :]
            assert not rest.any()
            assert 0.8 <= len(rest) / 16_000 <= 1.0
            times = [frame.time_ns for frame in agent.heard]
            assert times == sorted(times)

    virtually(test)


def test_a_file_that_is_sent_at_once_is_dropped_and_told() -> None:
    """Five seconds may come early; beyond that nobody speaks."""

    async def test() -> None:
        far = Far()
        async with calling(far) as (_, agent):
            for _ in range(500):
                far.speak(np.full(320, 7, np.int16))
            await asyncio.sleep(0.1)
            seconds = sum(len(frame.samples) for frame in agent.heard if frame.samples.any()) / 16_000
            assert 4.9 <= seconds <= 5.3
            assert [word["code"] for word in far.words if word["type"] == "error"] == ["too_fast"]

    virtually(test)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (lambda far: far.say({"type": "hangup"}), EndReason.HUNG_UP),
        (lambda far: far.wire.cut(), EndReason.LOST),
        (lambda far: far.wire.say(b"\0"), EndReason.LOST),
        (lambda far: far.wire.say("x" * 70_000), EndReason.LOST),
        (lambda far: [far.wire.say("{}" * 30_000) for _ in range(60)], EndReason.LOST),
    ],
    ids=["hangup", "cut", "half a sample", "a novel", "a flood"],
)
def test_a_caller_that_goes_or_breaks_the_rules_ends_its_call(
    how: Callable[[Far], object], reason: EndReason
) -> None:
    """With a reason of few, and the socket is closed."""

    async def test() -> None:
        far = Far()
        async with calling(far) as (call, _):
            how(far)
            await asyncio.sleep(0.5)
            assert call.reason is reason
            assert far.wire.closed

    virtually(test)


def test_a_caller_of_whom_nothing_comes_is_lost() -> None:
    """After a minute without a message; a text a minute is enough."""

    async def test() -> None:
        far = Far()
        async with calling(far) as (call, _):
            await asyncio.sleep(50)
            far.say({"type": "alive"})
            await asyncio.sleep(50)
            assert not call.reason
            await asyncio.sleep(11)
            assert call.reason is EndReason.LOST
            assert call.end_detail == "nothing was heard of the caller for 1min"

    virtually(test)


def test_a_caller_that_reads_nothing_holds_nothing() -> None:
    """What waits for it is bounded, and it is given up after ten seconds."""

    async def test() -> None:
        far = Far()
        async with calling(far, say_s=20.0) as (call, _):
            far.wire.blocked = True
            for number in range(2_000):
                far.caller.send({"type": "state", "state": str(number)})
            far.say({"type": "text", "text": "Hello?"})
            await asyncio.sleep(5)
            assert len(far.caller._outbox._queue) <= 256 + 60
            await asyncio.sleep(6)
            assert call.end_detail == "the caller takes nothing any more"

    virtually(test)


def test_words_come_no_faster_than_anybody_writes() -> None:
    """Two hundred at once, then twenty a second; what is no message says nothing."""

    async def test() -> None:
        far = Far()
        async with calling(far, say_s=0.0) as (_, agent):
            for nonsense in (
                "",
                "nonsense",
                "[]",
                "3",
                '{"type": 7}',
                '{"no": "type"}',
                "[" * 9_000,
                '"\\ud800"',
            ):
                far.wire.say(nonsense)
            far.wire.say(b"")
            for number in range(400):
                far.say({"type": "text", "text": str(number)})
            await asyncio.sleep(1)
            assert 195 <= len(agent.texts) <= 225
            assert agent.texts[:3] == ["0", "1", "2"]

    virtually(test)
