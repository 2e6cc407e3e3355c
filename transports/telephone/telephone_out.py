"""Telephone out: the caller's ear at a telephone as a sink.

Ports: ``audio`` in (mono), ``keys`` in (keys to be pressed for the far side: a menu that the agent goes through).

Example:
    telephone_out: {}
"""

from typing import ClassVar

from ...audio.dtmf import key_tone
from ...pipeline.frames import AudioFrame, DtmfFrame
from ...pipeline.ports import In
from ..webrtc.webrtc_out import WebRTCOut

__all__ = ["TelephoneOut"]


class TelephoneOut(WebRTCOut):
    """What a caller at a telephone hears. It stops at once when the caller speaks over it.

    Keys are given out as the provider has a word for them (Plivo), else as their tones.

    Example:
        telephone_out: {}
    """

    uses: ClassVar[str] = "telephone_out"

    audio: In[AudioFrame] = In(
        rate=(24_000, 16_000, 8_000, 48_000), channels=1, doc="what the caller is to hear"
    )
    keys: In[DtmfFrame] = In(named=True, doc="keys to press; joined only where the graph says so")

    async def on_keys(self, frame: DtmfFrame) -> None:
        """Press it."""
        if not self._caller.send_key(frame.key):
            rate = self.audio.format.rate
            tone = AudioFrame(key_tone(frame.key, rate), rate, time_ns=self.call.clock.now_ns())
            await self._speaker.play(tone)
