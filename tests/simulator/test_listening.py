"""The options of voice activity detection do what they say, and transcripts hold what was asked for."""

import asyncio
from typing import Any

import numpy as np
import pytest

from livegraph.liveapi import (
    AudioTranscriptionConfig,
    AutomaticActivityDetection,
    RealtimeInputConfig,
    Setup,
)
from livegraph.simulator.behaviour import Behaviour
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.ears import Ears
from livegraph.simulator.server import Simulator
from livegraph.simulator.session_setup import RequestedApi, read_setup
from support.live import Caller, calling, virtually
from support.speech import recorded

MODEL = "models/gemini-3.8-live"
SCRIPT = parse_brain("version: 1\nfallback: All right.\n")
HIGH, LOW = "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"


class Words(Ears):
    """As many words as there are seconds."""

    def transcribe(self, pcm: Any) -> str:
        return " ".join(["word"] * (1 + len(pcm) // 16_000))


def setup(words: AudioTranscriptionConfig | None = None, **detection: Any) -> Setup:
    """With these options of the detection."""
    config = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(**detection))
    return Setup(
        model=MODEL,
        realtime_input_config=config,
        input_audio_transcription=words or AudioTranscriptionConfig(),
    )


def activity(detection: dict[str, Any], pcm: Any) -> list[tuple[str, float]]:
    """What is reported for a recording, and when, in ms of it."""

    async def test(simulator: Simulator) -> list[tuple[str, float]]:
        async with calling(simulator.open(), setup(**detection)) as caller:
            began = caller.now_ms
            await caller.say(np.concatenate((pcm, np.zeros(48_000, np.int16))))
            return [
                (kind, h.at_ms - began) for h in caller.heard for kind in h.kinds if kind.startswith("ACT")
            ]

    return virtually(test, script=SCRIPT, ears=Words())


def test_silence_ends_an_utterance_after_the_time_that_was_asked_for() -> None:
    """800 ms unless something else was; the difference is what was asked for."""
    pcm = recorded("go_forward").pcm
    ends = [activity({"silence_duration_ms": ms} if ms else {}, pcm)[-1][1] for ms in (0, 300, 800, 1_500)]
    assert ends[0] == ends[2]
    assert ends[2] - ends[1] == pytest.approx(500, abs=64)
    assert ends[3] - ends[2] == pytest.approx(700, abs=64)


def test_padding_is_the_speech_that_it_takes() -> None:
    """More of it, later; too much, never."""
    pcm = recorded("go_forward").pcm
    starts = [activity({"prefix_padding_ms": ms}, pcm) for ms in (20, 300, 20_000)]
    assert starts[0][0][1] + 200 < starts[1][0][1]
    assert starts[2] == []


def test_sensitivity_moves_the_thresholds() -> None:
    """High on the Gemini API, low on Vertex AI, unless it is said."""

    def thresholds(api: RequestedApi, **detection: Any) -> tuple[float, float]:
        hearing = read_setup(setup(**detection), Behaviour(), api).hearing
        return hearing.threshold, hearing.exit_threshold

    gemini, vertex = RequestedApi(), RequestedApi(vertex=True)
    assert thresholds(gemini) == thresholds(
        vertex, start_of_speech_sensitivity=HIGH, end_of_speech_sensitivity="END_SENSITIVITY_HIGH"
    )
    assert thresholds(vertex) == thresholds(
        gemini, start_of_speech_sensitivity=LOW, end_of_speech_sensitivity="END_SENSITIVITY_LOW"
    )
    assert thresholds(gemini) == thresholds(
        gemini, start_of_speech_sensitivity="START_SENSITIVITY_UNSPECIFIED"
    )
    (start, end), (low_start, low_end) = thresholds(gemini), thresholds(vertex)
    # Less sensitive: it takes clearer speech to begin, and clearer silence to end.
    assert low_start > start and low_end < end


def test_low_sensitivity_does_not_hear_faint_speech() -> None:
    """Speech so faint that only a sensitive detector takes it for speech."""
    pcm = recorded("do_something").pcm
    for level in (6, 16, 40):
        faint = (pcm // level).astype(np.int16)
        high = activity({"start_of_speech_sensitivity": HIGH}, faint)
        low = activity({"start_of_speech_sensitivity": LOW}, faint)
        assert len(low) <= len(high)
        assert not low or low[0][1] >= high[0][1]


async def spoken(caller: Caller) -> list[Any]:
    """What is transcribed of a recording, guesses and all."""
    await caller.say(recorded("do_something").pcm)
    await caller.pause(2)
    contents = [heard.message.server_content for heard in caller.heard if heard.message.server_content]
    return [each for each in contents if each.input_transcription or each.interim_input_transcription]


@pytest.mark.parametrize("asked", ["by the client", "by the simulator", "by nobody"])
def test_guesses_at_what_is_being_said(asked: str) -> None:
    """About every half second while somebody speaks; each replaces the last, and the words come at the end."""
    realtime = RealtimeInputConfig(interim_transcript_timestamp_enabled=asked == "by the client")

    async def test(simulator: Simulator) -> None:
        config = Setup(
            model=MODEL, realtime_input_config=realtime, input_audio_transcription=AudioTranscriptionConfig()
        )
        async with calling(simulator.open(), config) as caller:
            *guesses, final = await spoken(caller)
            assert final.input_transcription
            assert (len(guesses) >= 2) is (asked != "by nobody")
            assert all(guess.interim_input_transcription.text.startswith("word") for guess in guesses)

    virtually(test, script=SCRIPT, ears=Words(), interim_transcripts=asked == "by the simulator")


def test_transcripts_with_times_languages_and_speakers() -> None:
    config = AudioTranscriptionConfig(language_codes=["en-GB"], word_timestamp=True, diarization=True)

    async def test(simulator: Simulator) -> None:
        async with calling(simulator.open(), setup(config)) as caller:
            (content,) = await spoken(caller)
            told = content.input_transcription
            assert (told.language_code, told.speaker_label, told.finished) == ("en-GB", "spk_1", True)
            times = [
                float(time.removesuffix("s")) for w in told.words for time in (w.start_offset, w.end_offset)
            ]
            assert times == sorted(times) and times[0] >= 0 and len(told.words) == len(told.text.split())
            assert told.start_offset == told.words[0].start_offset

    virtually(test, script=SCRIPT, ears=Words())


def test_manual_activity_with_all_input_includes_what_came_before() -> None:
    """With the other coverages only what lies between the two signals is heard."""

    async def test(simulator: Simulator) -> list[int]:
        lengths = []
        for coverage in ("TURN_INCLUDES_ONLY_ACTIVITY", "TURN_INCLUDES_ALL_INPUT"):
            realtime = RealtimeInputConfig(
                automatic_activity_detection=AutomaticActivityDetection(disabled=True), turn_coverage=coverage
            )
            asked = Setup(
                model=MODEL,
                realtime_input_config=realtime,
                input_audio_transcription=AudioTranscriptionConfig(),
            )
            async with calling(simulator.open(), asked) as caller:
                await caller.pause(5)
                await caller.signal("activity_start")
                await caller.pause(1)
                await caller.signal("activity_end")
                lengths.append(len((await caller.until("inputTranscription")).text.split()))
                await asyncio.sleep(3)
        return lengths

    assert virtually(test, script=SCRIPT, ears=Words()) == [2, 7]


def test_nothing_is_reported_to_those_who_detect_activity_themselves() -> None:
    async def test(simulator: Simulator) -> None:
        config = RealtimeInputConfig(automatic_activity_detection=AutomaticActivityDetection(disabled=True))
        async with calling(simulator.open(), Setup(model=MODEL, realtime_input_config=config)) as caller:
            await caller.signal("activity_start")
            await caller.say(recorded("go_forward").pcm)
            await caller.signal("activity_end")
            await caller.until("turnComplete")
            assert not [kind for kind in caller.kinds if kind.startswith("ACTIVITY")]

    virtually(test, script=SCRIPT, send_voice_activity=True)
