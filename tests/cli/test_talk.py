"""`livegraph talk`: a spoken conversation at this machine. The sound device is a double; all behind it is real."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegraph.cli.exits import Fault
from livegraph.cli.sound.card import RATE, SoundCard, canceller
from livegraph.cli.sound.devices import Device, choose
from livegraph.cli.sound.screen import Screen, bar
from livegraph.cli.verbs.talk import _print_devices
from livegraph.pipeline.clock import run_virtual
from livegraph.simulator.ears import load_ears
from support.command import environment, livegraph
from support.speech import arrange, spoken
from support.words import words

FAKE = Path(__file__).resolve().parents[1] / "support" / "fake_sound"
COMMAND = [sys.executable, "-c", "from livegraph.cli import main; main()", "talk"]


def fake(**settings: str) -> dict[str, str]:
    """The environment of a machine with that sound."""
    return {"PYTHONPATH": str(FAKE), **settings}


def talking(settings: dict[str, str]) -> subprocess.Popen[str]:
    """``livegraph talk voice_agent --json`` with these settings."""
    return subprocess.Popen(
        [*COMMAND, "voice_agent", "--json"],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_person_talks_at_the_terminal(tmp_path: Path) -> None:
    """What is said is heard and answered, by voice and on the screen; with an echo the agent does not hear itself."""
    _, note = load_ears()
    if note:
        pytest.skip(note)
    pytest.importorskip("pywebrtc_audio", reason="no pywebrtc-audio here (extra: console)")
    said = arrange(tmp_path / "said.wav", 4.0, spoken("What time is it in Tokyo?"), 3.0)
    played = tmp_path / "played.wav"
    settings = fake(FAKE_SOUND_IN=str(said), FAKE_SOUND_OUT=str(played), FAKE_SOUND_ECHO="1")
    process = talking(settings)
    assert process.stdout is not None
    events = []
    until = time.monotonic() + 60
    for line in process.stdout:
        events.append(json.loads(line))
        done = [
            each
            for each in events
            if each["type"] == "transcript" and each["role"] == "agent" and each["final"]
        ]
        if len(done) == 2 or time.monotonic() > until:
            break
    process.send_signal(2)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    heard = [each["text"] for each in events if each["type"] == "transcript" and each["role"] == "user"]
    assert "tokyo" in words(heard[-1]), (events, errors)
    assert len({each["utterance"] for each in events if each.get("role") == "user"}) == 1
    assert [each["ok"] for each in events if each["type"] == "tool_result"] == [True]
    assert "tokyo" in words(done[1]["text"])
    assert "Traceback" not in errors
    assert "by Desk Microphone and Room Speakers" in errors
    ears, _ = load_ears()
    with wave.open(str(played)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    assert "hello" in words(ears.transcribe(sound[:: RATE // 16_000]))


def test_devices_are_listed() -> None:
    """For people and for programs, with those that are used by default."""
    shown = livegraph("talk", "--list-devices", **fake())
    assert (shown.returncode, shown.stdout) == (
        0,
        "   0  Desk Microphone  microphone (default)\n"
        "   1  Room Speakers  loudspeaker (default)\n"
        "   2  USB Headset  microphone, loudspeaker\n",
    )
    told = json.loads(livegraph("talk", "--list-devices", "--json", **fake()).stdout)
    assert [each["name"] for each in told] == ["Desk Microphone", "Room Speakers", "USB Headset"]
    none = livegraph("talk", "--list-devices", **fake(FAKE_SOUND="none"))
    assert (none.returncode, none.stdout) == (0, "There are no sound devices.\n")


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "words"),
    [
        ((), {"FAKE_SOUND": "none"}, 1, ["no microphone", "livegraph chat"]),
        ((), {"FAKE_SOUND": "busy"}, 1, ["cannot be opened", "Device unavailable", "--list-devices"]),
        (("--input", "Piano"), {}, 2, ["'Piano'", "0 Desk Microphone", "2 USB Headset"]),
        (("--push-to-talk",), {}, 2, ["--push-to-talk", "stdin is no terminal"]),
        (("--output", "s"), {}, 2, ["could be any of", "1 Room Speakers", "2 USB Headset"]),
        (("transcribe_file",), {}, 78, ["WebRTCIn"]),
        (("nosuch.yaml",), {"FAKE_SOUND": "none"}, 2, ["there is no file nosuch.yaml"]),
    ],
)
def test_what_cannot_be_is_said_in_words(
    arguments: tuple[str, ...], settings: dict[str, str], code: int, words: list[str]
) -> None:
    """With what helps, and without a traceback."""
    done = livegraph("talk", *arguments, **fake(**settings))
    assert done.returncode == code, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ImportError('no such module')", "pip install 'livegraph[console]'"),
        ("raise OSError('PortAudio library not found')", "apt-get install libportaudio2"),
    ],
)
def test_what_is_not_installed_is_named(tmp_path: Path, body: str, words: str) -> None:
    """The package, or PortAudio beneath it."""
    (tmp_path / "sounddevice.py").write_text(body, encoding="utf-8")
    done = livegraph("talk", PYTHONPATH=str(tmp_path))
    assert done.returncode == 78 and words in done.stderr, done.stderr


DEVICES = [
    Device(0, "Desk Microphone", 1, 0, False, False),
    Device(1, "USB Headset", 1, 2, True, False),
    Device(2, "USB Headset 2", 1, 2, False, True),
]


@pytest.mark.parametrize(
    ("wish", "number"),
    [("", 1), ("0", 0), ("desk", 0), ("USB Headset", 1), ("headset 2", 2), ("2", 2), (" usb headset", 1)],
)
def test_a_device_is_chosen_by_number_or_name(wish: str, number: int) -> None:
    """A whole name counts more than a part of one; without a wish it is the default one."""
    assert choose(DEVICES, "input", wish).number == number
    with pytest.raises(Fault, match="could be any of"):
        choose(DEVICES, "input", "headset")


def test_the_echo_is_taken_out() -> None:
    """Of a voice that the loudspeaker plays the microphone's sound keeps next to nothing, after a moment."""
    pytest.importorskip("pywebrtc_audio", reason="no pywebrtc-audio here (extra: console)")
    clean = canceller()
    assert clean is not None
    voice = np.repeat(spoken("Once upon a time there was a wanderer who walked over seven hills.").pcm, 3)
    blocks = voice[: len(voice) // 480 * 480].reshape(-1, 480)
    before = after = 0.0
    for at, far in enumerate(blocks):
        near = (blocks[at - 3] // 2).astype(np.int16) if at >= 3 else np.zeros(480, np.int16)
        cleaned = clean(near, far)
        if at > 150:
            before += float(np.sum(near.astype(float) ** 2))
            after += float(np.sum(cleaned.astype(float) ** 2))
    assert after < before / 100


class Keys:
    """A card as far as the screen looks at it."""

    hears = True
    heard_level, played_level = 0.5, 0.0


def test_a_name_tells_the_terminal_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever made the device chose it."""
    _print_devices([Device(2, "USB \x1b]0;owned\x07\nHeadset", 1, 2, False, False)], as_json=False)
    assert capsys.readouterr().out == "   2  USB \\x1b]0;owned\\x07\\x0aHeadset  microphone, loudspeaker\n"


class Unplugged:
    """The package of a machine whose devices go away while they are open."""

    class PortAudioError(Exception):
        """What the real one raises."""

    class RawStream:
        """Gives some sound, then none, and cannot be closed."""

        latency = (0.01, 0.02)

        def __init__(self, *, callback: Any, blocksize: int, **others: Any) -> None:
            self._exchange, self._samples = callback, blocksize

        def start(self) -> None:
            for _ in range(3):
                self._exchange(
                    bytes(2 * self._samples), memoryview(bytearray(2 * self._samples)), 480, None, None
                )

        def stop(self) -> None:
            raise Unplugged.PortAudioError("Unanticipated host error [PaErrorCode -9999]")


def test_a_device_that_goes_away_is_missed() -> None:
    """After three seconds without sound, by name; that it cannot be closed any more is no fault of the call."""

    async def missed() -> tuple[Fault, float]:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        return await SoundCard(Unplugged, DEVICES[0], DEVICES[1], None).gone(), loop.time() - began_s

    async def opened_and_closed() -> None:
        async with SoundCard(Unplugged, DEVICES[0], DEVICES[1], None):
            pass

    fault, after_s = run_virtual(missed())
    assert "Desk Microphone and USB Headset gave no sound for 3 s" in str(fault)
    assert after_s == pytest.approx(3.0)
    asyncio.run(opened_and_closed())


@contextmanager
def at_a_terminal(columns: int) -> Iterator[tuple[int, int]]:
    """Stdin and stderr of this process are a terminal, while the block lasts: its other end, and itself."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {number: os.dup(number) for number in (0, 2)}
    for number in kept:
        os.dup2(slave, number)
    try:
        yield master, slave
    finally:
        for number, before in kept.items():
            os.dup2(before, number)
            os.close(before)
        os.close(slave)


def test_the_line_fits_and_the_terminal_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second row could not be taken away again. A terminal that goes away ends the call."""
    quits: list[int] = []
    monkeypatch.setenv("TERM", "xterm")

    async def run(master: int, slave: int) -> str:
        before = termios.tcgetattr(slave)
        screen = Screen(Keys(), lambda: quits.append(1), push_to_talk=False)  # type: ignore[arg-type]
        showing = asyncio.create_task(screen.show())
        await asyncio.sleep(0)
        assert termios.tcgetattr(slave) != before
        screen.restore()
        assert termios.tcgetattr(slave) == before
        shown = os.read(master, 4096).decode()
        os.close(master)
        async with asyncio.timeout(20):
            while not quits:
                await asyncio.sleep(0.01)
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        return shown

    with at_a_terminal(30) as (master, slave):
        stderr = open(slave, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # what it holds fails to be written
        monkeypatch.setattr(sys, "stderr", stderr)
        shown = asyncio.run(run(master, slave))
        with suppress(OSError):
            stderr.close()
    rows = shown.split("\r\x1b[K")
    assert rows[1].startswith("you ") and max(map(len, rows)) == 29


def test_a_terminal_that_cannot_go_back_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TERM=dumb, or stderr in a file."""
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen(Keys(), lambda: None, push_to_talk=True)  # type: ignore[arg-type]
    screen.press(" ")
    screen.press(" ")
    screen.clear()
    assert capsys.readouterr().err == "The microphone is open.\nThe microphone is closed.\n"


def test_the_screen_shows_levels_and_takes_keys() -> None:
    """The space bar opens and closes the microphone, q ends; push-to-talk begins with a closed one."""
    quits: list[int] = []
    card = Keys()
    screen = Screen(card, lambda: quits.append(1), push_to_talk=True)  # type: ignore[arg-type]
    assert "closed" in screen.line() and "space opens" in screen.line()
    screen.press(" ")
    assert card.hears and "space closes" in screen.line()
    screen.press("x")
    assert quits == []
    screen.press("q")
    assert quits == [1]
    assert bar(0.0) == "\u2591" * 12 and bar(1.0) == "\u2588" * 12
    assert bar(0.03).count("\u2588") < bar(0.3).count("\u2588")


def test_a_device_that_keeps_no_pace_holds_nothing_up(tmp_path: Path) -> None:
    """ALSA's null device asks for sound as fast as it can: the agent greets nevertheless, and Ctrl-C ends the call.
    Where there is no ALSA a double does the same."""
    (tmp_path / ".asoundrc").write_text("pcm.!default { type null }\nctl.!default { type null }\n")
    settings = {"HOME": str(tmp_path)}
    if "default" not in livegraph("talk", "--list-devices", **settings).stdout:
        settings = fake(FAKE_SOUND="null")
    process = talking(settings)
    assert process.stdout is not None
    for line in process.stdout:
        told = json.loads(line)
        if told["type"] == "transcript" and told["role"] == "agent" and told["final"]:
            break
    process.send_signal(2)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("sound", "words"), [("dead", "gave no sound within 5 s"), ("unplugged", "gave no sound for 3 s")]
)
def test_a_device_that_never_answers_or_goes_away_is_given_up(sound: str, words: str) -> None:
    """In words, and the program ends though PortAudio still waits, or cannot close what is gone."""
    done = livegraph("talk", "voice_agent", **fake(FAKE_SOUND=sound))
    assert done.returncode == 1, done.stderr
    assert words in done.stderr and "--list-devices" in done.stderr
    assert "Traceback" not in done.stderr


def test_real_portaudio_finds_what_there_is() -> None:
    """Where PortAudio is installed: the list, or that there is none."""
    try:
        import sounddevice
    except (ImportError, OSError) as why:
        pytest.skip(f"no PortAudio here: {why}")
    assert sounddevice.get_portaudio_version()
    done = livegraph("talk", "--list-devices")
    assert done.returncode == 0, done.stderr
