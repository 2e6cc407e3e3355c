"""A server under way takes its files anew, by SIGHUP and by itself, and the calls under way hear what was promised."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from aiortc import RTCSessionDescription

from livegraph.audio import rms_dbfs
from support.command import environment
from support.running import Running, livegraph_run
from support.webrtc import Caller

AGENT = "version: 1\npipeline:\n  - webrtc_in\n  - gain: {db: 0}\n  - webrtc_out\n"


def fetch(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


async def call(server: Running, agent: str) -> Caller:
    """A caller that hums, and whose call is ready."""
    caller = Caller()
    offer = {"sdp": await caller.offer(), "type": "offer", "agent": agent}
    answer = await asyncio.to_thread(fetch, f"{server.address}api/offer", offer)
    await caller.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    async with asyncio.timeout(20):
        while not caller.messages:
            await asyncio.sleep(0.02)
    assert caller.messages[0]["agent"] == agent
    return caller


async def hears(caller: Caller, low: float, high: float) -> None:
    """Wait until the caller hears itself that loud, in dBFS."""
    async with asyncio.timeout(20):
        # What comes from now on: the first of it may be older.
        caller.heard.clear()
        while not (len(caller.recent(0.3)) > 10_000 and low < rms_dbfs(caller.recent(0.2)) < high):
            await asyncio.sleep(0.05)


LOUD, SOFT, FAINT = (-22, -10), (-42, -30), (-62, -48)
"""What it hums is at -15 dBFS."""


def test_sighup(tmp_path: Path) -> None:
    """New calls get the new plan, running calls what they can take: what is live, and boxes that come and go.

    An invalid file changes nothing.
    """
    file = tmp_path / "desk.yaml"
    file.write_text(AGENT)

    async def main() -> None:
        async with livegraph_run(str(file)) as server:

            async def reloaded(text: str, part: str) -> str:
                file.write_text(text)
                since = len(server.printed)
                server.process.send_signal(signal.SIGHUP)
                return await server.prints(part, since=since)

            first = await call(server, "desk")
            await hears(first, *LOUD)
            other = AGENT.replace("{db: 0}", "{db: -20}").replace(
                "  - webrtc_out", "  - vad_gate\n  - webrtc_out"
            )
            told = await reloaded(other, "reloaded: ")
            assert "node vad_gate is new" in told
            assert "gain.db 0.0 -> -20.0 (1 running call took it)" in told
            second = await call(server, "desk")
            await hears(second, *SOFT)
            await hears(first, *SOFT)

            gated = other.replace("- vad_gate", "- vad_gate: {mode: gate, detector: energy}")
            told = await reloaded(gated, "reloaded: ")
            assert "for new calls (2 running calls keep theirs)" in told
            told = await reloaded(other, "reloaded: ")
            assert "for new calls" in told

            told = await reloaded(other.replace("-20", "loud"), "not reloaded: ")
            assert told == "not reloaded: desk.yaml; what it gave before stays"
            assert "desk.yaml:4:16" in server.text
            third = await call(server, "desk")
            await hears(third, *SOFT)

            told = await reloaded(other.replace("-20", "-40"), "reloaded: ")
            assert told == ("reloaded: desk: gain.db -20.0 -> -40.0 (3 running calls took it)")
            for caller in (first, second, third):
                await hears(caller, *FAINT)
            for caller in (first, second, third):
                await caller.hang_up()

    asyncio.run(main())


def test_watch(tmp_path: Path) -> None:
    """Saving is enough: agents of a folder come, change and go, and a mistake is said once."""
    folder = tmp_path / "agents"
    folder.mkdir()
    one, two = folder / "one.yaml", folder / "two.yaml"
    one.write_text(AGENT)

    async def main() -> None:
        async with livegraph_run(str(folder), "--watch") as server:

            async def names() -> list[str]:
                found = await asyncio.to_thread(fetch, f"{server.address}api/agents")
                return [agent["name"] for agent in found["agents"]]

            two.write_text(AGENT)
            assert await server.prints("reloaded: ") == "reloaded: two is new"
            assert await names() == ["one", "two"]
            caller = await call(server, "two")
            await hears(caller, *LOUD)
            since = len(server.printed)
            two.write_text(AGENT.replace("0", "-20"))
            told = await server.prints("reloaded: ", since=since)
            assert told == "reloaded: two: gain.db 0.0 -> -20.0 (1 running call took it)"
            await hears(caller, *SOFT)
            since = len(server.printed)
            one.write_text(AGENT.replace("gain", "gian"))
            await server.prints("not reloaded: one.yaml", since=since)
            await server.prints("did you mean `gain`?", since=since)
            since = len(server.printed)
            two.unlink()
            told = await server.prints("reloaded: two", since=since)
            assert told == "reloaded: two is gone (1 running call goes on)"
            assert await names() == ["one"]
            await hears(caller, *SOFT)
            await caller.hang_up()

    asyncio.run(main())


def test_a_terminal_that_is_closed_ends_the_server(tmp_path: Path) -> None:
    """It has the same signal for that, and nobody could end the server any more."""
    (tmp_path / "desk.yaml").write_text(AGENT)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from livegraph.cli import main; main()", "run", "desk.yaml", "--port", "0"],
        cwd=tmp_path,
        env=environment({}),
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        os.close(theirs)
        assert process.stdout is not None
        for line in process.stdout:
            if b"Ctrl-C ends" in line:
                break
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
