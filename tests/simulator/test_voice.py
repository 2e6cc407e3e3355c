"""The voice reads any text in any of the service's voices, the same way each time, and is understood."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.simulator.ears import NoEars, load_ears
from livegraph.simulator.voice import (
    DEFAULT_VOICE,
    SAMPLE_RATE,
    VOICE_NAMES,
    TonesVoice,
    Voice,
    is_known_voice,
    load_voice,
    split_sentences,
)
from livegraph.simulator.voice_text import pronounceable
from support.speech import RATE, levels_db, resampled
from support.words import word_errors

TEXT = "Good morning, how can I help? We open at nine on Saturday, Dr. Smith is in. See you tomorrow!"


@pytest.fixture(scope="module")
def hibari() -> Voice:
    """The real voice, loaded once."""
    voice, note = load_voice()
    if note:
        pytest.skip(note)
    voice.warm_up()
    return voice


@pytest.fixture(params=["hibari", "tones"])
def voice(request: pytest.FixtureRequest) -> Voice:
    """Each voice in turn."""
    if request.param == "tones":
        return TonesVoice()
    real: Voice = request.getfixturevalue("hibari")
    return real


def _pitch_hz(pcm: np.ndarray) -> float:
    """The median pitch of the voiced 40 ms frames, by autocorrelation between 60 and 400 Hz."""
    size, found = SAMPLE_RATE // 25, []
    for frame in pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float64):
        if np.sqrt(np.mean(frame**2)) < 600:
            continue
        spectrum = np.fft.rfft(frame - frame.mean(), 2 * size)
        same = np.fft.irfft(np.abs(spectrum) ** 2)[:size]
        low, high = SAMPLE_RATE // 400, SAMPLE_RATE // 60
        best = low + int(same[low:high].argmax())
        if same[best] > 0.5 * same[0]:
            found.append(SAMPLE_RATE / best)
    return float(np.median(found))


def test_the_service_has_thirty_voices() -> None:
    """All are known, in exactly their case; others are refused before the first sample is asked for."""
    assert len(set(VOICE_NAMES)) == 30
    assert all(map(is_known_voice, VOICE_NAMES))
    assert is_known_voice(DEFAULT_VOICE)
    assert not any(map(is_known_voice, ("", "kore", "KORE", "Kora", "Alexa")))
    with pytest.raises(ValueError, match="unknown voice 'Kora'"):
        TonesVoice().speak("Hello.", "Kora")
    with pytest.raises(ValueError, match="unknown voice"):
        TonesVoice().speak_sentence("", "Kora")


def test_each_sentence_is_an_array_of_its_own(voice: Voice) -> None:
    """The first sound needs only the first sentence; all together are the sentences of `split_sentences`."""
    sounds = list(voice.speak(TEXT))
    sentences = split_sentences(TEXT)
    assert sentences == [
        "Good morning, how can I help?",
        "We open at nine on Saturday, Dr. Smith is in.",
        "See you tomorrow!",
    ]
    assert len(sounds) == 3
    for sound, sentence in zip(sounds, sentences, strict=True):
        assert sound.dtype == np.int16
        assert sound.ndim == 1
        assert np.array_equal(sound, voice.speak_sentence(sentence))


def test_the_same_text_is_the_same_sound(voice: Voice) -> None:
    """Bit for bit, also in another instance: whole calls can be repeated."""
    for name in ("Kore", "Charon"):
        first, again = voice.speak_sentence(TEXT, name), type(voice)().speak_sentence(TEXT, name)
        assert np.array_equal(first, again)


def test_every_voice_speaks_at_a_sensible_level(voice: Voice) -> None:
    """Loud enough to hear, never clipped, no click at the ends."""
    for name in VOICE_NAMES:
        pcm = voice.speak_sentence("See you tomorrow!", name)
        assert 0.5 < len(pcm) / SAMPLE_RATE < 3.0
        assert 3_000 < np.abs(pcm.astype(int)).max() < 30_000
        assert abs(int(pcm[0])) < 50
        assert abs(int(pcm[-1])) < 50


def test_voices_differ_in_pitch(voice: Voice) -> None:
    """A deep voice, the plain one and a high one lie at least a tone apart."""
    pitches = [_pitch_hz(voice.speak_sentence(TEXT, name)) for name in ("Charon", "Kore", "Leda")]
    assert pitches[0] * 1.12 < pitches[1]
    assert pitches[1] * 1.08 < pitches[2]


def test_every_voice_is_understood(hibari: Voice) -> None:
    """Shifted voices stay speech: what they say is heard, with one word in ten wrong at most."""
    ears, note = load_ears()
    if note:
        pytest.skip(note)
    said, heard = [], []
    for name in VOICE_NAMES:
        said.append("Good morning, how can I help?")
        heard.append(ears.transcribe(resampled(hibari.speak_sentence(said[-1], name), SAMPLE_RATE, RATE)))
    assert word_errors(" ".join(said), " ".join(heard)) < 0.1


def test_an_answer_is_understood(hibari: Voice) -> None:
    """What the simulator says to a caller can be written down again by its own ears."""
    ears, note = load_ears()
    if note:
        pytest.skip(note)
    text = "I found your appointment. It is on Monday morning with Doctor Brown. Would you like to keep it?"
    heard = [ears.transcribe(resampled(pcm, SAMPLE_RATE, RATE)) for pcm in hibari.speak(text, "Puck")]
    assert word_errors(text, " ".join(heard)) <= 0.06


def test_texts_without_a_readable_character_are_silence(voice: Voice) -> None:
    """Nothing to read gives no sample and no error, and is skipped between sentences."""
    for text in ("", " ", "\n\n", "...", "😀🎉", "—", "!?"):
        assert list(voice.speak(text)) == []
        assert not len(voice.speak_sentence(text))
    assert len(list(voice.speak("Hello. 😀! Goodbye."))) == 2


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_given_to_the_tones(text: str) -> None:
    """Whatever a model or a tool writes."""
    for pcm in TonesVoice().speak(text):
        assert pcm.dtype == np.int16


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        st.text(max_size=30),
        st.text("0123456789.,:/$£%-①²፩Ⅷ ", max_size=30),
        st.integers(10**11, 10**40).map(str),
    )
)
def test_any_text_can_be_given_to_the_voice(hibari: Voice, text: str) -> None:
    """Numbers without end, circled digits and other scripts make no error."""
    assert hibari.speak_sentence(text).dtype == np.int16


def test_long_numbers_are_read_digit_by_digit() -> None:
    """A number longer than a trillion has no name that the synthesiser knows."""
    assert pronounceable("12345678901234") == "1 2 3 4 5 6 7 8 9 0 1 2 3 4"
    assert pronounceable("1,250 or 123456") == "1,250 or 123456"


@given(st.text(st.sampled_from("ab ,.?!\nDr."), max_size=900))
def test_sentences_are_short_and_lose_no_word(text: str) -> None:
    """Cutting keeps every letter in order, and every piece is at most 200 characters."""
    pieces = split_sentences(text)
    assert all(len(piece) <= 200 for piece in pieces)
    letters = [char for char in text if char.isalnum()]
    assert [char for piece in pieces for char in piece if char.isalnum()] == letters


def test_sentences_end_where_a_reader_would_pause() -> None:
    """Titles, initials, times and decimals do not end a sentence; line ends do."""
    assert split_sentences("Mr. J. Brown paid 3.50 at 5 p.m. on Monday. He left.\nBye") == [
        "Mr. J. Brown paid 3.50 at 5 p.m. on Monday.",
        "He left.",
        "Bye",
    ]
    assert split_sentences("We open at 9 a.m. Come early.") == ["We open at 9 a.m.", "Come early."]
    long = ", ".join(["and then we walked along the river"] * 12) + "."
    assert max(map(len, split_sentences(long))) <= 200
    assert " ".join(split_sentences(long)) == long


def test_tones_have_the_rhythm_of_speech() -> None:
    """About five beats a second, a pause at the comma, and silence at both ends."""
    pcm = TonesVoice().speak_sentence("Banana tomato potato, banana tomato potato.", "Kore")
    level = levels_db(pcm, SAMPLE_RATE, window_ms=10)
    loud = level > -35
    beats = int(np.sum(~loud[:-1] & loud[1:]))
    assert 4 <= beats <= 20
    assert 2.0 < len(pcm) / SAMPLE_RATE < 5.0
    quiet_run = max(len(run) for run in "".join("x" if on else "." for on in loud[10:-10]).split("x"))
    assert quiet_run >= 15
    assert NoEars().transcribe(resampled(pcm, SAMPLE_RATE, RATE)).startswith("(speech, ")


def test_questions_rise_in_tones() -> None:
    """The fallback lets a listener tell a question from a statement."""

    def last(text: str) -> float:
        return _pitch_hz(TonesVoice().speak_sentence(text, "Kore")[-6_000:])

    assert last("Are you coming tomorrow?") > 1.1 * last("You are coming tomorrow.")


@pytest.mark.parametrize("missing", ["hibari", "onnxruntime"])
def test_a_missing_package_is_named_with_its_remedy(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra there is still a voice, and the note says what to type."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    found, note = load_voice()
    assert isinstance(found, TonesVoice)
    assert missing in note
    assert "pip install 'livegraph[speech]'" in note


def test_loading_is_left_until_it_is_asked_for() -> None:
    """Importing the voice imports no model runtime."""
    code = "import sys, livegraph.simulator.voice; assert not {'hibari', 'onnxruntime'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
