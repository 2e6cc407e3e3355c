"""What may leave by an output: frames of its types, sound and pictures of the kind that it carries.

A fault is told where it is made and not where it hurts. Samples and pixels become read-only, for every branch gets the
same array; what shares its memory with something else is copied, so that who fills one buffer again and again changes
nothing that is on its way.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ..formats import AudioFormat
from ..frames import AudioFrame, Frame, VideoFrame
from ..ports import Out

if TYPE_CHECKING:
    from .pace import Pace

__all__ = ["Admission", "Sealed"]

_INT16 = np.dtype(np.int16)
_UINT8 = np.dtype(np.uint8)
_NO_SAMPLES = object()
"""Compared by identity: nothing that a frame could hold."""


class Sealed:
    """The samples of one call that were looked at last: what passes through several boxes is looked at once."""

    __slots__ = ("samples",)

    def __init__(self) -> None:
        self.samples: Any = _NO_SAMPLES
        """Int16 of shape ``(samples,)``, read-only."""


class Admission:
    """What the output ``port`` lets out."""

    __slots__ = ("_agreed", "_pace", "_spec", "mono_rate", "name", "sealed")

    def __init__(self, port: Out[Any], sealed: Sealed, pace: Pace) -> None:
        self._agreed: AudioFormat | None = getattr(port, "format", None)
        self._spec = port.spec
        self.sealed = sealed
        self._pace = pace
        mono = self._agreed is not None and self._agreed.channels == 1
        self.mono_rate = self._agreed.rate if mono and self._agreed is not None else 0
        """The rate at which sealed samples may pass without another look; 0 for none."""
        self.name = f"the output {port.spec.name}"

    def check(self, frame: Frame) -> None:
        """Raise ``TypeError`` or ``ValueError`` unless ``frame`` is what the port declares."""
        kind = type(frame)
        if not issubclass(kind, Frame):
            raise TypeError(f"{self.name} was given a {kind.__name__}, which is no frame")
        if not frame.marker and not self._spec.accepts(kind):
            takes = " or ".join(one.__name__ for one in self._spec.types)
            raise TypeError(f"{self.name} sends {takes}, and was given a {kind.__name__}")
        if isinstance(frame, AudioFrame):
            self.check_sound(frame)
        elif isinstance(frame, VideoFrame):
            self._check_picture(frame)

    def check_sound(self, frame: AudioFrame) -> None:
        """The same of sound, whose type is known to be right."""
        samples: Any = frame.samples
        agreed = self._agreed
        if frame.rate.__class__ is not int or frame.rate <= 0:
            self._check_rate(frame.rate)
        if agreed is None and samples is self.sealed.samples:
            return
        if not isinstance(samples, np.ndarray):
            raise TypeError(
                f"{self.name}: samples are a numpy array of int16, got a {type(samples).__name__}"
            )
        if samples.dtype is not _INT16 and samples.dtype != _INT16:
            raise ValueError(f"{self.name}: samples are int16, got {samples.dtype}")
        ndim = samples.ndim
        channels = 1 if ndim == 1 else samples.shape[1] if ndim == 2 else 0
        if not channels:
            raise ValueError(
                f"{self.name}: samples have the shape (samples,) or (samples, channels), got {samples.shape}"
            )
        if agreed is not None and (frame.rate != agreed.rate or channels != agreed.channels):
            raise ValueError(
                f"{self.name} carries audio of {agreed} in this graph, got {frame.rate} Hz with {channels} channel(s)"
            )
        if samples.flags.writeable:
            samples = _sealed(frame, "samples", samples)
        if ndim == 1:
            self.sealed.samples = samples
        self._pace.sound_came()

    def _check_picture(self, frame: VideoFrame) -> None:
        pixels: Any = frame.pixels
        if (
            not isinstance(pixels, np.ndarray)
            or pixels.dtype != _UINT8
            or pixels.ndim != 3
            or pixels.shape[2] != 3
        ):
            got = (
                f"{pixels.dtype} of {pixels.shape}"
                if isinstance(pixels, np.ndarray)
                else type(pixels).__name__
            )
            raise ValueError(f"{self.name}: pixels are uint8 of the shape (height, width, 3), got {got}")
        if pixels.flags.writeable:
            _sealed(frame, "pixels", pixels)

    def _check_rate(self, rate: Any) -> None:
        if not isinstance(rate, Integral) or rate <= 0:
            raise ValueError(f"{self.name}: the rate of sound is a whole number of Hz, got {rate!r}")


def _sealed(frame: Frame, field: str, array: Any) -> Any:
    """``array``, which is that field of ``frame``, read-only; a copy where it is a part of what may change yet."""
    if array.base is not None:
        array = array.copy()
        msgspec.structs.force_setattr(frame, field, array)
    array.setflags(write=False)
    return array
