"""Who must wait, and when the server has enough: limits of one caller, and the load of the whole."""

from __future__ import annotations

from .buckets import Buckets, Rate
from .caller import CallerLimits, limits_of

__all__ = ["Buckets", "CallerLimits", "Rate", "limits_of"]
