"""Hearing depends on the audio alone; speech loses neither a sample nor a letter."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.audio import AudioError, EnergyVad, Pcm
from livegraph.simulator.behaviour import Timing
from livegraph.simulator.hearing import Hearing, HearingSettings, SpeechHeard, SpeechOver
from livegraph.simulator.speaking import RATE, Speech
from support.speech import recorded

MIME = "audio/pcm;rate=16000"
TALK = np.concatenate(
    (
        np.zeros(8_000, np.int16),
        recorded("go_forward").pcm,
        np.zeros(16_000, np.int16),
        recorded("do_something").pcm,
        np.zeros(24_000, np.int16),
    )
)


def hear(cuts: list[int], talk: Pcm = TALK) -> list[tuple[int, bytes]]:
    """The events of `talk` cut at these places: offset, and the utterance."""
    hearing = Hearing(HearingSettings(), vad=EnergyVad())
    found: list[SpeechHeard | SpeechOver] = []
    for first, last in itertools.pairwise([0, *sorted(cuts), len(talk)]):
        found += hearing.audio(talk[first:last].tobytes(), MIME)
    return [
        (each.offset_ns, each.pcm.tobytes() if isinstance(each, SpeechOver) else b"start") for each in found
    ]


@settings(max_examples=25)
@given(st.lists(st.integers(0, len(TALK)), max_size=30))
def test_what_is_heard_does_not_depend_on_the_cutting(cuts: list[int]) -> None:
    """One message or many, long or empty."""
    assert hear(cuts) == hear([])


def test_an_utterance_has_all_of_its_words_and_little_else() -> None:
    """It reaches from before the onset to after the last sound, without the silence that ended it."""
    events = hear([])
    assert [text == b"start" for _, text in events] == [True, False, True, False]
    offsets = [offset for offset, _ in events]
    assert offsets == sorted(offsets)
    for (_, pcm), name in zip(events[1::2], ("go_forward", "do_something"), strict=True):
        said, heard = recorded(name).pcm, np.frombuffer(pcm, np.int16)
        audible = np.flatnonzero(np.abs(said.astype(int)) > 2_000)
        assert audible[-1] - audible[0] < len(heard) < len(said) + 0.6 * 16_000


def test_the_offset_counts_on_from_earlier_connections() -> None:
    hearing = Hearing(HearingSettings(), heard_samples=160_000, vad=EnergyVad())
    events = hearing.audio(TALK.tobytes(), MIME)
    assert [event.offset_ns - 10_000_000_000 for event in events] == [offset for offset, _ in hear([])]


def test_a_long_utterance_is_bounded() -> None:
    """What the ears get is the last two minutes of it."""
    hearing = Hearing(HearingSettings(automatic=False), vad=EnergyVad())
    hearing.start()
    for second in range(150):
        hearing.audio(np.full(16_000, second, np.int16).tobytes(), MIME)
    (over,) = hearing.end()
    assert isinstance(over, SpeechOver) and 120 * 16_000 <= len(over.pcm) <= 121 * 16_000
    assert over.pcm[-1] == 149 and over.offset_ns == 150_000_000_000


def test_signals_out_of_turn_are_ignored() -> None:
    hearing = Hearing(HearingSettings(automatic=False), vad=EnergyVad())
    assert hearing.end() == []
    assert len(hearing.start()) == 1 and hearing.start() == []
    assert len(hearing.end()) == 1 and hearing.end() == []


@pytest.mark.parametrize(
    ("data", "mime"),
    [(b"\0", MIME), (b"\0\0", "audio/opus"), (b"\0\0", "audio/pcm;rate=1"), (b"\0\0", "image/png")],
)
def test_what_is_no_pcm_is_refused(data: bytes, mime: str) -> None:
    with pytest.raises(AudioError):
        Hearing(HearingSettings(), vad=EnergyVad()).audio(data, mime)


@pytest.mark.parametrize(
    "mime", ["", "audio/pcm", "audio/PCM; rate=16000", "audio/l16;rate=16000;channels=1"]
)
def test_a_missing_rate_is_16_khz(mime: str) -> None:
    hearing = Hearing(HearingSettings(), vad=EnergyVad())
    hearing.audio(bytes(3_200), mime)
    assert hearing.heard_samples == 1_600


@given(
    st.lists(
        st.tuples(st.text("ab é.", min_size=1).filter(str.strip), st.integers(0, 60_000)),
        min_size=1,
        max_size=5,
    )
)
def test_speech_is_sent_whole_and_in_order(sentences: list[tuple[str, int]]) -> None:
    """Chunks are 40 ms times a number, at most 440 ms; their words join to the text; it plays as long as it is."""
    speech = Speech(Timing())
    loud = np.arange(60_000, dtype=np.int16) % 1_000 + 1_000
    for text, samples in sentences:
        speech.add(text.strip(), loud[:samples])
    chunks = []
    now_ns = 5_000
    while speech.has_chunk(more_comes=False):
        chunks.append(speech.take(now_ns))
        now_ns = speech.next_ns
    assert all(len(chunk.pcm) % 960 == 0 and len(chunk.pcm) <= 440 * 24 for chunk in chunks)
    wanted = [np.pad(loud[:samples], (0, -samples % 960)) for _, samples in sentences]
    assert np.array_equal(np.concatenate([chunk.pcm for chunk in chunks]), np.concatenate(wanted))
    assert "".join(chunk.text for chunk in chunks) == " ".join(text.strip() for text, _ in sentences)
    total_ns = sum(len(chunk.pcm) for chunk in chunks) * 1_000_000_000 // RATE
    assert speech.play_end_ns == 5_000 + total_ns
    assert now_ns <= 5_000 + total_ns // 4 + 1


def test_silence_around_a_sentence_is_cut() -> None:
    """The first sound comes within 60 ms of the sentence's beginning."""
    speech = Speech(Timing())
    sound = np.concatenate((np.zeros(9_600), np.full(24_000, 500), np.zeros(12_000))).astype(np.int16)
    speech.add("Hello.", sound)
    assert 24_000 < speech.waiting_samples <= 24_000 + 240 * 24 + 960
    assert np.flatnonzero(speech.take(0).pcm)[0] <= 60 * 24
