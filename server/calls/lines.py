"""The lines of one desk: found by their leg or their call, and remembered for a while when they are over."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from ...pipeline.end_reason import EndReason
from ..refusals import Refusal
from .line import Line

__all__ = ["Lines"]

_REMEMBERED = 256
"""Calls that are over. A page says goodbye twice, by its connection and by HTTP, and either may come first."""
_THEIR_OWN_END = (EndReason.HUNG_UP, EndReason.LOST, EndReason.NOT_CONNECTED)


class Lines:
    """Those that there are, oldest first, by their legs' names. It may be changed while it is gone through."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._over: OrderedDict[str, EndReason] = OrderedDict()

    def __iter__(self) -> Iterator[Line]:
        return iter(list(self._lines.values()))

    def add(self, line: Line) -> None:
        """A call has its line."""
        self._lines[line.leg.id] = line

    def remove(self, line: Line) -> None:
        """It is over; how it ended is known for a while."""
        del self._lines[line.leg.id]
        self._over[line.leg.id] = line.end_reason
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)

    def of_leg(self, leg_id: str) -> Line:
        """The call of a leg. Raises ``Refusal`` (404)."""
        line = self._lines.get(leg_id)
        if line is None:
            raise Refusal(404, "call_unknown", "There is no such call, or it is over.")
        return line

    def of_call(self, call_id: str) -> Line:
        """The line of a call, by its id or the front of it (``call-17``). ``KeyError`` when there is none."""
        found = [line for line in self._lines.values() if line.call.id == call_id]
        found = found or [line for line in self._lines.values() if line.call.id.startswith(f"{call_id}-")]
        if len(found) != 1:
            raise KeyError(
                f"there is no call {call_id!r:.60}, or it is over; `calls()` lists those that there are"
            )
        return found[0]

    def was_here(self, leg_id: str) -> bool:
        """Whether the call of this leg is over, and was so not long ago."""
        return leg_id in self._over

    def was_ended(self, leg_id: str) -> bool:
        """Whether the call of this leg was over not long ago, and not because its caller went or was lost."""
        return leg_id in self._over and self._over[leg_id] not in _THEIR_OWN_END
