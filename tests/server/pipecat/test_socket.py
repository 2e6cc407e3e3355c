"""RTVI over a WebSocket, without one: frames of protobuf, and what a client's words come to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from livegraph.server.pipecat.frames import Audio, BadFrame, Told, audio_frame, message_frame, read_frame
from livegraph.server.pipecat.socket import PipecatCodec, rtvi_opening
from livegraph.transports.socket.signals import Answer, BadSignal, Left, Said, Sound
from support.storyteller import storyteller
from support.web import serving

# As the generated code of the client writes them.
TOLD = bytes.fromhex("22050a037b7d20")
SOUND = bytes.fromhex("1212") + bytes.fromhex("1205617564696f 1a0401000200 20807d 2801".replace(" ", ""))


def rtvi(kind: str, **data: Any) -> dict[str, Any]:
    """A message of a client."""
    return {"label": "rtvi-ai", "type": kind, "id": "1", "data": data}


READY = rtvi("client-ready", version="2.1.0", about={"library": "test"})


def test_frames_are_read_as_the_client_writes_them() -> None:
    """Known bytes, in both directions; a field that is unknown, and a frame of another kind, say nothing."""
    assert read_frame(TOLD) == Told("{} ")
    assert read_frame(SOUND) == Audio(b"\x01\0\x02\0", 16_000, 1)
    assert message_frame("{} ") == TOLD
    assert read_frame(b"\x2a\x02\x08\x01") is None
    assert read_frame(b"\x98\x06\x01" + TOLD) == Told("{} ")
    assert read_frame(b"") is None


@given(st.binary(max_size=2_000), st.sampled_from([8_000, 16_000, 24_000, 48_000]))
def test_sound_goes_and_comes_unchanged(pcm: bytes, rate: int) -> None:
    """Whatever its length."""
    assert read_frame(audio_frame(pcm, rate)) == Audio(pcm, rate, 1)


@given(st.text(max_size=300))
def test_messages_go_and_come_unchanged(text: str) -> None:
    """In any script."""
    assert read_frame(message_frame(text)) == Told(text)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_or_say_nothing(data: bytes) -> None:
    """Never anything but ``BadFrame``, and for the call a broken rule."""
    try:
        read_frame(data)
    except BadFrame:
        with pytest.raises(BadSignal):
            PipecatCodec(framed=True).read(data)


def test_words_of_a_client_are_ours_for_the_boxes() -> None:
    """What it asks of its own protocol is answered; leaving ends the call."""
    codec = PipecatCodec(framed=True)
    (text,) = codec.read(message_frame(json.dumps(rtvi("send-text", content="hello"))))
    assert text == Said({"type": "text", "text": "hello"})
    (answer,) = codec.read(message_frame(json.dumps(rtvi("dance"))))
    assert isinstance(answer, Answer) and answer.message["type"] == "error-response"
    said, left = codec.read(message_frame(json.dumps(rtvi("disconnect-bot"))))
    assert isinstance(said, Said) and isinstance(left, Left)
    assert codec.say({"type": "signalling", "message": {"type": "peerLeft"}}) is None


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (8_000, 1), (48_000, 2)])
def test_sound_of_any_client_comes_at_one_rate(rate: int, channels: int) -> None:
    """A second of it, whatever the client records at."""
    codec = PipecatCodec(framed=True)
    second = np.repeat(np.full(rate, 1_000, "<i2"), channels)
    found = b""
    for piece in np.array_split(second.reshape(rate, channels), 50):
        body = audio_frame(piece.tobytes(), rate)[:-1] + bytes([channels])
        found += b"".join(signal.payload for signal in codec.read(body) if isinstance(signal, Sound))
    assert len(found) == pytest.approx(32_000, abs=200)
    assert np.frombuffer(found, "<i2")[400:].mean() == pytest.approx(1_000, abs=5)


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (16_000, 0), (16_000, 9), (4_000_000, 1)])
def test_sound_that_cannot_be_is_refused(rate: int, channels: int) -> None:
    """In words."""
    body = audio_frame(b"\0\0", rate)[:-1] + bytes([channels])
    with pytest.raises(BadSignal, match="channels"):
        PipecatCodec(framed=True).read(body)


def test_who_speaks_rtvi_is_known_by_the_first_message() -> None:
    """In a frame or as text; other words are somebody else's. The address brings agent, token, inputs and the rate."""
    asked = {"agent": "desk", "token": "t", "name": "Ann", "player_rate": "16000"}
    for data in (message_frame(json.dumps(READY)), json.dumps(READY)):
        opening = rtvi_opening(data, asked)
        assert opening is not None and opening.replay
        assert (opening.agent, opening.token, opening.inputs) == ("desk", "t", {"name": "Ann"})
        assert opening.codec.coding_out.rate == 16_000
    for other in (
        '{"type": "hello"}',
        "no JSON",
        b"\0\1\2",
        audio_frame(b"\0\0", 16_000),
        message_frame("[1]"),
    ):
        assert rtvi_opening(other, {}) is None


@pytest.mark.parametrize("framed", [True, False])
def test_a_program_speaks_rtvi(framed: bool) -> None:
    """With frames or without: ready, written to it speaks, and says why it hangs up."""

    async def run() -> None:
        async with (
            serving([storyteller()]) as web,
            websockets.connect(f"ws://127.0.0.1:{web.port}/ws/storyteller") as socket,
        ):

            async def say(message: dict[str, Any]) -> None:
                text = json.dumps(message)
                await socket.send(message_frame(text) if framed else text)

            async def until(kind: str) -> Any:
                async with asyncio.timeout(20):
                    while True:
                        data = await socket.recv()
                        if framed:
                            assert isinstance(data, bytes)
                            frame = read_frame(data)
                            data = frame.text if isinstance(frame, Told) else b""
                            if kind == "sound" and isinstance(frame, Audio):
                                return frame.rate, len(frame.pcm)
                        elif kind == "sound" and isinstance(data, bytes):
                            return 24_000, len(data)
                        if isinstance(data, str) and (message := json.loads(data))["type"] == kind:
                            return message

            await say(READY)
            assert (await until("bot-ready"))["id"] == "1"
            await say(rtvi("send-text", content="a story"))
            assert await until("sound") == (24_000, 960)
            await until("bot-started-speaking")
            await say(rtvi("send-text", content="bye"))
            assert (await until("server-message"))["data"]["detail"] == "Goodbye."
            await socket.wait_closed()
            assert socket.close_code == 1000
            await web.until_free()

    asyncio.run(run())


def test_start_tells_where_the_socket_is() -> None:
    """With the agent and its inputs in the address, and the caller's own token beside it."""

    async def run() -> None:
        async with serving([storyteller()]) as web:
            body = {"agent": "story teller", "inputs": {"name": "Ann & Bob"}, "deep": {"a": 1}}
            started = await web.send_json(
                "POST", "/start", {"transport": "websocket", "body": body}, Authorization="Bearer t"
            )
            assert started.json == {
                "wsUrl": f"ws://127.0.0.1:{web.port}/ws/story%20teller?name=Ann+%26+Bob",
                "token": "t",
            }
            bare = await web.send_json("POST", "/start", {"transport": "websocket"})
            assert bare.json == {"wsUrl": f"ws://127.0.0.1:{web.port}/ws"}
            status = await web.ask("GET", "/status")
            assert status.json["transports"] == ["webrtc", "websocket"]

    asyncio.run(run())
