"""Messages that the link writes itself are frames as the library reads them, and no two have the same mask."""

from __future__ import annotations

import os

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from livegraph.processors.gemini_live.websocket_link import _text_frame


def read(data: bytes) -> Frame:
    """The one frame in ``data``, masked as those of clients are."""
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Frame.parse(reader.read_exact, mask=True)
    try:
        next(parsing)
    except StopIteration as done:
        assert not reader.buffer
        frame: Frame = done.value
        return frame
    raise AssertionError("the frame is not whole")


@pytest.mark.parametrize("size", [0, 1, 3, 4, 125, 126, 127, 65_535, 65_536, 300_001])
def test_a_message_of_any_length_is_one_whole_frame(size: int) -> None:
    text = os.urandom(size).hex().encode()[:size]
    frame = read(_text_frame(text))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text)
    assert not (frame.rsv1 or frame.rsv2 or frame.rsv3)


def test_masks_are_not_used_again() -> None:
    """RFC 6455, section 5.3; over more of them than are made at once."""
    masks = [_text_frame(b"sound")[2:6] for _ in range(3_000)]
    # Of 3,000 random ones in 2^32 two alike are one chance in a thousand, three next to none.
    assert len(set(masks)) >= 2_999
