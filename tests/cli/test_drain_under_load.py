"""The end of a server with calls of every kind on it: everybody is told, records are whole, the exit code is right."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
import wave
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCSessionDescription
from websockets.asyncio.client import connect

from support.command import Running, livegraph, running
from support.webrtc import Caller

pytestmark = pytest.mark.timeout(240)

AGENT = """
version: 1
name: desk
pipeline: [webrtc_in, webrtc_out]
record: {path: "./records/{{call.id}}.wav"}
"""
END = {"type": "end", "reason": "shutdown"}


class Told:
    """How a call ended for its caller, and when it had begun."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.leave = asyncio.Event()
        self.end: Any = None
        self.code: int | None = None


def post(url: str, body: bytes, kind: str) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return bytes(reply.read())


async def by_webrtc(page: str, told: Told, path: str = "api/offer") -> None:
    """An offer, by the page's way or by WHIP."""
    caller = Caller(None)
    sdp = await caller.offer()
    if path == "api/offer":
        body = json.dumps({"sdp": sdp, "type": "offer"}).encode()
        answer = json.loads(await asyncio.to_thread(post, page + path, body, "application/json"))["sdp"]
    else:
        answer = (await asyncio.to_thread(post, page + path, sdp.encode(), "application/sdp")).decode()
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    while not told.leave.is_set() and (not caller.messages or caller.messages[-1]["type"] != "end"):
        if caller.messages:
            told.begun.set()
        await asyncio.sleep(0.02)
    told.end = caller.messages[-1]
    await caller.hang_up()


async def by_whip(page: str, told: Told) -> None:
    await by_webrtc(page, told, "whip/desk")


async def by_socket(page: str, told: Told) -> None:
    await _socket(page, told, "ws", [{"type": "hello"}])


async def by_pipecat(page: str, told: Told) -> None:
    about = {"version": "2.1.0", "about": {"library": "test"}}
    await _socket(page, told, "ws", [{"label": "rtvi-ai", "type": "client-ready", "id": "1", "data": about}])


async def by_telephone(page: str, told: Told) -> None:
    start = {
        **{"accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1", "tracks": ["inbound"]},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1},
        "customParameters": {},
    }
    said = {"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ1"}
    await _socket(page, told, "telephone/desk", [said])


async def _socket(page: str, told: Told, path: str, said: list[Any]) -> None:
    async with connect(page.replace("http:", "ws:") + path) as socket:
        for message in said:
            await socket.send(json.dumps(message))
        told.begun.set()
        leaving = asyncio.create_task(told.leave.wait())
        leaving.add_done_callback(lambda _: asyncio.ensure_future(socket.close()))
        async for message in socket:
            told.end = json.loads(message) if isinstance(message, str) else told.end
        told.code = socket.close_code
        leaving.cancel()


KINDS: dict[str, Callable[[str, Told], Coroutine[Any, Any, None]]] = {
    "webrtc": by_webrtc,
    "whip": by_whip,
    "socket": by_socket,
    "pipecat": by_pipecat,
    "telephone": by_telephone,
}


async def calls_of(port: str) -> list[dict[str, Any]]:
    listed = await asyncio.to_thread(livegraph, "calls", "--json", "--server", port)
    found: list[dict[str, Any]] = json.loads(listed.stdout)["calls"]
    return found


@pytest.mark.parametrize(
    ("how", "served", "code"),
    [
        ("SIGTERM", (), 0),
        ("SIGTERM", ("--workers", "1"), 0),
        ("Ctrl-C", ("--workers", "1"), 130),
        ("drain", (), 0),
    ],
    ids=["SIGTERM", "SIGTERM-workers", "Ctrl-C-workers", "drain"],
)
def test_everybody_is_told_and_nothing_is_left(
    how: str, served: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    """Two callers of each kind: of those who stay each hears why it ends, those who leave meanwhile leave as ever, no
    call more and none less is kept, and each record is whole."""

    async def run(server: Running) -> tuple[int, str, dict[str, Told], int]:
        page = server.word_with("http://")
        port = page.rstrip("/").rpartition(":")[2]
        told = {f"{kind}-{number}": Told() for kind in KINDS for number in (1, 2)}
        tasks = [asyncio.create_task(KINDS[name[:-2]](page, each)) for name, each in told.items()]
        async with asyncio.timeout(60):
            await asyncio.gather(*(each.begun.wait() for each in told.values()))
            found = await calls_of(port)
            while sum(call["state"] == "running" for call in found) < len(told):
                found = await calls_of(port)
        if how == "drain":
            asked = await asyncio.to_thread(livegraph, "drain", "--within", "2s", "--server", port, "--json")
            assert asked.returncode == 0
        else:
            server.send(signal.SIGTERM if how == "SIGTERM" else signal.SIGINT)
            if how == "SIGTERM":
                for name, each in told.items():
                    if name.endswith("-2"):
                        each.leave.set()
        ended, _, said = await asyncio.to_thread(server.ended, 60)
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
        return ended, said, told, len(found)

    (tmp_path / "records").mkdir()
    (tmp_path / "desk.yaml").write_text(AGENT)
    room = ("--max-calls", "20", "--calls-per-caller", "20", "--drain", "2s")
    with running(
        *("run", tmp_path / "desk.yaml", "--port", "0", *room, *served), until="Ctrl-C", within_s=120
    ) as server:
        ended, said, told, calls = asyncio.run(run(server))
    assert ended == code, said
    assert "Traceback" not in said
    for name, each in told.items():
        if each.leave.is_set():
            continue
        kind = name[:-2]
        if kind in ("webrtc", "whip", "socket"):
            assert each.end == END, name
        assert each.code == (None if kind in ("webrtc", "whip") else 1000), name
    kept = sorted((tmp_path / "records").iterdir())
    assert len(kept) == 2 * calls == 2 * len(told)
    assert not [path.name for path in kept if ".part" in path.name]
    for path in kept:
        if path.suffix == ".wav":
            with wave.open(str(path)) as sound:
                assert sound.getnframes()
        else:
            lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            assert lines[0]["type"] == "record" and lines[-1]["type"] == "end"
            assert lines[-1]["reason"] in ("shutdown", "hung_up")
