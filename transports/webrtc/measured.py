"""The numbers of a caller's line as an event, for logs, metrics and the page."""

from __future__ import annotations

from ...pipeline.events import Event
from .rtp.statistics import MediaStatistics

__all__ = ["MediaMeasured"]


class MediaMeasured(Event, frozen=True, kw_only=True):
    """How the line to the caller is: every few seconds, and once more when the call ends."""

    statistics: MediaStatistics
    """Counts are since the call began."""
