"""Whoever looks into a call sees what leaves an output, loses what it does not read in time, and holds nobody up."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import numpy as np
import pytest

from livegraph.pipeline import (
    AudioFrame,
    Frame,
    Graph,
    In,
    Out,
    Processor,
    ToolCallFrame,
    TranscriptFrame,
    VideoFrame,
)
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.frames import DtmfFrame, Media, MessageFrame, ToolResultFrame, Turn, UsageFrame
from livegraph.pipeline.running.taps import Tap
from livegraph.server import CallRequest, Desk, ServedAgent, make_admin_app
from livegraph.server.frame_json import frame_json
from livegraph.server.metrics import Metrics

from .calls.test_desk import WireLeg

PIECE = np.full(480, 8_000, np.int16)


class Talker(Processor):
    """Says 20 ms of sound, again and again."""

    kind = "source"
    out: Out[AudioFrame] = Out(rate=24_000, channels=1)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            await self.out.send(AudioFrame(samples=PIECE, rate=24_000))


class Listener(Processor):
    """Counts them."""

    kind = "sink"
    audio: In[AudioFrame] = In()
    heard = 0

    def on_audio(self, frame: AudioFrame) -> None:
        """Count one."""
        Listener.heard += 1


def agent() -> ServedAgent:
    graph = Graph("talk")
    graph.connect(graph.add("talker", Talker), graph.add("listener", Listener))
    return ServedAgent("talk", graph.plan(), "Talk")


async def read(
    app: Any, path: str, most: int, pause_s: float = 0.0
) -> tuple[int, list[dict[str, Any]], list[str]]:
    """Status, lines, and what was left of an answer that a reader broke off after ``most`` lines."""
    lines: list[bytes] = []
    status = 0
    enough = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            return
        lines.append(message["body"])
        await asyncio.sleep(pause_s if len(lines) == 2 else 0)
        if len(lines) >= most:
            enough.set()

    target, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": target,
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "scheme": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
    }
    await app(scope, receive, send)
    whole = b"".join(lines).decode().splitlines()
    return status, [json.loads(line) for line in whole if line], [line for line in whole if not line]


def with_call(during: Any) -> None:
    """Run ``during(app, desk, line)`` with one running call, on virtual time."""

    async def main() -> None:
        desk = Desk([agent()], max_calls=2, metrics=Metrics())
        async with desk:
            leg = WireLeg()
            line = await desk.admit(CallRequest("talk"), lambda _: _made(leg))

            await asyncio.sleep(0.1)
            await during(make_admin_app(desk), desk, line)
            before = Listener.heard
            await asyncio.sleep(0.1)
            assert line.call.over or Listener.heard >= before + 4
            assert not line.call._taps._streams

    run_virtual(main())


async def _made(leg: WireLeg) -> WireLeg:
    return leg


def test_a_slow_reader_loses_frames_and_is_told() -> None:
    """A minute without reading: what is held is bounded, the rest is counted, and the call heard every frame."""

    async def look(app: Any, desk: Desk, line: Any) -> None:
        before = Listener.heard
        status, lines, _ = await read(app, f"/calls/{line.call.id}/tap/talker", 20, pause_s=60.0)
        assert status == 200
        (lost,) = [one for one in lines if one["type"] == "lost"]
        assert 1_500 < lost["frames"] < 2_500
        assert lost["ms"] == lost["frames"] * 20
        assert Listener.heard - before > 2_990

    with_call(look)


def test_it_ends_with_the_call_also_for_one_who_does_not_read() -> None:
    """At once, and within minutes for a reader that stands still; nothing of it is left."""

    async def look(app: Any, desk: Desk, line: Any) -> None:
        reading = asyncio.create_task(read(app, f"/calls/{line.call.id}/tap/talker.out", 10**6))
        stuck = asyncio.create_task(read(app, f"/calls/{line.call.id}/tap/talker.out", 10**6, pause_s=10**6))
        await asyncio.sleep(1.0)
        await desk.end(line.call.id)
        async with asyncio.timeout(10):
            _, lines, _ = await reading
        async with asyncio.timeout(310):
            await stuck
        assert lines[-1] == {"type": "end", "why": "call"}

    with_call(look)


def test_quiet_is_told_from_a_dead_line() -> None:
    """Each ten seconds without a frame there is an empty line."""

    class Silent(Talker):
        async def run(self) -> None:
            await asyncio.sleep(3_600)

    async def main() -> None:
        graph = Graph("talk")
        graph.connect(graph.add("talker", Silent), graph.add("listener", Listener))
        desk = Desk([ServedAgent("talk", graph.plan(), "Talk")], max_calls=1, metrics=Metrics())
        async with desk:
            leg = WireLeg()
            line = await desk.admit(CallRequest("talk"), lambda _: _made(leg))

            _, lines, empty = await read(make_admin_app(desk), f"/calls/{line.call.id}/tap/talker", 4)
            assert ([one["type"] for one in lines], len(empty)) == (["tap"], 3)

    run_virtual(main())


def test_no_more_than_so_many_look_at_a_time() -> None:
    """And the next is let in when one of them leaves."""

    async def look(app: Any, desk: Desk, line: Any) -> None:
        path = f"/calls/{line.call.id}/tap/talker"
        readers = [asyncio.create_task(read(app, path, 200)) for _ in range(16)]
        await asyncio.sleep(0.1)
        status, (refused,), _ = await read(app, path, 1)
        assert (status, refused["error"]["code"]) == (503, "too_many_taps")
        await asyncio.gather(*readers)
        assert (await read(app, path, 3))[0] == 200

    with_call(look)


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/calls/call-0/tap/talker", 404, ""),
        ("/calls/ID/tap/talkr", 404, "did you mean 'talker'"),
        ("/calls/ID/tap/talker.in", 404, "out"),
        ("/calls/ID/tap/listener", 404, "none"),
        ("/calls/ID/tap/listener.audio", 404, ""),
        ("/calls/ID/tap/..%2f..%2fetc", 404, ""),
        ("/calls/ID/tap/%00", 404, ""),
        ("/calls/ID/tap/" + "x" * 5_000, 404, ""),
        ("/calls/ID/tap/", 404, ""),
    ],
)
def test_what_there_is_not_is_named(path: str, status: int, word: str) -> None:
    """With the nearest right name."""

    async def look(_: Any, desk: Desk, line: Any) -> None:
        transport = httpx.ASGITransport(app=make_admin_app(desk))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get(path.replace("ID", line.call.id))
        assert answer.status_code == status
        assert word in json.dumps(answer.json()["error"])

    with_call(look)


@pytest.mark.parametrize(
    ("level", "sound", "status"), [("names", True, 403), ("none", False, 403), ("none", True, 403)]
)
def test_the_server_says_how_much_is_seen(level: Any, sound: bool, status: int) -> None:
    """Without ``full`` there is no sound, with ``none`` there is nothing."""

    async def look(_: Any, desk: Desk, line: Any) -> None:
        app = make_admin_app(desk, taps=level)
        answer, _, _ = await read(app, f"/calls/{line.call.id}/tap/talker{'?sound=true' * sound}", 1)
        assert answer == status
        numbers = make_admin_app(desk, control=False)
        assert (await read(numbers, f"/calls/{line.call.id}/tap/talker", 1))[0] == 404

    with_call(look)


class Pin(Frame, frozen=True, eq=False):
    """A frame of somebody else."""

    digits: str
    known: bool = True


SECRET = "4711-said"
FRAMES: list[tuple[Frame, dict[str, Any]]] = [
    (TranscriptFrame(role="user", text=SECRET), {"role": "user", "final": False, "interrupted": False}),
    (ToolCallFrame(id="1", name="look", args={"pin": SECRET}), {"id": "1", "name": "look"}),
    (
        ToolResultFrame(id="1", name="look", result={"a": SECRET}, media=(Media(b"x" * 99, "image/png"),)),
        {"id": "1", "name": "look", "failed": False, "will_continue": False},
    ),
    (MessageFrame(topic="t", data={SECRET: [SECRET]}), {}),
    (DtmfFrame(key="7"), {}),
    (Pin(digits=SECRET), {}),
    (UsageFrame(input_tokens=3, total_tokens=3), {"input_tokens": 3, "output_tokens": 0, "total_tokens": 3}),
]


@pytest.mark.parametrize(("frame", "named"), FRAMES, ids=lambda one: type(one).__name__)
def test_names_hold_nothing_that_was_said(frame: Frame, named: dict[str, Any]) -> None:
    """Whatever a frame holds: what is not known to be no content is left out; ``full`` has it."""
    told = frame_json(frame, 5, "names")
    assert {name: value for name, value in told.items() if name not in ("type", "time_s")} == named
    assert SECRET not in json.dumps(told)
    full = json.dumps(frame_json(frame, 5, "full"))
    assert SECRET in full or isinstance(frame, DtmfFrame | UsageFrame)
    assert "xxx" not in full


def test_frames_as_they_are_told() -> None:
    """Sound with its samples only where it is asked for; pictures by their size; what is endless is cut."""
    sound = AudioFrame(
        samples=np.stack([PIECE, -PIECE], 1), rate=24_000, time_ns=1_500_000_000, turn=Turn(2, "live")
    )
    told = frame_json(sound, 0, "full", sound=True)
    pcm = np.frombuffer(base64.b64decode(told.pop("pcm")), "<i2")
    assert pcm.tolist()[:4] == [8_000, -8_000, 8_000, -8_000]
    assert told == {
        **{"type": "audio", "time_s": 1.5, "turn": 2, "source": "live", "ms": 20.0, "rate": 24_000},
        **{"channels": 2, "bytes": 1_920, "level_dbfs": -12.2},
    }
    assert "pcm" not in frame_json(sound, 0, "full")
    picture = frame_json(VideoFrame(pixels=np.zeros((48, 64, 3), np.uint8)), 0, "names")
    assert (picture["width"], picture["height"], picture["bytes"]) == (64, 48, 9_216)
    deep: Any = "end"
    for _ in range(10_000):
        deep = [deep] * 3
    endless = MessageFrame(
        topic="t" * 10**6, data={"deep": deep, "wide": list(range(10**5)), "odd": object()}
    )
    assert len(json.dumps(frame_json(endless, 0, "full"))) < 20_000


def test_what_is_held_for_a_reader_is_bounded_in_bytes() -> None:
    """Pictures are large: a few of them fill it, long before a thousand."""
    tap: Tap[VideoFrame] = Tap()
    for _ in range(100):
        tap.take(VideoFrame(pixels=np.zeros((480, 640, 3), np.uint8)))
    assert len(tap._frames) * 480 * 640 * 3 <= 16 << 20
    assert tap.lost == 100 - len(tap._frames)
