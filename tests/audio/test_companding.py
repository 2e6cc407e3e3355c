"""Mu-law and A-law are the telephone's: byte for byte what libavcodec has, and each sample its nearest value."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import AudioError, Pcm
from livegraph.audio.companding import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode

LAWS = [(mulaw_encode, mulaw_decode, "pcm_mulaw"), (alaw_encode, alaw_decode, "pcm_alaw")]


def judged(codec: str, payload: bytes) -> Pcm:
    """What libavcodec decodes."""
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 8_000, "mono"
    (frame,) = decoder.decode(av.Packet(payload))
    samples: Pcm = frame.to_ndarray().reshape(-1)
    return samples


@pytest.mark.parametrize(("encode", "decode", "codec"), LAWS)
def test_every_byte_is_what_others_take_it_for(encode, decode, codec) -> None:  # type: ignore[no-untyped-def]
    """All 256 of them, and back: only mu-law's negative zero has another spelling."""
    every = bytes(range(256))
    assert decode(every).tolist() == judged(codec, every).tolist()
    back = encode(decode(every))
    assert [byte for byte, again in enumerate(back) if byte != again] == (
        [0x7F] if codec == "pcm_mulaw" else []
    )


@pytest.mark.parametrize(("encode", "decode", "codec"), LAWS)
def test_every_sample_becomes_its_nearest_value(encode, decode, codec) -> None:  # type: ignore[no-untyped-def]
    """All 65,536 of them; what is louder than the law can say is its loudest."""
    every = np.arange(-32_768, 32_768).astype(np.int16)
    levels = np.unique(decode(bytes(range(256)))).astype(int)
    got = decode(encode(every)).astype(int)
    best = np.abs(every.astype(int)[:, None] - levels[None, :]).min(axis=1)
    assert np.array_equal(np.abs(got - every), best)


@given(st.binary(max_size=400))
def test_any_bytes_decode(payload: bytes) -> None:
    """A sample for each, and nothing is raised."""
    assert len(mulaw_decode(payload)) == len(alaw_decode(payload)) == len(payload)


def test_other_arrays_are_refused() -> None:
    """Floats are no samples."""
    with pytest.raises(AudioError):
        mulaw_encode(np.zeros(3))  # type: ignore[arg-type]
