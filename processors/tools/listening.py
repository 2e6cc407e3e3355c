"""What both sides are heard to say, as far as tools need it: known to them, and the answer to what was asked."""

from __future__ import annotations

from collections.abc import Sequence

from ...pipeline.events import Transcript
from ...pipeline.turns.words import words_of
from .context import ToolDesk
from .offer import Offer
from .reports import ToolReports

__all__ = ["Listening"]


class Listening:
    """Of one router in one call; ``offers`` are those of all its routers: what they have said is no question."""

    def __init__(self, desk: ToolDesk, reports: ToolReports, offers: Sequence[Offer]) -> None:
        self._desk, self._reports, self._offers = desk, reports, offers

    def heard(self, event: Transcript) -> None:
        """Somebody was heard."""
        desk = self._desk
        desk.spoken.take(event)
        if not event.text.strip() or not event.final:
            return
        if event.role == "agent":
            desk.consents.agent_heard(asks=not self._is_line(event.text))
            return
        for key, agreed in desk.consents.caller_heard(event.text, desk.call.clock.now_ns()):
            name, args = desk.wishes.get(key, ("", {}))
            self._reports.confirmed(name, args, agreed=agreed, said=event.text, time_ns=event.time_ns)

    def _is_line(self, text: str) -> bool:
        """Whether it stands word for word in the agent file, as a filler or for a silence: no question of a model."""
        fillers = (tool.settings.filler for offer in self._offers for tool in offer.tools)
        lines = [filler.say for filler in fillers if filler is not None]
        host = self._desk.call.host
        if host is not None:
            lines += [step.say for step in host.policy.idle] + [host.policy.limits.warning]
        return words_of(text) in [words_of(line) for line in lines if line]
