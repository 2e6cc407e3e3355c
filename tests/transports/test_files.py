"""Recordings in, recordings out: exact, in time, and on the virtual clock at no cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from livegraph.audio import Pcm, read_wav, write_wav
from livegraph.pipeline.clock import run_virtual
from livegraph.pipeline.errors import ConfigError, StartError, TransportError
from livegraph.pipeline.frames import AudioFrame, TurnEndFrame, TurnStartFrame
from livegraph.pipeline.graph.graph import Graph
from livegraph.pipeline.graph.plan import Plan
from livegraph.pipeline.ports import In, Out
from livegraph.pipeline.processor import Processor
from livegraph.pipeline.units import MS, SECOND
from livegraph.transports.decode import AudioFile
from livegraph.transports.file_in import FileIn
from livegraph.transports.file_out import FileOut

RATE = 16_000


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0) -> Pcm:
    """A sine of whole periods, so that it ends near zero and needs no fade."""
    return np.round(8_000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.int16
    )


def encode(path: Path, codec: str, pcm: Pcm, rate: int, layout: str = "mono", title: str = "") -> None:
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def run(graph: Graph) -> None:
    run_virtual(graph.plan().call().run())


def through(question: Path, answer: Path, out: dict[str, Any] | None = None, **options: Any) -> None:
    graph = Graph()
    graph.add("play", FileIn, path=question, **options)
    graph.add("record", FileOut, path=answer, **(out or {}))
    graph.connect("play", "record")
    run(graph)


class Collect(Processor):
    """Keeps what arrives, and when."""

    audio: In[AudioFrame] = In(rate=RATE)
    got: list[tuple[int, AudioFrame]]

    def on_audio(self, frame: AudioFrame) -> None:
        type(self).got.append((self.call.clock.now_ns(), frame))


def collected(**options: Any) -> list[tuple[int, AudioFrame]]:
    Collect.got = []
    graph = Graph()
    graph.add("play", FileIn, **options)
    graph.add("keep", Collect)
    graph.connect("play", "keep")
    run(graph)
    return Collect.got


# Playing


def test_frames_come_when_they_would_have_been_captured(tmp_path: Path) -> None:
    write_wav(tmp_path / "q.wav", tone(0.1), RATE)
    got = collected(path=tmp_path / "q.wav")
    assert [frame.time_ns for _, frame in got] == [0, 20 * MS, 40 * MS, 60 * MS, 80 * MS]
    assert all(0 <= at - frame.time_ns - 20 * MS <= 10 for at, frame in got)
    assert all(frame.duration_ns == 20 * MS for _, frame in got)


def test_fast_takes_no_time_but_keeps_the_time_of_the_sound(tmp_path: Path) -> None:
    write_wav(tmp_path / "q.wav", tone(2), RATE)
    got = collected(path=tmp_path / "q.wav", pace="fast")
    assert got[-1][0] == 0
    assert got[-1][1].time_ns == 1_980 * MS
    assert np.array_equal(np.concatenate([frame.samples for _, frame in got]), tone(2))


def test_silence_after_the_end(tmp_path: Path) -> None:
    write_wav(tmp_path / "q.wav", tone(0.05), RATE)
    got = collected(path=tmp_path / "q.wav", tail_silence=1_500 * MS)
    sound = np.concatenate([frame.samples for _, frame in got])
    assert len(sound) == round(1.55 * RATE) and not sound[800:].any()
    assert all(len(frame.samples) == 320 for _, frame in got[:-1])


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 44_100, 48_000])
def test_any_rate_becomes_the_graphs(tmp_path: Path, rate: int) -> None:
    write_wav(tmp_path / "q.wav", tone(1, rate), rate)
    sound = np.concatenate([frame.samples for _, frame in collected(path=tmp_path / "q.wav", pace="fast")])
    assert len(sound) == RATE
    assert np.abs(np.fft.rfft(sound[4_000:12_000])).argmax() == 220


def test_channels_are_mixed(tmp_path: Path) -> None:
    write_wav(tmp_path / "q.wav", np.stack((tone(0.1), -tone(0.1)), axis=1), RATE)
    sound = np.concatenate([frame.samples for _, frame in collected(path=tmp_path / "q.wav", pace="fast")])
    assert sound.shape == (1_600,) and np.abs(sound).max() <= 1


def test_a_loop_goes_on_until_the_call_ends(tmp_path: Path) -> None:
    write_wav(tmp_path / "q.wav", tone(0.1), RATE)
    Collect.got = []
    graph = Graph()
    graph.add("play", FileIn, path=tmp_path / "q.wav", loop=True)
    graph.add("keep", Collect)
    graph.connect("play", "keep")

    async def second() -> None:
        async with graph.plan().call():
            await asyncio.sleep(1)

    run_virtual(second())
    sound = np.concatenate([frame.samples for _, frame in Collect.got])
    assert np.array_equal(sound[: 9 * 1_600], np.tile(tone(0.1), 9))


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("q.mp3", "libmp3lame", 44_100),
        ("q.ogg", "libopus", 48_000),
        ("q.flac", "flac", 22_050),
        ("q.m4a", "aac", 16_000),
    ],
)
def test_compressed_files(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    encode(tmp_path / name, codec, tone(1, rate), rate)
    sound = np.concatenate([frame.samples for _, frame in collected(path=tmp_path / name, pace="fast")])
    assert 0.95 * RATE <= len(sound) <= 1.1 * RATE
    spectrum = np.abs(np.fft.rfft(sound[4_000:12_000]))
    assert spectrum.argmax() == 220 and spectrum[220] > 0.9 * 8_000 / 2 * 8_000


def test_a_title_in_an_unknown_encoding_is_no_reason_to_refuse_the_sound(tmp_path: Path) -> None:
    """Recorders write titles in the encoding of their country; versions of PyAV differ in how they take them."""
    encode(tmp_path / "q.flac", "flac", tone(1), RATE, title="(title)")
    written = (tmp_path / "q.flac").read_bytes()
    assert b"(title)" in written
    (tmp_path / "q.flac").write_bytes(written.replace(b"(title)", b"\xff\xe4\xfc\x81\xfe\xc3("))
    sound = np.concatenate([frame.samples for _, frame in collected(path=tmp_path / "q.flac", pace="fast")])
    assert np.array_equal(sound, tone(1))


def test_a_wav_that_we_do_not_read_ourselves(tmp_path: Path) -> None:
    """Telephony's mu-law, and files too long to hold in memory, go through PyAV."""
    encode(tmp_path / "q.wav", "pcm_mulaw", tone(1, 8_000), 8_000)
    sound = np.concatenate([frame.samples for _, frame in collected(path=tmp_path / "q.wav", pace="fast")])
    assert len(sound) == RATE and np.abs(sound.astype(int)).max() > 7_000


def test_long_files_are_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stereo = np.stack((tone(5), tone(5)), axis=1)
    write_wav(tmp_path / "q.wav", stereo, RATE)
    monkeypatch.setattr("livegraph.transports.decode._MOST_BYTES_AT_ONCE", 1_000)
    file = AudioFile(tmp_path / "q.wav", RATE, 2)
    pieces = []
    while len(piece := file.read()):
        pieces.append(piece)
    file.close()
    assert len(pieces) >= 4
    assert np.array_equal(np.concatenate(pieces), stereo)


def test_a_missing_file_is_told_before_the_call(tmp_path: Path) -> None:
    graph = Graph()
    graph.add("play", FileIn, path=tmp_path / "no.wav")
    graph.add("keep", Collect)
    graph.connect("play", "keep")
    with pytest.raises(ConfigError, match=r"there is no file .*no\.wav"):
        graph.plan()


def not_audio(path: Path) -> None:
    path.write_text("This is a letter, and no sound at all. " * 20)


def empty(path: Path) -> None:
    path.touch()


def torn_wav(path: Path) -> None:
    path.write_bytes(b"RIFF\x10\x00\x00\x00WAVEfmt ")


def only_pictures(path: Path) -> None:
    with av.open(str(path), "w", format="matroska") as container:
        stream: Any = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuvj420p")))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (not_audio, "no audio that can be read"),
        (empty, "no audio that can be read"),
        (torn_wav, "no audio that can be read|damaged"),
        (only_pictures, "there is no audio stream in it"),
    ],
)
def test_what_is_no_audio_fails_at_the_start(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "q.wav")
    with pytest.raises(StartError, match=f"play: .*q.wav.*({message})"):
        collected(path=tmp_path / "q.wav")


@pytest.mark.leaks
def test_a_call_that_ends_in_the_middle_leaves_nothing_open(tmp_path: Path) -> None:
    encode(tmp_path / "q.flac", "flac", tone(20), RATE)

    async def cut() -> None:
        graph = Graph()
        graph.add("play", FileIn, path=tmp_path / "q.flac")
        graph.add("record", FileOut, path=tmp_path / "a.wav", rate=RATE)
        graph.connect("play", "record")
        async with graph.plan().call():
            await asyncio.sleep(3)

    run_virtual(cut())
    pcm, _ = read_wav(tmp_path / "a.wav")
    assert len(pcm) == pytest.approx(3 * RATE, abs=800)


# Recording


def test_a_round_trip_is_exact_and_in_time(tmp_path: Path) -> None:
    """A frame is heard when the recorder's tick after its capture comes: 30 ms after its first sample."""
    write_wav(tmp_path / "q.wav", tone(1.001), RATE)
    through(tmp_path / "q.wav", tmp_path / "a.wav", {"rate": RATE})
    pcm, rate = read_wav(tmp_path / "a.wav")
    lead = 30 * RATE // 1_000
    assert rate == RATE and not pcm[:lead].any()
    assert np.array_equal(pcm[lead : lead + 16_016], tone(1.001))
    assert len(pcm) - lead - 16_016 <= 80


def test_fast_writes_exactly_what_comes(tmp_path: Path) -> None:
    write_wav(tmp_path / "q.wav", tone(1), RATE)
    through(tmp_path / "q.wav", tmp_path / "a.wav", {"rate": RATE, "pace": "fast"}, pace="fast")
    assert np.array_equal(read_wav(tmp_path / "a.wav")[0], tone(1))


def test_a_minute_takes_well_under_a_second(tmp_path: Path) -> None:
    """Of computing, which does not depend on who else is at work: alone it takes a sixth of a second."""
    write_wav(tmp_path / "q.wav", tone(60), RATE)
    began = time.process_time()
    through(tmp_path / "q.wav", tmp_path / "a.wav", {"rate": RATE})
    assert time.process_time() - began < 3


@pytest.mark.parametrize("extension", ["flac", "m4a", "mp3", "ogg", "opus"])
def test_other_containers(tmp_path: Path, extension: str) -> None:
    write_wav(tmp_path / "q.wav", tone(1), RATE)
    answer = tmp_path / f"a.{extension}"
    through(tmp_path / "q.wav", answer, {"rate": RATE, "pace": "fast"}, pace="fast")
    sound = np.concatenate([frame.samples for _, frame in collected(path=answer, pace="fast")])
    assert 0.95 * RATE <= len(sound) <= 1.15 * RATE
    assert np.abs(np.fft.rfft(sound[4_000:12_000])).argmax() == 220


def test_what_cannot_be_written_is_told_before_the_call(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "no" / "a.wav", "there is no folder"),
        (tmp_path, "is a folder"),
        (tmp_path / "a.xyz", "no known extension"),
    ):
        graph = Graph()
        graph.add("talk", Talk)
        graph.add("record", FileOut, path=path)
        graph.connect("talk", "record")
        with pytest.raises(ConfigError, match=message):
            graph.plan()


class Talk(Processor):
    """A model of few words: turns of level sound, sent much faster than they last."""

    out: Out[AudioFrame] = Out(rate=RATE, channels=1)
    script: Callable[[Talk], Any]

    async def run(self) -> None:
        await type(self).script(self)

    async def turn(self, seconds: float, level: int = 9_000) -> int:
        number = self.call.conversation.next_turn()
        await self.out.send(TurnStartFrame(turn=number))  # type: ignore[arg-type]  # markers pass any port
        for _ in range(round(seconds / 0.1)):
            samples = np.full(RATE // 10, level, np.int16)
            await self.out.send(AudioFrame(samples=samples, rate=RATE, turn=number))
        await self.out.send(TurnEndFrame(turn=number))  # type: ignore[arg-type]
        return number


def talk(path: Path, script: Callable[[Talk], Any], **options: Any) -> Pcm:
    Talk.script = staticmethod(script)
    graph = Graph()
    graph.add("talk", Talk)
    graph.add("record", FileOut, path=path, **options)
    graph.connect("talk", "record")
    run(graph)
    return read_wav(path)[0]


def loud(pcm: Pcm) -> tuple[float, float]:
    """From when to when there is sound, in seconds."""
    where = np.flatnonzero(np.abs(pcm) > 4_000)
    return where[0] / RATE, (where[-1] + 1) / RATE


def test_sound_stands_where_it_was_heard(tmp_path: Path) -> None:
    async def script(self: Talk) -> None:
        await self.call.clock.sleep_until_ns(SECOND)
        await self.turn(2)

    pcm = talk(tmp_path / "a.wav", script)
    assert loud(pcm) == pytest.approx((1.01, 3.01), abs=0.01)
    assert len(pcm) == pytest.approx(3.015 * RATE, abs=100)


def test_gaps_can_be_dropped(tmp_path: Path) -> None:
    async def script(self: Talk) -> None:
        for _ in range(2):
            await asyncio.sleep(3)
            await self.turn(0.5)

    pcm = talk(tmp_path / "a.wav", script, gaps="drop")
    assert len(pcm) == pytest.approx(RATE, abs=400)


def test_a_barge_in_is_heard_in_the_file(tmp_path: Path) -> None:
    """The user speaks at 1 s: the sound stops at once, and after 400 ms of speech the rest is void."""
    said: list[str] = []

    async def script(self: Talk) -> None:
        conversation = self.call.conversation
        number = conversation.turn + 1
        for at_ns in (500 * MS, 2 * SECOND):
            conversation.say(number, at_ns, lambda at_ns=at_ns: said.append(str(at_ns // MS)))  # type: ignore[misc]
        speaking = asyncio.create_task(self.turn(10))
        await asyncio.sleep(1)
        conversation.user_started()
        await asyncio.sleep(0.5)
        conversation.user_stopped()
        await speaking

    pcm = talk(tmp_path / "a.wav", script)
    assert loud(pcm) == pytest.approx((0.01, 1.01), abs=0.02)
    assert said == ["500"]
    assert len(pcm) < 2 * RATE


def test_a_cough_makes_a_pause_and_loses_nothing(tmp_path: Path) -> None:
    async def script(self: Talk) -> None:
        speaking = asyncio.create_task(self.turn(2))
        await asyncio.sleep(1)
        self.call.conversation.user_started()
        await asyncio.sleep(0.2)
        self.call.conversation.user_stopped()
        await speaking

    pcm = talk(tmp_path / "a.wav", script)
    # 200 ms of cough and 240 ms until the agent is sure.
    assert loud(pcm) == pytest.approx((0.01, 2.45), abs=0.03)
    assert np.count_nonzero(np.abs(pcm) > 4_000) == pytest.approx(2 * RATE, abs=200)


def test_the_graph_hears_what_was_played(tmp_path: Path) -> None:
    states: list[str] = []

    async def script(self: Talk) -> None:
        speaking = asyncio.create_task(self.turn(1))
        await asyncio.sleep(0.5)
        states.append(self.call.conversation.state.value)
        await speaking
        await asyncio.sleep(1)
        states.append(self.call.conversation.state.value)

    talk(tmp_path / "a.wav", script)
    assert states == ["speaking", "listening"]


def test_the_unwritable_is_a_transport_error(tmp_path: Path) -> None:
    from livegraph.transports.encode import open_writer

    for name in ("a.wav", "a.mp3"):
        with pytest.raises(TransportError, match="cannot write"):
            open_writer(tmp_path / "no" / name, RATE, 1)
    with pytest.raises(TransportError, match=r"known are \.wav"):
        open_writer(tmp_path / "a.doc", RATE, 1)


def test_two_calls_at_once_into_one_file_leave_one_whole(tmp_path: Path) -> None:
    """The last that ends is what is there, and nothing of the other is in it."""
    path = tmp_path / "a.wav"
    run_together(plan_of(path, 1), plan_of(path, 2))
    assert [each.name for each in tmp_path.iterdir()] == ["a.wav"]
    assert path.stat().st_mode & 0o077 == 0
    assert loud(read_wav(path)[0]) == pytest.approx((0.01, 2.01), abs=0.03)


def test_each_call_has_a_file_of_its_own(tmp_path: Path) -> None:
    """By its name; the folder of the day is made."""
    plan = plan_of(tmp_path / "{{call.date}}" / "{{call.id}}.wav", 0.2)
    ids = run_together(plan, plan)
    assert {path.stem for path in tmp_path.rglob("*.wav")} == ids and len(ids) == 2


class OneTurn(Talk):
    """One turn of level sound."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds

    async def run(self) -> None:
        await self.turn(self._seconds)


def plan_of(path: Path, seconds: float) -> Plan:
    graph = Graph()
    graph.add("talk", OneTurn, seconds=float(seconds))
    graph.add("out", FileOut, path=path)
    graph.connect("talk", "out")
    return graph.plan()


def run_together(*plans: Plan) -> set[str]:
    """The ids of calls that run at the same time, one of each plan."""
    calls = [plan.call() for plan in plans]

    async def together() -> None:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(call.run())

    run_virtual(together())
    return {call.id for call in calls}
