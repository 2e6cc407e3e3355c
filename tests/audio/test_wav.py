"""WAV files: what is written is read back, by us and by others; what is broken is refused with the reason."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livegraph.audio import AudioError, Pcm, WavWriter, read_wav, silence, write_wav
from support.pcm import noise, tone


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    """A RIFF/WAVE file of the given chunks."""
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def fmt(
    tag: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16, more: bytes = b""
) -> tuple[bytes, bytes]:
    """A format chunk."""
    width = channels * bits // 8
    return b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits) + more


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("samples", [0, 1, 999])
def test_round_trip(tmp_path: Path, channels: int, samples: int) -> None:
    """Samples, layout and rate survive, and Python's own reader agrees."""
    shape = samples if channels == 1 else (samples, channels)
    pcm = np.random.default_rng(1).integers(-32_768, 32_768, shape).astype(np.int16)
    path = tmp_path / "a.wav"
    write_wav(path, pcm, 24_000)
    got, rate = read_wav(str(path))
    assert rate == 24_000
    assert got.shape == pcm.shape
    assert np.array_equal(got, pcm)
    with wave.open(str(path)) as other:
        assert other.getparams()[:4] == (channels, 2, 24_000, samples)
        assert other.readframes(samples + 1) == pcm.astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("chunk", "data"),
    [
        (fmt(bits=8), bytes([0, 128, 192])),
        (fmt(bits=24), bytes([9, 0, 0x80, 0, 0, 0, 99, 0, 0x40])),
        (fmt(bits=32), struct.pack("<3i", -(2**31), 77, 2**30)),
        (fmt(tag=3, bits=32), struct.pack("<3f", -1.0, 0.0, 0.5)),
        (fmt(tag=3, bits=64), struct.pack("<3d", -2.0, 0.0, 0.5)),
        (
            fmt(tag=0xFFFE, more=struct.pack("<HHIH", 22, 16, 4, 1) + b"\0" * 14),
            struct.pack("<3h", -(2**15), 0, 2**14),
        ),
    ],
    ids=["8 bits", "24 bits", "32 bits", "float", "double", "extensible"],
)
def test_other_encodings(tmp_path: Path, chunk: tuple[bytes, bytes], data: bytes) -> None:
    """Minus full scale, zero and half scale, in each encoding that is read; foreign chunks are skipped."""
    path = tmp_path / "a.wav"
    path.write_bytes(riff((b"LIST", b"odd"), chunk, (b"fact", b"1234"), (b"data", data), (b"LIST", b"x")))
    pcm, rate = read_wav(path)
    assert rate == 16_000
    assert pcm.tolist() == [-32_768, 0, 16_384]


def test_incremental_writing(tmp_path: Path) -> None:
    """Any number of writes make one file; the writer counts, and closing twice is fine."""
    pcm = noise(5_000, 3_000)
    with WavWriter(tmp_path / "a.wav", 8_000) as writer:
        for start in range(0, 5_000, 160):
            writer.write(pcm[start : start + 160])
        assert writer.samples == 5_000
    writer.close()
    assert np.array_equal(read_wav(tmp_path / "a.wav")[0], pcm)


def test_closed_by_an_exception(tmp_path: Path) -> None:
    """An exception in the block passes through, and what was written until then is whole."""
    with pytest.raises(RuntimeError), WavWriter(tmp_path / "a.wav", 8_000, 2) as writer:
        writer.write(silence(100, 2))
        raise RuntimeError
    assert read_wav(tmp_path / "a.wav")[0].shape == (100, 2)


def test_killed_while_writing(tmp_path: Path) -> None:
    """A process that dies without goodbye leaves a file that any reader opens, short of its last second."""
    script = (
        "import os, sys\n"
        "from livegraph.audio import WavWriter, silence\n"
        "writer = WavWriter(sys.argv[1], 8_000)\n"
        "for _ in range(175): writer.write(silence(160) + 1)\n"
        "os._exit(9)\n"
    )
    path = tmp_path / "a.wav"
    assert subprocess.run([sys.executable, "-c", script, path], env=os.environ, timeout=50).returncode == 9
    with wave.open(str(path)) as other:
        assert 20_000 <= other.getnframes() <= 28_000
    pcm, _ = read_wav(path)
    assert 20_000 <= len(pcm) <= 28_000
    assert pcm.min() == pcm.max() == 1


@pytest.mark.parametrize("stated", [0, 0xFFFF_FFFF, 50_000], ids=["zero", "unknown", "too much"])
def test_unfinished_files_of_others(tmp_path: Path, stated: int) -> None:
    """Streamed files whose sizes were never filled in are read to their end, half a sample left out."""
    pcm = tone(300, 16_000, 800)
    data = riff(fmt()) + b"data" + struct.pack("<I", stated) + pcm.tobytes() + b"\x01"
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    assert np.array_equal(read_wav(path)[0], pcm)


def test_an_empty_file_with_a_chunk_behind(tmp_path: Path) -> None:
    """No samples are no samples, also when metadata follows."""
    path = tmp_path / "a.wav"
    path.write_bytes(riff(fmt(), (b"data", b""), (b"id3 ", b"abcd")))
    assert len(read_wav(path)[0]) == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a WAV file.*ffmpeg"),
        (b"ID3\x04" + b"\0" * 60, "not a WAV file.*ffmpeg"),
        (riff(), "holds no format"),
        (riff(fmt()), "holds no samples"),
        (riff((b"data", b"1234"), fmt()), "before their format"),
        (riff((b"fmt ", b"12")), "2 bytes"),
        (riff(fmt(tag=0x55)), "encoding that cannot be read.*0x55.*ffmpeg"),
        (riff(fmt(bits=12)), "12 bits"),
        (riff(fmt(tag=0xFFFE)), "cannot be read"),
        (riff(fmt(channels=0)), "0 channels"),
        (riff(fmt(rate=0)), "0 Hz"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    """Each way to be broken has its message, which names the file."""
    path = tmp_path / "broken.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=rf"broken\.wav.*{message}"):
        read_wav(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=120),
        st.binary(max_size=80).map(lambda tail: riff(fmt()) + tail),
        st.tuples(st.binary(min_size=16, max_size=40), st.binary(max_size=40)).map(
            lambda parts: riff((b"fmt ", parts[0]), (b"data", parts[1]))
        ),
    )
)
def test_no_bytes_raise_anything_else(tmp_path: Path, data: bytes) -> None:
    """Whatever is in the file, it is read or refused with `AudioError`."""
    path = tmp_path / "any.wav"
    path.write_bytes(data)
    try:
        pcm, rate = read_wav(path)
    except AudioError:
        return
    assert pcm.dtype == np.int16
    assert rate > 0


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    """Missing files and folders are told as such, in one line."""
    with pytest.raises(AudioError, match=r"cannot read .*none\.wav: No such file"):
        read_wav(tmp_path / "none.wav")
    with pytest.raises(AudioError, match=r"cannot write .*: No such file"):
        WavWriter(tmp_path / "none" / "a.wav", 8_000)
    with pytest.raises(AudioError, match="no audio format"):
        WavWriter(tmp_path / "a.wav", 0)
    assert not (tmp_path / "a.wav").exists()


def test_wrong_samples_are_refused(tmp_path: Path) -> None:
    """A wrong layout, and writing after the end, leave the file as it was."""
    stereo: Pcm = silence(10, 2)
    with WavWriter(tmp_path / "a.wav", 8_000) as writer:
        writer.write(silence(10))
        with pytest.raises(AudioError, match=r"1 channel\(s\)"):
            writer.write(stereo)
        with pytest.raises(AudioError, match="float32"):
            writer.write(np.zeros(10, np.float32))  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="closed"):
        writer.write(silence(10))
    assert len(read_wav(tmp_path / "a.wav")[0]) == 10


def test_four_gigabytes_are_the_limit(tmp_path: Path) -> None:
    """The format's sizes have 32 bits: the writer says so instead of wrapping round."""
    with WavWriter(tmp_path / "a.wav", 8_000) as writer:
        writer._bytes = 0xFFFF_FF00
        with pytest.raises(AudioError, match="4 GiB"):
            writer.write(silence(200))
        writer._bytes = 0
