"""A model for measurements: it takes all that it hears, says when it came, and speaks when it is told to.

    python benchmarks/live_stub.py

Prints its port. Each line on stdin is a JSON command, answered by a line of JSON: ``{"do": "heard"}`` what came since
it was asked last, ``{"do": "talk", "on": true}`` speech without end to every call, ``{"do": "beep"}`` a beep to every
call that is silent, ``{"do": "part", "within": 60}`` wait until no call is left. All times are those of the machine's
monotonic clock.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import websockets
from websockets.asyncio.server import ServerConnection

from livegraph.audio import Resampler, read_wav
from livegraph.simulator.hearing import Hearing, HearingSettings, SpeechOver

ROOT = Path(__file__).resolve().parents[1]
RATE = 24_000
PIECE_S = 0.48
_OVER = '{"serverContent":{"generationComplete":true,"turnComplete":true}}'
TURN_PIECES = 5
"""After so many the model ends its turn and begins another: who hears it has been answered, as in a conversation."""


def _message(pcm: np.ndarray) -> str:
    data = base64.b64encode(pcm.astype("<i2").tobytes()).decode()
    part = {"inlineData": {"mimeType": f"audio/pcm;rate={RATE}", "data": data}}
    return json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}})


class Stub:
    """All calls, and what they were heard to say."""

    def __init__(self) -> None:
        self.calls: set[ServerConnection] = set()
        self.heard: list[tuple[float, bytes]] = []
        self.messages = 0
        self._alone = asyncio.Event()
        self._alone.set()
        self.talking = False
        self.keeps = False
        pcm, rate = read_wav(ROOT / "tests" / "data" / "speech" / "amiable.wav")
        size = int(RATE * PIECE_S)
        speech = np.tile(Resampler(rate, RATE).process(pcm), 6)
        self._speech = [_message(speech[at : at + size]) for at in range(0, len(speech) - size, size)]
        tone = 9_000 * np.sin(2 * np.pi * 1_000 * np.arange(RATE // 5) / RATE)
        self._beep = _message(tone)

    async def serve(self, connection: ServerConnection) -> None:
        """One call."""
        await connection.recv()
        await connection.send('{"setupComplete":{}}')
        self.calls.add(connection)
        self._alone.clear()
        talk = asyncio.create_task(self._talk(connection))
        try:
            async for message in connection:
                self.messages += 1
                if self.keeps:
                    self._note(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.calls.discard(connection)
            if not self.calls:
                self._alone.set()
            talk.cancel()

    def _note(self, message: str | bytes) -> None:
        now = time.monotonic()
        given = json.loads(message)
        # Clients of the protocol write names in either style, and base64 in either alphabet.
        realtime = given.get("realtimeInput") or given.get("realtime_input") or {}
        audio = realtime.get("audio")
        if audio:
            data = audio["data"].replace("-", "+").replace("_", "/")
            self.heard.append((now, base64.b64decode(data)))

    async def _talk(self, connection: ServerConnection) -> None:
        place, next_at = 0, time.monotonic()
        while True:
            if self.talking:
                # Half a second ahead, as the service is: the server's own buffer is never empty.
                await connection.send(self._speech[place % len(self._speech)])
                place += 1
                if place % TURN_PIECES == 0:
                    await connection.send(_OVER)
                next_at = max(next_at + PIECE_S, time.monotonic() - PIECE_S)
            else:
                next_at = time.monotonic() - PIECE_S
            await asyncio.sleep(max(0.01, next_at - time.monotonic()))

    async def obey(self, command: dict[str, Any]) -> object:
        """Carry out a command; what it answers."""
        if command["do"] == "heard":
            taken, self.heard = self.heard, []
            self.keeps = bool(command.get("keep", self.keeps))
            return [[at, base64.b64encode(data).decode()] for at, data in taken]
        if command["do"] == "part":
            async with asyncio.timeout(command["within"]):
                await self._alone.wait()
            return True
        if command["do"] == "talk":
            self.talking = command["on"]
            if not self.talking:
                for connection in self.calls:
                    await connection.send(_OVER)
            return len(self.calls)
        at = time.monotonic()
        for connection in self.calls:
            await connection.send(self._beep)
            await connection.send(_OVER)
        return at


class Prompt(Stub):
    """Beeps as soon as a turn is over: when it is told so, or, with ``judges``, when it has found that out itself.

    Then it waits for the silence for which the service waits where nobody says otherwise: 800 ms.
    """

    def __init__(self, *, judges: bool = False) -> None:
        super().__init__()
        self.keeps = True
        self._hearing = Hearing(HearingSettings()) if judges else None

    def _note(self, message: str | bytes) -> None:
        realtime = json.loads(message).get("realtimeInput") or {}
        over = "activityEnd" in realtime
        if self._hearing is not None and (audio := realtime.get("audio")):
            found = self._hearing.audio(base64.b64decode(audio["data"]), audio["mimeType"])
            over = any(isinstance(event, SpeechOver) for event in found)
        if over:
            asyncio.get_running_loop().create_task(self.obey({"do": "beep"}))


async def main() -> None:
    """See above."""
    stub = Stub()
    async with websockets.serve(stub.serve, "127.0.0.1", 0, compression=None, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await stub.obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
