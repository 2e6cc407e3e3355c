"""Packets to a caller: one in every 20 ms of the clock, whatever happens, and silence for nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from livegraph.audio import Pcm
from livegraph.pipeline.clock import VirtualLoop, run_virtual
from livegraph.transports.webrtc.media_out import OpusTrack
from livegraph.transports.webrtc.opus import RATES, SILENCE, OpusEncoder
from livegraph.transports.webrtc.ticker import Ticker, _tickers


class Level:
    """Sound for ever."""

    drained = False

    def __init__(self) -> None:
        self.pulled = 0

    def pull(self, samples: int) -> Pcm:
        self.pulled += samples
        return np.random.default_rng(self.pulled).integers(-9_000, 9_000, samples).astype(np.int16)


def on_track(body: Callable[[OpusTrack], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        track = OpusTrack()
        try:
            await body(track)
        finally:
            track.stop()
            assert not _tickers

    run_virtual(main())


def hold_up(seconds: float) -> None:
    """What a busy event loop is to a timer."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop._jump(seconds)


def test_one_packet_every_20_ms() -> None:
    async def body(track: OpusTrack) -> None:
        loop = asyncio.get_running_loop()
        times = []
        for number in range(1, 500):
            packet = await track.recv()
            assert packet.pts == number * 960 and packet.time_base == Fraction(1, 48_000)
            times.append(loop.time())
        assert times[-1] - times[0] == pytest.approx(498 * 0.02, abs=1e-6)
        assert max(np.diff(times)) == pytest.approx(0.02, abs=1e-6)

    on_track(body)


def test_after_a_hold_up_the_time_stamps_are_the_clocks_again() -> None:
    async def body(track: OpusTrack) -> None:
        first = (await track.recv()).pts
        assert first is not None
        hold_up(0.1)
        burst = [(await track.recv()).pts for _ in range(5)]
        assert burst == [first + 960 * n for n in range(1, 6)]
        before = asyncio.get_running_loop().time()
        await track.recv()
        assert asyncio.get_running_loop().time() > before

    on_track(body)


def test_a_long_hold_up_is_not_made_up_for() -> None:
    async def body(track: OpusTrack) -> None:
        first = (await track.recv()).pts
        assert first is not None
        source = Level()
        playing = asyncio.create_task(track.play(source, 24_000))
        await asyncio.sleep(0)
        hold_up(3)
        burst = [(await track.recv()).pts for _ in range(10)]
        assert burst == [first + 960 * n for n in range(141, 151)]
        assert source.pulled == 10 * 480, "sound that could not be sent is kept"
        playing.cancel()

    on_track(body)


def test_a_stopped_track_raises_what_aiortc_expects() -> None:
    async def body(track: OpusTrack) -> None:
        waiting = asyncio.create_task(track.recv())
        await asyncio.sleep(0.005)
        track.stop()
        track.stop()
        with pytest.raises(MediaStreamError):
            await asyncio.wait_for(waiting, 1)
        with pytest.raises(MediaStreamError):
            await track.recv()

    on_track(body)


def test_one_plays_at_a_time() -> None:
    async def body(track: OpusTrack) -> None:
        playing = asyncio.create_task(track.play(Level(), 24_000))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="somebody else"):
            await track.play(Level(), 24_000)
        playing.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert bytes(await track.recv()) == SILENCE

    on_track(body)


def test_all_calls_of_a_loop_share_one_beat() -> None:
    async def main() -> None:
        tracks = [OpusTrack() for _ in range(20)]
        assert len({id(track._ticker) for track in tracks}) == 1
        for _ in range(10):
            await asyncio.gather(*(track.recv() for track in tracks))
        for track in tracks:
            track.stop()
        assert not _tickers

    run_virtual(main())


def test_the_beat_is_never_early_in_real_time() -> None:
    async def main() -> None:
        ticker = Ticker.hold()
        began = time.monotonic_ns()
        start = ticker.count
        while ticker.count < start + 10:
            before = ticker.count
            await ticker.next()
            assert ticker.count > before
        assert time.monotonic_ns() - began >= 9 * 20_000_000
        ticker.release()

    asyncio.run(main())


# Opus


def decode(packets: list[bytes]) -> Pcm:
    codec: Any = av.CodecContext.create("libopus", "r")
    codec.sample_rate, codec.layout, codec.format = 48_000, "mono", "s16"
    out = []
    for number, payload in enumerate(packets):
        packet: Any = av.Packet(payload)
        packet.pts, packet.time_base = number * 960, Fraction(1, 48_000)
        out += [frame.to_ndarray().reshape(-1) for frame in codec.decode(packet)]
    return np.concatenate(out)


def tone(samples: int, rate: int) -> Pcm:
    return np.round(8_000 * np.sin(2 * np.pi * 400 * np.arange(samples) / rate)).astype(np.int16)


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_is_encoded_without_a_resampler(rate: int) -> None:
    encoder = OpusEncoder(rate)
    sound = tone(rate, rate)
    pcm = decode([encoder.encode(piece) for piece in np.split(sound, 50)])
    assert len(pcm) == 48_000
    spectrum = np.abs(np.fft.rfft(pcm[9_600:33_600]))
    assert spectrum.argmax() == 200 and spectrum[200] > 0.8 * 8_000 / 2 * 24_000


def test_long_silence_is_one_constant_packet() -> None:
    encoder = OpusEncoder(24_000)
    zeros = np.zeros(480, np.int16)
    assert encoder.encode(zeros) == SILENCE
    encoder.encode(tone(480, 24_000))
    packets = [encoder.encode(zeros) for _ in range(20)]
    assert SILENCE not in packets[:5] and set(packets[5:]) == {SILENCE}


def test_sound_after_silence_is_sound_from_its_first_packet() -> None:
    """The decoder went on while the encoder was left out; the two must not disagree loudly."""
    encoder, steady = OpusEncoder(24_000), OpusEncoder(24_000)
    sound = np.split(tone(24_000, 24_000), 50)
    silence = [np.zeros(480, np.int16)] * 40
    pcm = decode([encoder.encode(piece) for piece in (*sound, *silence, *sound)])
    expected = decode([steady.encode(piece) for piece in sound])
    after = pcm[90 * 960 :]
    assert not pcm[60 * 960 : 90 * 960 - 960].any()
    assert np.abs(after.astype(int)).max() < 1.3 * np.abs(expected.astype(int)).max()
    assert (
        np.abs(np.diff(after.astype(int))).max() < 2 * np.abs(np.diff(tone(48_000, 48_000).astype(int))).max()
    )
