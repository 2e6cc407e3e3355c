"""A microphone and a loudspeaker, open at a time: 10 ms at a time both ways, the echo taken out between them.

PortAudio asks in a thread of its own. What it is to play has been put ready on the event loop, a few pieces ahead,
because the conversation that decides on it lives there; what it has heard goes to the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ...audio import Pcm
from ...pipeline.units import MS
from ..exits import Fault
from .devices import Device

__all__ = ["AHEAD_NS", "RATE", "SoundCard", "canceller"]

RATE = 48_000
_SAMPLES = RATE // 100
_AHEAD = 5
AHEAD_NS = _AHEAD * 10 * MS
"""How far ahead sound is put ready."""
_MOST_UNDER_WAY = 100
_FULL = 32_768.0
_FALL = 0.8
"""What a level falls to in 10 ms of silence, so that an eye can follow it."""

Clean = Callable[[Pcm, Pcm], Pcm]
"""Takes 10 ms of the microphone and of the loudspeaker, gives the microphone's without the loudspeaker's."""


def canceller() -> Clean | None:
    """WebRTC's echo canceller; ``None`` where the package pywebrtc-audio is not installed."""
    try:
        from pywebrtc_audio import EchoCanceller
    except ImportError:
        return None
    clean: Clean = EchoCanceller(sample_rate=RATE, num_channels=1).process
    return clean


class SoundCard:
    """See the module. A context manager; made where the call's loop runs.

    Args:
        module: ``sounddevice``.
        microphone, loudspeaker: the devices.
        clean: takes the echo out, where it can be.
    """

    def __init__(self, module: Any, microphone: Device, loudspeaker: Device, clean: Clean | None) -> None:
        self._module = module
        self._devices = (microphone, loudspeaker)
        self._clean = clean
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Pcm] = deque()
        self._silence: Pcm = np.zeros(_SAMPLES, np.int16)
        self._stream: Any = None
        self.hears = True
        """Whether the microphone is open; otherwise silence is heard."""
        self.on_heard: Callable[[Pcm], object] = lambda _: None
        """Takes 10 ms of the microphone, on the loop."""
        self.pull: Callable[[int], Pcm] = self._quiet
        """Gives what is to be played, on the loop."""
        self.heard_level = self.played_level = 0.0
        """How loud both are now, 0 to 1 of full scale."""
        self.gaps = 0
        """How often nothing was ready to be played."""
        self.lost = 0
        """How often what was heard could not be handed on, because the loop was held up for a second and more."""
        self._under_way = 0

    def __enter__(self) -> SoundCard:
        try:
            self._stream = self._module.RawStream(
                samplerate=RATE,
                blocksize=_SAMPLES,
                device=tuple(device.number for device in self._devices),
                channels=1,
                dtype="int16",
                latency="low",
                callback=self._exchange,
            )
            self._stream.start()
        except self._module.PortAudioError as error:
            names = " and ".join(device.name for device in self._devices)
            raise Fault(
                f"{names} cannot be opened: {error}",
                "choose others by --input and --output; livegraph talk --list-devices shows them",
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.stop()
        self._stream.close()

    @property
    def latency_ns(self) -> int:
        """How long it takes from ``pull`` until something is heard, as far as PortAudio knows."""
        played_s = self._stream.latency[1] if self._stream is not None else 0.0
        return AHEAD_NS + round(played_s * 1_000) * MS

    def silence(self) -> None:
        """Play nothing from now on."""
        self.pull = self._quiet

    def _quiet(self, samples: int) -> Pcm:
        return self._silence

    def _exchange(self, heard: Any, played: Any, frames: int, time: Any, status: Any) -> None:
        """In PortAudio's thread, each 10 ms."""
        sound = self._ready.popleft() if self._ready else None
        far = self._silence if sound is None else sound
        played[:] = far.tobytes()
        near: Pcm = np.frombuffer(heard, np.int16)
        if self._under_way >= _MOST_UNDER_WAY:
            self.lost += 1
            return
        self._under_way += 1
        near = self._clean(near, far) if self._clean is not None else near.copy()
        try:
            self._loop.call_soon_threadsafe(self._exchanged, near, sound is None)
        except RuntimeError:
            # The loop is closed: the stream will be as well.
            return

    def _exchanged(self, near: Pcm, gap: bool) -> None:
        self._under_way -= 1
        self.gaps += gap
        self.heard_level = _level(self.heard_level, near if self.hears else self._silence)
        self.on_heard(near if self.hears else self._silence)
        while len(self._ready) < _AHEAD:
            sound = self.pull(_SAMPLES)
            self.played_level = _level(self.played_level, sound)
            self._ready.append(sound)


def _level(before: float, sound: Pcm) -> float:
    loudest = float(np.abs(sound.astype(np.int32)).max(initial=0)) / _FULL
    return max(loudest, before * _FALL)
