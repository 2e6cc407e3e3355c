"""Which dialect a caller speaks, found out by the name of its channel and by what it says first. Sans-IO."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .pipecat.dialect import Rtvi
from .protocol import Dialect, End, FromCaller, FromServer, Json, Native, Ready
from .wall_clock import iso_time

__all__ = ["AnyDialect"]

_MOST_HELD = 256
_NATIVE = "livegraph"
"""The name of the channel of pages that speak our own protocol."""


class AnyDialect:
    """A ``Dialect`` that becomes the caller's. Until that is known, what is told is held back, up to 256 messages.

    A channel ``livegraph`` speaks our protocol, unless its first message is one of RTVI; any other channel, and one
    without a name, speaks as its first message does.
    """

    def __init__(self, now: Callable[[], str] = iso_time) -> None:
        self._now = now
        self._dialect: Dialect | None = None
        self._heard = False
        self._held: deque[FromServer] = deque(maxlen=_MOST_HELD)
        self._ready: Ready | None = None
        self._replies: list[Json] = []

    @property
    def is_rtvi(self) -> bool:
        """Whether the caller was found to speak RTVI."""
        return isinstance(self._dialect, Rtvi)

    @property
    def is_native(self) -> bool:
        """Whether the caller speaks our own protocol, as far as it has said anything."""
        return isinstance(self._dialect, Native)

    def opened(self, label: str) -> Iterable[Json]:
        """The caller's channel has this name; returns what goes over it at once."""
        return self._become(Native()) if label == _NATIVE and self._dialect is None else []

    def spell(self, message: FromServer) -> Iterable[Json]:
        """See ``Dialect``."""
        if isinstance(message, Ready):
            self._ready = message
        if self._dialect is not None:
            return self._dialect.spell(message)
        self._held.append(message)
        # Who has said nothing yet and has no channel of ours is told the end in both dialects' words.
        return self._ended(message) if isinstance(message, End) else []

    def read(self, message: Mapping[str, Any]) -> Iterable[FromCaller]:
        """See ``Dialect``."""
        if not self._heard:
            self._heard = True
            self._replies = list(self._settle(message))
        return self._dialect.read(message) if self._dialect is not None else []

    def replies(self) -> Iterable[Json]:
        """See ``Dialect``."""
        first, self._replies = self._replies, []
        return [*first, *(self._dialect.replies() if self._dialect is not None else [])]

    def farewell(self) -> Iterable[Json]:
        """See ``Dialect``."""
        return self._dialect.farewell() if self._dialect is not None else []

    # Inside ----------------------------------------------------------------------------------------

    def _settle(self, first: Mapping[str, Any]) -> Iterable[Json]:
        if "label" in first or first.get("type") == "signalling":
            before, self._dialect = self._dialect, None
            if before is not None and self._ready is not None:
                # It was spoken to in our words, which it took no notice of.
                self._held.appendleft(self._ready)
            return self._become(Rtvi(self._now))
        return self._become(Native()) if self._dialect is None else []

    def _become(self, dialect: Dialect) -> Iterable[Json]:
        self._dialect = dialect
        spelt: list[Json] = []
        while self._held:
            spelt += dialect.spell(self._held.popleft())
        return spelt

    def _ended(self, end: End) -> Iterable[Json]:
        return [*Native().spell(end), *Rtvi(self._now).farewell()]
