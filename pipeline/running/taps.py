"""Looking into a running call: every frame that leaves an output, for a function or as a stream."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from ..errors import from_signal
from ..frames import AudioFrame, EndFrame, Frame, ToolResultFrame, VideoFrame

__all__ = ["Tap", "Taps"]

logger = logging.getLogger("livegraph.call")

F = TypeVar("F", bound=Frame)
PortKey = tuple[str, str]
Push = Callable[[Frame], None]

_MOST = 1_024
_MOST_BYTES = 16 << 20


class Tap(Generic[F]):
    """The frames of one output as they leave it: ``async for frame in call.tap("live.out")``.

    For one reader. One that is slow holds nobody up: of more than ``limit`` frames, or ``limit_bytes`` of media, the
    oldest are lost, counted in ``lost``. It ends with the output's stream, with the call, or with ``close``.
    """

    def __init__(self, limit: int = _MOST, limit_bytes: int = _MOST_BYTES) -> None:
        self.lost = 0
        """Frames that nobody read in time."""
        self.lost_ns = 0
        """How long they last when played."""
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._more = asyncio.Event()
        self._over = False
        self._remove: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Look no more."""
        self._remove()
        self.finish()

    async def __aiter__(self) -> AsyncIterator[F]:
        try:
            while True:
                while self._frames:
                    frame: Any = self._oldest()
                    yield frame
                if self._over:
                    return
                self._more.clear()
                await self._more.wait()
        finally:
            self._remove()

    def take(self, frame: Frame) -> None:
        """For the engine: one frame."""
        self._frames.append(frame)
        self._bytes += _media_bytes(frame)
        # The newest stays, however large it is.
        while len(self._frames) > self._limit or (self._bytes > self._limit_bytes and len(self._frames) > 1):
            self.lost += 1
            self.lost_ns += self._oldest().duration_ns
        self._more.set()

    def finish(self) -> None:
        """For the engine: nothing follows."""
        self._over = True
        self._more.set()

    def _oldest(self) -> Frame:
        frame = self._frames.popleft()
        self._bytes -= _media_bytes(frame)
        return frame


def _media_bytes(frame: Frame) -> int:
    """What a frame holds of media; what is beside it is small."""
    match frame:
        case AudioFrame():
            return frame.samples.nbytes
        case VideoFrame():
            return frame.pixels.nbytes
        case ToolResultFrame():
            return sum(len(media.data) for media in frame.media)
        case _:
            return 0


class Taps:
    """All taps of one call, by output. ``changed(port)`` is called when those of one are others."""

    def __init__(self) -> None:
        self.changed: Callable[[PortKey], None] = lambda port: None
        self._taps: dict[PortKey, list[Push]] = {}
        self._streams: list[Tap[Any]] = []
        self._closed = False

    def add(
        self, port: PortKey, observer: Callable[[Any], Any], finish: Callable[[], None]
    ) -> Callable[[], None]:
        """Have ``observer`` see every frame of ``port``; returns what ends that."""

        def push(frame: Frame) -> None:
            if isinstance(frame, EndFrame):
                finish()
                return
            try:
                observer(frame)
            except BaseException as error:
                if from_signal(error):
                    raise
                # Outside the media's way: its fault must not become the call's.
                logger.exception("what taps %s.%s failed and was removed", *port)
                remove()

        def remove() -> None:
            if push in self._taps.get(port, ()):
                self._taps[port] = [one for one in self._taps[port] if one is not push]
                self.changed(port)

        self._taps.setdefault(port, []).append(push)
        self.changed(port)
        return remove

    def stream(self, port: PortKey) -> Tap[Any]:
        """The frames of ``port`` as a stream."""
        tap: Tap[Any] = Tap()
        if self._closed:
            tap.finish()
            return tap
        stop = self.add(port, tap.take, tap.finish)

        def remove() -> None:
            stop()
            if tap in self._streams:
                self._streams.remove(tap)

        tap._remove = remove
        self._streams.append(tap)
        return tap

    def of(self, port: PortKey) -> tuple[Push, ...]:
        """What an output has to call besides its edges."""
        return tuple(self._taps.get(port, ()))

    def close(self) -> None:
        """The call is over."""
        self._closed = True
        for tap in self._streams:
            tap.finish()
