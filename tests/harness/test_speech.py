"""The speech that other tests use is what it claims to be."""

import json
from pathlib import Path

import numpy as np

from support.speech import RATE, arrange, levels_db, read_wav, recorded, resampled, spoken

_FOLDER = Path(__file__).parents[1] / "data" / "speech"


def test_each_recording_has_a_transcript_a_licence_and_a_voice() -> None:
    """Every file is 16 kHz, is named in the notice, has its words, and starts in silence."""
    texts = json.loads((_FOLDER / "transcripts.json").read_text("utf-8"))
    notice = (_FOLDER / "NOTICE").read_text("utf-8")
    assert {path.name for path in _FOLDER.glob("*.wav")} == set(texts)
    for name in texts:
        utterance = recorded(name.removesuffix(".wav"))
        assert name in notice
        assert read_wav(utterance.path)[1] == RATE
        levels = levels_db(utterance.pcm, RATE)
        assert levels.max() > -30 > levels[:5].max()


def test_synthetic_speech_is_the_same_each_time() -> None:
    """The cached file and a fresh synthesis agree, so a transcript can be compared between runs."""
    once = spoken("What time is it?")
    first = once.path.read_bytes()
    once.path.unlink()
    assert spoken("What time is it?").path.read_bytes() == first
    assert 0.5 < len(once.pcm) / RATE < 3


def test_arrange_keeps_pauses_and_words(tmp_path: Path) -> None:
    """Pauses are exact and digital silence; utterances are unchanged."""
    utterance = recorded("go_forward")
    pcm, rate = read_wav(arrange(tmp_path / "said.wav", 0.5, utterance, 0.25))
    assert rate == RATE
    assert len(pcm) == len(utterance.pcm) + 0.75 * RATE
    assert not pcm[: RATE // 2].any()
    assert np.array_equal(pcm[RATE // 2 : -RATE // 4], utterance.pcm)


def test_resampling_keeps_a_tone() -> None:
    """1 kHz stays 1 kHz at the same level, up and down."""
    tone = np.rint(12_000 * np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE)).astype(np.int16)
    up = resampled(tone, RATE, 48_000)
    wanted = 12_000 * np.sin(2 * np.pi * 1_000 * np.arange(48_000) / 48_000)
    assert np.max(np.abs(up - wanted)) < 3
    assert np.max(np.abs(resampled(up, 48_000, RATE).astype(int) - tone)) < 3
