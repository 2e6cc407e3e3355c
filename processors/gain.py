"""Gain: makes sound louder or softer.

Ports: ``audio`` in, ``out`` out. What becomes too loud is clipped. A change in a running call glides over 10 ms, so
that it does not click.

Example:
    gain: {db: -6}
"""

from typing import Annotated

from ..audio import amplify
from ..pipeline import AudioFrame, Doc, In, Live, Out, Processor, Range

__all__ = ["Gain"]

_GLIDES_PER_SECOND = 100
"""10 ms each."""


class Gain(Processor):
    """Make sound louder or softer.

    Example:
        gain: {db: -6}
    """

    audio: In[AudioFrame] = In(doc="any rate, any channels")
    out: Out[AudioFrame] = Out(like="audio", doc="the same sound, louder or softer")

    def __init__(
        self,
        *,
        db: Annotated[
            float, Range(-60, 30), Live(), Doc("how much louder, in decibels; softer when negative")
        ] = 0.0,
    ) -> None:
        self._db = self._before_db = db

    def on_tune(self, *, db: float) -> None:
        self._db = db

    def on_audio(self, frame: AudioFrame) -> AudioFrame:
        ramp = frame.rate // _GLIDES_PER_SECOND
        samples = amplify(frame.samples, self._db, from_db=self._before_db, ramp=ramp)
        self._before_db = self._db
        return AudioFrame(samples, frame.rate, time_ns=frame.time_ns, turn=frame.turn)
