"""The numpy Silero is the official model: alone, in a batch, and however its input is cut."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegraph.audio import AudioError, SileroVad, process_batch, silence
from support.pcm import chunks, noise, silero_reference, tone


def test_equals_the_official_model() -> None:
    """Every window of the reference recording agrees with the official ONNX model within 1e-5."""
    pcm, expected = silero_reference()
    assert np.abs(np.array(SileroVad().process(pcm)) - expected).max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 1500), max_size=12))
def test_chunking_does_not_matter(sizes: list[int]) -> None:
    """Bit for bit the same probabilities for any cut, empty chunks included, and `pending` tells the rest."""
    pcm = silero_reference()[0][10_000:14_000]
    whole = SileroVad()
    expected = whole.process(pcm)
    cut = SileroVad()
    got: list[float] = []
    fed = 0
    for chunk in chunks(pcm, [*sizes, 320]):
        got += cut.process(chunk)
        fed += len(chunk)
        assert cut.pending == fed - 512 * len(got)
    assert got == expected
    assert cut.pending == whole.pending == 4000 % 512


def test_reset_forgets_everything() -> None:
    """After reset, also in the middle of a window, the same input gives the same output as at first."""
    pcm, _ = silero_reference()
    vad = SileroVad()
    first = vad.process(pcm[:20_000])
    vad.reset()
    assert vad.pending == 0
    assert vad.process(pcm[:20_000]) == first


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 1600), min_size=1, max_size=5), min_size=1, max_size=9))
def test_batch_equals_single(plan: list[list[int]]) -> None:
    """Streams of any chunk sizes, evaluated together over many ticks, get what each would get alone."""
    pcm, _ = silero_reference()
    together = [SileroVad() for _ in plan]
    alone = [SileroVad() for _ in plan]
    at = [9_000 + 3_000 * i for i in range(len(plan))]
    for tick in range(5):
        sizes = [stream[tick % len(stream)] for stream in plan]
        parts = [pcm[a : a + size] for a, size in zip(at, sizes, strict=True)]
        at = [a + size for a, size in zip(at, sizes, strict=True)]
        got = process_batch(together, parts)
        expected = [vad.process(part) for vad, part in zip(alone, parts, strict=True)]
        assert [len(g) for g in got] == [len(e) for e in expected]
        for g, e in zip(got, expected, strict=True):
            assert np.allclose(g, e, rtol=0, atol=1e-6)
        assert [vad.pending for vad in together] == [vad.pending for vad in alone]


def test_batch_follows_the_official_model_to_the_end() -> None:
    """Rounding does not build up: 16 shifted streams stay within 1e-5 of the reference for all its length."""
    pcm, expected = silero_reference()
    vads = [SileroVad() for _ in range(16)]
    results: list[list[float]] = [[] for _ in vads]
    offsets = [37 * i for i in range(16)]  # streams that are not in step with each other
    for start in range(0, len(pcm), 4096):
        parts = [pcm[max(0, start - shift) : max(0, start + 4096 - shift)] for shift in offsets]
        for result, new in zip(results, process_batch(vads, parts), strict=True):
            result += new
    for result in results:
        assert np.abs(np.array(result) - expected[: len(result)]).max() < 1e-5
        assert len(result) >= len(expected) - 2


def test_batch_of_nothing() -> None:
    """No streams, and streams with too little audio, are no special case."""
    assert process_batch([], []) == []
    assert process_batch([SileroVad(), SileroVad()], [silence(0), silence(100)]) == [[], []]


def test_batch_refuses_a_stream_twice_and_changes_nothing() -> None:
    """A stream's windows build on each other, so the same stream cannot be in a batch twice."""
    vad = SileroVad()
    with pytest.raises(AudioError, match="once in a batch"):
        process_batch([vad, vad], [silence(600), silence(600)])
    assert vad.pending == 0


@pytest.mark.parametrize("bad", [np.zeros(512, np.float32), np.zeros((512, 2), np.int16)])
def test_refuses_what_is_not_mono_int16(bad: np.ndarray) -> None:
    """Floats and stereo would be misheard, so they are refused, alone and in a batch, before any change."""
    vad, other = SileroVad(), SileroVad()
    with pytest.raises(AudioError, match="mono int16"):
        vad.process(bad)
    with pytest.raises(AudioError, match="mono int16"):
        process_batch([other, vad], [silence(600), bad])
    assert vad.pending == other.pending == 0


@pytest.mark.parametrize(
    "pcm",
    [
        silence(8192),
        np.full(8192, 32_767, np.int16),
        np.full(8192, -32_768, np.int16),
        noise(8192, 300),
        tone(440, 16_000, 8192),
    ],
    ids=["silence", "full scale", "negative full scale", "noise", "tone"],
)
def test_what_is_no_speech_is_none(pcm: np.ndarray) -> None:
    """Silence, extremes, noise and tones overflow nothing and are not taken for speech for long."""
    probabilities = SileroVad().process(pcm)
    assert all(0.0 <= p <= 1.0 for p in probabilities)
    assert np.mean(probabilities) < 0.5


def test_streams_in_threads_do_not_disturb_each_other() -> None:
    """Streams share nothing but the weights: four threads at once get what one gets."""
    pcm = silero_reference()[0][:40_000]
    expected = SileroVad().process(pcm)
    results: list[list[float]] = []
    threads = [threading.Thread(target=lambda: results.append(SileroVad().process(pcm))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4
