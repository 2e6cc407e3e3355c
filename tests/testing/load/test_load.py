"""Callers that put load on a server: real ones, counted by packet, and held to hosts that may be loaded."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import write_wav
from livegraph.pipeline.errors import LivegraphError
from livegraph.server.access.grant import Grant
from livegraph.testing.load import LoadPlan, LoadReport, run_load
from livegraph.testing.load.checks import candidates_of, check, is_answer, values_of
from livegraph.testing.load.crowd import Crowd, retry_after
from livegraph.testing.load.hearing import Hearing
from livegraph.testing.load.numbers import Seen, Tally, figures
from livegraph.testing.load.plan import UNREACHABLE
from livegraph.testing.load.recording import spoken
from livegraph.testing.load.running import processes_for
from livegraph.transports.webrtc.ice.stun import read_request, success, verified
from livegraph.transports.webrtc.rtp.packets import build_rtp
from support.command import livegraph
from support.pool_agents import agents
from support.speech import recorded
from support.web import Web, serving

LOUD, SILENT = b"loud words", b"\xf8\xff\xfe"


def rtp(sequence: int, payload: bytes = SILENT) -> bytes:
    """20 ms of the agent."""
    return build_rtp(111, sequence & 0xFFFF, 960 * sequence & 0xFFFFFFFF, 7, payload)


def hearing() -> Hearing:
    """One to whom every packet that is not silence is loud."""
    return Hearing(lambda _: np.full(320, 8_000, np.int16))


# ---- what is heard, and what is made of it ----


@given(st.integers(0, 0xFFFF), st.integers(1, 400), st.sets(st.integers(1, 398)), st.randoms())
def test_loss_is_counted_by_number(first: int, count: int, missing: set[int], chance: object) -> None:
    """Whatever number the first has, in whatever order they come within a window, and however often each does."""
    ear = hearing()
    numbers = [each for each in range(count) if each not in missing or each in (0, count - 1)]
    for at in range(0, len(numbers), 8):
        window = numbers[at : at + 8]
        ordered = window if at == 0 else list(reversed(window))
        for number in (*ordered, ordered[0]):
            ear.hear(rtp(first + number), 0.0)
    assert ear.packets == len(numbers)
    assert ear.lost == count - len(numbers)


def test_loss_is_counted_by_sample() -> None:
    """By the packets' own time: a packet that did not come, whatever it held, and time that the sender jumped over
    without a gap in its numbers. What comes late or twice is no loss."""
    ear, forty = hearing(), b"\xf9\xff\xfe" + b"\xff\xfe"
    begin = 0xFFFFFFFF - 2_000  # its time wraps around
    packets = [(0, 0, SILENT), (1, 960, forty), (3, 3_840, SILENT), (4, 7_200, SILENT), (2, 2_880, SILENT)]
    for number, at, payload in (*packets, packets[1]):
        ear.hear(build_rtp(111, number, begin + at & 0xFFFFFFFF, 7, payload), 0.0)
    assert (ear.packets, ear.lost) == (5, 0)
    assert ear.samples == 4 * 960 + 1_920
    assert ear.lost_samples == 7_200 - 4_800


def test_who_is_told_to_come_back_is_told_when() -> None:
    """In seconds, a minute at most; a date, or a word, is not waited for."""
    assert retry_after(httpx.Headers({"retry-after": "3"})) == 3
    assert retry_after({"Retry-After": "86400"}) == 60
    for said in ("", "soon", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "\u0663"):
        assert retry_after({"Retry-After": said}) is None
    assert retry_after({}) is None


def test_sound_is_told_from_silence_by_its_level() -> None:
    """The next sound after a moment is told once; silence is none, and the agent speaks until a pause is too long."""
    ear, told = hearing(), []
    ear.next_sound(1.0, told.append)
    ear.hear(rtp(0, LOUD), 0.9)
    ear.hear(rtp(1), 1.1)
    assert told == []
    ear.hear(rtp(2, LOUD), 1.2)
    ear.hear(rtp(3, LOUD), 1.3)
    assert told == [1.2]
    assert ear.speaking(1.4)
    assert not ear.speaking(1.6)
    assert ear.quiet_for(1.8) == pytest.approx(0.5)


def test_a_check_is_what_a_server_verifies_and_its_answer_is_known() -> None:
    """By the server's own reader; the answer to another check is none."""
    sent = check("them", "us", "a password of theirs", b"t" * 12, b"tie-tie-")
    request = read_request(sent)
    assert request is not None
    assert verified(request, b"a password of theirs")
    assert (request.local, request.remote, request.use_candidate) == ("them", "us", True)
    answer = success(request, ("127.0.0.1", 5_000), b"a password of theirs")
    assert is_answer(answer, b"t" * 12)
    assert not is_answer(answer, b"u" * 12)


def test_an_answer_is_read() -> None:
    """Its attributes, and its ways for UDP with the best first."""
    sdp = (
        "a=ice-ufrag:abc\r\na=ice-pwd:def\r\n"
        "a=candidate:1 1 udp 100 192.0.2.1 40000 typ host\r\n"
        "a=candidate:2 1 UDP 200 192.0.2.2 40000 typ host\r\n"
        "a=candidate:3 1 tcp 300 192.0.2.3 40000 typ host tcptype passive\r\n"
    )
    assert values_of(sdp)["ice-ufrag"] == "abc"
    assert candidates_of(sdp) == [("192.0.2.2", 40000), ("192.0.2.1", 40000)]


def test_percentiles_are_of_what_was_measured() -> None:
    """By nearest rank: each is a value that there was; of nothing there is none."""
    found = figures([float(each) for each in range(1, 201)])
    assert found is not None
    assert (found.count, found.p50, found.p95, found.p99, found.max) == (200, 100, 190, 198, 200)
    assert figures([]) is None
    one = figures([3.5])
    assert one is not None
    assert {one.p50, one.p99, one.max} == {3.5}


def test_what_several_processes_see_is_added_up() -> None:
    """Counts are what each saw last, times are all that were ever told."""
    tally = Tally(4, 2)
    tally.take(0, Seen(begun=2, connected=1, failed={"503 full": 1}, connect_ms=[10.0], sent=100))
    tally.take(0, Seen(begun=2, connected=1, failed={"503 full": 1}, sent=150))
    tally.take(1, Seen(begun=2, connected=2, connect_ms=[20.0, 30.0], sent=50, failed={"503 full": 1}))
    report = tally.report(1.0)
    assert (report.begun, report.connected, report.sent_packets) == (4, 3, 200)
    assert report.failed == {"503 full": 2}
    assert report.connect_ms is not None
    assert report.connect_ms.count == 3
    assert not report.clean


def test_a_hundred_callers_are_in_a_process() -> None:
    """And one more in another."""
    assert [processes_for(calls) for calls in (1, 100, 101, 1_000)] == [1, 1, 2, 10]


def test_what_is_said_begins_and_ends_with_its_sound() -> None:
    """Silence and a room's noise before and behind it are no part of it, whatever the rate; those inside are."""
    rate, chance = 24_000, np.random.default_rng(3)
    tone = (9_000 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)).astype(np.int16)
    room = chance.normal(0, 20, 2 * rate).astype(np.int16)
    found = spoken(np.concatenate([room, tone, room[:rate], tone, room, np.zeros(rate, np.int16)]), rate)
    assert len(found) / 16_000 == pytest.approx(3.0, abs=0.05)
    both = np.stack([tone, tone], axis=1)
    assert len(spoken(both, rate)) / 16_000 == pytest.approx(1.0, abs=0.05)
    with pytest.raises(LivegraphError, match="nobody speaks"):
        spoken(np.zeros(rate, np.int16), rate)


# ---- real calls ----


def test_real_callers_are_connected_heard_and_gone(tmp_path: Path) -> None:
    """From two processes: all connect, nothing is lost, what they say comes back to them, and no call is left."""
    words = tmp_path / "words.wav"
    write_wav(words, recorded("go_forward").pcm[:24_000], 16_000)

    async def run() -> LoadReport:
        async with serving(agents()) as web:
            plan = LoadPlan(
                url=f"http://127.0.0.1:{web.port}/",
                agent="echo",
                calls=4,
                ramp_per_s=20,
                hold_s=8,
                say=str(words),
                interrupt=False,
            )
            told: list[LoadReport] = []
            report = await run_load(plan, processes=2, told=told.append)
            assert max(each.active for each in told) > 1
            await web.until_free()
            return report

    report = asyncio.run(run())
    assert report.clean, report
    assert report.connected == 4
    assert report.received_packets > 4 * 100
    assert (report.lost_packets, report.lost_samples) == (0, 0)
    assert report.answered >= 4
    # Its echo is there as soon as the last of it was said.
    assert report.answer_ms is not None
    assert report.answer_ms.p50 < 1_000
    assert report.connect_ms is not None


def test_calls_that_are_refused_are_counted_by_the_servers_word() -> None:
    """A server with room for one: the others fail, as what it says."""

    async def run() -> LoadReport:
        async with serving(agents(), max_calls=1) as web:
            plan = LoadPlan(url=f"http://127.0.0.1:{web.port}/", calls=3, ramp_per_s=50, hold_s=2)
            return await run_load(plan)

    report = asyncio.run(run())
    assert report.connected == 1
    assert report.failed == {"503 full": 2}


def test_callers_come_back_when_they_were_told_to() -> None:
    """A server with room for one at a time, which says when to ask again: both get their turn, and no call failed."""

    async def run() -> LoadReport:
        async with serving(agents(), max_calls=1) as web:
            plan = LoadPlan(
                url=f"http://127.0.0.1:{web.port}/", calls=2, ramp_per_s=50, hold_s=0.2, patience_s=60
            )
            return await run_load(plan)

    report = asyncio.run(run())
    assert report.clean, report
    assert report.put_off >= 1


def test_calls_begin_later_while_the_callers_are_late_themselves() -> None:
    """Beside a clock that is late a caller more would tell nothing of the server; a few begin all the same."""

    async def run() -> None:
        crowd = Crowd(LoadPlan(url="http://127.0.0.1/"))
        assert not await crowd._held_back()
        assert crowd.seen.held_back_s < 0.05
        crowd._late_s = 1.0
        assert not await crowd._held_back()
        assert crowd.seen.held_back_s >= 1.5
        before = crowd.seen.held_back_s
        crowd.stop()
        assert await crowd._held_back()
        assert crowd.seen.held_back_s - before < 1.0

    asyncio.run(run())


async def ended_by(web: Web, plan: LoadPlan, seen: Callable[[LoadReport], object]) -> LoadReport:
    """Put load on a server that ends all calls when all are connected; what is told once this is ``seen``.

    The server has a call before its caller knows that it is connected: who ends calls by what the server says may
    end one that never was.
    """
    reports: asyncio.Queue[LoadReport] = asyncio.Queue()
    load = asyncio.create_task(run_load(plan, told=reports.put_nowait))
    try:
        async with asyncio.timeout(60):
            while (await reports.get()).connected < plan.calls:
                pass
            for call in web.desk.calls():
                await web.desk.end(call["id"])
            while not seen(report := await reports.get()):
                pass
            return report
    finally:
        load.cancel()
        await asyncio.wait({load})


def test_callers_whose_call_is_lost_call_again() -> None:
    """At once; how long that took is told, and the call that was lost is still one that was dropped."""

    async def run() -> LoadReport:
        async with serving(agents()) as web:
            plan = LoadPlan(url=f"http://127.0.0.1:{web.port}/", calls=1, hold_s=50, again=True)
            return await ended_by(web, plan, lambda report: report.again_ms)

    report = asyncio.run(run())
    assert (report.connected, report.again) == (1, 1)
    assert report.dropped == {"the server ended it: operator": 1}


def test_callers_show_a_token_and_see_their_call_ended() -> None:
    """A token is sent with each offer; a call that the server ends is one that was dropped."""

    async def run() -> LoadReport:
        async def authorize(request: object) -> Grant | None:
            return Grant(identity="load") if "let me in" in str(request.headers) else None  # type: ignore[attr-defined]

        async with serving(agents(), authorize=authorize) as web:
            plan = LoadPlan(url=f"http://127.0.0.1:{web.port}/", calls=2, hold_s=50, token="let me in")
            return await ended_by(web, plan, lambda report: sum(report.dropped.values()) == 2)

    report = asyncio.run(run())
    assert report.connected == 2
    assert report.dropped == {"the server ended it: operator": 2}


# ---- the command ----


class _Elsewhere(BaseHTTPRequestHandler):
    """Somebody's page, of whom nothing but ``says`` is asked."""

    says = (200, b"")

    def do_POST(self) -> None:
        """Any."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.says[0])
        self.send_header("Content-Length", str(len(self.says[1])))
        self.end_headers()
        self.wfile.write(self.says[1])

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("says", "helps"),
    [
        ((200, b"[1, 2]"), "the page of a livegraph server"),
        ((401, b'{"error": {"code": "unauthorized"}}'), "LIVEGRAPH_TOKEN"),
    ],
)
def test_a_server_that_takes_nobody_is_told_with_what_helps(says: tuple[int, bytes], helps: str) -> None:
    """Something else that answers there, a path that is none, a token that is missing: each in words."""
    handler = type("Elsewhere", (_Elsewhere,), {"says": says})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            done = livegraph(
                "load", f"http://127.0.0.1:{server.server_port}/", "--calls", "1", "--hold", "1s"
            )
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == 1
    assert "no call came about" in done.stderr and helps in done.stderr
    assert "Error" not in done.stdout


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/", "https://voice.example.org/", "http://localhost.example.org/"]
)
def test_nobody_elses_host_is_loaded(url: str) -> None:
    """Nothing is sent there unless its owner says so by name."""
    done = livegraph("load", url, "--calls", "1")
    assert done.returncode == 2
    assert "--i-own-this-host" in done.stderr


def test_a_host_of_ones_own_is_named(tmp_path: Path) -> None:
    """Then it is asked; one that is not there makes calls that fail, which the report and the exit code say."""
    done = livegraph(
        *("load", "http://127.0.0.1:1/", "--calls", "2", "--ramp", "50/s", "--hold", "1s", "--json")
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"] == {UNREACHABLE: 2}
    assert "http://127.0.0.1:1/ running?" in done.stderr
    owned = livegraph(
        "load", "http://me.invalid/", "--calls", "1", "--i-own-this-host", "me.invalid", "--json"
    )
    assert json.loads(owned.stdout)["failed"] == {UNREACHABLE: 1}


@pytest.mark.parametrize(
    ("option", "value"),
    [("--ramp", "fast"), ("--ramp", "0/s"), ("--hold", "soon"), ("--say", "/nowhere.wav")],
)
def test_options_that_mean_nothing_are_named(option: str, value: str) -> None:
    """With what they should look like."""
    done = livegraph("load", "http://127.0.0.1:1/", option, value)
    assert done.returncode != 0
    assert option in done.stderr


def test_a_file_in_which_nobody_speaks_is_named(tmp_path: Path) -> None:
    """Before any call is made."""
    silent = tmp_path / "silent.wav"
    write_wav(silent, np.zeros(16_000, np.int16), 16_000)
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"no sound at all")
    for wrong in (silent, noise):
        done = livegraph("load", "http://127.0.0.1:1/", "--say", wrong)
        assert done.returncode == 78
        assert wrong.name in done.stderr
