"""`livegraph call`: a whole conversation from a recording, the same each time, and every mistake in words."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.command import livegraph, running
from support.speech import arrange, read_wav, recorded, spoken


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def said(events: list[dict[str, Any]], role: str) -> str:
    """The finished utterances of one side."""
    return " ".join(
        e["text"] for e in events if e["type"] == "transcript" and e["role"] == role and e["final"]
    )


def test_a_persons_question_is_answered_the_same_way_twice(tmp_path: Path) -> None:
    """Recorded words are understood and answered; output and answer are equal byte for byte."""
    pytest.importorskip("moonshine_voice")
    question = recorded("go_forward")
    runs = []
    for name in ("one.wav", "two.wav"):
        done = livegraph("call", "voice_agent", "--in", question.path, "--out", tmp_path / name, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        runs.append((done.stdout, (tmp_path / name).read_bytes()))
    assert runs[0] == runs[1]
    events = lines(runs[0][0])
    assert "forward" in said(events, "user").lower()
    assert "meters" in said(events, "agent").lower()
    times = [event["time_s"] for event in events]
    assert times == sorted(times)
    assert events[-1] == {"time_s": times[-1], "type": "end", "reason": "completed"}
    assert all(event["type"] for event in events)
    pcm, rate = read_wav(tmp_path / "one.wav")
    assert abs(len(pcm) / rate - times[-1]) < 0.5
    assert np.abs(pcm).max() > 2_000


def test_a_spoken_request_calls_a_tool(tmp_path: Path) -> None:
    """The receptionist looks up its hours, speaks of the result, and people can read along."""
    caller = arrange(tmp_path / "in.wav", 3.5, spoken("When are you open on Friday?"), 0.5)
    arguments = ("call", "receptionist", "--in", caller, "--out", tmp_path / "out.wav")
    done = livegraph(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    assert 'opening_hours(day="Friday")' in text
    assert "opening_hours -> On Friday we are open from 8 am to 4 pm" in text
    rows = [line.split(maxsplit=2) for line in text.splitlines()]
    assert {row[1] for row in rows} == {"you", "agent", "tool"}
    assert "from 8 am to 4 pm" in next(row[2] for row in reversed(rows) if row[1] == "agent")
    events = lines(livegraph(*arguments, "--json").stdout)
    call = next(event for event in events if event["type"] == "tool_call")
    result = next(event for event in events if event["type"] == "tool_result")
    assert (call["name"], call["args"]) == ("opening_hours", {"day": "Friday"})
    assert (result["id"], result["ok"]) == (call["id"], True)


def test_speaking_over_the_agent_stops_it(tmp_path: Path) -> None:
    """The story is cut, and marked as cut."""
    caller = arrange(
        tmp_path / "in.wav",
        3.0,
        spoken("Tell me a story."),
        6.0,
        spoken("Stop it, what day is it today?"),
        0.5,
    )
    done = livegraph("call", "voice_agent", "--in", caller, "--out", tmp_path / "out.wav", "--json")
    assert done.returncode == 0, done.stderr
    events = lines(done.stdout)
    cut = [event for event in events if event.get("interrupted")]
    assert [event["role"] for event in cut] == ["agent"]
    assert 0 < len(cut[0]["text"]) < 400
    assert any(event["type"] == "interrupted" for event in events)


def test_an_agent_with_file_ends(tmp_path: Path) -> None:
    """`transcribe_file` has its own recording; --in names another; nothing is answered."""
    pytest.importorskip("moonshine_voice")
    own = livegraph("call", "transcribe_file")
    assert (own.returncode, own.stderr) == (0, "")
    assert "amiable" in own.stdout
    other = livegraph("call", "transcribe_file", "--in", recorded("go_forward").path, "--json")
    events = lines(other.stdout)
    assert "forward" in said(events, "user").lower()
    assert said(events, "agent") == ""


def test_without_a_model(tmp_path: Path) -> None:
    """`echo` writes what it was given; no simulator is started for it."""
    question = recorded("numbers")
    done = livegraph("call", "echo", "--in", question.path, "--out", tmp_path / "out.wav", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    pcm, rate = read_wav(tmp_path / "out.wav")
    heard, original = np.abs(pcm).max(), np.abs(question.pcm).max()
    assert rate >= 8_000
    assert abs(int(heard) - int(original)) < 0.2 * original


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("voice_agnet",), 2, "did you mean `voice_agent`?"),
        (("./nothing.yaml", "--in", "{wav}", "--out", "o.wav"), 2, "there is no file"),
        (("voice_agent", "--out", "o.wav"), 2, "--in is missing"),
        (("voice_agent", "--in", "{wav}"), 2, "--out is missing"),
        (("voice_agent", "--in", "nothing.wav", "--out", "o.wav"), 2, "there is no file nothing.wav"),
        (("transcribe_file", "--out", "o.wav"), 2, "--out: this agent has no end"),
        (("voice_agent", "--in", "{wav}", "--out", "nowhere/o.wav"), 2, "there is no folder"),
        (("voice_agent", "--in", "{wav}", "--out", "o.txt"), 2, "no known extension"),
        (("voice_agent", "--in", "{wav}", "--out", "o.wav", "--live", "google"), 78, "set GEMINI_API_KEY"),
        (
            ("voice_agent", "--in", "{wav}", "--out", "o.wav", "--live", "vertex"),
            78,
            "there is no access token",
        ),
        (("{bad}", "--in", "{wav}", "--out", "o.wav"), 78, "LG201"),
        (("echo", "--in", "{bad}", "--out", "o.wav"), 78, "is no audio that can be read"),
    ],
)
def test_mistakes(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    """Each ends with its exit code and one message that helps, and without a traceback."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "version: 1\npipeline:\n  - webrtc_in\n  - vad_gate: {treshold: 1}\n  - webrtc_out\n", "utf-8"
    )
    places = {"{wav}": str(recorded("numbers").path), "{bad}": str(bad)}
    done = livegraph("call", *(places.get(text, text) for text in arguments), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.strip()


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    """As with `| head -1`: the call ends without a word of complaint."""
    caller = arrange(tmp_path / "in.wav", recorded("go_forward"), 30.0)
    arguments = ("call", "voice_agent", "--in", caller, "--out", tmp_path / "out.wav", "--realtime", "--json")
    with running(*arguments, until="time_s") as command:
        command.stop_reading()
        returned, _, err = command.ended()
    assert (returned, err) == (0, "")


def test_ctrl_c_ends_the_call(tmp_path: Path) -> None:
    """The call ends in an orderly way: the answer so far is a file that can be read."""
    caller = arrange(tmp_path / "in.wav", recorded("go_forward"), 30.0)
    answer = tmp_path / "out.wav"
    arguments = ("call", "voice_agent", "--in", caller, "--out", answer, "--realtime", "--json")
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with running(*arguments, until='"speech"') as command:
            command.send(number)
            returned, out, err = command.ended()
        assert (returned, err) == (code, "")
        assert (lines(out)[-1]["reason"], lines(out)[-1]["detail"]) == ("cancelled", "interrupted")
        read_wav(answer)
