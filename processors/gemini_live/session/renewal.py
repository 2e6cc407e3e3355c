"""When to replace a connection before the server ends it: at a quiet moment, and in time. Pure."""

from __future__ import annotations

from ....pipeline.units import MS, SECOND

__all__ = ["DEFAULT_RENEW_AFTER_NS", "Renewal"]

DEFAULT_RENEW_AFTER_NS = 510 * SECOND
"""The service ends a connection after about ten minutes and warns 50 to 60 s before."""

_QUIET_NS = 300 * MS
"""A pause this long is no pause for breath."""
_PATIENCE_NS = 60 * SECOND
"""How long a quiet moment is waited for, before the server's deadline or where it has set none."""
_MARGIN_NS = 5 * SECOND
"""What closing and coming back may take of the time that the server leaves."""
_UNTOLD_NS = 10 * SECOND
"""What a server that does not say how long is taken to leave."""


class Renewal:
    """The clock of one connection, opened at ``opened_ns``. It is replaced when ``due``.

    From ``after_ns`` on, or from a minute before the end that the server's ``go_away`` announces, the next quiet moment
    will do; when there is none, the deadline decides. Without a handle to come back by, nothing is given up before the
    server demands it.
    """

    def __init__(self, opened_ns: int, after_ns: int = DEFAULT_RENEW_AFTER_NS) -> None:
        self._from_ns = opened_ns + after_ns
        self._deadline_ns = self._from_ns + _PATIENCE_NS
        self._demanded = False

    def go_away(self, left_ns: int | None, now_ns: int) -> None:
        """The server ends the connection in ``left_ns``; ``None``: it does not say when."""
        left_ns = _UNTOLD_NS if left_ns is None else max(0, left_ns)
        deadline_ns = now_ns + left_ns - min(_MARGIN_NS, left_ns // 4)
        self._deadline_ns = min(self._deadline_ns, deadline_ns) if self._demanded else deadline_ns
        self._demanded = True
        self._from_ns = min(self._from_ns, max(now_ns, self._deadline_ns - _PATIENCE_NS))

    def ask(self, now_ns: int) -> None:
        """There is a reason of ours: the next quiet moment will do."""
        self._from_ns = min(self._from_ns, now_ns)
        self._deadline_ns = min(self._deadline_ns, now_ns + _PATIENCE_NS)

    def insist(self, now_ns: int) -> None:
        """It is of no more use: it is replaced now, by whatever there is to come back to."""
        self._demanded = True
        self._from_ns = self._deadline_ns = min(self._from_ns, self._deadline_ns, now_ns)

    def due_ns(self, quiet_since_ns: int | None, *, able: bool, hope: bool) -> int | None:
        """When to do it, if nothing changes; ``None``: not before something does.

        ``quiet_since_ns``: since when nobody speaks and nothing is under way. ``able``: the server can take the
        session up again as it is. ``hope``: if not now, then perhaps later.
        """
        found = []
        if quiet_since_ns is not None and (able or (self._demanded and not hope)):
            found.append(max(self._from_ns, quiet_since_ns + _QUIET_NS))
        if able or self._demanded:
            found.append(max(self._from_ns, self._deadline_ns))
        return min(found, default=None)
