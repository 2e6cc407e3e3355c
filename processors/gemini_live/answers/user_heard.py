"""Since when the user has been heard to speak, by whoever can tell. Pure."""

from __future__ import annotations

from ....pipeline.units import MS, SECOND

__all__ = ["UserHeard"]

_SPEECH_NS = 500 * MS
"""A voice of this length may be a question; a shorter one is a noise, unless the service has words for it."""
_BEFORE_NS = 1 * SECOND
"""What a detector takes to hear speech, and more."""
_UNTOLD_NS = 15 * SECOND
"""Where nobody can tell, so much of what the user sent may be a question."""


class UserHeard:
    """What is known of the user's voice. ``detector``: one of ours reports it."""

    def __init__(self, detector: bool) -> None:
        self.can_tell = detector
        """Whether anybody says when the user speaks."""
        self._voice_ns: int | None = None
        """When the voice began last."""
        self._unanswered_ns: int | None = None
        """When it began first since the last answer."""

    @property
    def unanswered(self) -> bool:
        """Whether the user may have said something that was not answered."""
        return self._unanswered_ns is not None or not self.can_tell

    def service_tells(self) -> None:
        """The service reports what it hears."""
        self.can_tell = True

    def started(self, now_ns: int) -> None:
        """The voice began."""
        self.can_tell = True
        self._voice_ns = now_ns
        if self._unanswered_ns is None:
            self._unanswered_ns = now_ns

    def stopped(self, now_ns: int) -> bool:
        """The voice ended; whether it was long enough for something to answer."""
        return self._voice_ns is not None and now_ns - self._voice_ns >= _SPEECH_NS

    def answered(self) -> None:
        """The model answers."""
        self._unanswered_ns = None

    def since_ns(self, now_ns: int) -> int:
        """From when on the sound of the user may hold a question that was not answered."""
        if self._unanswered_ns is not None:
            return self._unanswered_ns - _BEFORE_NS
        return now_ns - _UNTOLD_NS
