"""Sound gets louder or softer by as much as is said, clips, and glides where the gain changes."""

import numpy as np
import pytest

from livegraph.audio import amplify, rms_dbfs
from livegraph.pipeline import AudioFrame
from livegraph.processors import Gain
from livegraph.testing import audio_frames, live_processor
from support.pcm import tone

RATE = 16_000


@pytest.mark.parametrize("db", [-60.0, -6.0, 0.0, 12.0])
def test_the_level_changes_by_the_gain(db: float) -> None:
    """To a tenth of a decibel, in any shape."""
    pcm = tone(440, RATE, RATE, amplitude=3_000)
    for shaped in (pcm, np.stack((pcm, pcm), axis=1)):
        louder = amplify(shaped, db)
        assert louder.shape == shaped.shape and louder.dtype == np.int16
        assert rms_dbfs(louder) - rms_dbfs(shaped) == pytest.approx(db, abs=0.1 if db > -60 else 2)


def test_what_is_too_loud_is_clipped() -> None:
    """It does not wrap around."""
    assert amplify(np.array([-32_768, -20_000, 20_000, 32_767], np.int16), 30).tolist() == [
        -32_768,
        -32_768,
        32_767,
        32_767,
    ]


def test_a_change_glides() -> None:
    """Sample by sample from one gain to the other; in shorter audio faster."""
    flat = np.full(400, 10_000, np.int16)
    for pcm, count in ((flat, 160), (flat[:50], 50)):
        heard = amplify(pcm, -20, from_db=0, ramp=160).astype(int)
        assert abs(np.diff(np.concatenate(([10_000], heard)))).max() <= 9_000 / count + 1
        assert set(heard[count:]) <= {1_000}
        assert heard[count - 1] == 1_000


@pytest.mark.virtual_time
async def test_a_running_call_gets_louder_without_a_click() -> None:
    """From the next frame on, and the first 10 ms of it go from one gain to the other."""
    sound = audio_frames(np.full(RATE // 50 * 4, 10_000, np.int16), RATE, turn=3)
    async with live_processor(Gain, db=-20) as box:
        await box.send(*sound[:2])
        box.call.tune({"box": {"db": 0}})
        await box.send(*sound[2:])
        frames = [frame for frame in box.frames() if isinstance(frame, AudioFrame)]
    assert [frame.turn for frame in frames] == [3] * 4
    pcm = np.concatenate([frame.samples for frame in frames]).astype(int)
    assert set(pcm[:640]) == {1_000}
    assert abs(np.diff(pcm)).max() < 60
    assert set(pcm[640 + 160 :]) == {10_000}
