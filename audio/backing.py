"""A sound that goes on beneath another: looped without a seam, and lowered while that is heard. Sans-IO."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .levels import rms_dbfs
from .pcm import AudioError, Pcm

__all__ = ["Backing", "SeamlessLoop"]

_SEAM_S = 0.05
_GLIDE_S = 0.15
"""How long a change of level takes, down and up."""


class SeamlessLoop:
    """A sound whose end fades into its beginning; never changed, so that any number of ``Backing`` share it.

    Args:
        sound: int16, mono, at ``rate`` Hz; at least a tenth of a second of it.

    Raises ``AudioError`` for one that is too short.
    """

    def __init__(self, sound: Pcm, rate: int) -> None:
        seam = round(_SEAM_S * rate)
        if sound.ndim != 1 or len(sound) < max(1, 2 * seam):
            raise AudioError(f"a loop is mono and lasts at least {2 * _SEAM_S:g} s")
        ramp = np.linspace(0.0, 1.0, seam, dtype=np.float32)
        self.rate = rate
        self.samples: NDArray[np.float32] = sound[: len(sound) - seam].astype(np.float32)
        self.samples[:seam] = sound[:seam] * ramp + sound[len(sound) - seam :] * (1.0 - ramp)


class Backing:
    """Mixes a loop under whatever sounds.

    Args:
        loop: int16, mono, at ``rate``, at least a tenth of a second of it; or one that others share.
        gain_db: how loud it is by itself.
        duck_db: by how much it is lowered while the other sound is heard.
        hold_s: how long it stays so after that has fallen silent.
        above_dbfs: what counts as heard.

    Raises ``AudioError`` for a loop that is too short.
    """

    def __init__(
        self,
        loop: Pcm | SeamlessLoop,
        rate: int,
        *,
        gain_db: float = -20.0,
        duck_db: float = 12.0,
        hold_s: float = 0.4,
        above_dbfs: float = -45.0,
    ) -> None:
        self._loop = (loop if isinstance(loop, SeamlessLoop) else SeamlessLoop(loop, rate)).samples
        self._at = 0
        self._loud = 10.0 ** (gain_db / 20.0)
        self._low = 10.0 ** ((gain_db - duck_db) / 20.0)
        self._step = abs(self._loud - self._low) / max(1.0, _GLIDE_S * rate)
        self._level = 0.0
        """It comes in from silence."""
        self._hold = round(hold_s * rate)
        self._held = 0
        self._above = above_dbfs

    def under(self, sound: Pcm) -> Pcm:
        """``sound`` (int16, of any channel count) with the next of the loop beneath it."""
        count = len(sound)
        if not count:
            return sound
        if rms_dbfs(sound) > self._above:
            self._held = self._hold
        else:
            self._held = max(0, self._held - count)
        goal = self._low if self._held else self._loud
        levels = self._glide(goal, count)
        places = (self._at + np.arange(count)) % len(self._loop)
        self._at = int((self._at + count) % len(self._loop))
        bed = self._loop[places] * levels
        if sound.ndim > 1:
            bed = bed[:, None]
        mixed = np.clip(np.rint(sound.astype(np.float32) + bed), -32_768, 32_767)
        return mixed.astype(np.int16)

    def _glide(self, goal: float, count: int) -> NDArray[np.float32]:
        steps = np.arange(1, count + 1, dtype=np.float32) * np.float32(self._step or self._loud)
        rising = goal >= self._level
        levels = np.minimum(goal, self._level + steps) if rising else np.maximum(goal, self._level - steps)
        self._level = float(levels[-1])
        made: NDArray[np.float32] = levels.astype(np.float32)
        return made
