"""Whether what a microphone hears is what a loudspeaker plays. Pure; only the order of the sound counts, no clock.

The two are compared at 4 kHz, with their lows weakened, over every delay up to a second: an echo is the played sound
again, later and softer, whatever its level; somebody who speaks over it is something else. An echo keeps its delay,
and a likeness by chance does not: where one was found before, less of it is enough, and it is found without looking
anywhere else.

Taking sound in costs next to nothing: what is played is brought to 4 kHz three fifths of a second at a time, what is
heard only when somebody asks.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .pcm import Pcm
from .resample import Resampler

__all__ = ["EchoGuard"]

_RATE = 4_000
_HEARD = 512  # 128 ms
_PLAYED = 4_800  # 1.2 s
_ALIKE = 0.6
"""Of a correlation of 1. Two people reach 0.5 by chance in one of twenty eighths of a second, over all delays; an echo
that a codec has passed is above 0.6 nearly always."""
_ALIKE_AGAIN = 0.35
"""At the delay of the likeness before."""
_NEAR = 32
"""Delays that count as the same: 8 ms either way."""
_SILENT = 2_500.0
_TAKEN_AT_ONCE = _RATE * 3 // 5
_REACH = 4
_LOWS = 0.6

_Signal = NDArray[np.float32]
_NOTHING = np.zeros(1)


class EchoGuard:
    """One microphone and the loudspeaker beside it. ``rate``: of the microphone, in Hz; both are mono."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._heard: deque[Pcm] = deque()
        self._heard_samples = 0
        """In ``_heard``."""
        self._heard_count = 0
        """Ever."""
        self._wanted = _HEARD * rate // _RATE + 2 * (_REACH + 1) * -(-rate // _RATE)
        self._player: _Downsampler | None = None
        self._to_play: list[Pcm] = []
        self._to_play_samples = 0
        self._ring: _Signal | None = None
        """What was played; made when there is sound for the first time."""
        self._played_count = 0
        """Samples at 4 kHz that ever were in the ring: where the next goes, modulo its length."""
        self._delay: int | None = None
        """By how much the played sound is later in what is heard, by these two counts, if a likeness was found."""
        self._found = 0
        """When it was found first, by the count of what is heard."""

    def play(self, pcm: Pcm, rate: int) -> None:
        """The loudspeaker plays this next, silence included."""
        if self._player is None or self._player.rate != rate:
            self._take()
            self._player = _Downsampler(rate)
        self._to_play.append(pcm if pcm.ndim == 1 else pcm[:, 0])
        self._to_play_samples += len(pcm)
        if self._to_play_samples * _RATE >= _TAKEN_AT_ONCE * rate:
            self._take()

    def hear(self, pcm: Pcm) -> None:
        """The microphone hears this next. It may not be changed afterwards."""
        heard = self._heard
        heard.append(pcm)
        self._heard_count += len(pcm)
        self._heard_samples += len(pcm)
        while self._heard_samples - len(heard[0]) >= self._wanted:
            self._heard_samples -= len(heard.popleft())

    @property
    def echo(self) -> bool:
        """Whether the last eighth of a second that was heard is what was played before."""
        self._take()
        heard, played = self._last_heard(), self._last_played()
        power = float(heard @ heard)
        if played is None or power < _SILENT:
            return False
        # Places are those of what was heard in what was played, and an earlier echo has the smaller delay.
        origin = self._heard_count * _RATE // self._rate - _HEARD - self._played_count + _PLAYED
        now = origin + self._played_count
        if self._delay is not None:
            low = origin - self._delay - _NEAR
            part = played[max(0, low) : low + 2 * _NEAR + _HEARD]
            if len(part) == 2 * _NEAR + _HEARD:
                likeness, place = _best(np.correlate(part, heard, "valid"), part, power)
                if likeness >= _ALIKE_AGAIN:
                    self._delay = origin - low - place
                    # Sooner it is for the most part the sound that was alike by chance, or no chance, before.
                    return likeness >= _ALIKE or now - self._found >= _HEARD
        products = np.fft.irfft(np.fft.rfft(played) * np.conj(np.fft.rfft(heard, _PLAYED)), _PLAYED)
        likeness, place = _best(products, played, power)
        if likeness >= _ALIKE_AGAIN:
            self._delay, self._found = origin - place, now
        return likeness >= _ALIKE

    def _take(self) -> None:
        """Bring what waits to be played to 4 kHz."""
        if not self._to_play or self._player is None:
            return
        pcm = self._to_play[0] if len(self._to_play) == 1 else np.concatenate(self._to_play)
        self._to_play.clear()
        self._to_play_samples = 0
        taken = self._player.process(pcm)
        self._played_count += len(taken)
        if self._ring is None:
            if not taken.any():
                return
            self._ring = np.zeros(_PLAYED, np.float32)
        taken = taken[-_PLAYED:]
        end = self._played_count % _PLAYED
        first = min(end, len(taken))
        self._ring[end - first : end] = taken[len(taken) - first :]
        if first < len(taken):
            self._ring[first - len(taken) :] = taken[: len(taken) - first]

    def _last_played(self) -> _Signal | None:
        """The last 1.2 s; ``None`` where all of it is silent."""
        if self._ring is None:
            return None
        end = self._played_count % _PLAYED
        played = np.concatenate((self._ring[end:], self._ring[:end]))
        return played if float(played @ played) >= _SILENT else None

    def _last_heard(self) -> _Signal:
        """The last eighth of a second, up to a whole sample at 4 kHz by the count of all samples."""
        pcm = np.concatenate(self._heard) if self._heard else np.zeros(0, np.int16)
        if self._rate % _RATE:
            heard = _Downsampler(self._rate).process(pcm)
        else:
            rest = self._heard_count % (self._rate // _RATE)
            heard = _filtered(pcm[: len(pcm) - rest].astype(np.float32), self._rate // _RATE)
        if len(heard) < _HEARD:
            heard = np.concatenate((np.zeros(_HEARD - len(heard), np.float32), heard))
        return heard[-_HEARD:]


class _Downsampler:
    """A stream of PCM at ``rate`` to 4 kHz, its lows weakened."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._resampler = Resampler(rate, 4 * _RATE) if rate % _RATE else None
        self._factor = 4 if self._resampler is not None else rate // _RATE
        self._lead = np.zeros(_REACH * self._factor, np.float32)
        self._silent = True

    def process(self, pcm: Pcm) -> _Signal:
        """The next samples, as many as are whole."""
        if self._resampler is not None:
            pcm = self._resampler.process(pcm)
        lead, factor = self._lead, self._factor
        sounds = bool(np.count_nonzero(pcm))
        if self._silent and not sounds:
            count = (len(lead) + len(pcm)) // factor - _REACH
            self._lead = np.zeros(len(lead) + len(pcm) - count * factor, np.float32)
            return np.zeros(count, np.float32)
        data = np.concatenate((lead, pcm.astype(np.float32)))
        made = _filtered(data, factor)
        self._lead = data[len(made) * factor :].copy()
        self._silent = not sounds and not self._lead.any()
        return made


def _filtered(data: _Signal, factor: int) -> _Signal:
    """One of ``factor`` samples, from the end on as many as ``data`` has enough before, as their mean by ``_taps``."""
    rows = len(data) // factor
    count = max(0, rows - _REACH)
    parts = data[: rows * factor].reshape(rows, factor) @ _taps(factor)
    made: _Signal = parts[:count, 0].copy()
    for place in range(1, _REACH + 1):
        made += parts[place : place + count, place]
    return made


@lru_cache(maxsize=16)
def _taps(factor: int) -> _Signal:
    """A low pass below 2 kHz, less its own past: shape (factor, _REACH + 1), a row of samples to each column."""
    length = _REACH * factor
    at = np.arange(length) - (length - 1) / 2
    low = np.sinc(0.9 * at / factor) * np.hanning(length + 2)[1:-1]
    low /= low.sum()
    taps = np.zeros(length + factor)
    taps[factor:] = low
    taps[:length] -= _LOWS * low
    return np.ascontiguousarray(taps.reshape(_REACH + 1, factor).T, np.float32)


def _best(products: NDArray[np.floating], played: _Signal, power: float) -> tuple[float, int]:
    """The largest correlation of what was heard, which has this power, with ``played``; and its place."""
    # To the sample: at the edge of a word, power that is known in steps is too small, and any likeness too large.
    sums = np.concatenate((_NOTHING, np.cumsum(np.square(played), dtype=np.float64)))
    powers = np.maximum(sums[_HEARD:] - sums[:-_HEARD], _SILENT)
    squares = np.square(products[: len(powers)]) / powers
    place = int(squares.argmax())
    return min(1.0, float(np.sqrt(squares[place] / power))), place
