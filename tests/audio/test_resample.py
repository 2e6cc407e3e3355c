"""The resampler: the same bits for any cut, on time, without aliases, clicks or drift."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.audio import AudioError, Pcm, Resampler, rms_dbfs, silence
from support.pcm import chunks, noise, silero_reference, tone

RATES = [8_000, 16_000, 24_000, 44_100, 48_000]
PAIRS = [pair for pair in itertools.product(RATES, RATES) if pair[0] != pair[1]]


def resampled(pcm: Pcm, in_rate: int, out_rate: int) -> Pcm:
    """The whole signal in one piece."""
    resampler = Resampler(in_rate, out_rate, 1 if pcm.ndim == 1 else pcm.shape[1])
    return np.concatenate((resampler.process(pcm), resampler.flush()))


def middle(pcm: Pcm) -> Pcm:
    """Without the ends, where the signal meets silence."""
    return pcm[len(pcm) // 10 : -(len(pcm) // 10)]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([*PAIRS, (16_000, 16_000), (11_025, 48_000), (32_000, 22_050), (96_000, 16_000)]),
    st.integers(1, 3),
    st.integers(0, 3_000),
    st.lists(st.integers(0, 1_200), max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_chunking_does_not_matter(
    pair: tuple[int, int], channels: int, samples: int, sizes: list[int], seed: int
) -> None:
    """Bit for bit the same output for any cut, single samples and empty chunks included, in all layouts."""
    shape = samples if channels == 1 else (samples, channels)
    pcm = np.random.default_rng(seed).integers(-32_768, 32_768, shape).astype(np.int16)
    expected = resampled(pcm, *pair)
    resampler = Resampler(*pair, channels)
    parts = [resampler.process(chunk) for chunk in chunks(pcm, [*sizes, 1 + seed % 500])]
    got = np.concatenate([*parts, resampler.flush()])
    assert got.dtype == np.int16
    assert got.shape == expected.shape
    assert np.array_equal(got, expected)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(PAIRS), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_channels_do_not_mix(pair: tuple[int, int], channels: int, seed: int) -> None:
    """Each channel comes out as it would alone."""
    pcm = np.random.default_rng(seed).integers(-32_768, 32_768, (700, channels)).astype(np.int16)
    together = resampled(pcm, *pair)
    for channel in range(channels):
        assert np.array_equal(together[:, channel], resampled(pcm[:, channel], *pair))


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("samples", [0, 1, 7, 441, 4_801])
def test_total_length(pair: tuple[int, int], samples: int) -> None:
    """With the flush the output lasts as long as the input, to within one sample."""
    total = len(resampled(noise(samples, 1000), *pair))
    assert abs(total - samples * pair[1] / pair[0]) < 1
    assert total >= samples * pair[1] / pair[0]


@pytest.mark.parametrize("pair", PAIRS)
def test_holds_back_two_milliseconds_at_most(pair: tuple[int, int]) -> None:
    """After any number of inputs, the outputs that are missing are those of the last `delay_ns`."""
    in_rate, out_rate = pair
    resampler = Resampler(in_rate, out_rate)
    assert 0 < resampler.delay_ns <= 2_000_000
    fed = got = 0
    for size in [in_rate // 50] * 5 + [1] * 100:
        got += len(resampler.process(silence(size)))
        fed += size
        held_back_ns = (fed / in_rate - got / out_rate) * 1e9
        period_ns = 1e9 / in_rate + 1e9 / out_rate
        assert abs(held_back_ns - resampler.delay_ns) <= period_ns


@pytest.mark.parametrize("pair", PAIRS)
def test_tones_pass_in_place(pair: tuple[int, int]) -> None:
    """Below 0.42 of the lower rate a tone comes out as the same tone: level, phase and nothing beside it."""
    in_rate, out_rate = pair
    for share in (0.01, 0.125, 0.3, 0.42):
        frequency = share * min(pair)
        got = resampled(tone(frequency, in_rate, in_rate // 2), in_rate, out_rate)
        error = got.astype(np.float64) - tone(frequency, out_rate, len(got))
        assert np.sqrt(np.mean(middle(error) ** 2)) < 14_142 * 0.004  # -48 dB


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[0] > pair[1]])
def test_aliases_are_rejected(pair: tuple[int, int]) -> None:
    """Tones that the lower rate cannot hold are at least 60 dB down instead of folding back."""
    in_rate, out_rate = pair
    shares = [share for share in (0.56, 0.6, 0.75, 1.0, 1.3, 2.1, 2.6) if share * out_rate < in_rate / 2]
    for share in shares:
        source = tone(share * out_rate, in_rate, in_rate // 2, amplitude=32_000)
        assert rms_dbfs(middle(resampled(source, in_rate, out_rate))) - rms_dbfs(source) <= -60.0


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[0] < pair[1]])
def test_images_are_rejected(pair: tuple[int, int]) -> None:
    """Raising the rate invents no tones: outside the tone put in, all is at least 60 dB down."""
    in_rate, out_rate = pair
    got = middle(resampled(tone(0.41 * in_rate, in_rate, in_rate, amplitude=32_000), in_rate, out_rate))
    spectrum = np.abs(np.fft.rfft(got * np.blackman(len(got))))
    frequencies = np.fft.rfftfreq(len(got), 1 / out_rate)
    beside = spectrum[np.abs(frequencies - 0.41 * in_rate) > 50]
    assert 20 * np.log10(beside.max() / spectrum.max()) <= -60.0


@pytest.mark.parametrize("pair", PAIRS)
def test_no_clicks_at_chunk_borders(pair: tuple[int, int]) -> None:
    """A low tone in 20 ms chunks stays smooth: no step is larger than the tone's own steepest."""
    in_rate, out_rate = pair
    resampler = Resampler(in_rate, out_rate)
    source = tone(200, in_rate, in_rate // 2)
    got = np.concatenate([resampler.process(chunk) for chunk in chunks(source, [in_rate // 50])])
    steepest = 20_000 * 2 * np.pi * 200 / out_rate
    assert np.abs(np.diff(middle(got).astype(np.int32))).max() <= steepest * 1.02 + 2


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("level", [-32_768, -1, 1, 12_345, 32_767])
def test_a_constant_stays_constant(pair: tuple[int, int], level: int) -> None:
    """Every phase of the filter sums to one exactly, so no ripple at the rate of the phases is added."""
    got = resampled(np.full(4_000, level, np.int16), *pair)
    assert set(middle(got).tolist()) == {level}


def test_full_scale_is_clipped_not_wrapped() -> None:
    """Overshoot of the filter at a full-scale square wave saturates."""
    source = np.repeat(np.array([32_767, -32_768] * 40, np.int16), 40)
    got = resampled(source, 16_000, 48_000).astype(np.int32)
    level = np.repeat(source, 3).astype(np.int32)
    settled = np.abs(np.arange(len(got)) % 120 - 60) < 40  # away from the edges
    assert np.abs(got - level)[settled].max() < 6_000


def test_speech_survives_there_and_back() -> None:
    """16 kHz to 48 kHz and back returns the recording, but for the top of its band."""
    pcm, _ = silero_reference()
    back = resampled(resampled(pcm, 16_000, 48_000), 48_000, 16_000)
    assert len(back) == len(pcm)
    error = (back.astype(np.int32) - pcm).astype(np.int16)
    assert rms_dbfs(error) < rms_dbfs(pcm) - 30


def test_equal_rates_pass_through() -> None:
    """At equal rates every chunk comes back at once, unchanged, as an array of its own."""
    resampler = Resampler(16_000, 16_000)
    pcm = noise(320, 1000)
    got = resampler.process(pcm)
    assert np.array_equal(got, pcm)
    assert not np.shares_memory(got, pcm)
    assert (resampler.delay_ns, len(resampler.flush())) == (0, 0)


@pytest.mark.parametrize("end", [Resampler.flush, Resampler.reset])
def test_flush_and_reset_begin_a_new_stream(end: object) -> None:
    """After either, nothing of the old stream is heard in the new one."""
    resampler = Resampler(48_000, 16_000)
    resampler.process(noise(1_000, 5_000))
    getattr(resampler, end.__name__)()  # type: ignore[attr-defined]
    pcm = noise(1_000, 5_000, seed=2)
    got = np.concatenate((resampler.process(pcm), resampler.flush()))
    assert np.array_equal(got, resampled(pcm, 48_000, 16_000))


def test_does_not_grow() -> None:
    """A long stream keeps only what the filter can still see."""
    resampler = Resampler(44_100, 16_000, 2)
    for _ in range(500):
        resampler.process(silence(441, 2))
        assert resampler._held.size <= 2 * 4 * 441


def test_outputs_own_their_memory() -> None:
    """What is returned does not keep a larger buffer alive, nor change with later chunks."""
    resampler = Resampler(48_000, 16_000)
    first = resampler.process(noise(960, 3_000))
    kept = first.copy()
    resampler.process(noise(960, 3_000, seed=2))
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ((0, 16_000), "0 Hz"),
        ((16_000, -1), "-1 Hz"),
        ((48_000, 400_000), "400000"),
        ((16_001, 48_000), "ratio"),
    ],
)
def test_refuses_rates_that_do_not_fit(rates: tuple[int, int], message: str) -> None:
    """Rates out of range, and ratios that would need huge tables, are refused with the reason."""
    with pytest.raises(AudioError, match=message):
        Resampler(*rates)


@pytest.mark.parametrize(
    "bad", [np.zeros(10, np.float32), np.zeros((10, 2), np.int16), np.zeros((10, 1), np.int16)]
)
def test_refuses_other_layouts(bad: np.ndarray) -> None:
    """Floats and a wrong number of channels are refused before they do harm."""
    with pytest.raises(AudioError, match=r"1 channel\(s\)"):
        Resampler(48_000, 16_000).process(bad)
    with pytest.raises(AudioError, match="channels must be"):
        Resampler(48_000, 16_000, 0)
