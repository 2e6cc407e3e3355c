"""What ``/start`` has promised: sessions that an offer may begin a call with. Sans-IO."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec

from ...pipeline.units import SECOND
from ..access.grant import Grant
from ..limits.shelf import Shelf

__all__ = ["Session", "Sessions"]

_MOST = 4_096
_MOST_BYTES, _MOST_BYTES_OF_ONE = 32 << 20, 1 << 20
"""Of what they were promised with: a usual one has a few hundred bytes."""
_LASTS_NS = 600 * SECOND
"""After its last use. A client offers at once; one that was lost for longer begins a new session."""


@dataclass(slots=True)
class Session:
    """One client that may call."""

    id: str
    """Unguessable: whoever knows it may call as ``grant`` allows."""
    grant: Grant
    written: bytes
    """A JSON object: what it is made into may take twenty times as much."""
    used_ns: int

    @property
    def body(self) -> dict[str, Any]:
        """What stands in for ``requestData``."""
        found: dict[str, Any] = msgspec.json.decode(self.written)
        return found


class Sessions:
    """All that were promised not long ago."""

    def __init__(self) -> None:
        self._kept: Shelf[Session] = Shelf(
            most=_MOST, most_bytes=_MOST_BYTES, of_one_bytes=_MOST_BYTES_OF_ONE
        )

    def begin(self, grant: Grant, body: bytes, now_ns: int, whose: str) -> Session:
        """A new one with a JSON object as its ``body``; ``whose`` it is, by the one who asks, bounds how many."""
        self._forget(now_ns)
        session = Session(secrets.token_urlsafe(18), grant, body, now_ns)
        self._kept.put(session.id, session, len(body), whose)
        return session

    def find(self, id: str, now_ns: int) -> Session | None:
        """The one of this id, which lasts from now on again."""
        self._forget(now_ns)
        session = self._kept.use(id)
        if session is not None:
            session.used_ns = now_ns
        return session

    def _forget(self, now_ns: int) -> None:
        while (oldest := next(iter(self._kept), None)) and now_ns - oldest.used_ns >= _LASTS_NS:
            self._kept.take(oldest.id)
