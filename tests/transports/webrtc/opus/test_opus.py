"""Opus: libopus and its stand-in, and what packets say of themselves, with libopus as judge."""

from __future__ import annotations

import ast
import contextlib
import ctypes
import inspect
import io

import cffi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegraph.audio import rms_dbfs, silence
from livegraph.transports.webrtc.opus import (
    RATES,
    SILENCE,
    OpusDecoder,
    OpusEncoder,
    OpusError,
    abi,
    has_fec,
    inspect_packet,
    opus_library,
    packet_samples,
    silence_packet,
)
from livegraph.transports.webrtc.opus.abi import DECLARATIONS
from livegraph.transports.webrtc.opus.fallback import AvDecoder, AvEncoder
from livegraph.transports.webrtc.opus.library import OpusLibrary
from livegraph.transports.webrtc.opus.packets import Mode
from support.rtp_line import encoded, tone
from support.speech import recorded


def test_the_functions_are_bound_as_they_are_declared() -> None:
    """What cffi compiles of the declarations is what stands beside them."""
    compiler = cffi.FFI()
    compiler.cdef(DECLARATIONS)
    compiler.set_source("livegraph_opus", None)
    made = io.StringIO()
    compiler.emit_python_code(made)
    written = ast.parse(inspect.getsource(abi))
    ours, theirs = (
        next(one for one in ast.walk(tree) if isinstance(one, ast.Call) and _called(one) == "FFI")
        for tree in (written, ast.parse(made.getvalue()))
    )
    assert ast.dump(ours) == ast.dump(theirs)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def test_the_library_is_found_and_lacks_nothing() -> None:
    """On a machine with PyAV's wheel there is always one; without it what is missing is said."""
    library = opus_library()
    assert library.version.startswith("libopus 1.")
    assert library.lacks == ()
    assert len(OpusLibrary(None, "PyAV", "").lacks) == 3


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_sound_comes_back(rate: int, frame_ms: int) -> None:
    """At every rate and length the decoded sound has the level and the pitch of the original."""
    pcm = tone(600, rate, 300)
    payloads = encoded(pcm, rate, frame_ms=frame_ms)
    decoder = OpusDecoder(16_000)
    back = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert len(back) == len(payloads) * 16 * frame_ms
    assert abs(rms_dbfs(back[4_000:]) - rms_dbfs(pcm)) < 1.5
    spectrum = np.abs(np.fft.rfft(back[4_000:8_000]))
    assert int(spectrum.argmax()) * 4 == pytest.approx(300, abs=8)


@pytest.mark.parametrize("rate", [24_000, 16_000, 8_000])
def test_celt_does_all_of_the_sound_when_it_is_told_to_and_silk_takes_over_again(rate: int) -> None:
    """Where the two meet the sound goes on without a click."""
    pcm = tone(600, rate, 300).reshape(-1, rate // 50)
    encoder, decoder = OpusEncoder(rate, 32_000, celt=True), OpusDecoder(rate)
    modes, back = [], []
    for place, piece in enumerate(pcm):
        if place == 10:
            encoder.tune(bit_rate=32_000, complexity=5, fec=True, loss_percent=10)
        if place == 20:
            encoder.tune(bit_rate=32_000, complexity=5, fec=False, loss_percent=0, celt=True)
        payload = encoder.encode(piece)
        info = inspect_packet(payload)
        assert info is not None
        modes.append(info.mode)
        back.append(decoder.decode(payload))
    assert set(modes[2:10]) == {Mode.CELT} == set(modes[24:])
    assert Mode.CELT not in modes[12:20]
    heard = np.concatenate(back)[rate // 25 :].astype(np.int32)
    # No step is higher than those of the tone itself.
    steepest = np.abs(np.diff(pcm.reshape(-1).astype(np.int32))).max()
    assert np.abs(np.diff(heard)).max() < 1.5 * steepest


def test_settings_change_between_two_packets() -> None:
    """Bit rate and copies follow at once, and the decoder notices nothing."""
    pcm = np.tile(recorded("go_forward").pcm, 2)[: 320 * 250].reshape(-1, 320)
    encoder = OpusEncoder(16_000, 48_000)
    rich = [encoder.encode(piece) for piece in pcm[:125]]
    encoder.tune(bit_rate=24_000, complexity=1, fec=True, loss_percent=20)
    poor = [encoder.encode(piece) for piece in pcm[125:]]
    assert sum(map(len, poor)) < 0.8 * sum(map(len, rich))
    assert not any(map(has_fec, rich))
    assert sum(map(has_fec, poor)) > 30
    decoder = OpusDecoder(16_000)
    assert all(len(decoder.decode(payload)) == 320 for payload in [*rich, *poor])


def test_pauses_need_not_be_sent_when_dtx_is_on() -> None:
    """Faint noise gives packets of at most two bytes."""
    encoder = OpusEncoder(16_000, 24_000, dtx=True)
    encoder.tune(bit_rate=24_000, complexity=5, fec=False, loss_percent=0, dtx=True)
    noise = np.random.default_rng(3).normal(0, 4, 320 * 100).astype(np.int16).reshape(-1, 320)
    sizes = [len(encoder.encode(piece)) for piece in noise]
    assert sum(size <= 2 for size in sizes[50:]) > 30


def test_silence_is_constant_and_what_follows_is_whole() -> None:
    """After 100 ms of zeros no encoder works; speech after it sounds as from the start."""
    encoder = OpusEncoder(24_000)
    assert encoder.encode(silence(480)) == SILENCE
    pieces = tone(200, 24_000).reshape(-1, 480)
    first = [encoder.encode(piece) for piece in pieces]
    for _ in range(10):
        last = encoder.encode(silence(480))
    assert last == SILENCE
    assert encoder.silent
    assert [encoder.encode(piece) for piece in pieces] == first


@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
def test_a_packet_of_silence_is_silent_and_as_long_as_it_says(frame_ms: int) -> None:
    """The decoder agrees."""
    packet = silence_packet(frame_ms)
    assert packet_samples(packet) == 48 * frame_ms
    sound = OpusDecoder(48_000).decode(packet)
    assert len(sound) == 48 * frame_ms
    assert not sound.any()


def test_lost_sound_is_given_back_from_the_copy() -> None:
    """The copy is close to what was lost, and closer than a guess."""
    payloads = encoded(recorded("go_forward").pcm, 16_000, fec=True)
    whole, holed, guessed = (OpusDecoder(16_000) for _ in range(3))
    better = total = 0
    for before, lost, after in zip(payloads[::3], payloads[1::3], payloads[2::3], strict=False):
        for decoder in (whole, holed, guessed):
            decoder.decode(before)
        true = whole.decode(lost).astype(float)
        if has_fec(after) and rms_dbfs(true.astype(np.int16)) > -35:
            copy, guess = holed.decode_fec(after, 320).astype(float), guessed.conceal(320).astype(float)
            total += 1
            better += bool(np.square(copy - true).sum() < np.square(guess - true).sum())
        else:
            holed.conceal(320)
            guessed.conceal(320)
        for decoder in (whole, holed, guessed):
            decoder.decode(after)
    assert total > 10
    assert better > 0.8 * total


@pytest.mark.parametrize("bad", [b"", b"\xff", b"\xff\xff", b"\x03\x00", b"\x7f\xff\xff\xff"])
def test_what_is_no_opus_raises_and_the_decoder_goes_on(bad: bytes) -> None:
    """A broken packet costs itself alone."""
    payloads = encoded(tone(200, 16_000), 16_000)
    for decoder in (OpusDecoder(16_000), AvDecoder(16_000)):
        decoder.decode(payloads[0])
        if bad in (b"\xff", b"\x03\x00"):
            assert packet_samples(bad) == 0
        with contextlib.suppress(OpusError):
            decoder.decode(bad)
        assert len(decoder.decode(payloads[1])) == 320


@given(st.binary(max_size=80))
def test_what_a_packet_says_of_itself_is_what_libopus_says(packet: bytes) -> None:
    """Length, number of frames and well-formedness of any bytes."""
    bound = ctypes.CDLL(opus_library().path)
    samples = bound.opus_packet_get_nb_samples(packet, len(packet), 48_000) if packet else -1
    sizes = (ctypes.c_int16 * 48)()
    frames = (ctypes.c_void_p * 48)()
    toc, offset = ctypes.c_ubyte(), ctypes.c_int()
    count = bound.opus_packet_parse(
        packet,
        len(packet),
        ctypes.byref(toc),
        ctypes.byref(frames),
        ctypes.byref(sizes),
        ctypes.byref(offset),
    )
    info = inspect_packet(packet)
    assert packet_samples(packet) == max(0, samples)
    assert (info is not None) == (count > 0)
    if info is not None:
        assert info.frame_sizes == tuple(sizes[:count])
        assert info.first_frame == offset.value
        assert info.samples == samples


@pytest.mark.parametrize("rate", RATES)
def test_the_stand_in_encodes_and_decodes_as_long_as_it_says(rate: int) -> None:
    """PyAV's: what it gives libopus understands, and the other way; what was lost fades."""
    encoder, decoder = AvEncoder(rate), AvDecoder(rate)
    payloads = [encoder.encode(piece) for piece in tone(400, rate, 300).reshape(-1, rate // 50)]
    judge = OpusDecoder(rate)
    ours = np.concatenate([decoder.decode(payload) for payload in payloads])
    theirs = np.concatenate([judge.decode(payload) for payload in payloads])
    assert len(ours) == len(theirs) == 20 * rate // 50
    assert abs(rms_dbfs(ours) - rms_dbfs(theirs)) < 0.5
    lost = decoder.conceal(rate // 50)
    assert len(lost) == rate // 50
    assert not lost[rate // 100 :].any()


@pytest.mark.parametrize("make", [OpusEncoder, AvEncoder])
def test_rates_and_shapes_that_opus_does_not_have_are_refused(make: type) -> None:
    """With an error of ours that says what can be."""
    with pytest.raises(OpusError, match="44100"):
        make(44_100)
    with pytest.raises(OpusError, match="shape"):
        make(16_000).encode(np.zeros(100, np.int16))
    with pytest.raises(OpusError, match="22050"):
        OpusDecoder(22_050)
