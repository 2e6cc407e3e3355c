"""Watching over one caller: until when a connection must stand, and when a caller who is lost is given up."""

from __future__ import annotations

from collections.abc import Callable

from ...pipeline.clock import Clock
from ...pipeline.units import MS, SECOND, format_duration
from .links import Links
from .milestones import Milestones
from .presence import Presence
from .signalling import Signalling

__all__ = ["Vigil"]

_LOOK_EVERY_NS = 500 * MS


class Vigil:
    """Looks twice a second, from the offer until the call is over.

    ``fell_silent`` is told of a caller who is not heard of any more, and what is to be said of it.
    """

    def __init__(
        self,
        milestones: Milestones,
        presence: Presence,
        links: Links,
        signalling: Signalling,
        fell_silent: Callable[[str], None],
    ) -> None:
        self._milestones = milestones
        self._presence = presence
        self._links = links
        self._signalling = signalling
        self._fell_silent = fell_silent

    async def keep(self, clock: Clock, connect_within_ns: int) -> None:
        """Return when the call is over, be it for what is seen here.

        ``connect_within_ns`` is how long after the answer to its offer a connection must stand.
        """
        looked_ns = clock.now_ns()
        while not await self._milestones.over(_LOOK_EVERY_NS / SECOND):
            now_ns = clock.now_ns()
            # A loop that was held up has not read what came meanwhile.
            self._presence.held_up(max(0, now_ns - looked_ns - _LOOK_EVERY_NS), now_ns)
            looked_ns = now_ns
            self._look(now_ns, connect_within_ns)

    def _look(self, now_ns: int, connect_within_ns: int) -> None:
        late = now_ns - self._signalling.offered_ns >= connect_within_ns
        if not self._milestones.was_connected:
            if late:
                self._milestones.end(f"no connection within {format_duration(connect_within_ns)}")
            return
        if late:
            self._links.forget_coming()
        if self._presence.away:
            if self._links.coming is None and self._presence.is_given_up(now_ns):
                self._milestones.end(self._presence.reason)
        elif silence := self._presence.silence(now_ns):
            self._fell_silent(silence)
