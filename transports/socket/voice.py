"""The caller's voice as it comes over a socket: in order, decoded, without gaps, no faster than it is spoken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ...audio import Pcm, samples_to_ns
from ...pipeline.units import MS, SECOND
from ..webrtc.opus.packets import packet_samples
from .allowance import Allowance
from .arrivals import Arrivals, Gap
from .codings import FRAME_MS, Coding, CodingError, SoundDecoder
from .signals import BadSignal, Sound

__all__ = ["SocketVoice"]

Deliver = Callable[[Pcm, int], None]
"""Takes samples and their media time: where they begin, in ns since the first sound of the call."""

_MOST_KEPT = 100
_AHEAD_NS = 5 * SECOND
"""Sound may come so much earlier than it can have been spoken: what a network held back, or a file that is played."""
_SILENT_NS = 160 * MS
"""Who has sent nothing for so long is taken to be silent, and silence it is."""
_FRAME_NS = FRAME_MS * MS


class SocketVoice:
    """One caller's. What comes while nobody listens is dropped.

    Args:
        coding: how it comes.
        now_ns: the clock.
    """

    def __init__(self, coding: Coding, now_ns: Callable[[], int]) -> None:
        self.coding = coding
        self.sources = 1
        """A socket has one."""
        self.dropped = 0
        """Pieces that came faster than anybody speaks."""
        self._now_ns = now_ns
        self._arrivals = Arrivals()
        self._allowance = Allowance(_AHEAD_NS)
        self._decoder: SoundDecoder | None = None
        self._rate = 0
        self._given = 0
        self._came_ns = 0
        self._deliver: Deliver | None = None
        self._kept: deque[tuple[Pcm, int]] = deque(maxlen=_MOST_KEPT)

    @property
    def lost(self) -> int:
        """Pieces that did not come, or too late."""
        return self._arrivals.lost

    def listen(self, rate: int, *, most_wait_ns: int = 0) -> None:
        """From now on decode what comes, to mono at ``rate``. A socket keeps order itself: nothing is waited for."""
        self._rate, self._given = rate, 0
        self._decoder = SoundDecoder(self.coding, rate)
        self._came_ns = self._now_ns()

    def hand_to(self, deliver: Deliver) -> None:
        """Hand over what is held, and from now on all sound as it comes. ``deliver`` may not raise."""
        self._deliver = deliver
        while self._kept:
            deliver(*self._kept.popleft())

    def ignore(self) -> None:
        """Keep nothing more."""
        self._decoder = self._deliver = None
        self._kept.clear()

    def receive(self, sound: Sound) -> None:
        """A piece has come. Raises ``BadSignal`` for what is not in its coding."""
        if self._decoder is None:
            return
        now_ns = self._now_ns()
        length_ms = self._length_ms(sound.payload)
        if not self._allowance.take(length_ms * MS, now_ns):
            self.dropped += 1
            return
        self._came_ns = now_ns
        for piece in self._arrivals.take(sound, length_ms, now_ns):
            if isinstance(piece, Gap):
                self._give(self._decoder.fill(piece.ms))
                continue
            try:
                samples = self._decoder.decode(piece.payload)
            except CodingError as error:
                raise BadSignal(str(error)) from None
            self._give(samples)

    def beat(self) -> None:
        """20 ms have passed."""
        if self._decoder is None or self._deliver is None:
            return
        now_ns = self._now_ns()
        while now_ns - self._came_ns >= _SILENT_NS:
            self._came_ns += _FRAME_NS
            self._give(self._decoder.fill(FRAME_MS))

    def _give(self, samples: Pcm) -> None:
        if not len(samples):
            return
        media_ns = samples_to_ns(self._given, self._rate)
        self._given += len(samples)
        if self._deliver is not None:
            self._deliver(samples, media_ns)
        else:
            self._kept.append((samples, media_ns))

    def _length_ms(self, payload: bytes) -> int:
        """How long a piece lasts."""
        match self.coding.encoding:
            case "pcm16" | "l16":
                return len(payload) * 1_000 // (2 * self.coding.rate)
            case "pcmu" | "pcma" | "g722":
                return len(payload) // 8
            case "opus":
                return packet_samples(payload) // 48
