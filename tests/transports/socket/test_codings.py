"""Every coding gives back what it was given, at any rate of the graph, whatever the sizes of its pieces."""

import numpy as np
import pytest

from livegraph.audio import Pcm
from livegraph.transports.socket.codings import Coding, CodingError, SoundDecoder, SoundEncoder

CODINGS = [
    Coding("pcm16", 16_000),
    Coding("pcm16", 24_000),
    Coding("l16", 16_000),
    Coding("pcmu", 8_000),
    Coding("pcma", 8_000),
    Coding("g722", 16_000),
    Coding("opus", 24_000),
    Coding("opus", 48_000),
]


def tone(rate: int, hertz: float = 440.0) -> Pcm:
    """A second of it."""
    samples: Pcm = (8_000 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.int16)
    return samples


def frequency(pcm: Pcm, rate: int) -> float:
    """The loudest one."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum)) * rate / len(pcm)


@pytest.mark.parametrize("coding", CODINGS, ids=lambda coding: f"{coding.encoding}-{coding.rate}")
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_a_tone_stays_a_tone(coding: Coding, rate: int) -> None:
    """At its pitch and its level, for as long as it lasted; a piece is a fiftieth of a second."""
    encoder, decoder = SoundEncoder(coding), SoundDecoder(coding, rate)
    sound = tone(coding.rate)
    pieces = [encoder.encode(sound[at : at + coding.frame]) for at in range(0, len(sound), coding.frame)]
    assert len(pieces) == 50
    back = np.concatenate([decoder.decode(piece) for piece in pieces])
    assert abs(len(back) - rate) <= 0.003 * rate
    middle = back[rate // 4 : 3 * rate // 4]
    assert frequency(middle, rate) == pytest.approx(440, abs=3)
    assert float(np.sqrt(np.mean(middle.astype(float) ** 2))) == pytest.approx(8_000 / np.sqrt(2), rel=0.05)


def test_byte_orders_differ() -> None:
    """``pcm16`` is little-endian, ``l16`` big-endian."""
    pcm = np.array([1, -2, 300], np.int16)
    assert SoundEncoder(Coding("pcm16", 8_000)).encode(pcm) == b"\x01\x00\xfe\xff\x2c\x01"
    assert SoundEncoder(Coding("l16", 8_000)).encode(pcm) == b"\x00\x01\xff\xfe\x01\x2c"
    assert SoundDecoder(Coding("l16", 8_000), 8_000).decode(b"\x00\x01\xff\xfe").tolist() == [1, -2]


@pytest.mark.parametrize(
    ("coding", "says"),
    [
        (Coding("mp3", 16_000), "there is pcm16"),  # type: ignore[arg-type]
        (Coding("pcmu", 16_000), "it has 8000"),
        (Coding("opus", 44_100), "it has 8000"),
        (Coding("pcm16", 0), "it has 8000"),
    ],
)
def test_what_there_is_not_is_told(coding: Coding, says: str) -> None:
    """With what there is."""
    with pytest.raises(CodingError, match=says):
        coding.checked()


@pytest.mark.parametrize(
    ("coding", "payload"),
    [
        (Coding("pcm16", 8_000), b"\0"),
        (Coding("opus", 48_000), b"\xff" * 30),
        (Coding("pcmu", 8_000), bytes(20_000)),
    ],
)
def test_what_is_no_such_sound_is_refused(coding: Coding, payload: bytes) -> None:
    """Half samples, broken packets, pieces of many seconds."""
    with pytest.raises(CodingError):
        SoundDecoder(coding, 16_000).decode(payload)
