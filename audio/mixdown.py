"""Several sounds into one: sums tracks that are aligned by time, and lowers all others while one of them is heard.

Sans-IO: samples with their times go in, blocks of the sum come out as far as they are due.

- A block is due as soon as every open track has reached its end; a track that lags behind is waited for no longer than
  ``wait_ns`` and is silence from then on.
- What follows a track's last sample within half a block follows it without a gap or an overlap: times that tremble do
  not tear sound apart. What comes faster than it lasts (a model's voice) is kept and queues up behind itself.
- What comes too late for its place is not lost: it begins where the sum is now.
- A sum of two turns cannot be cut for one of them alone, so it is made shortly before its time, however early its parts
  have come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .levels import amplify, rms_dbfs
from .pcm import AudioError, Pcm

__all__ = ["Ducking", "Mixdown", "MixedBlock"]

_SECOND = 1_000_000_000
_BLOCKS_PER_SECOND = 50
_SHARED_AHEAD_NS = 100_000_000
"""A block of two turns is made so long before its time."""


@dataclass(frozen=True, slots=True)
class Ducking:
    """Lowers every other track by ``by_db`` while ``track`` is louder than ``above_dbfs``, and ``hold_ns`` longer."""

    track: str
    by_db: float = 12.0
    above_dbfs: float = -45.0
    hold_ns: int = 400_000_000


@dataclass(frozen=True, slots=True)
class MixedBlock:
    """A piece of the sum."""

    samples: Pcm
    time_ns: int
    """Of its first sample."""
    turn: int
    """A turn that has a part in it, 0 for none."""
    others: tuple[int, ...] = ()
    """Further turns that have."""


@dataclass(slots=True)
class _Track:
    pieces: deque[tuple[int, Pcm, int]] = field(default_factory=deque)
    """First sample's place, samples, turn; in order, without overlap."""
    end: int = 0
    """The place after its last sample; where nothing is held, what it has delivered up to."""
    held: int = 0
    """Samples that are held."""
    ended: bool = False
    gain_db: float = 0.0
    applied_db: float = 0.0
    """The gain of its last block: changes glide."""


class Mixdown:
    """Mixes tracks of one ``rate`` and channel count.

    ``limit_ns`` is how much of one track is held; what goes beyond is dropped and counted in ``dropped``.
    """

    def __init__(
        self,
        rate: int,
        channels: int = 1,
        *,
        wait_ns: int = 40_000_000,
        limit_ns: int = 60 * _SECOND,
        ducking: Ducking | None = None,
    ) -> None:
        if rate < _BLOCKS_PER_SECOND or channels < 1:
            raise AudioError(f"cannot mix at {rate} Hz with {channels} channels")
        self.ducking = ducking
        self.wait_ns = wait_ns
        self.dropped = 0
        """Samples that found no room."""
        self._rate, self._channels = rate, channels
        self._block = rate // _BLOCKS_PER_SECOND
        self._limit = self._samples(limit_ns)
        self._tracks: dict[str, _Track] = {}
        self._at = 0
        """The place of the next sample of the sum."""
        self._duck_until = -1
        self._begun = False
        self._paced_ns: int | None = None
        """When the next block is made, where that is of two turns and early."""

    @property
    def tracks(self) -> frozenset[str]:
        """The names of all that are open."""
        return frozenset(name for name, track in self._tracks.items() if not track.ended)

    def open(self, name: str, gain_db: float = 0.0) -> None:
        """Add a track. ``AudioError`` when the name is taken by one that has not ended."""
        if name in self.tracks:
            raise AudioError(f"there is a track {name!r} already")
        self._tracks[name] = _Track(end=self._at, gain_db=gain_db, applied_db=gain_db)

    def set_gains(self, gains_db: Mapping[str, float]) -> None:
        """How much louder each track is from its next block on; those not named at 0 dB."""
        for name, track in self._tracks.items():
            track.gain_db = gains_db.get(name, 0.0)

    def add(self, name: str, samples: Pcm, time_ns: int, turn: int = 0) -> None:
        """Take sound of a track. ``AudioError`` for one that is not open or has ended, or another channel count."""
        track = self._tracks.get(name)
        if track is None or track.ended:
            raise AudioError(f"the track {name!r} is not open")
        channels = 1 if samples.ndim == 1 else samples.shape[1]
        if channels != self._channels:
            raise AudioError(f"the track {name!r} has {channels} channels, the sum {self._channels}")
        if not len(samples):
            return
        room = max(0, self._limit - track.held)
        if len(samples) > room:
            self.dropped += len(samples) - room
            samples = samples[:room]
            if not room:
                return
        place = self._samples(time_ns)
        if not self._begun:
            # The sum begins with the first sound of all.
            self._begun = True
            self._at = place
            for other in self._tracks.values():
                other.end = place
        if place < track.end or place - track.end <= self._block // 2:
            place = track.end
        place = max(place, self._at)
        track.pieces.append((place, samples, turn))
        track.end = place + len(samples)
        track.held += len(samples)

    def end(self, name: str) -> None:
        """Nothing follows on a track: it is not waited for any more."""
        self._tracks[name].ended = True

    def interrupt(self, turn: int) -> None:
        """Drop what is held of turns up to ``turn``."""
        for track in self._tracks.values():
            kept = deque(piece for piece in track.pieces if not 0 < piece[2] <= turn)
            if len(kept) < len(track.pieces):
                track.pieces = kept
                track.held = sum(len(samples) for _, samples, _ in kept)
                last = kept[-1] if kept else None
                track.end = self._at if last is None else last[0] + len(last[1])

    def holds(self, turn: int) -> bool:
        """Whether something of ``turn`` is still to be heard."""
        return any(piece[2] == turn for track in self._tracks.values() for piece in track.pieces)

    @property
    def deadline_ns(self) -> int | None:
        """When the next block is due even if no more comes; ``None`` while nothing is held."""
        if self._paced_ns is not None:
            return self._paced_ns
        start = min(
            (piece[0] for track in self._tracks.values() for piece in list(track.pieces)[:1]), default=None
        )
        if start is None:
            return None
        return self._time_ns(max(start, self._at) + self._block) + self.wait_ns

    def take(self, now_ns: int) -> list[MixedBlock]:
        """The blocks that are due, in order; stretches in which no track has anything are left out."""
        newest = max((track.end for track in self._tracks.values() if track.pieces), default=self._at)
        waited_for = [track.end for track in self._tracks.values() if not track.ended]
        all_there = min(waited_for, default=newest)
        patience = self._samples(max(0, now_ns - self.wait_ns))
        until = min(max(all_there, patience), newest)
        made: list[MixedBlock] = []
        self._paced_ns = None
        while self._at < until:
            first = min(track.pieces[0][0] for track in self._tracks.values() if track.pieces)
            if first > self._at:
                self._at = min(first, until)
                continue
            size = min(self._block, newest - self._at)
            # A block that is not full waits for more, unless no more can come.
            short = size < self._block and waited_for and patience < self._at + self._block
            if short or self._at + size > until:
                break
            ready_ns = self._time_ns(self._at) - _SHARED_AHEAD_NS
            if ready_ns > now_ns and len(self._turns_until(self._at + size)) > 1:
                self._paced_ns = ready_ns
                break
            made.append(self._mixed(size))
        return made

    def _turns_until(self, end: int) -> list[int]:
        """The turns that have a part in what comes before the place ``end``."""
        turns: list[int] = []
        for track in self._tracks.values():
            for place, _, turn in track.pieces:
                if place >= end:
                    break
                if turn and turn not in turns:
                    turns.append(turn)
        return turns

    def _mixed(self, size: int) -> MixedBlock:
        shape = (size,) if self._channels == 1 else (size, self._channels)
        parts: dict[str, Pcm] = {}
        turns = self._turns_until(self._at + size)
        for name, track in self._tracks.items():
            part = None
            while track.pieces and track.pieces[0][0] < self._at + size:
                place, samples, of_turn = track.pieces.popleft()
                part = np.zeros(shape, np.int16) if part is None else part
                offset = place - self._at
                taken = samples[: size - offset]
                part[offset : offset + len(taken)] = taken
                track.held -= len(taken)
                if len(taken) < len(samples):
                    track.pieces.appendleft((place + len(taken), samples[len(taken) :], of_turn))
                    break
            if part is not None:
                parts[name] = part
        ducked = self._is_ducked(parts, size)
        total = np.zeros(shape, np.int32)
        for name, track in self._tracks.items():
            lowered = ducked and self.ducking is not None and name != self.ducking.track
            target = track.gain_db - (self.ducking.by_db if lowered and self.ducking is not None else 0.0)
            if name in parts:
                total += amplify(parts[name], target, from_db=track.applied_db, ramp=size)
            track.applied_db = target
        samples = np.clip(total, -32_768, 32_767).astype(np.int16)
        last = turns.pop() if turns else 0
        block = MixedBlock(samples, self._time_ns(self._at), last, tuple(turns))
        self._at += size
        for track in self._tracks.values():
            track.end = max(track.end, self._at) if not track.pieces else track.end
        return block

    def _is_ducked(self, parts: Mapping[str, Pcm], size: int) -> bool:
        if self.ducking is None:
            return False
        heard = parts.get(self.ducking.track)
        if heard is not None and rms_dbfs(heard) > self.ducking.above_dbfs:
            self._duck_until = self._at + size + self._samples(self.ducking.hold_ns)
        return self._at < self._duck_until

    def _samples(self, time_ns: int) -> int:
        return time_ns * self._rate // _SECOND

    def _time_ns(self, place: int) -> int:
        # Rounded up, so that it comes back as the same place.
        return -(-place * _SECOND // self._rate)
