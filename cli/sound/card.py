"""A microphone and a loudspeaker, open at a time: 10 ms at a time both ways, the echo taken out between them.

PortAudio asks in a thread of its own. What it is to play has been put ready on the event loop, a few pieces ahead,
because the conversation that decides on it lives there; what it has heard goes to the loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ...audio import Pcm
from ...pipeline.clock import clock_of_loop
from ...pipeline.units import MS, SECOND
from ..exits import Fault
from .devices import Device

__all__ = ["AHEAD_NS", "RATE", "SoundCard", "canceller"]

T = TypeVar("T")

logger = logging.getLogger("livegraph.cli")

RATE = 48_000
_SAMPLES = RATE // 100
_AHEAD = 5
AHEAD_NS = _AHEAD * 10 * MS
"""How far ahead sound is put ready."""
_MOST_UNDER_WAY = 100
_PIECE_NS = 10 * MS
_TOO_SOON_NS = 200 * MS
"""A device that is so far ahead of the clock within a second keeps no pace of its own, as ALSA's null device."""
_LOOK_EVERY_S = 0.5
_QUIET_LOOKS = 6
"""A device that gave no sound so often in a row is gone. One look says nothing: the program may have stood still."""
_ANSWERS_WITHIN_S = 5.0
"""Opening, the first sound, closing: a device that is slower never comes back."""
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
    """See the module. An async context manager; made where the call's loop runs. Entering raises ``Fault`` for a device
    that cannot be opened, or gives no sound within 5 s; one that does not close is left behind.

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
        self._clock = clock_of_loop()
        self._since_ns, self._pieces = 0, 0
        self._came = asyncio.Event()
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
        self._exchanges = 0

    async def __aenter__(self) -> SoundCard:
        try:
            self._stream = await _aside(self._open)
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                await self._came.wait()
        except self._module.PortAudioError as error:
            raise self._fault(f"cannot be opened: {error}") from None
        except TimeoutError:
            if self._stream is not None:
                await self.__aexit__()
            raise self._fault(f"gave no sound within {_ANSWERS_WITHIN_S:g} s") from None
        except asyncio.CancelledError:
            if self._stream is not None:
                await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await _aside(self._close)
        except TimeoutError:
            logger.warning("%s did not close, and is left behind", self._names)
        except self._module.PortAudioError as error:
            # It may be gone already, and nothing is to be heard from it any more.
            logger.debug("%s did not close: %s", self._names, error)

    async def gone(self) -> Fault:
        """Return when no sound comes any more: a device was unplugged, or its system has ended it. The words for it."""
        quiet = 0
        while quiet < _QUIET_LOOKS:
            before = self._exchanges
            await asyncio.sleep(_LOOK_EVERY_S)
            quiet = quiet + 1 if self._exchanges == before else 0
        return self._fault(f"gave no sound for {_QUIET_LOOKS * _LOOK_EVERY_S:g} s: the device may be gone")

    def _open(self) -> Any:
        stream = self._module.RawStream(
            samplerate=RATE,
            blocksize=_SAMPLES,
            device=tuple(device.number for device in self._devices),
            channels=1,
            dtype="int16",
            latency="low",
            callback=self._exchange,
        )
        stream.start()
        return stream

    def _close(self) -> None:
        self._stream.stop()
        self._stream.close()

    @property
    def _names(self) -> str:
        return " and ".join(dict.fromkeys(device.name for device in self._devices))

    def _fault(self, what: str) -> Fault:
        return Fault(
            f"{self._names} {what}",
            "choose others by --input and --output; livegraph talk --list-devices shows them",
        )

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
        self._keep_pace()
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

    def _keep_pace(self) -> None:
        """Hold a device up that asks faster than sound passes: it would leave nothing of the machine to the call."""
        now_ns = self._clock.now_ns()
        if self._pieces == 0 or now_ns - self._since_ns >= SECOND:
            self._since_ns, self._pieces = now_ns, 0
        self._pieces += 1
        ahead_ns = self._pieces * _PIECE_NS - (now_ns - self._since_ns)
        if ahead_ns > _TOO_SOON_NS:
            time.sleep(_PIECE_NS / SECOND)

    def _exchanged(self, near: Pcm, gap: bool) -> None:
        self._came.set()
        self._exchanges += 1
        self._under_way -= 1
        self.gaps += gap
        self.heard_level = _level(self.heard_level, near if self.hears else self._silence)
        self.on_heard(near if self.hears else self._silence)
        while len(self._ready) < _AHEAD:
            sound = self.pull(_SAMPLES)
            self.played_level = _level(self.played_level, sound)
            self._ready.append(sound)


async def _aside(do: Callable[[], T]) -> T:
    """What ``do`` gives, from a thread of its own. Raises ``TimeoutError`` when nothing comes of it, and lets it be.

    PortAudio may wait for a device that never answers, where neither a signal nor the end of the program reaches it.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(value: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        else:
            # None is told for an error, or where it is what was asked for.
            done.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        try:
            told: tuple[T | None, BaseException | None] = (do(), None)
        except Exception as error:  # it is raised where it is waited for
            told = (None, error)
        try:
            loop.call_soon_threadsafe(tell, *told)
        except RuntimeError:
            # Nobody waits any more.
            return

    threading.Thread(target=run, name="sound card", daemon=True).start()
    async with asyncio.timeout(_ANSWERS_WITHIN_S):
        return await done


def _level(before: float, sound: Pcm) -> float:
    loudest = float(np.abs(sound.astype(np.int32)).max(initial=0)) / _FULL
    return max(loudest, before * _FALL)
