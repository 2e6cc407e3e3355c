"""``livegraph tap`` and ``top CALL``: what one sees of a call of a server that runs; it holds nobody up."""

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.audio import read_wav
from support.command import Running, environment, in_this_process, livegraph, running
from support.webrtc import pitch

from .test_operate import call

Ask = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


Server = tuple[Running, Path]
"""One that runs, and its admin socket."""


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """``livegraph run echo``, which has had no fault when it ends."""
    socket = folder / "admin.sock"
    with running(
        "run", "echo", "--port", "0", "--admin", f"unix:{socket}", *options, until="Ctrl-C"
    ) as server:
        yield server, socket
        server.send(signal.SIGINT)
        code, _, said = server.ended(20)
    assert code == 130
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all: each test makes a call of its own."""
    with serving(tmp_path_factory.mktemp("tap")) as there:
        yield there


def with_a_call(there: Server, during: Callable[[Ask, str, Any], Awaitable[None]]) -> None:
    """Run ``during`` with a command that asks the server, the id of its one call, and the caller."""
    server, socket = there

    async def ask(*arguments: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
        verb = livegraph if extra else in_this_process
        return await asyncio.to_thread(verb, *arguments, "--server", socket, **extra)

    async def run() -> None:
        caller = await call(server)
        (listed,) = json.loads((await ask("calls", "--json")).stdout)["calls"]
        await during(ask, listed["id"], caller)
        await caller.hang_up()
        async with asyncio.timeout(20):
            while json.loads((await ask("calls", "--json")).stdout)["calls"]:
                await asyncio.sleep(0.05)

    asyncio.run(run())


@pytest.mark.timeout(240)
def test_frames_come_as_lines_and_sound_as_a_file(server: Server, tmp_path: Path) -> None:
    """Of what the caller says: each frame with its time and level; in the file the very tone, for its owner only."""
    wav, flac = tmp_path / "heard.wav", tmp_path / "heard.flac"

    async def look(ask: Ask, id: str, _: Any) -> None:
        outputs = (await ask("tap", id)).stdout
        assert "webrtc_in.audio" in outputs
        text = await ask("tap", id.rpartition("-")[0], "webrtc_in.audio", "--frames", "20")
        assert text.returncode == 0
        lines = text.stdout.splitlines()
        assert len(lines) == 20
        assert all(" audio " in line and line.endswith("dBFS") and "kHz" in line for line in lines), lines[:3]
        told = await ask("tap", id, "webrtc_in.audio", "--frames", "20", "--format", "json")
        first, *frames = map(json.loads, told.stdout.splitlines())
        assert (first["type"], first["call"], first["port"]) == ("tap", id, "webrtc_in.audio")
        assert {frame["type"] for frame in frames} == {"audio"}
        assert all(frame["ms"] > 0 and -25 < frame["level_dbfs"] < -5 for frame in frames)
        assert [frame["time_s"] for frame in frames] == sorted(frame["time_s"] for frame in frames)
        assert (await ask("tap", id, "webrtc_in.audio", "--for", "200ms")).returncode == 0
        for path in (wav, flac):
            kept = await ask("tap", id, "webrtc_in.audio", "--frames", "100", "--out", path, "-q")
            assert (kept.returncode, kept.stderr) == (0, "")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        samples, rate = read_wav(wav)
        assert len(samples) >= rate // 2
        assert pitch(samples, rate) == pytest.approx(440, abs=5)

    with_a_call(server, look)


@pytest.mark.timeout(240)
def test_what_is_wrong_is_named_with_what_there_is(server: Server, tmp_path: Path) -> None:
    """A call, a box, an output, a file, a loudspeaker that is not there; and no call is worse off for it."""

    async def look(ask: Ask, id: str, _: Any) -> None:
        unknown = await ask("tap", f"{id[:-1]}", "webrtc_in")
        assert (unknown.returncode, f"did you mean '{id}'" in unknown.stderr) == (1, True)
        for port, meant in (
            ("webrtc_ni.audio", "webrtc_in"),
            ("webrtc_in.aduio", "audio"),
            ("webrtc_out", ""),
        ):
            wrong = await ask("tap", id, port)
            assert wrong.returncode == 2, wrong.stderr
            assert meant in wrong.stderr
        silent = await ask("tap", id, "webrtc_in.text", "--out", tmp_path / "a.wav")
        assert (silent.returncode, "carries no sound" in silent.stderr) == (2, True)
        for out, code in (("a.mp3", 2), ("nowhere/a.wav", 2)):
            assert (await ask("tap", id, "webrtc_in.audio", "--out", tmp_path / out)).returncode == code
        assert (await ask("tap", id, "webrtc_in.audio", "--for", "soon")).returncode == 2
        (listed,) = json.loads((await ask("calls", "--json")).stdout)["calls"]
        assert listed["state"] == "running"
        top = (await ask("top", id)).stdout
        for word in ("WebRTCIn", "WebRTCOut", "webrtc_in.audio -> webrtc_out.audio", "NODE", "EDGE"):
            assert word in top
        seen = json.loads((await ask("top", id, "--json")).stdout)["one"]
        assert {node["node"] for node in seen["nodes"]} == {"webrtc_in", "webrtc_out"}

    with_a_call(server, look)


@pytest.mark.timeout(240)
def test_it_ends_with_the_call_with_ctrl_c_and_with_its_reader(server: Server, tmp_path: Path) -> None:
    """The file is complete each time, and the server serves on."""

    def tapping(id: str, *more: str | Path) -> subprocess.Popen[str]:
        code = "from livegraph.cli import main; main()"
        arguments = ["tap", id, "webrtc_in.audio", "--server", server[1], *more]
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def look(ask: Ask, id: str, caller: Any) -> None:
        stopped = tapping(id, "--out", tmp_path / "a.wav")
        assert stopped.stdout is not None
        await asyncio.to_thread(stopped.stdout.readline)
        await asyncio.sleep(1.0)
        stopped.send_signal(signal.SIGINT)
        _, said = await asyncio.to_thread(stopped.communicate, timeout=20)
        assert (stopped.returncode, said) == (130, "")
        assert len(read_wav(tmp_path / "a.wav")[0])
        left = tapping(id)
        assert left.stdout is not None
        await asyncio.to_thread(left.stdout.readline)
        left.stdout.close()
        left.stdout = None
        _, said = await asyncio.to_thread(left.communicate, timeout=20)
        assert (left.returncode, said) == (0, "")
        over = tapping(id, "--out", tmp_path / "b.wav")
        assert over.stdout is not None
        await asyncio.to_thread(over.stdout.readline)
        await ask("hangup", id)
        _, said = await asyncio.to_thread(over.communicate, timeout=20)
        assert (over.returncode, "the call is over" in said) == (0, True)
        assert np.abs(read_wav(tmp_path / "b.wav")[0]).max() > 1_000
        assert caller.messages[-1] == {"type": "end", "reason": "operator"}

    with_a_call(server, look)


@pytest.mark.timeout(240)
def test_a_server_says_how_much_may_be_seen(tmp_path: Path) -> None:
    """``--taps names``: types, times and levels, and no sound. What ``none`` leaves is in the server's own tests."""

    async def names(ask: Ask, id: str, _: Any) -> None:
        assert "dBFS" in (await ask("tap", id, "webrtc_in.audio", "--frames", "20")).stdout
        refused = await ask("tap", id, "webrtc_in.audio", "--out", tmp_path / "a.wav")
        assert (refused.returncode, "nobody hear" in refused.stderr) == (1, True)

    with serving(tmp_path, "--taps", "names") as there:
        with_a_call(there, names)


PORTAUDIO = """
import time, threading
class PortAudioError(Exception): pass
def query_devices(kind): {devices}
class RawOutputStream:
    def __init__(self, samplerate, channels, dtype, callback):
        self.said = samplerate, channels, dtype
        self.callback = callback
        self.over = False
    def start(self):
        self.thread = threading.Thread(target=self.play)
        self.thread.start()
    def play(self):
        with open({played!r}, "wb") as file:
            while not self.over:
                # 20 ms at the rate that is asked for, as a device of one channel takes them.
                block = bytearray(2 * self.said[0] // 50)
                self.callback(memoryview(block), len(block) // 2, None, None)
                file.write(block)
                time.sleep(0.02)
    def close(self):
        print("played", *self.said)
        self.over = True
        self.thread.join()
"""


@pytest.mark.timeout(240)
def test_the_loudspeaker_plays_it_or_is_missed_in_words(server: Server, tmp_path: Path) -> None:
    """With PortAudio in the place of a device: the tone is played; without a device, or the library, it is said."""
    played = tmp_path / "played.raw"

    def library(name: str, text: str) -> dict[str, str]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "sounddevice.py").write_text(text)
        before = os.environ.get("PYTHONPATH", "")
        return {"PYTHONPATH": f"{folder}{os.pathsep}{before}" if before else str(folder)}

    whole = library("whole", PORTAUDIO.format(devices="return {}", played=str(played)))
    deaf = library("deaf", PORTAUDIO.format(devices="raise PortAudioError('no device')", played=str(played)))
    torn = library("torn", "raise OSError('PortAudio library not found')")
    none = library("none", "raise ImportError")

    async def look(ask: Ask, id: str, _: Any) -> None:
        for where, word in ((deaf, "no loudspeaker"), (torn, "libportaudio2"), (none, "livegraph[console]")):
            missed = await ask("tap", id, "webrtc_in.audio", "--play", **where)
            assert (missed.returncode, word in missed.stderr) == (1, True), missed.stderr
        heard = await ask("tap", id, "webrtc_in.audio", "--play", "--frames", "100", **whole)
        assert heard.returncode == 0, heard.stderr
        rate, channels, kind = heard.stdout.splitlines()[-1].split()[1:]
        assert (channels, kind) == ("1", "int16")
        samples = np.frombuffer(played.read_bytes(), np.int16)
        # What was under way when it ended is not played.
        assert np.abs(samples).max() > 1_000
        assert pitch(samples, int(rate)) == pytest.approx(440, abs=10)

    with_a_call(server, look)
