"""Answers that come packed: every way of packing, in every cut, and nothing beyond the limit."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.processors.tools.http.unpacking import Unpacking


def raw_deflate(data: bytes) -> bytes:
    """Without any frame, as some services send it."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


PACKINGS = {
    "gzip": gzip.compress,
    "x-gzip": lambda data: gzip.compress(data[:3]) + gzip.compress(data[3:]) + b"\0" * 8,
    "deflate": zlib.compress,
}


@given(st.sampled_from([*PACKINGS, "raw"]), st.binary(max_size=300), st.integers(1, 40))
def test_what_was_packed_comes_out_whole_however_it_is_cut(how: str, data: bytes, cut: int) -> None:
    packed = raw_deflate(data) if how == "raw" else PACKINGS[how](data)
    unpacking = Unpacking("deflate" if how == "raw" else how, 1_000)
    pieces = [packed[at : at + cut] for at in range(0, len(packed), cut)]
    if how == "raw" and len(pieces[0]) < 2:
        # Two bytes tell whether there is a frame.
        pieces = [packed]
    assert b"".join(unpacking.take(piece) for piece in pieces) == data
    assert unpacking.whole


@pytest.mark.parametrize("how", ["gzip", "deflate"])
def test_a_bomb_is_unpacked_no_further_than_the_limit(how: str) -> None:
    packed = PACKINGS[how](bytes(50_000_000))
    unpacking = Unpacking(how, 1_000)
    assert len(unpacking.take(packed)) == 1_001
    assert unpacking.take(packed) == b""


def test_many_small_members_are_a_bomb_too() -> None:
    with pytest.raises(zlib.error):
        Unpacking("gzip", 1_000_000).take(gzip.compress(b"") * 5_000)


@given(st.sampled_from(["gzip", "deflate"]), st.binary(min_size=1, max_size=200), st.data())
def test_what_is_torn_or_rubbish_says_so(how: str, data: bytes, draw: st.DataObject) -> None:
    packed = PACKINGS[how](data)
    torn = Unpacking(how, 1_000)
    torn.take(packed[: draw.draw(st.integers(1, len(packed) - 1))])
    assert not torn.whole
    with pytest.raises(zlib.error):
        Unpacking("gzip", 1_000).take(b"no gzip at all")
