"""A call is recorded on the client's side, and played again to the client of today."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.audio import to_bytes
from livegraph.pipeline import SECOND, TextFrame
from livegraph.pipeline.clock import clock_of_loop, run_virtual
from livegraph.processors.gemini_live.link_tap import LinkTap
from livegraph.processors.gemini_live.options.groups import AnswerWait
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import NoEars
from livegraph.simulator.faults import HangUp
from livegraph.simulator.recording import WireLog
from livegraph.simulator.scenario import Scenario, Scene, When
from livegraph.simulator.voice import TonesVoice
from livegraph.testing.replay import Replay, replay
from livegraph.testing.wire import RecordingFault
from livegraph.testing.wire_recorder import WireRecorder
from support.command import livegraph
from support.conversation import RATE, Conversation, Wire, converse, graph_of
from support.speech import recorded

RECORDINGS = sorted((Path(__file__).parents[1] / "data" / "recordings").glob("*.jsonl"))


def played(file: Path) -> Replay:
    return run_virtual(replay(file))


def changed(file: Path, to: Path, change: Any) -> Path:
    """A copy of a recording with ``change(line)`` in the place of each line."""
    lines = [change(json.loads(text)) for text in file.read_text().splitlines()]
    to.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return to


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda path: path.stem)
def test_recordings_written_by_hand_are_as_they_were(file: Path) -> None:
    """What is known of real sessions: the client does with each of them what it did when they were written."""
    made = played(file)
    assert made.differences == [] and made.words


@pytest.mark.parametrize("file", RECORDINGS, ids=lambda path: path.stem)
def test_without_its_options_a_recording_is_played_from_its_setup(file: Path, tmp_path: Path) -> None:
    """As one of another client is, or one whose first line was taken out before it was sent."""
    lines = [line for line in file.read_text().splitlines() if "options" not in json.loads(line)]
    bare = tmp_path / file.name
    bare.write_text("\n".join(lines) + "\n")
    assert len(lines) == len(file.read_text().splitlines()) - 1
    assert played(bare).differences == []


def test_a_conversation_is_heard_again() -> None:
    file = next(path for path in RECORDINGS if path.stem == "tool_and_go_away")
    made = played(file)
    assert made.words == [
        "user: Book tomorrow at three.",
        "agent: It is booked.",
        "user: Thank you.",
        "agent: You are welcome.",
    ]
    assert made.calls == ['book_slot({"slot": "tomorrow 3pm"})']
    assert made.events["ServiceChanged"] >= 2


def test_what_the_client_does_no_more_or_anew_is_told(tmp_path: Path) -> None:
    """A field of the setup, and a message."""
    file = next(path for path in RECORDINGS if path.stem == "tool_and_go_away")

    def warmer(line: dict[str, Any]) -> dict[str, Any]:
        if "setup" in (message := line.get("message", {})):
            message["setup"]["generationConfig"]["temperature"] = 0.5
        return line

    made = played(changed(file, tmp_path / "a.jsonl", warmer))
    assert any(
        "setup.generationConfig.temperature: 0.5 then, nothing now" in each for each in made.differences
    )

    answer = next(path for path in RECORDINGS if path.stem == "answer")
    extra = {
        "time": 6.5,
        "connection": 1,
        "from": "client",
        "message": {"realtimeInput": {"audioStreamEnd": True}},
    }
    copy = tmp_path / "b.jsonl"
    copy.write_text(answer.read_text() + json.dumps(extra) + "\n")
    assert any("not sent any more" in each and "audioStreamEnd" in each for each in played(copy).differences)


def test_a_file_that_is_no_recording_is_refused_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(
        '{"time": 0, "from": "server", "message": {"setupComplete": {}}}\nnonsense\n'
    )
    with pytest.raises(RecordingFault) as caught:
        played(tmp_path / "x.jsonl")
    assert caught.value.line == 2


@pytest.mark.timeout(240)
def test_a_call_is_recorded_and_played_again_by_the_command(tmp_path: Path) -> None:
    """With no secret in it: handles have names, keys are not there; and nothing differs."""
    (tmp_path / "agent.yaml").write_text(
        "version: 1\nnodes:\n  mic: {use: file_in, path: q.wav, tail_silence: 3s}\n"
        "  live: {use: gemini_live, from: mic, greeting: Good morning., api_key: my-secret-key}\n"
        "  out: {use: file_out, from: live.audio, path: a.wav}\n"
    )
    from livegraph.audio import write_wav

    write_wav(tmp_path / "q.wav", recorded("go_forward").pcm, 16_000)
    done = livegraph(
        "call", "agent.yaml", "--live", "local", "--record", tmp_path / "kept", cwd=tmp_path, within_s=150
    )
    assert done.returncode == 0, done.stderr
    (file,) = (tmp_path / "kept").glob("*.jsonl")
    text = file.read_text()
    assert "my-secret-key" not in text and '"newHandle": "handle-1"' in text
    assert '"greeting": "Good morning."' in text
    assert len(list((tmp_path / "kept").glob("*.pcm"))) == 2
    assert to_bytes(recorded("go_forward").pcm)[:3_200] in (
        next((tmp_path / "kept").glob("*client*.pcm")).read_bytes()
    )
    again = livegraph("replay", tmp_path / "kept", cwd=tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "as it was" in again.stdout and "agent: Good morning." in again.stdout


SCRIPT = parse_brain("""
version: 1
rules:
  - hear: work
    call: {tool: work, args: {text: now}}
    say_result: "The work is done, and that was number {result.number}."
fallback: "You have said a number. Tell me another one."
""")


@pytest.mark.parametrize(
    ("personality", "dies_s"),
    [("kind", 0), ("kind", 7), ("kind", 11), ("typical", 0), ("typical", 11), ("hostile", 8)],
)
def test_a_call_with_any_service_is_as_it_was(personality: str, dies_s: int, tmp_path: Path) -> None:
    """Also one whose answers fail, whose connections die, and whose fallback line comes over one of its own.

    At 11 s a function works, and its result goes over the next one; at 7 s some die after the fallback line had one.
    """
    options = {"greeting": "Good morning.", "answer": AnswerWait(fallback="Sorry.")}

    async def body(conversation: Conversation) -> None:
        for number in range(3):
            text = "Do your work." if number == 1 else f"This is number {number}."
            await conversation.mic.send(TextFrame(text, time_ns=conversation.call.clock.now_ns()))
            await conversation.speak(np.zeros(RATE * 10, np.int16), chunk=RATE // 10, keep=False)
        await conversation.finish()

    async def main() -> None:
        simulator: dict[str, Any] = {"personality": personality, "seed": 1, "script": SCRIPT}
        simulator |= {"ears": NoEars(), "voice": TonesVoice()}
        if dies_s:
            scene = Scene(When("time", at_ns=dies_s * SECOND), (HangUp(reset=True),))
            simulator["scenario"] = Scenario((scene,))
        with WireLog(tmp_path) as log:
            recorder = WireRecorder(log, clock_of_loop(), options)
            plan = graph_of(options, {"work": 1.0}, keeps=False).plan()
            await converse(
                body, plan, simulator=simulator, wire=Wire(keeps=False), resources={LinkTap: recorder}
            )

    run_virtual(main())
    (file,) = tmp_path.glob("*.jsonl")
    made = played(file)
    assert made.differences == []
    assert made.calls == ['work({"text": "now"})'] and "user: Do your work." in made.words


def test_the_command_says_what_differs_and_fails(tmp_path: Path) -> None:
    answer = next(path for path in RECORDINGS if path.stem == "answer")
    extra = {
        "time": 6.5,
        "connection": 1,
        "from": "client",
        "message": {"realtimeInput": {"audioStreamEnd": True}},
    }
    (tmp_path / "wire-001.jsonl").write_text(answer.read_text() + json.dumps(extra) + "\n")
    done = livegraph("replay", tmp_path)
    assert done.returncode == 1 and "differs: connection 1: not sent any more" in done.stdout
    nothing = livegraph("replay", tmp_path / "nowhere")
    assert nothing.returncode != 0 and "Traceback" not in nothing.stderr
