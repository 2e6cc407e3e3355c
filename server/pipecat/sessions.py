"""What ``/start`` has promised: sessions that an offer may begin a call with. Sans-IO."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...pipeline.units import SECOND
from ..access.grant import Grant

__all__ = ["Session", "Sessions"]

_MOST = 4_096
_LASTS_NS = 600 * SECOND
"""After its last use. A client offers at once; one that was lost for longer begins a new session."""


@dataclass(slots=True)
class Session:
    """One client that may call."""

    id: str
    """Unguessable: whoever knows it may call as ``grant`` allows."""
    grant: Grant
    body: Mapping[str, Any]
    """What stands in for ``requestData``."""
    used_ns: int


class Sessions:
    """All that were promised not long ago."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self, grant: Grant, body: Mapping[str, Any], now_ns: int) -> Session:
        """A new one; of too many the oldest are forgotten."""
        self._forget(now_ns)
        session = Session(secrets.token_urlsafe(18), grant, body, now_ns)
        self._sessions[session.id] = session
        return session

    def find(self, id: str, now_ns: int) -> Session | None:
        """The one of this id, which lasts from now on again."""
        self._forget(now_ns)
        session = self._sessions.get(id)
        if session is not None:
            session.used_ns = now_ns
            self._sessions.move_to_end(id)
        return session

    def _forget(self, now_ns: int) -> None:
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if len(self._sessions) < _MOST and now_ns - oldest.used_ns < _LASTS_NS:
                return
            self._sessions.popitem(last=False)
