"""A double of the package ``sounddevice``, at its own boundary: a WAV file is the microphone, another the loudspeaker.

``FAKE_SOUND_IN`` names the one that is read (once, then silence), ``FAKE_SOUND_OUT`` the one that is written. With
``FAKE_SOUND_ECHO`` the microphone hears half of what was played 30 ms before as well. ``FAKE_SOUND=none`` is a machine
without devices, ``busy`` one whose devices cannot be opened, ``null`` one that keeps no pace, as ALSA's null device,
``dead`` one that never answers, ``unplugged`` one whose devices go away after a second. Otherwise real time, as
PortAudio keeps it.
"""

from __future__ import annotations

import os
import threading
import time
import wave
from collections import deque
from typing import Any

import numpy as np


class PortAudioError(Exception):
    """What the real one raises."""


class default:
    """The real one's settings."""

    device = (-1, -1) if os.environ.get("FAKE_SOUND") == "none" else (0, 1)


def query_devices() -> list[dict[str, Any]]:
    """Two microphones and two loudspeakers."""
    if os.environ.get("FAKE_SOUND") == "none":
        return []
    return [
        {"name": "Desk Microphone", "max_input_channels": 1, "max_output_channels": 0},
        {"name": "Room Speakers", "max_input_channels": 0, "max_output_channels": 2},
        {"name": "USB Headset", "max_input_channels": 1, "max_output_channels": 2},
    ]


class RawStream:
    """Calls back each 10 ms, from a thread of its own."""

    latency = (0.01, 0.02)

    def __init__(
        self, *, samplerate: int, blocksize: int, device: tuple[int, int], callback: Any, **others: Any
    ) -> None:
        if os.environ.get("FAKE_SOUND") == "busy":
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self._samples, self._rate, self._callback = blocksize, samplerate, callback
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._said = _read(os.environ.get("FAKE_SOUND_IN", ""), samplerate)
        self._played: list[bytes] = []

    def start(self) -> None:
        if os.environ.get("FAKE_SOUND") == "dead":
            threading.Event().wait()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        if os.environ.get("FAKE_SOUND") == "unplugged":
            raise PortAudioError("Unanticipated host error [PaErrorCode -9999]")

    def close(self) -> None:
        name = os.environ.get("FAKE_SOUND_OUT")
        if name:
            with wave.open(name, "wb") as file:
                file.setparams((1, 2, self._rate, 0, "NONE", ""))
                file.writeframes(b"".join(self._played))

    def _run(self) -> None:
        begun, at = time.monotonic(), 0
        echo: deque[np.ndarray] = deque([np.zeros(self._samples, np.int16)] * 3)
        pace = 0.0 if os.environ.get("FAKE_SOUND") == "null" else 1.0
        while not self._stopped.wait(max(0.0, pace * (begun + at / self._rate - time.monotonic()))):
            heard = np.zeros(self._samples, np.int16)
            piece = self._said[at : at + self._samples]
            heard[: len(piece)] = piece
            if os.environ.get("FAKE_SOUND_ECHO"):
                heard = heard + echo.popleft() // 2
            played = bytearray(2 * self._samples)
            self._callback(heard.tobytes(), memoryview(played), self._samples, None, None)
            self._played.append(bytes(played))
            echo.append(np.frombuffer(bytes(played), np.int16))
            at += self._samples
            if os.environ.get("FAKE_SOUND") == "unplugged" and at >= self._rate:
                return


def _read(name: str, rate: int) -> np.ndarray:
    if not name:
        return np.zeros(0, np.int16)
    with wave.open(name, "rb") as file:
        assert file.getnchannels() == 1 and rate % file.getframerate() == 0
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return np.repeat(samples, rate // file.getframerate())
