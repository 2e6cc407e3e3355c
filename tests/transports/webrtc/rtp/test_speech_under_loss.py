"""People on a line that loses packets are understood, and nothing clicks."""

from __future__ import annotations

import numpy as np
import pytest

from livegraph.audio import Pcm, rms_dbfs
from livegraph.simulator.ears import load_ears
from livegraph.transports.webrtc.rtp.receiver import AudioReceiver
from support.rtp_line import encoded, hear, on_time
from support.speech import recorded
from support.words import word_errors

RATE = 16_000
NAMES = ("amiable", "do_something", "go_forward", "numbers")


def heard(name: str, share: float, seed: int, *, fec: bool) -> tuple[Pcm, AudioReceiver, set[int]]:
    """What the receiver gives of a recording when this share of its packets is lost at random."""
    pcm = np.concatenate([np.zeros(RATE // 5, np.int16), recorded(name).pcm, np.zeros(RATE // 5, np.int16)])
    payloads = encoded(pcm, RATE, fec=fec)
    chance = np.random.default_rng(seed)
    lost = set(np.flatnonzero(chance.random(len(payloads)) < share).tolist()) - {0, len(payloads) - 1}
    receiver = AudioReceiver(RATE)
    return hear(receiver, on_time(payloads, lost=lost)).pcm, receiver, lost


@pytest.mark.timeout(180)
def test_words_are_recognised_under_five_percent_loss() -> None:
    """Of the words of four recordings, over several lines, at most 3 % more are wrong than without loss."""
    ears, note = load_ears()
    if note:
        pytest.skip(note)
    worse = []
    for name in NAMES:
        said = recorded(name).text
        without = word_errors(said, ears.transcribe(heard(name, 0.0, 0, fec=True)[0]))
        for seed in range(4):
            pcm, _, _ = heard(name, 0.05, seed, fec=True)
            worse.append(word_errors(said, ears.transcribe(pcm)) - without)
    assert np.mean(worse) <= 0.03


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fec", [True, False])
def test_no_clicks(name: str, fec: bool) -> None:
    """At 10 % loss no two neighbouring samples lie further apart than the voice itself moves."""
    whole = np.abs(np.diff(heard(name, 0.0, 0, fec=fec)[0].astype(int))).max()
    for seed in range(6):
        pcm, _, _ = heard(name, 0.10, seed, fec=fec)
        assert np.abs(np.diff(pcm.astype(int))).max() <= 1.25 * whole


def test_four_of_five_single_losses_in_speech_are_given_back() -> None:
    """Each fifth packet of what people say is lost, alone: 80 of 100 come back from the copy in the next."""
    lost = recovered = 0
    for name in NAMES:
        pcm = recorded(name).pcm
        payloads = encoded(pcm, RATE, fec=True)
        # In pauses an encoder makes no copies: there is nothing to be given back.
        loud = [rms_dbfs(pcm[at : at + 320]) > -40 for at in range(0, len(pcm) - 319, 320)]
        gone = [number for number in range(10, len(payloads) - 2, 5) if loud[number]]
        receiver = AudioReceiver(RATE)
        heard_of = hear(receiver, on_time(payloads, lost=gone))
        lost += len(gone)
        recovered += heard_of.kinds().count("recovered")
        assert receiver.order.lost == len(gone)
        assert heard_of.kinds().count("heard") == len(payloads) - len(gone)
    assert recovered >= 0.8 * lost
