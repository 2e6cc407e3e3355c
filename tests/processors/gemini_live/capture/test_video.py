"""Pictures: the newest, in time, as JPEG of a bearable size."""

from __future__ import annotations

import asyncio
import io

import av
import numpy as np
import pytest

from livegraph.pipeline import SECOND, VideoFrame, clock_of_loop, run_virtual
from livegraph.processors.gemini_live.capture.video import PictureFeed, encode_jpeg


def decoded(jpeg: bytes) -> np.ndarray:
    with av.open(io.BytesIO(jpeg)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(720, 1280, (432, 768)), (101, 57, (100, 56)), (2, 2, (2, 2)), (1, 900, (2, 768))],
)
def test_a_picture_becomes_a_jpeg(height: int, width: int, expected: tuple[int, int]) -> None:
    """Not longer than it may be, and with its colours."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (200, 30, 30)
    made = decoded(encode_jpeg(pixels, 768))
    assert made.shape[:2] == expected
    if min(expected) > 8:
        assert np.abs(made[4, 4].astype(int) - (200, 30, 30)).max() < 20
        assert made[4, -4].max() < 20


def test_only_the_newest_is_encoded_and_one_a_second() -> None:
    """However many come; and none is sent twice."""

    async def main() -> list[tuple[int, int]]:
        clock = clock_of_loop()
        feed = PictureFeed(clock, SECOND, 64)
        sent: list[tuple[int, int]] = []

        def take(jpeg: bytes) -> None:
            sent.append((clock.now_ns() // 10**8, int(decoded(jpeg)[2, 2, 0])))

        task = asyncio.create_task(feed.run(take))
        for number in range(30):
            feed.offer(VideoFrame(np.full((16, 16, 3), number * 8, np.uint8)))
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        task.cancel()
        return sent

    sent = run_virtual(main())
    assert [at for at, _ in sent] == [0, 10, 20, 30]
    assert all(
        abs(value - expected) < 8 for (_, value), expected in zip(sent, (0, 80, 160, 232), strict=True)
    )
