"""The ears write down what people and the simulator's own voice say, and hear nothing in silence."""

import gzip
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from livegraph.simulator.ears import Ears, MoonshineEars, NoEars, _pieces, load_ears, spoken_seconds
from support.speech import RATE, read_wav, recorded, resampled, spoken
from support.words import word_errors

PROMPTS = Path("/usr/share/asterisk/sounds/en")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
READINGS = Path("/usr/share/pocketsphinx/test/data/librivox")


@pytest.fixture(scope="module")
def ears() -> Ears:
    """The real recogniser, loaded once."""
    found, note = load_ears()
    if note:
        pytest.skip(note)
    return found


def _noise(seconds: float, rms: float) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(int(seconds * RATE)) * rms).astype(np.int16)


def test_ears_understand_the_synthetic_voice(ears: Ears) -> None:
    """Every question that the shipped agents are asked in tests is heard word for word."""
    for text in (
        "Hello, can you hear me?",
        "What time do you open on Saturday?",
        "Please tell me a long story about the sea.",
        "I would like to book an appointment for tomorrow morning.",
        "Stop. That is enough, thank you.",
    ):
        assert word_errors(text, ears.transcribe(spoken(text).pcm)) == 0


def test_ears_understand_the_recorded_people(ears: Ears) -> None:
    """Human speech that travels with the tests is recognised."""
    for name in ("amiable", "do_something"):
        utterance = recorded(name)
        assert word_errors(utterance.text, ears.transcribe(utterance.pcm)) <= 0.2


@pytest.mark.skipif(not READINGS.is_dir(), reason="Debian's pocketsphinx-testdata is not installed")
def test_ears_understand_readings(ears: Ears) -> None:
    """LibriVox readers: fewer than one word in ten is wrong over all five sentences."""
    lines = (READINGS / "transcription").read_text().splitlines()
    said, heard = [], []
    for line in lines:
        text, name = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()).groups()
        said.append(text.replace("mister", "mr"))
        heard.append(ears.transcribe(resampled(*read_wav(READINGS / f"{name}.wav"), RATE)))
    assert word_errors(" ".join(said), " ".join(heard)) < 0.1


@pytest.mark.skipif(
    not (PROMPTS.is_dir() and PROMPT_TEXTS.is_file()),
    reason="Debian's asterisk-core-sounds-en and asterisk-core-sounds-en-g722 are not installed",
)
def test_ears_understand_a_telephone_announcer(ears: Ears) -> None:
    """Prompts of 2 to 6 words and more: fewer than one word in eight is wrong over all of them."""
    texts = dict(
        line.split(": ", 1)
        for line in gzip.decompress(PROMPT_TEXTS.read_bytes()).decode("utf-8").splitlines()
        if ": " in line and not line.startswith(";")
    )
    said, heard = [], []
    for name in (
        "agent-pass",
        "conf-kicked",
        "all-circuits-busy-now",
        "conf-invalidpin",
        "conf-waitforleader",
    ):
        with av.open(str(PROMPTS / f"{name}.g722"), format="g722") as file:
            pcm = np.concatenate([frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)])
            rate = file.streams.audio[0].rate
        said.append(texts[name].strip())
        heard.append(ears.transcribe(resampled(pcm.astype(np.int16), rate, RATE)))
    assert word_errors(" ".join(said), " ".join(heard)) < 0.125


def test_silence_and_faint_noise_have_no_words(ears: Ears) -> None:
    """A recogniser is prone to hear "you" in silence; the ears do not ask it."""
    for pcm in (np.zeros(0, np.int16), np.zeros(RATE, np.int16), _noise(2.0, 20.0)):
        assert ears.transcribe(pcm) == ""


def test_any_length_of_speech_is_taken(ears: Ears) -> None:
    """One sample, 5 ms and a word cut off: no error, whatever is made of them."""
    pcm = spoken("Hello, can you hear me?").pcm
    for count in (1, 80, 1_000, 5_000):
        assert isinstance(ears.transcribe(pcm[2_000 : 2_000 + count]), str)


def test_long_speech_is_cut_where_nobody_speaks(ears: Ears) -> None:
    """45 s of sentences: every piece stays below 20 s, no word is lost or doubled at a cut."""
    text = "I would like to book an appointment for tomorrow morning."
    pause = np.zeros(RATE // 2, np.int16)
    pcm = np.concatenate([part for _ in range(13) for part in (spoken(text).pcm, pause)])
    pieces = _pieces(pcm)
    assert len(pcm) > 40 * RATE
    assert max(len(piece) for piece in pieces) <= 20 * RATE
    assert np.array_equal(np.concatenate(pieces), pcm)
    assert word_errors(" ".join([text] * 13), ears.transcribe(pcm)) < 0.03


def test_hearing_is_deterministic(ears: Ears) -> None:
    """The same samples give the same text: whole calls can be repeated."""
    pcm = recorded("numbers").pcm
    assert ears.transcribe(pcm) == ears.transcribe(pcm) == MoonshineEars().transcribe(pcm)


def test_loading_does_not_import_the_model_package(ears: Ears) -> None:
    """The package of the model is a box of files: importing it would load a sound device library."""
    code = (
        "import sys; from livegraph.simulator.ears import load_ears\n"
        "assert 'onnxruntime' not in sys.modules, 'heavy import at module level'\n"
        "load_ears(); assert 'moonshine_voice' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_a_recogniser_the_ears_say_how_long_somebody_spoke() -> None:
    """`NoEars` invents no words, counts from first to last sound, and hears nothing in silence."""
    speech = np.concatenate([np.zeros(RATE, np.int16), _noise(1.4, 2_000.0), np.zeros(RATE, np.int16)])
    assert NoEars().transcribe(speech) == "(speech, 1.4 s)"
    assert spoken_seconds(speech) == pytest.approx(1.4, abs=0.03)
    assert NoEars().transcribe(np.zeros(RATE, np.int16)) == ""
    assert NoEars().transcribe(np.zeros(0, np.int16)) == ""


@pytest.mark.parametrize("missing", ["moonshine_voice", "onnxruntime"])
def test_a_missing_package_is_named_with_its_remedy(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra there are still ears, and the note says what to type."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    found, note = load_ears()
    assert isinstance(found, NoEars)
    assert missing.replace("_", "-") in note
    assert "pip install 'livegraph[speech]'" in note
