"""Sound into a container of PyAV, piece by piece."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..audio import Pcm

__all__ = ["Encoding"]


class Encoding:
    """One stream of sound in a container that is open for writing, which it closes.

    Args:
        container: of PyAV.
        codec: by FFmpeg's name.
        rate, channels: of the sound.
        stream_rate: at which it is encoded, where the codec does not know ``rate``.

    Raises ``av.FFmpegError`` and ``ValueError`` for what the container or the codec does not take.
    """

    def __init__(
        self, container: Any, codec: str, rate: int, channels: int, *, stream_rate: int | None = None
    ) -> None:
        self._rate = rate
        self._layout = {1: "mono", 2: "stereo"}.get(channels, f"{channels}c")
        self._samples = 0
        self._container: Any = container
        self._stream: Any = container.add_stream(codec, rate=stream_rate or rate, layout=self._layout)

    @property
    def is_open(self) -> bool:
        """Whether it was not closed yet."""
        return self._container is not None

    def write(self, samples: Pcm) -> None:
        """Append samples. Raises ``av.FFmpegError``."""
        import av

        if not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
        self._samples += len(samples)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the codec still holds, and the container's end. Raises ``av.FFmpegError``; again is fine."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            if self._samples:
                container.mux(self._stream.encode(None))
        finally:
            container.close()
