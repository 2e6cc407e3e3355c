"""Telephone in: the caller at a telephone as a source.

Ports: ``audio`` out (the voice, mono), ``keys`` out (keys that are pressed), and those that only a browser fills, for
an agent that is tried from one: ``text`` out (what is typed), ``video`` out (its camera).

Example:
    telephone_in: {}
"""

from typing import ClassVar

from ...pipeline.frames import AudioFrame
from ...pipeline.ports import Out
from ..webrtc.webrtc_in import WebRTCIn

__all__ = ["TelephoneIn"]


class TelephoneIn(WebRTCIn):
    """What a caller at a telephone says and presses. The call ends when the caller hangs up.

    An agent of this box can be tried from a browser as well, and one of ``webrtc_in`` be called by telephone.

    Example:
        telephone_in: {}
    """

    uses: ClassVar[str] = "telephone_in"

    audio: Out[AudioFrame] = Out(rate=(16_000, 8_000, 24_000, 48_000), channels=1, doc="the caller's voice")
