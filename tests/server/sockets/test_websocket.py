"""``/ws/{agent}`` as a program uses it: over a real socket, with the server that people run."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from livegraph.audio import Pcm
from livegraph.pipeline import SECOND, AudioFrame, Graph, In, Out, Processor, TextFrame
from livegraph.pipeline.frames import TurnEndFrame, TurnStartFrame
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.graph.plan import make_plan
from livegraph.server.access.grant import Grant
from livegraph.server.calls import ServedAgent
from livegraph.server.sockets.opening import native_opening
from livegraph.transports.socket.codings import Coding, SoundDecoder, SoundEncoder
from livegraph.transports.webrtc.webrtc_in import WebRTCIn
from livegraph.transports.webrtc.webrtc_out import WebRTCOut
from support.web import Web, serving
from support.webrtc import Caller


class Parrot(Processor):
    """Says what it hears; written to, it says a second of a tone, and ends the call at "bye"."""

    ages = False

    audio: In[AudioFrame] = In(rate=24_000, channels=1)
    text: In[TextFrame] = In()
    out: Out[AudioFrame | TurnStartFrame | TurnEndFrame] = Out(rate=24_000, channels=1)

    def on_audio(self, frame: AudioFrame) -> AudioFrame | None:
        """Back, but for silence."""
        return AudioFrame(frame.samples, frame.rate, time_ns=frame.time_ns) if frame.samples.any() else None

    def on_text(self, frame: TextFrame) -> Iterator[AudioFrame | TurnStartFrame | TurnEndFrame]:
        """Answer."""
        if frame.text == "bye":
            self.call.end("completed", f"Goodbye, {self.call.inputs['who']}.")
            return
        turn, now_ns = self.call.conversation.next_turn(), self.call.clock.now_ns()
        yield TurnStartFrame(time_ns=now_ns, turn=turn)
        yield AudioFrame(tone(24_000), 24_000, time_ns=now_ns, turn=turn)
        yield TurnEndFrame(time_ns=now_ns, turn=turn)


def parrot(name: str = "parrot") -> ServedAgent:
    """It."""
    graph = Graph(name)
    graph.add("mic", WebRTCIn)
    graph.add("parrot", Parrot)
    graph.add("ear", WebRTCOut)
    graph.connect("mic.audio", "parrot.audio")
    graph.connect("mic.text", "parrot.text")
    graph.connect("parrot", "ear")
    return ServedAgent(name, make_plan(graph, inputs={"who": InputSpec(default="you")}))


def tone(rate: int, hertz: float = 500.0) -> Pcm:
    """A second of it."""
    samples: Pcm = (8_000 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.int16)
    return samples


def frequency(pcm: Pcm, rate: int) -> float:
    """The loudest one."""
    return float(np.argmax(np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))))) * rate / len(pcm)


class Program:
    """A caller: what it is told, and what it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.words: list[dict[str, Any]] = []
        self.sound: list[bytes] = []
        self.news = asyncio.Event()

    async def say(self, **message: Any) -> None:
        """A message."""
        await self.socket.send(json.dumps(message))

    async def listen(self) -> None:
        """Until the end; marks are answered as if all were played at once."""
        try:
            async for data in self.socket:
                if isinstance(data, bytes):
                    self.sound.append(data)
                else:
                    message = json.loads(data)
                    self.words.append(message)
                    if message["type"] == "mark":
                        await self.say(type="marked", id=message["id"])
                self.news.set()
        except websockets.ConnectionClosed:
            return

    @property
    def states(self) -> list[str]:
        """What the agent did."""
        return [word["state"] for word in self.words if word["type"] == "state"]

    async def until(self, kind: str) -> dict[str, Any]:
        """Wait for a message."""
        async with asyncio.timeout(15):
            while not (found := [word for word in self.words if word["type"] == kind]):
                self.news.clear()
                await self.news.wait()
        return found[0]


@asynccontextmanager
async def calling(web: Web, path: str = "/ws", **hello: Any) -> AsyncIterator[Program]:
    """Call, and say hello."""
    async with websockets.connect(f"ws://127.0.0.1:{web.port}{path}") as socket:
        program = Program(socket)
        await program.say(type="hello", **hello)
        listening = asyncio.create_task(program.listen())
        try:
            yield program
        finally:
            await socket.close()
            await listening


@pytest.mark.parametrize(
    ("hello", "coding_in", "coding_out"),
    [
        ({}, Coding("pcm16", 16_000), Coding("pcm16", 16_000)),
        (
            {"in": {"encoding": "opus", "rate": 48_000}, "out": {"encoding": "opus", "rate": 24_000}},
            Coding("opus", 48_000),
            Coding("opus", 24_000),
        ),
        (
            {"in": {"encoding": "pcmu", "rate": 8_000}, "out": {"encoding": "g722"}, "marks": True},
            Coding("pcmu", 8_000),
            Coding("g722", 16_000),
        ),
    ],
    ids=["pcm16", "opus", "telephone"],
)
def test_a_program_is_heard_and_hears(hello: dict[str, Any], coding_in: Coding, coding_out: Coding) -> None:
    """In the coding that it asked for, each way its own; the tone that it sends comes back at its pitch."""

    async def run() -> None:
        async with serving([parrot()]) as web, calling(web, "/ws/parrot", **hello) as program:
            said = await program.until("hello")
            assert (said["in"], said["out"]) == (coding_in._asdict(), coding_out._asdict())
            assert (await program.until("ready"))["agent"] == "parrot"
            encoder, sound = SoundEncoder(coding_in), tone(coding_in.rate)
            for at in range(0, len(sound), coding_in.frame):
                await program.socket.send(encoder.encode(sound[at : at + coding_in.frame]))
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            decoder = SoundDecoder(coding_out, 16_000)
            back = np.concatenate([decoder.decode(piece) for piece in program.sound])
            loud = back[np.abs(back) > 500]
            assert len(loud) > 8_000
            assert frequency(back, 16_000) == pytest.approx(500, abs=5)

    asyncio.run(run())


def test_messages_are_those_of_the_protocol() -> None:
    """Text is heard, states are told, inputs count, and the agent's end comes with its words."""

    async def run() -> None:
        async with serving([parrot()]) as web, calling(web, inputs={"who": "Ada"}, marks=True) as program:
            await program.say(type="text", text="hello")
            async with asyncio.timeout(10):
                while program.states[-1:] != ["listening"] or "speaking" not in program.states:
                    await asyncio.sleep(0.01)
            assert 32_000 <= sum(map(len, program.sound)) <= 34_000
            (call,) = web.desk.calls()
            assert (call["transport"], call["state"]) == ("websocket", "running")
            assert call["round_trip_ms"] is not None
            await program.say(type="text", text="bye")
            assert await program.until("end") == {
                "type": "end",
                "reason": "ended_by_agent",
                "detail": "Goodbye, Ada.",
            }
            async with asyncio.timeout(30):
                await program.socket.wait_closed()
            assert program.socket.close_code == 1000
            await web.until_free()

    asyncio.run(run())


def test_who_hangs_up_has_hung_up() -> None:
    """By a message, or by closing the socket; a connection that breaks is lost."""

    async def run() -> None:
        async with serving([parrot()]) as web:
            async with calling(web) as program:
                await program.until("ready")
                await program.say(type="hangup")
                await program.socket.wait_closed()
            async with calling(web) as program:
                await program.until("ready")
            await web.until_free()
            async with calling(web) as program:
                await program.until("ready")
                program.socket.transport.abort()
                await web.until_free()
            text = web.desk.metrics.text().decode()
            assert 'reason="hung_up"} 2.0' in text
            assert 'reason="lost"} 1.0' in text

    asyncio.run(run())


def test_the_agent_is_the_address_or_the_first_message_names_it() -> None:
    """Or it is the default one."""

    async def run() -> None:
        async with serving([parrot("one"), parrot("two")]) as web:
            for path, hello, agent in (
                ("/ws", {}, "one"),
                ("/ws", {"agent": "two"}, "two"),
                ("/ws/two", {"agent": "one"}, "two"),
            ):
                async with calling(web, path, **hello) as program:
                    assert (await program.until("ready"))["agent"] == agent
            async with calling(web, "/ws/three") as program:
                assert (await program.until("error"))["code"] == "agent_unknown"
                await program.socket.wait_closed()
                assert program.socket.close_code == 4404

    asyncio.run(run())


@pytest.mark.parametrize(
    ("first", "code", "says"),
    [
        ({"type": "hello", "in": {"encoding": "mp3"}}, "bad_hello", "mp3"),
        ({"type": "hello", "out": {"rate": 1}}, "bad_hello", "it has 8000"),
        ({"type": "hello", "out": {"sample_rate": 16_000}}, "bad_hello", "sample_rate"),
        ({"type": "hello", "ahead_ms": 5}, "bad_hello", "ahead_ms"),
        ({"type": "hello", "version": 9}, "bad_version", "version 1"),
        ({"type": "hello", "inputs": {"nobody": 1}}, "bad_inputs", "who"),
        ({"type": "text", "text": "hi"}, "bad_hello", "hello"),
        ("nonsense", "bad_hello", "hello"),
        (b"\0\0", "bad_hello", "hello"),
        ("[" * 5_000, "bad_hello", "hello"),
    ],
)
def test_a_first_message_that_is_wrong_is_told_why(first: object, code: str, says: str) -> None:
    """With what is right; the socket is closed by a code of its own, and no place is taken."""

    async def run() -> None:
        async with (
            serving([parrot()]) as web,
            websockets.connect(f"ws://127.0.0.1:{web.port}/ws") as socket,
        ):
            await socket.send(json.dumps(first) if isinstance(first, dict) else first)  # type: ignore[arg-type]
            error = json.loads(await socket.recv())
            assert (error["type"], error["code"]) == ("error", code)
            assert says in error["message"] + error["remedy"]
            await socket.wait_closed()
            assert socket.close_code == 4400
            assert web.desk.active == 0

    asyncio.run(run())


def test_a_page_that_nobody_looks_at_is_not_taken_to_be_lost() -> None:
    """Browsers let such a page say something once a minute."""
    opening = native_opening('{"type": "hello"}', {})
    assert opening is not None
    assert opening.idle_ns >= 75 * SECOND


def test_a_socket_takes_the_place_of_an_offer_that_led_nowhere() -> None:
    """Its place and its single-use ticket; the offer of a caller who is there is left alone, as is what is unknown."""

    async def once(request: object) -> Grant:
        return Grant(identity="ann", once="ticket", expires_s=4e9)

    async def run() -> None:
        async with serving([parrot()], authorize=once, max_calls=1) as web:
            first = Caller()
            offered = await web.offer(await first.offer())
            assert (offered.status, web.desk.pending) == (200, 1)
            async with calling(web, "/ws?instead=unknown") as program:
                assert (await program.until("error"))["code"] == "full"
            async with calling(web, f"/ws?instead={offered.json['pc_id']}") as program:
                await program.until("ready")
                assert (web.desk.pending, web.desk.active) == (0, 1)
            await web.until_free()
            async with calling(web, f"/ws?instead={offered.json['pc_id']}") as program:
                assert (await program.until("error"))["code"] == "ticket_used"
            await first.pc.close()
        async with serving([parrot()]) as web:
            there = Caller()
            pc_id = await web.call(there)
            async with calling(web, f"/ws?instead={pc_id}") as program:
                await program.until("ready")
                assert web.desk.active == 2
            await there.hang_up()

    asyncio.run(run())


def test_other_addresses_have_no_socket() -> None:
    """404, as a page that is not there."""

    async def run() -> None:
        async with serving([parrot()]) as web:
            for path in ("/", "/api/offer", "/ws/parrot/more", "/elsewhere"):
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await websockets.connect(f"ws://127.0.0.1:{web.port}{path}")
                assert refused.value.response.status_code in (403, 404)

    asyncio.run(run())


def test_the_server_ends_in_an_orderly_way() -> None:
    """Whoever calls is told that it was the server, before the socket goes."""

    async def run() -> None:
        async with serving([parrot()]) as web, calling(web) as program:
            await program.until("ready")
            await web.desk.drain(0)
            assert (await program.until("end"))["reason"] == "shutdown"

    asyncio.run(run())
