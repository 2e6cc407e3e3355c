"""Twilio, Telnyx and Plivo as they speak to a server: their documented messages, in memory, with a network between that
loses, delays and overtakes."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from starlette.applications import Starlette

from livegraph.audio import Pcm
from livegraph.transports.socket.codings import Coding, SoundDecoder, SoundEncoder
from support.far_side import Ear

__all__ = ["PROVIDERS", "FakePlivo", "FakeTelephone", "FakeTelnyx", "FakeTwilio"]

FRAME_S = 0.02
PCMU = Coding("pcmu", 8_000)


class FakeTelephone:
    """A call that a provider brings: an ASGI WebSocket, a microphone that never stops, and an ear.

    Args:
        path: of the stream.
        headers: of its handshake.
        parameters: what the stream takes along.
        coding: of the sound, both ways.
        delay_s: each way.
        loss: of pieces of the caller's voice, 0 to 1.
        disorder: how many of them overtake the one before, 0 to 1.
    """

    provider = ""

    def __init__(
        self,
        path: str = "/telephone/desk",
        *,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        coding: Coding = PCMU,
        delay_s: float = 0.04,
        loss: float = 0.0,
        disorder: float = 0.0,
    ) -> None:
        self.path, self.headers, self.parameters = path, headers or {}, dict(parameters or {})
        self.coding, self.delay_s, self.loss, self.disorder = coding, delay_s, loss, disorder
        self.ear = Ear(coding.rate, self._marked, marks_when_cleared=True)
        self.closed: tuple[int, str] | None = None
        """How the server has closed the stream."""
        self.refused: int | None = None
        """The status of a handshake that was refused."""
        self.said: list[dict[str, Any]] = []
        """All that the server has sent but sound."""
        self.over = asyncio.Event()
        self._decoder = SoundDecoder(coding, coding.rate)
        self._encoder = SoundEncoder(coding)
        self._speech: deque[Pcm] = deque()
        self._loop = asyncio.get_running_loop()
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._coming: deque[dict[str, Any]] = deque()
        self._going: deque[dict[str, Any]] = deque()
        self._random = random.Random(7)
        self._chunk = self._sequence = 0
        self._held: dict[str, Any] | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    # The caller --------------------------------------------------------------------------------------------

    async def dial(self, app: Starlette) -> None:
        """Open the stream, and begin."""
        headers = {"host": "voice.example.org", **self.headers}
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.7", 5_000),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
            "state": {},
            "extensions": {"websocket.http.response": {}},
        }
        self._in.put_nowait({"type": "websocket.connect"})
        self._tasks.append(asyncio.create_task(app(scope, self._in.get, self._take)))

    async def say(self, pcm: Pcm, rate: int = 16_000) -> None:
        """Speak, at 16 kHz; returns when it is said."""
        if rate != self.coding.rate:
            step = rate // self.coding.rate
            pcm = pcm[: len(pcm) // step * step].reshape(-1, step).mean(axis=1).astype(np.int16)
        frame = self.coding.frame
        pieces = [pcm[at : at + frame] for at in range(0, len(pcm) - frame, frame)]
        self._speech.extend(pieces)
        await asyncio.sleep(len(pieces) * FRAME_S)

    def press(self, key: str) -> None:
        """A key."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """The caller rings off."""
        raise NotImplementedError

    def cut(self) -> None:
        """The network breaks."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def gone(self) -> None:
        """Return when the server is done with the stream."""
        await asyncio.gather(*self._tasks[:1])
        for task in self._tasks[1:]:
            task.cancel()

    # The provider -----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        raise NotImplementedError

    def _media(self, chunk: int, timestamp_ms: int, payload: str) -> dict[str, Any]:
        raise NotImplementedError

    def _marked(self, name: str) -> None:
        raise NotImplementedError

    def _obey(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def tell(self, message: dict[str, Any]) -> None:
        """To the server, over the network."""
        self.tell_anything(json.dumps(message))

    def tell_anything(self, data: str | bytes) -> None:
        """Whatever it is."""
        self._coming.append(
            {"type": "websocket.receive", "bytes" if isinstance(data, bytes) else "text": data}
        )
        self._loop.call_later(self.delay_s, lambda: self._in.put_nowait(self._coming.popleft()))

    def number(self) -> str:
        """The next one, as a text."""
        self._sequence += 1
        return str(self._sequence)

    def play(self, payload: str) -> None:
        """Sound of the server."""
        self.ear.play(self._decoder.decode(base64.b64decode(payload, validate=True)))

    async def _take(self, message: Any) -> None:
        match message["type"]:
            case "websocket.accept":
                self._begin()
                self._tasks.append(asyncio.create_task(self._speak()))
            case "websocket.send":
                self._going.append(json.loads(message["text"]))
                self._loop.call_later(self.delay_s, self._arrived)
            case "websocket.close":
                self.closed = (message["code"], message.get("reason") or "")
                self.over.set()
            case "websocket.http.response.start":
                self.refused = message["status"]
                self.over.set()

    def _arrived(self) -> None:
        message = self._going.popleft()
        if message["event"] not in ("media", "playAudio"):
            self.said.append(message)
        self._obey(message)

    async def _speak(self) -> None:
        """A piece each 20 ms, of silence where nothing is said; some are lost, and some overtake."""
        began = self._loop.time()
        while not self.over.is_set():
            pcm = self._speech.popleft() if self._speech else np.zeros(self.coding.frame, np.int16)
            payload = base64.b64encode(self._encoder.encode(pcm)).decode()
            self._chunk += 1
            message = self._media(self._chunk, (self._chunk - 1) * 20, payload)
            if self._held is not None:
                self.tell(message)
                self.tell(self._held)
                self._held = None
            elif self._random.random() < self.loss:
                pass
            elif self._random.random() < self.disorder:
                self._held = message
            else:
                self.tell(message)
            await asyncio.sleep(max(0.0, began + self._chunk * FRAME_S - self._loop.time()))


class FakeTwilio(FakeTelephone):
    """Twilio Media Streams."""

    provider = "twilio"

    def _begin(self) -> None:
        self.tell({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self.tell(
            {
                "event": "start",
                "sequenceNumber": self.number(),
                "start": {
                    "accountSid": "AC0123",
                    "streamSid": "MZ0123",
                    "callSid": "CA0123",
                    "tracks": ["inbound"],
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1},
                    "customParameters": self.parameters,
                },
                "streamSid": "MZ0123",
            }
        )

    def _media(self, chunk: int, timestamp_ms: int, payload: str) -> dict[str, Any]:
        media = {"track": "inbound", "chunk": str(chunk), "timestamp": str(timestamp_ms), "payload": payload}
        return {"event": "media", "sequenceNumber": self.number(), "media": media, "streamSid": "MZ0123"}

    def _marked(self, name: str) -> None:
        self.tell(
            {"event": "mark", "sequenceNumber": self.number(), "streamSid": "MZ0123", "mark": {"name": name}}
        )

    def _obey(self, message: dict[str, Any]) -> None:
        assert message["streamSid"] == "MZ0123"
        match message["event"]:
            case "media":
                assert set(message["media"]) == {"payload"}
                self.play(message["media"]["payload"])
            case "mark":
                self.ear.mark(message["mark"]["name"])
            case "clear":
                self.ear.clear()
            case other:
                raise AssertionError(f"Twilio knows no {other}")

    def press(self, key: str) -> None:
        """A key."""
        dtmf = {"track": "inbound_track", "digit": key}
        self.tell({"event": "dtmf", "streamSid": "MZ0123", "sequenceNumber": self.number(), "dtmf": dtmf})

    def hang_up(self) -> None:
        """The caller rings off."""
        stop = {"accountSid": "AC0123", "callSid": "CA0123"}
        self.tell({"event": "stop", "sequenceNumber": self.number(), "stop": stop, "streamSid": "MZ0123"})


class FakeTelnyx(FakeTelephone):
    """Telnyx Media Streaming, ``rtp`` both ways."""

    provider = "telnyx"

    def _begin(self) -> None:
        encoding = {"pcmu": "PCMU", "pcma": "PCMA", "g722": "G722", "pcm16": "L16"}[self.coding.encoding]
        self.tell({"event": "connected", "version": "1.0.0"})
        self.tell(
            {
                "event": "start",
                "sequence_number": self.number(),
                "start": {
                    "user_id": "user-1",
                    "call_control_id": "v3:control-1",
                    "call_session_id": "session-1",
                    "from": "+4930111",
                    "to": "+4930222",
                    "tags": [],
                    "client_state": "",
                    "custom_parameters": self.parameters,
                    "media_format": {"encoding": encoding, "sample_rate": self.coding.rate, "channels": 1},
                },
                "stream_id": "stream-1",
            }
        )

    def _media(self, chunk: int, timestamp_ms: int, payload: str) -> dict[str, Any]:
        media = {"track": "inbound", "chunk": str(chunk), "timestamp": str(timestamp_ms), "payload": payload}
        return {"event": "media", "sequence_number": self.number(), "media": media, "stream_id": "stream-1"}

    def _marked(self, name: str) -> None:
        self.tell(
            {
                "event": "mark",
                "sequence_number": self.number(),
                "mark": {"name": name},
                "stream_id": "stream-1",
            }
        )

    def _obey(self, message: dict[str, Any]) -> None:
        match message["event"]:
            case "media":
                self.play(message["media"]["payload"])
            case "mark":
                self.ear.mark(message["mark"]["name"])
            case "clear":
                assert message == {"event": "clear"}
                self.ear.clear()
            case other:
                raise AssertionError(f"Telnyx knows no {other}")

    def press(self, key: str) -> None:
        """A key."""
        at = "2026-11-28T12:00:00.000Z"
        self.tell(
            {
                "event": "dtmf",
                "stream_id": "stream-1",
                "occurred_at": at,
                "sequence_number": self.number(),
                "dtmf": {"digit": key},
            }
        )

    def hang_up(self) -> None:
        """The caller rings off."""
        stop = {"user_id": "user-1", "call_control_id": "v3:control-1"}
        self.tell({"event": "stop", "sequence_number": self.number(), "stop": stop, "stream_id": "stream-1"})


class FakePlivo(FakeTelephone):
    """Plivo Audio Streaming, bidirectional."""

    provider = "plivo"

    def _begin(self) -> None:
        self.tell(
            {
                "sequenceNumber": 0,
                "event": "start",
                "start": {
                    "callId": "call-1",
                    "streamId": "stream-1",
                    "accountId": "MA0123",
                    "tracks": ["inbound"],
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8_000},
                },
                "extra_headers": json.dumps(self.parameters),
            }
        )

    def _media(self, chunk: int, timestamp_ms: int, payload: str) -> dict[str, Any]:
        media = {"track": "inbound", "timestamp": str(timestamp_ms), "chunk": chunk, "payload": payload}
        return {
            "sequenceNumber": chunk,
            "streamId": "stream-1",
            "event": "media",
            "media": media,
            "extra_headers": "",
        }

    def _marked(self, name: str) -> None:
        self.tell({"event": "playedStream", "streamId": "stream-1", "name": name})

    def _obey(self, message: dict[str, Any]) -> None:
        match message["event"]:
            case "playAudio":
                media = message["media"]
                assert (media["contentType"], media["sampleRate"]) == ("audio/x-mulaw", 8_000)
                self.play(media["payload"])
            case "checkpoint":
                self.ear.mark(message["name"])
            case "clearAudio":
                self.ear.clear()
                self.tell({"event": "clearedAudio", "streamId": "stream-1"})
            case "sendDTMF":
                pass
            case other:
                raise AssertionError(f"Plivo knows no {other}")

    def press(self, key: str) -> None:
        """A key."""
        self.tell({"event": "dtmf", "streamId": "stream-1", "dtmf": {"digit": key, "track": "inbound"}})

    def hang_up(self) -> None:
        """The caller rings off: the socket is closed, and that is all."""
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})


PROVIDERS: list[type[FakeTelephone]] = [FakeTwilio, FakeTelnyx, FakePlivo]
