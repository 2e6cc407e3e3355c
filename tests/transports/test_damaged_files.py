"""Recordings that are damaged, odd, or of no kind that anybody can read."""

import logging
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from livegraph.audio import rms_dbfs, write_wav
from livegraph.pipeline.errors import TransportError
from livegraph.transports.decode import AudioFile

RATE = 16_000


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0) -> np.ndarray[Any, np.dtype[np.int16]]:
    return (np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate) * 10_000).astype(np.int16)


def compressed(path: Path, seconds: float, codec: str, form: str, rate: int = 44_100) -> None:
    with av.open(str(path), "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        pcm = tone(seconds, rate)
        frame: Any = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = rate
        frame.pts = 0
        size = stream.codec_context.frame_size or 1_152
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def read(path: Path, rate: int = RATE, channels: int = 1) -> Any:
    file = AudioFile(path, rate, channels)
    try:
        pieces = []
        while len(piece := file.read()):
            pieces.append(piece)
        return (np.concatenate(pieces) if pieces else np.zeros(0, np.int16)), file.damaged
    finally:
        file.close()


@pytest.mark.parametrize(
    ("codec", "form", "name"), [("libmp3lame", "mp3", "q.mp3"), ("flac", "flac", "q.flac")]
)
def test_what_follows_a_damaged_packet_is_heard(tmp_path: Path, codec: str, form: str, name: str) -> None:
    """64 broken bytes in the middle of twelve seconds cost a few packets, not the rest."""
    path = tmp_path / name
    compressed(path, 12, codec, form)
    whole, damaged = read(path)
    assert len(whole) / RATE == pytest.approx(12, abs=0.1) and damaged == 0
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(range(200, 256)) + bytes(8)
    path.write_bytes(data)
    rest, _ = read(path)
    assert len(rest) / RATE > 11.5
    assert rms_dbfs(rest[-RATE:]) > -20


def test_damage_is_said_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And how much is missing."""
    from livegraph.pipeline import AudioFrame, Graph, In, Processor
    from livegraph.pipeline.clock import run_virtual
    from livegraph.transports.file_in import FileIn

    class Sink(Processor):
        audio: In[AudioFrame] = In(rate=RATE)

        def on_audio(self, frame: AudioFrame) -> None: ...

    path = tmp_path / "q.mp3"
    compressed(path, 4, "libmp3lame", "mp3")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(range(200))
    path.write_bytes(data)
    graph = Graph()
    graph.add("play", FileIn, path=path, pace="fast")
    graph.add("sink", Sink)
    graph.connect("play", "sink")

    async def play() -> None:
        await graph.plan().call().run()

    with caplog.at_level(logging.WARNING):
        run_virtual(play())
    _, damaged = read(path)
    assert (damaged == 0) != any("is damaged" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("rate", [4_000, 7_350, 11_025, 384_000])
def test_any_rate_is_taken(tmp_path: Path, rate: int) -> None:
    write_wav(tmp_path / "q.wav", tone(1, rate, 440), rate)
    pcm, damaged = read(tmp_path / "q.wav")
    assert len(pcm) / RATE == pytest.approx(1, abs=0.05) and damaged == 0
    spectrum = np.abs(np.fft.rfft(pcm.astype(float)))
    assert np.argmax(spectrum) * RATE / len(pcm) == pytest.approx(440, abs=5)


def test_more_channels_than_two_become_two(tmp_path: Path) -> None:
    """By their places: what is on the left stays there."""
    sound, quiet = tone(1, 48_000), np.zeros(48_000, np.int16)
    pcm = np.stack([sound, quiet, quiet, quiet, quiet, quiet], axis=1)
    write_wav(tmp_path / "q.wav", pcm, 48_000)
    stereo, _ = read(tmp_path / "q.wav", 48_000, 2)
    assert stereo.shape[1] == 2
    assert rms_dbfs(stereo[:, 0]) > -30 and rms_dbfs(stereo[:, 1]) < -60


@pytest.mark.parametrize("rate", [1, 999, 4_000_000_000])
def test_a_rate_that_is_none_of_sound_is_said_in_a_sentence(tmp_path: Path, rate: int) -> None:
    """A header that is wrong would make hours of a second."""
    path = tmp_path / "odd.wav"
    header = struct.pack("<HHIIHH", 1, 1, rate, 32_000, 2, 16)
    data = bytes(64_000)
    chunks = b"fmt " + struct.pack("<I", 16) + header + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    with pytest.raises(TransportError, match=r"damaged: .*no sound|no audio that can be read"):
        AudioFile(path, 16_000)


def test_an_encoding_that_nobody_knows_is_said_in_a_sentence(tmp_path: Path) -> None:
    """One line with the file's name, its encoding and what to do."""
    body = bytes(4_000)
    fmt = struct.pack("<HHIIHH", 0x7ABC, 1, 8_000, 8_000, 1, 8)
    data = (
        b"RIFF"
        + struct.pack("<I", 4 + 8 + len(fmt) + 8 + len(body))
        + b"WAVEfmt "
        + struct.pack("<I", len(fmt))
        + fmt
    )
    (tmp_path / "q.wav").write_bytes(data + b"data" + struct.pack("<I", len(body)) + body)
    with pytest.raises(TransportError) as caught:
        read(tmp_path / "q.wav")
    told = str(caught.value)
    assert "q.wav" in told and "0x7abc" in told.lower() and "convert it first" in told and "\n" not in told
