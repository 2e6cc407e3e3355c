"""Sound gets louder or softer by as much as is said, clips, and glides where the gain changes."""

import asyncio

import numpy as np
import pytest

from livegraph.audio import amplify, rms_dbfs
from livegraph.pipeline import MS, AudioFrame, Graph, run_virtual
from livegraph.processors import Gain
from livegraph.processors.app import AppIn, AppOut
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


def test_a_running_call_gets_louder_without_a_click() -> None:
    """From the next frame on, and the first 10 ms of it go from one gain to the other."""
    graph = Graph()
    graph.add("mic", AppIn, rate=RATE)
    graph.add("gain", Gain, db=-20)
    graph.add("out", AppOut)
    graph.connect("mic.audio", "gain")
    graph.connect("gain", "out")

    async def main() -> list[AudioFrame]:
        async with graph.plan().call() as call:
            mic = call.processor("mic", AppIn)
            for number in range(4):
                if number == 2:
                    call.tune({"gain": {"db": 0}})
                    await asyncio.sleep(0)
                await mic.send(AudioFrame(np.full(RATE // 50, 10_000, np.int16), RATE, turn=3))
                await call.clock.sleep_until_ns((number + 1) * 20 * MS)
            mic.end()
            return [frame async for frame in call.processor("out", AppOut) if isinstance(frame, AudioFrame)]

    frames = run_virtual(main())
    assert [frame.turn for frame in frames] == [3] * 4
    pcm = np.concatenate([frame.samples for frame in frames]).astype(int)
    assert set(pcm[:640]) == {1_000}
    assert abs(np.diff(pcm)).max() < 60
    assert set(pcm[640 + 160 :]) == {10_000}
