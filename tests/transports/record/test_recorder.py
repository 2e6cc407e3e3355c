"""Calls that are kept: what was heard and nothing else, for as long as the disk and the caller want it."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from livegraph.audio import Pcm, read_wav, write_wav
from livegraph.pipeline import (
    AudioFrame,
    ConfigError,
    Graph,
    Out,
    Processor,
    Transcript,
    TurnEndFrame,
    run_virtual,
)
from livegraph.pipeline.events import Event
from livegraph.pipeline.graph.inputs import InputSpec
from livegraph.pipeline.running.call import Call
from livegraph.pipeline.units import SECOND
from livegraph.processors import AppIn, AppOut
from livegraph.testing import no_tasks_left
from livegraph.transports.decode import AudioFile
from livegraph.transports.file_in import FileIn
from livegraph.transports.file_out import FileOut
from livegraph.transports.record import Consent, FinishedRecord, RecordChanged, Recorder, Upload
from livegraph.transports.record.writer import RecordWriter

RATE = 24_000


def noise(seconds: float, seed: int = 1) -> Pcm:
    rng = np.random.default_rng(seed)
    return (rng.integers(2_000, 9_000, round(seconds * RATE)) * rng.choice([-1, 1])).astype(np.int16)


class Talk(Processor):
    """A model of few words: turns that are sent much faster than they last."""

    out: Out[AudioFrame] = Out(rate=RATE, channels=1)

    def __init__(self, *, script: Callable[..., Any], opening: bool = False) -> None:
        self._script = script
        self._opening = opening
        self.said = ""

    async def run(self) -> None:
        if self._opening:
            self.said = self.call.opening.around("Hello.")
        await self._script(self)

    async def say(self, sound: Pcm) -> None:
        number = self.call.conversation.next_turn()
        for piece in np.array_split(sound, max(1, len(sound) // 2_400)):
            await self.out.send(AudioFrame(samples=piece, rate=RATE, turn=number))
        await self.out.send(TurnEndFrame(turn=number))  # type: ignore[arg-type]  # markers pass any port


def graph(folder: Path, script: Callable[[Talk], Any], *, opening: bool = False, **options: Any) -> Graph:
    """A caller who says ten seconds of noise, and a model; both are kept."""
    if not (folder / "said.wav").exists():
        write_wav(folder / "said.wav", noise(10, 7), RATE)
    made = Graph("desk")
    made.add("mic", FileIn, path=folder / "said.wav", rate=RATE)
    made.add("talk", Talk, script=script, opening=opening)
    made.add("nobody", AppOut, limit=1000)
    made.add("out", FileOut, path=folder / "heard-{{call.id}}.wav")
    made.add("record", Recorder, **{"path": folder / "kept" / "{{call.id}}.wav", **options})
    made.connect("mic", "nobody")
    made.connect("talk", "out")
    return made


def run(made: Graph, watch: Callable[[Call], Any] | None = None, **how: Any) -> list[Event]:
    events: list[Event] = []

    async def main() -> None:
        async with no_tasks_left():
            call = made.plan().call(call_id="c", **how)
            call.events.subscribe(Event, events.append)
            if watch is not None:
                watch(call)
            await call.run()

    run_virtual(main())
    return events


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def sound(path: Path, channels: int) -> Pcm:
    file = AudioFile(path, RATE, channels)
    pieces = []
    while len(piece := file.read()):
        pieces.append(piece)
    file.close()
    return np.concatenate(pieces)


async def two_turns(talk: Talk) -> None:
    await talk.say(noise(2, 3))
    await asyncio.sleep(4)
    await talk.say(noise(1, 4))


def until(true: Callable[[], bool]) -> None:
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.mark.leaks
def test_both_sides_are_kept_as_they_were_heard(tmp_path: Path) -> None:
    """To the sample: the right channel is what the loudspeaker played, the left what the caller said, on one clock."""
    run(graph(tmp_path, two_turns))
    record, rate = read_wav(tmp_path / "kept" / "c.wav")
    heard, _ = read_wav(tmp_path / "heard-c.wav")
    said, _ = read_wav(tmp_path / "said.wav")
    assert rate == RATE and record.shape[1] == 2
    assert (record[: len(said), 0] == said).all()
    assert len(record) >= len(heard) and (record[: len(heard), 1] == heard).all()
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["c.jsonl", "c.wav"]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "kept").iterdir()} == {0}


def test_the_lines_say_what_happened(tmp_path: Path) -> None:
    """A head, events by their names with times of the record, waits of the caller, and an end."""

    async def script(talk: Talk) -> None:
        talk.call.events.publish(Transcript(time_ns=SECOND, role="user", utterance=1, text="Hi", final=True))
        talk.call.events.publish(
            Transcript(time_ns=SECOND, role="user", utterance=2, text="Hi th", final=False)
        )
        await talk.say(noise(1))

    run(graph(tmp_path, script), identity="ada")
    head, *rest = lines(tmp_path / "kept" / "c.jsonl")
    assert head["type"] == "record" and (head["call"], head["agent"], head["identity"]) == (
        "c",
        "desk",
        "ada",
    )
    assert head["audio"] == ["c.wav"] and head["layout"] == "stereo" and head["rate"] == RATE
    assert [line["text"] for line in rest if line["type"] == "transcript"] == ["Hi"]
    assert [line["what"] for line in rest if line["type"] == "latency"] == ["greeting"]
    assert rest[-1] == {"time_s": pytest.approx(10, abs=0.1), "type": "end", "reason": "completed"}
    assert all(line["time_s"] >= 0 for line in rest)


def test_speech_that_is_cut_is_cut_in_the_record(tmp_path: Path) -> None:
    """The caller speaks over the agent at 1 s: of ten seconds that were sent one is kept, as one was heard."""

    async def script(talk: Talk) -> None:
        speaking = asyncio.create_task(talk.say(noise(10)))
        await asyncio.sleep(1)
        talk.call.conversation.user_started()
        await asyncio.sleep(0.5)
        talk.call.conversation.user_stopped()
        await speaking

    run(graph(tmp_path, script))
    record, _ = read_wav(tmp_path / "kept" / "c.wav")
    loud = np.flatnonzero(record[:, 1])
    assert (loud[-1] + 1) / RATE == pytest.approx(1.02, abs=0.02)
    assert any(line["type"] == "interrupted" for line in lines(tmp_path / "kept" / "c.jsonl"))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".opus", ".ogg"])
@pytest.mark.parametrize("layout", ["stereo", "apart"])
def test_formats_and_layouts(tmp_path: Path, suffix: str, layout: str) -> None:
    """All are as long as the call; lossless ones are exact, Opus is nearly the same at the same place."""
    made = graph(tmp_path, two_turns, path=tmp_path / "kept" / f"x{suffix}", layout=layout)
    run(made)
    heard, _ = read_wav(tmp_path / "heard-c.wav")
    if layout == "stereo":
        assert {path.name for path in (tmp_path / "kept").iterdir()} == {f"x{suffix}", "x.jsonl"}
        agent = sound(tmp_path / "kept" / f"x{suffix}", 2)[:, 1]
    else:
        names = {f"x.caller{suffix}", f"x.agent{suffix}", "x.jsonl"}
        assert {path.name for path in (tmp_path / "kept").iterdir()} == names
        agent = sound(tmp_path / "kept" / f"x.agent{suffix}", 1)
    length = min(len(heard), len(agent))
    assert len(agent) / RATE == pytest.approx(10, abs=0.1)
    if suffix in (".wav", ".flac"):
        assert (agent[:length] == heard[:length]).all()
    else:
        assert abs(lag(agent[:length], heard[:length])) <= 2 * RATE // 1_000


def lag(one: Pcm, other: Pcm) -> int:
    """By how many samples ``one`` comes later, by correlation."""
    size = 1 << (2 * len(one)).bit_length()
    spectrum = np.fft.rfft(one.astype(float), size) * np.conj(np.fft.rfft(other.astype(float), size))
    found = int(np.fft.irfft(spectrum, size).argmax())
    return found if found < size // 2 else found - size


def test_a_record_replaces_no_other(tmp_path: Path) -> None:
    """Two calls at once, and one after them, that are called the same: three records."""

    async def main() -> None:
        plan = graph(tmp_path, two_turns, path=tmp_path / "kept" / "same.flac").plan()
        async with asyncio.TaskGroup() as group:
            group.create_task(plan.call().run())
            group.create_task(plan.call().run())
        await plan.call().run()

    run_virtual(main())
    names = {"same.flac", "same-2.flac", "same-3.flac", "same.jsonl", "same-2.jsonl", "same-3.jsonl"}
    assert {path.name for path in (tmp_path / "kept").iterdir()} == names
    for number in ("", "-2", "-3"):
        assert lines(tmp_path / "kept" / f"same{number}.jsonl")[0]["audio"] == [f"same{number}.flac"]


def test_a_program_that_takes_sound_out_by_itself(tmp_path: Path) -> None:
    """What it has taken counts as heard one after the other, up to an interruption."""

    async def main() -> None:
        made = Graph("program")
        made.add("mic", AppIn, rate=16_000)
        made.add("talk", Talk, script=ten_seconds)
        made.add("ear", AppOut)
        made.add("nobody", AppOut)
        made.add("record", Recorder, path=tmp_path / "r.wav", caller="mic", ear="ear")
        made.connect("mic.audio", "nobody")
        made.connect("talk", "ear")
        async with made.plan().call() as call:
            taking = asyncio.create_task(take(call.processor("ear", AppOut)))
            for _ in range(150):
                await asyncio.sleep(0.02)
                await call.processor("mic", AppIn).send(AudioFrame(np.full(320, 5_000, np.int16), 16_000))
            call.end("enough")
            await taking

    async def ten_seconds(talk: Talk) -> None:
        await talk.say(noise(10))
        await asyncio.sleep(1)
        talk.call.conversation.interrupted(1)

    async def take(ear: AppOut) -> None:
        async for _ in ear:
            pass

    run_virtual(main())
    record, _ = read_wav(tmp_path / "r.wav")
    assert len(record) / RATE == pytest.approx(3.0, abs=0.05)
    loud = np.flatnonzero(record[:, 1])
    assert loud[0] < RATE // 20 and (loud[-1] + 1) / RATE == pytest.approx(1.0, abs=0.05)
    assert np.count_nonzero(np.abs(record[:, 0]) > 4_000) == pytest.approx(3 * RATE, rel=0.02)


def test_a_pause_leaves_out_what_was_said(tmp_path: Path) -> None:
    """A tool stops the record while a card is read out."""

    async def script(talk: Talk) -> None:
        recorder = talk.call.resource(Recorder)
        assert recorder is not None
        await asyncio.sleep(2)
        recorder.pause()
        await asyncio.sleep(3)
        recorder.resume()

    run(graph(tmp_path, script))
    record, _ = read_wav(tmp_path / "kept" / "c.wav")
    quiet = record[round(2.1 * RATE) : round(4.9 * RATE), 0]
    assert not quiet.any()
    said, _ = read_wav(tmp_path / "said.wav")
    assert (record[6 * RATE : 9 * RATE, 0] == said[6 * RATE : 9 * RATE]).all()


# Announcement and consent ---------------------------------------------------------------------------


def spoken(*answers: tuple[float, str]) -> Callable[[Talk], Any]:
    """The agent greets for a second; then the caller says these, each after so many seconds."""

    async def script(talk: Talk) -> None:
        await talk.say(noise(1))
        conversation, events = talk.call.conversation, talk.call.events
        for number, (after_s, text) in enumerate(answers):
            await asyncio.sleep(after_s)
            conversation.user_started()
            await asyncio.sleep(0.3)
            conversation.user_stopped()
            now_ns = talk.call.clock.now_ns()
            said = Transcript(time_ns=now_ns, role="user", utterance=number, text=text, final=True)
            events.publish(said)
        await asyncio.sleep(1)

    return script


def test_an_announcement_is_said_before_the_greeting(tmp_path: Path) -> None:
    heard: list[str] = []

    async def script(talk: Talk) -> None:
        heard.append(talk.said)
        await talk.say(noise(1))

    run(graph(tmp_path, script, opening=True, announce="This call is recorded."))
    assert heard == ["This call is recorded. Hello."]
    assert (tmp_path / "kept" / "c.wav").exists()


def test_what_nobody_announces_is_not_recorded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(graph(tmp_path, two_turns, announce="This call is recorded."))
    assert list((tmp_path / "kept").iterdir()) == []
    assert caplog.text.count("nobody in this agent says") == 1


def test_the_record_begins_with_the_yes(tmp_path: Path) -> None:
    """Nothing of before is in it, neither of the caller nor of the agent."""
    consent = Consent(ask="May I record this call?")
    events = run(graph(tmp_path, spoken((2, "Well, hm"), (1, "Yes, sure.")), opening=True, consent=consent))
    (began,) = [one.time_ns for one in events if isinstance(one, RecordChanged) and one.state == "recording"]
    head, *rest = lines(tmp_path / "kept" / "c.jsonl")
    assert head["call_time_s"] == pytest.approx(began / SECOND, abs=0.001) and began > 3 * SECOND
    record, _ = read_wav(tmp_path / "kept" / "c.wav")
    said, _ = read_wav(tmp_path / "said.wav")
    begin = began * RATE // SECOND
    assert (record[: 4 * RATE, 0] == said[begin : begin + 4 * RATE]).all()
    assert not record[:, 1].any()
    assert not [line for line in rest if line.get("text") == "Well, hm"]


@pytest.mark.parametrize(
    "answers",
    [
        [(2.0, "No, I would rather not.")],
        [(2.0, "Hm, what do you mean?")],
        [(40.0, "Yes")],
        [],
        [(2.0, "Yes, no, I mean no")],
    ],
)
def test_anything_but_a_yes_leaves_nothing_on_the_disk(
    tmp_path: Path, answers: list[tuple[float, str]]
) -> None:
    """A no, no clear answer, one that comes too late, none at all, a yes that is taken back."""
    consent = Consent(ask="May I record this call?")
    events = run(graph(tmp_path, spoken(*answers), opening=True, consent=consent))
    assert [one.state for one in events if isinstance(one, RecordChanged)] == ["refused"]
    assert not (tmp_path / "kept").exists()


def test_a_yes_from_before_the_question_was_heard_does_not_count(tmp_path: Path) -> None:
    async def script(talk: Talk) -> None:
        speaking = asyncio.create_task(talk.say(noise(1)))
        await asyncio.sleep(0.5)
        now_ns = talk.call.clock.now_ns()
        talk.call.events.publish(Transcript(time_ns=now_ns, role="user", utterance=0, text="Yes", final=True))
        await speaking
        await asyncio.sleep(3)

    run(graph(tmp_path, script, opening=True, consent=Consent(ask="May I?")))
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("given", [True, False])
def test_a_program_may_answer_for_the_caller(tmp_path: Path, given: bool) -> None:
    """A tool that the model calls when it has understood, in whatever language."""

    async def script(talk: Talk) -> None:
        await asyncio.sleep(1)
        recorder = talk.call.resource(Recorder)
        assert recorder is not None and recorder.state == "waiting"
        recorder.consent(given)
        assert recorder.state == ("recording" if given else "refused")
        await asyncio.sleep(1)

    run(graph(tmp_path, script, opening=True, consent=Consent(ask="May I?")))
    assert (tmp_path / "kept" / "c.wav").exists() is given


@pytest.mark.parametrize(
    ("given", "asks", "kept"),
    [
        (True, "", True),
        (False, "", False),
        (None, "", False),
        (True, "May I?", True),
        (False, "May I?", False),
        (None, "May I?", False),
    ],
)
def test_an_input_may_say_whether_the_caller_agreed(
    tmp_path: Path, given: Any, asks: str, kept: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a page has asked before: only the boolean yes is one. Without an answer the caller is asked, if at all."""
    inputs = {"agreed": InputSpec(type="boolean", default=None)}
    made = graph(tmp_path, two_turns, opening=bool(asks), consent=Consent(ask=asks, input="agreed"))
    events: list[Event] = []

    async def main() -> None:
        said = {} if given is None else {"agreed": given}
        call = made.plan(inputs=inputs).call(call_id="c", inputs=said)
        call.events.subscribe(Event, events.append)
        await call.run()

    run_virtual(main())
    assert (tmp_path / "kept" / "c.wav").exists() is kept
    states = [one.state for one in events if isinstance(one, RecordChanged)]
    assert states == (["recording", "finished"] if kept else ["refused"])
    assert ("says neither yes nor no" in caplog.text) is (not isinstance(given, bool) and not asks)


@pytest.mark.parametrize("agreed", [True, False])
def test_nobody_is_told_of_a_record_that_there_is_not(tmp_path: Path, agreed: bool) -> None:
    """A caller who has declined before the call is not told that it is recorded."""
    heard: list[str] = []

    async def script(talk: Talk) -> None:
        heard.append(talk.said)
        await talk.say(noise(1))

    told = {"announce": "This call is recorded.", "consent": Consent(input="agreed")}
    made = graph(tmp_path, script, opening=True, **told)
    plan = made.plan(inputs={"agreed": InputSpec(type="boolean")})
    run_virtual(plan.call(call_id="c", inputs={"agreed": agreed}).run())
    assert heard == ["This call is recorded. Hello." if agreed else "Hello."]
    assert (tmp_path / "kept" / "c.wav").exists() is agreed


def test_a_consent_that_is_withdrawn_leaves_nothing(tmp_path: Path) -> None:
    async def script(talk: Talk) -> None:
        await asyncio.sleep(3)
        recorder = talk.call.resource(Recorder)
        assert recorder is not None and recorder.state == "recording"
        assert list((tmp_path / "kept").iterdir())
        recorder.consent(False)

    run(graph(tmp_path, script))
    assert list((tmp_path / "kept").iterdir()) == []


# What goes wrong ------------------------------------------------------------------------------------


class Full:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, file: BinaryIO, room: list[int]) -> None:
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        if self._room[0] < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._room[0] -= len(data)
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.mark.leaks
def test_a_full_disk_ends_the_record_and_not_the_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once; what fits is kept and can be read, and says that it is not whole."""
    from livegraph.transports.record import recorder
    from livegraph.transports.record.audio_files import create

    room = [400_000]
    monkeypatch.setattr(
        recorder,
        "RecordWriter",
        lambda *args: RecordWriter(*args, create=lambda path: Full(create(path), room)),  # type: ignore[arg-type,return-value]
    )
    events = run(graph(tmp_path, two_turns, path=tmp_path / "kept" / "c.flac"))
    assert [one.detail for one in events if isinstance(one, RecordChanged)][1:] == ["No space left on device"]
    told = [record for record in caplog.records if "the record ends here" in record.message]
    assert len(told) == 1
    assert [one.state for one in events if isinstance(one, RecordChanged)] == ["recording", "failed"]
    assert type(events[-1]).__name__ == "CallEnded" and events[-1].reason == "completed"
    until(lambda: (tmp_path / "kept" / "c.jsonl").exists())
    kept = sound(tmp_path / "kept" / "c.flac", 2)
    assert 2 * RATE < len(kept) < 8 * RATE
    said, _ = read_wav(tmp_path / "said.wav")
    assert (kept[:, 0] == said[: len(kept)]).all()
    assert lines(tmp_path / "kept" / "c.jsonl")[-1]["type"] != "end"


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """The call goes on without its record."""
    (tmp_path / "kept").write_text("a file")
    events = run(graph(tmp_path, two_turns))
    assert [one.state for one in events if isinstance(one, RecordChanged)] == ["recording", "failed"]
    assert (tmp_path / "heard-c.wav").exists()


def test_a_crash_leaves_a_record_that_can_be_read(tmp_path: Path) -> None:
    """The process is killed in the middle of the call: all but the last second is there, and says what it is."""
    write_wav(tmp_path / "said.wav", noise(10, 7), RATE)
    done = subprocess.run([sys.executable, "-c", _DIES, str(tmp_path)], timeout=120)
    assert done.returncode == -9
    kept = sound(tmp_path / "kept" / "c.part.flac", 2)
    said, _ = read_wav(tmp_path / "said.wav")
    assert len(kept) > 5 * RATE and (kept[:, 0] == said[: len(kept)]).all()
    assert lines(tmp_path / "kept" / "c.part.jsonl")[0]["audio"] == ["c.flac"]


_DIES = """
import asyncio, os, sys
from pathlib import Path
from livegraph.pipeline import Graph, run_virtual
from livegraph.processors import AppOut
from livegraph.transports.file_in import FileIn
from livegraph.transports.record import Recorder

async def main(folder):
    graph = Graph()
    graph.add("mic", FileIn, path=folder / "said.wav", rate=24_000)
    graph.add("out", AppOut, limit=1000)
    graph.add("record", Recorder, path=folder / "kept" / "c.flac")
    graph.connect("mic", "out")
    async with graph.plan().call():
        await asyncio.sleep(7)
        os.kill(os.getpid(), 9)

run_virtual(main(Path(sys.argv[1])))
"""


def test_a_slow_disk_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In real time: the loop is never held up by a writer that takes its time."""
    from livegraph.transports.record import recorder

    class Slow(RecordWriter):
        def take(self, batch: Any) -> None:
            time.sleep(0.3)
            super().take(batch)

    monkeypatch.setattr(recorder, "RecordWriter", Slow)
    write_wav(tmp_path / "said.wav", noise(1.5, 7), RATE)
    late: list[float] = []

    async def main() -> None:
        call = graph(tmp_path, two_turns).plan().call(call_id="c")
        running = asyncio.create_task(call.run())
        while not running.done():
            before = time.monotonic()
            await asyncio.sleep(0.01)
            late.append(time.monotonic() - before - 0.01)
            if call.reason == "" and len(late) > 150:
                call.end("enough")
        await running

    asyncio.run(main())
    assert sorted(late)[len(late) // 2] < 0.1
    assert (tmp_path / "kept" / "c.wav").exists()


# What follows ---------------------------------------------------------------------------------------


def test_a_function_is_given_the_record(tmp_path: Path) -> None:
    """After the call, in a thread of its own; plain or async."""
    given: list[FinishedRecord] = []

    async def send(record: FinishedRecord) -> None:
        given.append(record)

    run(graph(tmp_path, two_turns, upload=Upload(function=send)))
    until(lambda: bool(given))
    assert given[0].files == (tmp_path / "kept" / "c.wav", tmp_path / "kept" / "c.jsonl")
    assert (given[0].call, given[0].agent, given[0].complete) == ("c", "desk", True)
    assert given[0].duration_s == pytest.approx(10, abs=0.1)


def test_a_command_is_given_the_files(tmp_path: Path) -> None:
    """Without a shell, whatever the call is called; the files go when it went well and that is wanted."""
    (tmp_path / "away").mkdir()
    wish = Upload(command=("cp", "{audio}", "{lines}", str(tmp_path / "away")), delete=True)
    run(graph(tmp_path, two_turns, path=tmp_path / "kept" / "a;b $(x).wav", upload=wish))
    until(lambda: len(list((tmp_path / "away").iterdir())) == 2 and not list((tmp_path / "kept").iterdir()))
    assert {path.suffix for path in (tmp_path / "away").iterdir()} == {".wav", ".jsonl"}


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Upload(command=("false",), delete=True), "false ended with 1"),
        (Upload(command=("/no/such/program",)), "cannot be started"),
        (Upload(command=("sleep", "60", "{lines}"), within_ns=SECOND), "sleep"),
        (Upload(function=lambda record: 1 / 0), "raised ZeroDivisionError"),
        (Upload(function=lambda record: time.sleep(5), within_ns=SECOND), "took longer than 1s"),
    ],
)
def test_an_upload_that_fails_leaves_the_record_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wish: Upload, why: str
) -> None:
    caplog.set_level(logging.ERROR)
    run(graph(tmp_path, two_turns, upload=wish))
    until(lambda: "not uploaded" in caplog.text)
    assert why in caplog.text
    assert (tmp_path / "kept" / "c.wav").exists()


def test_old_records_make_room_for_new_ones(tmp_path: Path) -> None:
    """By the room that they take; only this agent's, and never another file."""
    path = tmp_path / "kept" / "{{call.id}}.wav"
    for number in range(4):
        made = graph(tmp_path, two_turns, path=path, max_size=2_500_000)
        run_virtual(_one(made, f"call-{number}"))
        until(lambda number=number: len(list((tmp_path / "kept").glob("*.wav"))) <= 2)  # type: ignore[misc]
        (tmp_path / "kept" / "notes.txt").write_text("mine")
        time.sleep(0.02)
    until(lambda: len(list((tmp_path / "kept").glob("*.wav"))) == 2)
    assert sorted(each.name for each in (tmp_path / "kept").iterdir()) == [
        *("call-2.jsonl", "call-2.wav", "call-3.jsonl", "call-3.wav", "notes.txt")
    ]


async def _one(made: Graph, call_id: str) -> None:
    await made.plan().call(call_id=call_id).run()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "a.mp3"}, "a record cannot be a `.mp3`"),
        ({"path": "a"}, "a record cannot be a `a`"),
        ({"path": "/no/where/at/all/{{call.id}}.wav"}, "there is no folder /no/where/at"),
        ({"path": "a.opus", "rate": 22_050}, "Opus does not have this rate"),
        ({"path": "a.wav", "consent": Consent()}, "nobody is asked"),
        ({"path": "a.wav", "upload": Upload()}, "nothing is done with a record"),
        ({"path": "a.wav", "upload": Upload(function="./nothing.py:send")}, "nothing.py"),
    ],
)
def test_what_makes_no_sense_is_told_before_the_call(options: dict[str, Any], message: str) -> None:
    made = Graph()
    made.add("record", Recorder, **{**options, "path": Path(options["path"])})
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        made.plan()


def test_nothing_is_left_behind_by_its_name(tmp_path: Path) -> None:
    """A caller's input names a file in the folder, whatever it says."""
    from livegraph.pipeline.graph.inputs import InputSpec
    from livegraph.pipeline.graph.plan import make_plan

    made = graph(tmp_path, two_turns, path=tmp_path / "kept" / "{{inputs.who}}.wav")
    plan = make_plan(made, inputs={"who": InputSpec()})

    async def main(who: str) -> None:
        await plan.call(inputs={"who": who}).run()

    names: Iterable[str] = ("../../evil", "/etc/passwd", "..", ".hidden")
    for who in names:
        run_virtual(main(who))
    assert {each.parent for each in tmp_path.rglob("*.jsonl")} == {tmp_path / "kept"}
    assert not [each for each in (tmp_path / "kept").iterdir() if each.name.startswith(".")]
