"""Where a voice falls silent is known by its level, before the detector's own memory of it has faded."""

from __future__ import annotations

import numpy as np

from livegraph.audio import Pcm
from livegraph.audio.leveller import Leveller
from support.pcm import noise
from support.speech import RATE, recorded


def _heard(pcm: Pcm) -> Leveller:
    leveller = Leveller(RATE)
    for at in range(0, len(pcm) - 320, 320):
        leveller.spoken(pcm[at : at + 320])
    return leveller


def test_silence_after_a_voice_is_a_hush_and_its_softest_sound_is_none() -> None:
    """Whatever the level of the voice; and in a room almost as loud as the voice nothing is one."""
    voice = recorded("go_forward").pcm
    loud = voice[np.abs(voice.astype(int)).argmax() - 160 :][:320]
    for gain in (1.0, 0.1, 0.03):
        leveller = _heard((voice * gain).astype(np.int16))
        assert leveller.is_hushed(np.zeros(320, np.int16))
        assert not leveller.is_hushed((loud * gain * 0.05).astype(np.int16))
    assert not _heard(voice).is_hushed(noise(320, float(np.std(voice)) / 3))


def test_before_anybody_has_spoken_nothing_is_a_hush() -> None:
    """There is no voice to be softer than; and no sound is no hush."""
    assert not Leveller(RATE).is_hushed(np.zeros(320, np.int16))
    assert not _heard(recorded("go_forward").pcm).is_hushed(np.zeros(0, np.int16))
