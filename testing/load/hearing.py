"""What one caller hears, and what follows from it. Sans-IO: packets and times are arguments.

Loss and gaps are counted by sequence number and by sample, the agent's voice by the level of its decoded sound.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...audio import Pcm, rms_dbfs
from ...transports.webrtc.opus.packets import packet_samples
from ...transports.webrtc.rtp.packets import parse_rtp
from ...transports.webrtc.rtp.sequence import unwrap

__all__ = ["Hearing"]

_PACKET_S = 0.02
_SPEECH_DBFS = -45.0
_SILENT_BYTES = 3
"""A packet of digital silence is not larger: it need not be decoded."""
_QUIET_S = 0.25
"""No pause of the agent's voice is longer."""


class Hearing:
    """Takes the packets of one call.

    Args:
        decode: 20 ms of Opus to samples.
    """

    def __init__(self, decode: Callable[[bytes], Pcm]) -> None:
        self.packets = 0
        """That came, repetitions left out."""
        self.last_sound_s: float | None = None
        """When the last packet with the agent's voice in it came."""
        self._decode = decode
        self.samples = 0
        """That the packets hold, at 48 kHz."""
        self._stamps: tuple[int, int] | None = None
        """Where the sound that came begins and ends, by the packets' own time."""
        self._first: int | None = None
        self._highest = 0
        self._seen: set[int] = set()
        self._waits: list[tuple[float, Callable[[float], None]]] = []

    def hear(self, data: bytes, now_s: float) -> None:
        """A decrypted RTP packet came."""
        packet = parse_rtp(data)
        if packet is None:
            return
        number = packet.sequence if self._first is None else unwrap(packet.sequence, self._highest, 16)
        if self._first is None:
            self._first = self._highest = number
        if number in self._seen or number < self._highest - 1_000:
            return
        self._seen.add(number)
        if number > self._highest:
            self._highest = number
            if len(self._seen) > 4_000:
                self._seen = {each for each in self._seen if each > number - 1_000}
        self.packets += 1
        self._count(packet.timestamp, packet.payload)
        if len(packet.payload) > _SILENT_BYTES and self._is_speech(packet.payload):
            self._sounded(now_s)

    @property
    def lost(self) -> int:
        """Packets that did not come, by the numbers of those that did."""
        if self._first is None:
            return 0
        return max(0, self._highest - min(self._first, self._highest) + 1 - self.packets)

    @property
    def lost_samples(self) -> int:
        """Between the first and the last that came, at 48 kHz: also what was left out without a gap in numbers."""
        return 0 if self._stamps is None else self._stamps[1] - self._stamps[0] - self.samples

    def _count(self, stamp: int, payload: bytes) -> None:
        samples = packet_samples(payload)
        self.samples += samples
        if self._stamps is None:
            self._stamps = (stamp, stamp + samples)
            return
        first, end = self._stamps
        begins = unwrap(stamp, end, 32)
        self._stamps = (min(first, begins), max(end, begins + samples))

    def speaking(self, now_s: float) -> bool:
        """Whether the agent speaks now, or has only paused."""
        return self.last_sound_s is not None and now_s - self.last_sound_s < _QUIET_S

    def quiet_for(self, now_s: float) -> float:
        """How long it has been silent; for ever before its first word."""
        return float("inf") if self.last_sound_s is None else now_s - self.last_sound_s

    def next_sound(self, after_s: float, heard: Callable[[float], None]) -> None:
        """Call ``heard`` once, with the time of the first packet with sound that comes after this."""
        self._waits.append((after_s, heard))

    def _is_speech(self, payload: bytes) -> bool:
        pcm = np.asarray(self._decode(payload), np.int16)
        return bool(pcm.size) and rms_dbfs(pcm) > _SPEECH_DBFS

    def _sounded(self, now_s: float) -> None:
        self.last_sound_s = now_s
        due = [heard for after_s, heard in self._waits if now_s > after_s]
        self._waits = [wait for wait in self._waits if now_s <= wait[0]]
        for heard in due:
            heard(now_s)
