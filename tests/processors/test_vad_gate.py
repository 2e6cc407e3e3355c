"""Speech is reported where it is, and mode gate loses nothing of it, keeps its order, and stops silence."""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from livegraph.audio import SileroVad, SpeechDetector, SpeechEnded, SpeechStarted
from livegraph.pipeline import (
    MS,
    SECOND,
    AudioFrame,
    Frame,
    SpeechEndFrame,
    SpeechStartFrame,
    TurnState,
    ms,
)
from livegraph.pipeline.events import SpeechChanged
from livegraph.processors.vad_gate import VadGate
from livegraph.testing import audio_frames, run_processor
from support.pcm import noise
from support.speech import RATE, recorded

Pcm = npt.NDArray[np.int16]


def sentence() -> Pcm:
    """1.5 s of faint noise, a person's words, 2 s of noise."""
    return np.concatenate(
        [noise(RATE * 3 // 2, 8.0), recorded("go_forward").pcm, noise(2 * RATE, 8.0, seed=2)]
    )


def hear(pcm: Pcm, *, frame_ms: int = 20, begins_ms: int = 0, **options: Any) -> list[Frame]:
    """What comes out of a gate, audio and speech in the order of their coming."""
    frames = audio_frames(pcm, RATE, each=ms(frame_ms), start=ms(begins_ms))
    return [one.frame for one in run_processor(VadGate, frames, **options).received]


def sound(frames: list[Frame]) -> list[AudioFrame]:
    return [frame for frame in frames if isinstance(frame, AudioFrame)]


def joined(frames: list[Frame]) -> Pcm:
    return np.concatenate([frame.samples for frame in sound(frames)] or [np.zeros(0, np.int16)])


def speech(frames: list[Frame]) -> list[tuple[type[Frame], int]]:
    return [(type(frame), frame.time_ns) for frame in frames if not isinstance(frame, AudioFrame)]


def expected(
    pcm: Pcm, *, min_speech_ns: int = 96 * MS, hang_over_ns: int = 500 * MS
) -> list[SpeechStarted | SpeechEnded]:
    """What the detector says of the whole recording at once."""
    detector = SpeechDetector(threshold=0.5, min_speech_ns=min_speech_ns, hang_over_ns=hang_over_ns)
    return [*detector.feed(SileroVad().process(pcm), 0)]


def test_report_lets_everything_pass_and_tells_when_somebody_speaks() -> None:
    """The same samples in the same frames; start and end where the person's speech is."""
    pcm = sentence()
    frames = hear(pcm)
    assert np.array_equal(joined(frames), pcm)
    told = speech(frames)
    assert [kind for kind, _ in told] == [SpeechStartFrame, SpeechEndFrame] * (len(told) // 2)
    assert told
    assert 1_400 * MS <= told[0][1] <= 2_200 * MS
    assert told[-1][1] <= len(pcm) * SECOND // RATE - 1_000 * MS


def test_times_are_the_call_clocks() -> None:
    """A recording that begins at 7 s is reported 7 s later."""
    pcm = sentence()
    early, late = speech(hear(pcm)), speech(hear(pcm, begins_ms=7_000))
    assert [(kind, time_ns + 7 * SECOND) for kind, time_ns in early] == late


@pytest.mark.parametrize("frame_ms", [10, 20, 30, 64, 1_000, 5_000])
@pytest.mark.parametrize("pre_roll_ms", [0, 50, 300])
def test_gate_passes_speech_from_exactly_its_pre_roll(frame_ms: int, pre_roll_ms: int) -> None:
    """However the sound was cut: from ``pre_roll`` before each onset, to the sample, to the end of its hang-over."""
    pcm = sentence()
    events = expected(pcm)
    frames = hear(pcm, mode="gate", frame_ms=frame_ms, pre_roll=pre_roll_ms * MS)
    passed = sound(frames)
    assert passed
    first_ns = max(0, events[0].at_ns - pre_roll_ms * MS)
    assert passed[0].time_ns == first_ns
    # In order, without overlap; each frame is what was said at its time.
    for frame, following in itertools.pairwise(passed):
        assert following.time_ns >= frame.time_ns + frame.duration_ns
    for frame in passed:
        start = frame.time_ns * RATE // SECOND
        assert np.array_equal(frame.samples, pcm[start : start + len(frame.samples)])
    # Nothing between onset and the decision that it is over is missing.
    times = {start for frame in passed for start in _samples(frame)}
    for started, ended in zip(events[::2], events[1::2], strict=True):
        begin, end = started.at_ns * RATE // SECOND, ended.decided_ns * RATE // SECOND
        assert times >= set(range(begin, min(end, len(pcm))))


def _samples(frame: AudioFrame) -> range:
    start = frame.time_ns * RATE // SECOND
    return range(start, start + len(frame.samples))


def test_gate_keeps_silence_from_passing() -> None:
    """Faint noise alone: not a sample, not a report."""
    assert hear(noise(3 * RATE, 8.0), mode="gate") == []


def test_the_hang_over_ends_the_passage() -> None:
    """What passes after the last word is no longer than it, but for one window and one frame."""
    pcm = sentence()
    for hang_over_ms in (200, 800):
        last = expected(pcm, hang_over_ns=hang_over_ms * MS)[-1]
        passed = sound(hear(pcm, mode="gate", hang_over=hang_over_ms * MS))
        end_ns = passed[-1].time_ns + passed[-1].duration_ns
        assert last.decided_ns <= end_ns <= last.at_ns + (hang_over_ms + 32 + 20) * MS


def test_the_report_comes_before_the_sound_that_it_opens() -> None:
    """Whoever listens to both knows of the speech first."""
    frames = hear(sentence(), mode="gate")
    assert isinstance(frames[0], SpeechStartFrame)


def test_speech_that_is_under_way_at_the_end_is_ended() -> None:
    """Where it was last heard, not when the stream ended."""
    words = recorded("go_forward").pcm
    pcm = np.concatenate([noise(RATE, 8.0), words[: len(words) * 2 // 3]])
    told = speech(hear(pcm))
    assert told[-1][0] is SpeechEndFrame
    assert told[-2][1] < told[-1][1] <= len(pcm) * SECOND // RATE


def test_short_bursts_are_no_speech_when_asked_for_more() -> None:
    """``min_speech`` longer than the words."""
    assert speech(hear(sentence(), min_speech=2 * SECOND)) == []


def test_the_energy_detector_needs_no_network() -> None:
    """It finds the same person."""
    told = speech(hear(sentence(), detector="energy"))
    assert told and 1_300 * MS <= told[0][1] <= 2_300 * MS


def test_the_conversation_is_told() -> None:
    """The one owner of turns: observers see speech, and thinking follows it."""
    run = run_processor(VadGate, audio_frames(sentence(), RATE))
    heard = [event.speaking for event in run.of(SpeechChanged)]
    assert run.processor.call.conversation.state is TurnState.THINKING
    assert heard == [True, False] * (len(heard) // 2)
    assert heard
