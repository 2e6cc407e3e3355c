"""The format of a stream of audio."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AudioFormat"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """``rate`` in hertz, ``channels`` 1 or more. Samples are always int16."""

    rate: int
    channels: int

    def __str__(self) -> str:
        layout = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"{self.rate} Hz {layout}"
