"""Both sides of a call on one clock. Sans-IO: sound with its times goes in, blocks of both channels come out.

- A piece stands where its time says. Within a stretch of sound the next piece follows without a gap or an overlap,
  however its time trembles; where it is quiet, places are put right again.
- What nobody told anything of is silence.
- What comes for a place that was given out already is dropped and counted.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import numpy as np

from ...audio import Pcm, Resampler, ns_to_samples, samples_to_ns, silence, to_mono

__all__ = ["RecordTimeline", "Side"]

Side = Literal["caller", "agent"]

_MS = 1_000_000
_WAIT_NS = 500 * _MS
_TORN_NS = 250 * _MS
"""A hole in the middle of sound that is longer is a hole; a shorter one is a hold-up, which the next pieces make up."""
_OFF_NS = 10 * _MS
"""By so much a quiet piece may be off before it is put right."""
_QUIET = 100
"""The loudest sample of what counts as quiet: -50 dBFS."""


class RecordTimeline:
    """Lays the caller and the agent beside each other, from ``began_ns`` of the call's clock on.

    Blocks are int16 of shape ``(samples, 2)`` at ``rate`` Hz, the caller left and the agent right. ``wait_ns`` is how
    late sound may be told.
    """

    def __init__(self, rate: int, began_ns: int, *, wait_ns: int = _WAIT_NS) -> None:
        self._rate = rate
        self._began_ns = began_ns
        self._wait_ns = wait_ns
        self._tracks: dict[Side, _Track] = {"caller": _Track(rate), "agent": _Track(rate)}

    @property
    def late_ns(self) -> int:
        """How much sound came too late for its place, of both sides together."""
        return sum(samples_to_ns(track.late, track.rate) for track in self._tracks.values())

    def add(self, side: Side, samples: Pcm, rate: int, at_ns: int) -> None:
        """Sound of one side, whose first sample is heard at ``at_ns`` of the call's clock; channels are mixed."""
        self._tracks[side].add(to_mono(samples), rate, at_ns - self._began_ns)

    def cut(self, side: Side, at_ns: int) -> None:
        """Nothing that was laid behind ``at_ns`` will be heard."""
        self._tracks[side].cut(at_ns - self._began_ns)

    def due(self, now_ns: int) -> Pcm:
        """What nothing can be added to any more."""
        return self._until(now_ns - self._wait_ns - self._began_ns)

    def finish(self, now_ns: int) -> Pcm:
        """The rest: the agent up to ``now_ns``, the caller as far as it was told."""
        caller = self._tracks["caller"]
        end_ns = max(now_ns - self._began_ns, samples_to_ns(caller.end, caller.rate))
        self.cut("agent", now_ns)
        block = self._until(end_ns)
        rest = max(0, ns_to_samples(end_ns, self._rate) - self._given)
        tails = [_padded(track.flush(), rest) for track in self._tracks.values()]
        return np.concatenate((block, np.stack(tails, axis=1)))

    @property
    def _given(self) -> int:
        return self._tracks["caller"].given

    def _until(self, offset_ns: int) -> Pcm:
        for track in self._tracks.values():
            track.advance(offset_ns)
        ready = min(track.ready for track in self._tracks.values())
        return np.stack([track.give(ready) for track in self._tracks.values()], axis=1)


class _Track:
    """One side. Places are samples of its own rate since the record began; what comes out has the record's rate."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.end = 0
        """The place behind its last sample."""
        self.late = 0
        """Samples that came too late."""
        self.given = 0
        """Samples that were given out, at the record's rate."""
        self._record_rate = rate
        self._pieces: deque[Pcm] = deque()
        self._taken = 0
        """The place of the first sample that is held."""
        self._silent = True
        """Whether what stands at the end is silence that was put in."""
        self._resampler: Resampler | None = None
        self._ready: deque[Pcm] = deque()
        self.ready = 0
        """Samples that can be given out."""

    def add(self, samples: Pcm, rate: int, offset_ns: int) -> None:
        if rate != self.rate:
            self._change_rate(rate)
        off = ns_to_samples(offset_ns, rate) - self.end if offset_ns >= 0 else -self._before(offset_ns)
        if off > 0 and self._is_gap(off, samples):
            self._lay(silence(off))
        elif off < 0 and (self._silent or (off < -self._limit(_OFF_NS) and _quiet(samples))):
            dropped = samples[:-off]
            self.late += len(dropped) if not _quiet(dropped) else 0
            samples = samples[-off:]
        if len(samples):
            self._lay(samples)
            self._silent = False

    def cut(self, offset_ns: int) -> None:
        place = max(ns_to_samples(max(0, offset_ns), self.rate), self._taken)
        while self.end > place:
            last = self._pieces.pop()
            kept = max(0, len(last) - (self.end - place))
            self.end -= len(last) - kept
            if kept:
                self._pieces.append(last[:kept])
                break

    def advance(self, offset_ns: int) -> None:
        """Make ready all up to a time; where nothing was laid it is silence."""
        place = ns_to_samples(max(0, offset_ns), self.rate)
        if place > self.end:
            self._lay(silence(place - self.end))
            self._silent = True
        while self._taken < place:
            piece = self._pieces.popleft()
            if len(piece) > place - self._taken:
                self._pieces.appendleft(piece[place - self._taken :])
                piece = piece[: place - self._taken]
            self._taken += len(piece)
            self._convert(piece)

    def give(self, samples: int) -> Pcm:
        """The next ``samples`` of those that are ready."""
        made: list[Pcm] = [silence(0)]
        while samples:
            piece = self._ready.popleft()
            if len(piece) > samples:
                self._ready.appendleft(piece[samples:])
                piece = piece[:samples]
            samples -= len(piece)
            self.ready -= len(piece)
            self.given += len(piece)
            made.append(piece)
        return np.concatenate(made)

    def flush(self) -> Pcm:
        """All that is left, with what the resampler held back."""
        if self._resampler is not None:
            self._hold(self._resampler.flush())
        return self.give(self.ready)

    def _before(self, offset_ns: int) -> int:
        """How many samples of the piece come before the place where the next one stands."""
        return ns_to_samples(-offset_ns, self.rate) + self.end

    def _limit(self, duration_ns: int) -> int:
        return ns_to_samples(duration_ns, self.rate)

    def _is_gap(self, off: int, samples: Pcm) -> bool:
        if self._silent or off > self._limit(_TORN_NS):
            return True
        return off > self._limit(_OFF_NS) and _quiet(samples)

    def _lay(self, samples: Pcm) -> None:
        self._pieces.append(samples)
        self.end += len(samples)

    def _convert(self, samples: Pcm) -> None:
        if self.rate != self._record_rate and self._resampler is None:
            self._resampler = Resampler(self.rate, self._record_rate)
        self._hold(samples if self._resampler is None else self._resampler.process(samples))

    def _hold(self, samples: Pcm) -> None:
        if len(samples):
            self._ready.append(samples)
            self.ready += len(samples)

    def _change_rate(self, rate: int) -> None:
        """From here on at another rate: what is held is converted by the old one."""
        while self._pieces:
            self._convert(self._pieces.popleft())
        if self._resampler is not None:
            self._hold(self._resampler.flush())
            self._resampler = None
        # By what was made of it, so that both sides stay as long as each other.
        self.rate = rate
        self.end = self._taken = round((self.given + self.ready) * rate / self._record_rate)


def _quiet(samples: Pcm) -> bool:
    return not len(samples) or (int(samples.max()) <= _QUIET and int(samples.min()) >= -_QUIET)


def _padded(samples: Pcm, length: int) -> Pcm:
    return np.concatenate((samples[:length], silence(max(0, length - len(samples)))))
