"""Conversions of PCM, and integer arithmetic between samples and nanoseconds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import (
    AudioError,
    float_to_pcm,
    from_bytes,
    ns_to_samples,
    pcm_to_float,
    samples_to_ns,
    silence,
    to_bytes,
    to_mono,
)

ALL = np.arange(-32_768, 32_768, dtype=np.int32).astype(np.int16)


def test_floats_and_back_is_exact() -> None:
    """Every int16 value survives as float, which stays in [-1, 1)."""
    floats = pcm_to_float(ALL)
    assert floats.dtype == np.float32
    assert (floats.min(), floats.max()) == (-1.0, 32_767 / 32_768)
    assert np.array_equal(float_to_pcm(floats), ALL)


def test_floats_beyond_full_scale_are_clipped() -> None:
    """Too loud, infinite and undefined values become the nearest thing that can be heard."""
    wild = np.array([1.5, -1.5, np.inf, -np.inf, np.nan, 1.0])
    assert float_to_pcm(wild).tolist() == [32_767, -32_768, 32_767, -32_768, 0, 32_767]


def test_mono_is_the_mean() -> None:
    """Mixing does not overflow, rounds to nearest, and leaves one channel as it is."""
    stereo = np.array([[32_767, 32_767], [-32_768, -32_768], [100, 101], [-32_768, 32_767]], np.int16)
    assert to_mono(stereo).tolist() == [32_767, -32_768, 101, 0]
    assert to_mono(stereo[:, :1]).tolist() == stereo[:, 0].tolist()
    assert to_mono(ALL) is ALL
    with pytest.raises(AudioError, match="0 channels"):
        to_mono(np.zeros((4, 0), np.int16))


@given(st.binary(max_size=64), st.integers(1, 3))
def test_bytes_and_back(data: bytes, channels: int) -> None:
    """Bytes that hold whole samples survive the round trip, writable; others are refused."""
    if len(data) % (2 * channels):
        with pytest.raises(AudioError, match="whole number"):
            from_bytes(data, channels)
        return
    pcm = from_bytes(data, channels)
    assert pcm.flags.writeable
    assert pcm.shape == ((len(data) // 2,) if channels == 1 else (len(data) // 2 // channels, channels))
    assert to_bytes(pcm) == data


def test_bytes_are_little_endian() -> None:
    """The byte order is the wire's, not the machine's, and views of any layout are written in order."""
    assert from_bytes(b"\x01\x02\xff\xff").tolist() == [0x0201, -1]
    assert from_bytes(bytearray(b"\x01\x00")).tolist() == from_bytes(memoryview(b"\x01\x00")).tolist() == [1]
    assert to_bytes(np.array([[1, 2], [3, 4]], np.int16)[:, 1]) == b"\x02\x00\x04\x00"
    with pytest.raises(AudioError, match="channels"):
        from_bytes(b"", 0)


@given(
    st.integers(0, 10**13), st.sampled_from([8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 192_000])
)
def test_samples_to_time_and_back_is_exact(samples: int, rate: int) -> None:
    """Counting in nanoseconds loses no sample, in a stream of any length."""
    duration = samples_to_ns(samples, rate)
    assert ns_to_samples(duration, rate) == samples
    assert abs(duration * rate - samples * 1_000_000_000) * 2 <= rate


def test_common_durations() -> None:
    """Numbers known by heart."""
    assert samples_to_ns(320, 16_000) == 20_000_000
    assert ns_to_samples(32_000_000, 16_000) == 512
    assert samples_to_ns(1, 48_000) == 20_833
    assert isinstance(samples_to_ns(1, 48_000), int)


def test_silence() -> None:
    """Silence comes in both layouts."""
    assert silence(3).shape == (3,)
    assert silence(3, 2).shape == (3, 2)
    assert not silence(3).any()


@pytest.mark.parametrize("function", [pcm_to_float, to_mono, to_bytes])
@pytest.mark.parametrize("bad", [np.zeros(4, np.float32), np.zeros((2, 2, 2), np.int16)])
def test_what_is_no_pcm_is_refused(function, bad) -> None:  # type: ignore[no-untyped-def]
    """Other types and shapes are refused by name."""
    with pytest.raises(AudioError, match=f"int16 PCM.*got {bad.dtype}"):
        function(bad)


def test_what_a_damaged_file_has_for_numbers_is_silence_or_full_scale() -> None:
    """Signalling NaNs, infinities and numbers beyond all measure; nothing is warned of."""
    bits = np.array([0x7FA00001, 0xFFA00001, 0x7FC00000, 0x7F800000, 0xFF800000, 0x7F7FFFFF], np.uint32)
    assert float_to_pcm(bits.view(np.float32)).tolist() == [0, 0, 0, 32_767, -32_768, 32_767]
