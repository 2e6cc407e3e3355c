"""Load, blocked loops, draining and files: what is refused, named, waited for and kept whole."""

import asyncio
import json
import os
import resource
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.language import check_file
from livegraph.liveapi.link import LinkClosed
from livegraph.pipeline.events import EventBus, SpeechChanged, Usage
from livegraph.pipeline.files import write_whole
from livegraph.pipeline.units import MS, SECOND
from livegraph.processors.gemini_live.options.faults import read_history
from livegraph.processors.tools.threads import ToolThreads
from livegraph.server.calls.warden import Warden
from livegraph.server.limits import CallerLimits
from livegraph.server.limits.blocked import BlockWatch
from livegraph.server.limits.load import LOOK_EVERY_NS, Load, LoadPolicy
from livegraph.simulator.ears import NoEars
from livegraph.simulator.server import Simulator
from livegraph.simulator.voice import TonesVoice
from livegraph.transports.webrtc.channel import MessageChannel
from support.clients import echo
from support.web import serving
from support.webrtc import Caller

# ---- load ----


def looked(load: Load, seconds: float, *, lag_ns: int = 0, busy: float = 0.0) -> None:
    """Look for so long, with this delay and this part of the time computed."""
    now_ns = load._looks[-1][0] if load._looks else 0
    cpu_ns = load._looks[-1][2] if load._looks else 0
    for _ in range(round(seconds * SECOND / LOOK_EVERY_NS)):
        now_ns += LOOK_EVERY_NS
        cpu_ns += round(LOOK_EVERY_NS * busy)
        load.look(now_ns, now_ns - lag_ns, cpu_ns)


def test_a_loop_that_is_late_or_busy_takes_no_more() -> None:
    """Lag above two packets, or a thread that computes all the time; one slow step is no overload, and it passes."""
    load = Load()
    looked(load, 5)
    assert load.full == ""
    looked(load, 0.05, lag_ns=900 * MS)
    assert load.full == ""
    looked(load, 3, lag_ns=70 * MS)
    assert "70 ms late" in load.full
    assert load.refuses(4) == load.full
    assert load.refuses(3) == ""
    looked(load, 4)
    assert load.full == ""
    looked(load, 4, busy=0.97)
    assert "97%" in load.full


def test_a_loop_that_is_overloaded_refuses_in_words() -> None:
    """503 with ``overloaded`` and Retry-After, not ready, and the log says why; those that talk go on."""

    async def run() -> None:
        async with serving([echo()]) as web:
            load = web.desk.load = Load(LoadPolicy(at_least=0))
            looked(load, 5, lag_ns=80 * MS)
            caller = Caller(None)
            reply = await web.offer(await caller.offer())
            assert (reply.status, reply.error) == (503, "overloaded")
            assert int(reply.headers["retry-after"]) >= 1
            ready = await web.ask("GET", "/readyz")
            assert (ready.status, ready.json) == (503, {"status": "overloaded"})
            assert (await web.ask("GET", "/healthz")).status == 200
            await caller.hang_up()

    asyncio.run(run())


def test_who_blocks_the_loop_is_named() -> None:
    """A box whose step takes long is told by its name and for how long, while it still blocks."""
    from livegraph.pipeline import AudioFrame, In, Processor

    class Sleepy(Processor):
        """Sleeps in its step."""

        audio: In[AudioFrame] = In()

        def on_audio(self, frame: AudioFrame) -> None:
            deadline = time.monotonic() + 20
            while not named and time.monotonic() < deadline:
                time.sleep(0.005)

    named: list[tuple[int, str]] = []
    watch = BlockWatch(
        time.monotonic_ns, limit_ns=50 * MS, told=lambda blocked_ns, who: named.append((blocked_ns, who))
    )
    watch.open()
    try:
        Sleepy().on_audio(None)  # type: ignore[arg-type]
    finally:
        watch.close()
    blocked_ns, who = named[0]
    assert blocked_ns >= 50 * MS
    assert "Sleepy.on_audio" in who


# ---- limits of a call ----


def test_a_call_ends_when_its_caller_has_used_its_share() -> None:
    """Time, silence, tokens and money end a call, each in a word that the page knows."""

    def usage(total: int, cost: float | None) -> Usage:
        return Usage(
            time_ns=1,
            node="n",
            input_tokens=0,
            output_tokens=0,
            total_tokens=total,
            input_by_modality={},
            output_by_modality={},
            cost_usd=cost,
        )

    events = EventBus()
    limits = CallerLimits(call_duration=100 * SECOND, idle=10 * SECOND, tokens=100, cost_usd=0.5)
    warden = Warden(limits, events)
    assert warden.verdict(9 * SECOND) is None
    assert warden.verdict(10 * SECOND) == "idle"
    events.publish(SpeechChanged(time_ns=9 * SECOND, speaking=True))
    assert warden.verdict(18 * SECOND) is None
    events.publish(usage(60, None))
    assert warden.verdict(18 * SECOND) is None
    events.publish(usage(40, 0.1))
    assert warden.verdict(18 * SECOND) == "max_tokens"
    assert warden.verdict(100 * SECOND) == "max_duration"
    assert Warden(CallerLimits(), EventBus()).verdict(10**18) is None


def test_words_of_a_caller_are_bounded_per_second() -> None:
    """A flood on the data channel is cut to a few messages; whoever types is not."""
    now_ns = 0
    heard: list[object] = []
    channel = MessageChannel(lambda: None, lambda: now_ns)
    channel.listen(heard.append)
    for _ in range(10_000):
        channel._receive('{"type": "text", "text": "x"}')
    assert len(heard) <= 250
    heard.clear()
    now_ns = 60 * SECOND
    for _ in range(50):
        channel._receive(json.dumps({"type": "text", "text": "y" * 60_000}))
    assert len(heard) <= 2
    heard.clear()
    now_ns = 120 * SECOND
    for _ in range(200):
        now_ns += 300 * MS
        channel._receive('{"type": "text", "text": "a key each third of a second"}')
    assert len(heard) == 200


def test_threads_of_tools_are_bounded_for_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many calls there are, their tools share so many threads."""
    import threading

    monkeypatch.setattr("livegraph.processors.tools.threads.MOST_THREADS", 3)
    release = threading.Event()
    pools = [ToolThreads() for _ in range(3)]
    running = [pool.submit(release.wait, 20) for pool in pools]
    assert ToolThreads.full()
    release.set()
    assert all(future.result(20) for future in running)
    deadline = time.monotonic() + 20
    while ToolThreads.full() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not ToolThreads.full()


# ---- draining ----


def test_a_drain_loses_nobody() -> None:
    """Not ready at once, offers are refused with a hint, calls go on until their callers hang up, then it is over."""

    async def run() -> None:
        async with serving([echo()]) as web:
            callers = [Caller() for _ in range(3)]
            for caller in callers:
                await web.call(caller)
            web.desk.hint = "Call voice-2.example.org."
            draining = asyncio.create_task(web.desk.drain(60))
            await asyncio.sleep(0)
            assert (await web.ask("GET", "/readyz")).json == {"status": "draining"}
            assert (await web.ask("GET", "/healthz")).status == 200
            late = Caller(None)
            reply = await web.offer(await late.offer())
            assert (reply.status, reply.error) == (503, "draining")
            assert reply.json["error"]["remedy"] == "Call voice-2.example.org."
            await late.hang_up()
            assert web.desk.active == 3
            for number, caller in enumerate(callers):
                assert not draining.done()
                assert not any(message["type"] == "end" for message in caller.messages)
                await caller.hang_up()
                async with asyncio.timeout(20):
                    while web.desk.active > 2 - number:
                        await asyncio.sleep(0.01)
            assert await draining == 0

    asyncio.run(run())


def test_a_drain_ends_who_stays_and_who_never_came() -> None:
    """Offers that nobody has taken up go soon; whoever is still there at the end is told, and hung up on."""

    async def run() -> None:
        async with serving([echo()]) as web:
            stays, nobody = Caller(), Caller(None)
            await web.call(stays)
            await web.offer(await nobody.offer())
            assert web.desk.active == 2
            assert await web.desk.drain(0.2) == 1
            async with asyncio.timeout(20):
                while not any(message["type"] == "end" for message in stays.messages):
                    await asyncio.sleep(0.01)
            assert stays.messages[-1] == {"type": "end", "reason": "shutdown"}
            await stays.hang_up()
            await nobody.hang_up()
            await web.until_free()

    asyncio.run(run())


# ---- files ----


def test_files_are_whole_or_as_they_were(tmp_path: Path) -> None:
    """A disk that is full leaves the older file as it was and nothing beside it; files are their owner's only."""
    path = tmp_path / "history.jsonl"
    write_whole(path, "old\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    child = os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, 4_096))
        try:
            write_whole(path, "new\n" * 10_000)
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert path.read_text() == "old\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["history.jsonl"]


def test_what_people_said_is_its_owners_only(tmp_path: Path) -> None:
    """Recordings and transcripts can be read by nobody else, whatever the process's mask is."""
    from livegraph.audio.wav import WavWriter
    from livegraph.processors.transcript_log import _open

    before = os.umask(0)
    try:
        WavWriter(tmp_path / "a.wav", 16_000).close()
        _open(tmp_path / "b.txt").close()
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_pipe_is_no_history(tmp_path: Path) -> None:
    """What would be waited for without end is refused at once, by ``check`` too."""
    pipe = tmp_path / "history.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(ValueError, match="not a file"):
        read_history(pipe)
    agent = tmp_path / "agent.yaml"
    agent.write_text(
        "version: 1\npipeline:\n  - webrtc_in\n  - gemini_live: {history: ./history.jsonl}\n  - webrtc_out\n"
    )
    report = check_file(agent)
    assert any("history" in str(found.problem) for found in report.diagnostics)


def test_templates_cannot_grow_without_end(tmp_path: Path) -> None:
    """Ten lines that stand for ten thousand boxes are refused by one sentence, in little time."""
    text = (
        "version: 1\ntemplates:\n  t0:\n    ports: {in: g.audio, out: g.out}\n    nodes: {g: {use: gain}}\n"
    )
    for depth in range(1, 14):
        text += f"  t{depth}:\n    ports: {{in: a.in, out: b.out}}\n"
        text += f"    nodes: {{a: t{depth - 1}, b: {{use: t{depth - 1}, from: a}}}}\n"
    text += "nodes: {m: webrtc_in, x: {use: t13, from: m}, o: {use: webrtc_out, from: x}}\n"
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    before = time.process_time()
    report = check_file(path)
    assert time.process_time() - before < 20
    assert any(found.problem.code == "LG009" for found in report.diagnostics)
    assert not report.resolved


def test_aliases_cannot_grow_without_end(tmp_path: Path) -> None:
    """The billion laughs are refused while they are read."""
    text = "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for depth in range(1, 12):
        text += f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]\n"
    path = tmp_path / "laughs.yaml"
    path.write_text(text + "pipeline: [webrtc_in, webrtc_out]\n")
    before = time.process_time()
    assert not check_file(path).resolved
    assert time.process_time() - before < 20


# ---- the simulator inside of `livegraph run` ----


def test_the_inner_simulator_is_found_by_its_own_only() -> None:
    """Without the secret in the path, and for every page in a browser, there is nothing at its port."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    live = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"

    async def run() -> None:
        async with Simulator(ears=NoEars(), voice=TonesVoice()) as simulator:
            port = await simulator.serve(secret="the-secret")
            base = f"ws://127.0.0.1:{port}"
            for path, headers in (
                (live, {}),
                (f"/the-secre{live}", {}),
                (f"/other{live}", {}),
                (f"/the-secret{live}", {"Origin": "https://evil.example"}),
                (f"/the-secret{live}", {"Origin": f"http://127.0.0.1:{port}"}),
            ):
                with pytest.raises(InvalidStatus) as refused:
                    async with connect(base + path, additional_headers=headers):
                        pass
                assert refused.value.response.status_code == 404, path
            assert simulator.sessions == 0
            async with connect(f"{base}/the-secret{live}", max_size=None) as socket:
                await socket.send(json.dumps({"setup": {"model": "models/gemini-3.1-flash-live-preview"}}))
                async with asyncio.timeout(20):
                    assert b"setupComplete" in (await socket.recv(decode=False))

    asyncio.run(run())


def test_the_simulator_takes_no_message_without_end() -> None:
    """Seventeen megabytes in one message end the connection, before they are put together."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed

    live = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"

    async def run() -> None:
        async with Simulator(ears=NoEars(), voice=TonesVoice()) as simulator:
            port = await simulator.serve()
            async with connect(f"ws://127.0.0.1:{port}{live}", max_size=None) as socket:

                async def pieces() -> object:
                    for _ in range(18):
                        yield "x" * (1 << 20)

                with pytest.raises((ConnectionClosed, LinkClosed)):
                    await socket.send(pieces())  # type: ignore[arg-type]
                    async with asyncio.timeout(20):
                        while True:
                            await socket.recv()

    asyncio.run(run())


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), max_size=200))
def test_load_is_measured_of_late_only(looks: list[tuple[int, int]]) -> None:
    """Whatever is measured, what is kept spans the window, and nothing is out of range."""
    load = Load()
    now_ns = cpu_ns = 0
    for gap_ns, lag_ns in looks:
        now_ns += gap_ns
        cpu_ns += gap_ns // 2
        load.look(now_ns, now_ns - lag_ns, cpu_ns)
        assert 0 <= load.cpu <= 1
        assert 0 <= load.lag_ns <= load.worst_ns
