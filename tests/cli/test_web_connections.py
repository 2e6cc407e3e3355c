"""WebSockets of the web server whose far sides answer pings late, or never, on virtual time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from livegraph.cli.web_connections import PatientSocket
from livegraph.pipeline.clock import VirtualLoop, run_virtual
from livegraph.pipeline.units import SECOND

TIMES = {"ws_ping_interval": 10.0, "ws_ping_timeout": 15.0}


class Line(asyncio.Transport):
    """Between a socket of the server and a client that says what it is told to say, and keeps the pings."""

    def __init__(self) -> None:
        super().__init__()
        self.client = ClientProtocol(parse_uri("ws://here/ws"))
        self.pings: list[bytes] = []
        self.closed = False
        self.server = PatientSocket(Config(_app, **TIMES), ServerState(), {})  # type: ignore[arg-type]  # uvicorn takes more
        self.server.connection_made(self)
        self.client.send_request(self.client.connect())
        self.say()

    def say(self) -> None:
        """What the client has sent is there."""
        for data in self.client.data_to_send():
            if data:
                self.server.data_received(data)

    def speak(self) -> None:
        """A piece of sound is there."""
        self.client.send_binary(bytes(640))
        self.say()

    def pong(self) -> None:
        """The answer to the last ping is there."""
        self.client.send_pong(self.pings[-1])
        self.say()

    def write(self, data: Any) -> None:
        """To the client, which answers no ping by itself."""
        self.client.receive_data(data)
        self.client.data_to_send()
        frames = (event for event in self.client.events_received() if isinstance(event, Frame))
        self.pings += [bytes(frame.data) for frame in frames if frame.opcode is Opcode.PING]

    def close(self) -> None:
        """The server has had enough."""
        if not self.closed:
            self.closed = True
            self.server.connection_lost(None)

    abort = close

    def is_closing(self) -> bool:
        """Whether it has."""
        return self.closed

    def pause_reading(self) -> None:
        """Nothing is held back here."""

    def resume_reading(self) -> None:
        """Nor is it here."""


async def _app(_: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


def on_virtual_time(test: Callable[..., Any]) -> Callable[..., None]:
    """The test's coroutine on the virtual clock."""

    @functools.wraps(test)
    def run(**given: Any) -> None:
        run_virtual(test(**given))

    return run


async def opened() -> Line:
    """A socket, and ten seconds later the first ping."""
    line = Line()
    await asyncio.sleep(10.5)
    assert len(line.pings) == 1
    return line


async def speaks(line: Line, seconds: int) -> None:
    """The client speaks, for as long as anybody listens."""
    for _ in range(seconds):
        if not line.closed:
            line.speak()
        await asyncio.sleep(1)


@on_virtual_time
async def test_who_speaks_is_there_however_late_the_answer_to_a_ping_comes() -> None:
    """The ping waits behind what a slow network has not brought yet. The next comes after the answer as ever."""
    line = await opened()
    await speaks(line, 40)
    assert not line.closed
    line.pong()
    await speaks(line, 12)
    assert len(line.pings) == 2
    line.pong()
    await asyncio.sleep(5)
    assert not line.closed


@on_virtual_time
async def test_who_says_nothing_and_answers_no_ping_is_gone() -> None:
    """Fifteen seconds after the ping, or after the last that came of it."""
    line = await opened()
    await asyncio.sleep(14)
    assert not line.closed
    await asyncio.sleep(1)
    assert line.closed

    line = await opened()
    await speaks(line, 10)
    await asyncio.sleep(13)
    assert not line.closed
    await asyncio.sleep(2)
    assert line.closed


@on_virtual_time
async def test_who_speaks_and_answers_no_ping_for_a_minute_is_gone() -> None:
    """It hears nothing any more, or is no client that keeps to the rules."""
    line = await opened()
    await speaks(line, 58)
    assert not line.closed
    await speaks(line, 3)
    assert line.closed


@pytest.mark.parametrize("answers", [True, False])
@on_virtual_time
async def test_a_loop_that_was_held_up_reads_what_has_come_before_it_gives_anybody_up(answers: bool) -> None:
    """The deadline passes while it stands still: the answer lies there unread."""
    line = await opened()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.virtual_ns += 20 * SECOND
    await asyncio.sleep(0.1)
    assert not line.closed
    if answers:
        line.pong()
    await asyncio.sleep(2)
    assert line.closed is not answers
