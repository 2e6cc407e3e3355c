"""Ends a call that has used what its caller may use: time, silence, tokens, money. Sans-IO: time is an argument."""

from __future__ import annotations

from ...pipeline.events import Event, EventBus, SpeechChanged, StateChanged, ToolCalled, Transcript, Usage
from ..limits.caller import CallerLimits
from ..protocol import EndReason

__all__ = ["Warden"]


class Warden:
    """Watches the events of one call, whose clock began at 0."""

    def __init__(self, limits: CallerLimits, events: EventBus) -> None:
        self._limits = limits
        self.tokens = 0
        """Counted so far, both ways."""
        self.cost_usd = 0.0
        self._active_ns = 0
        events.subscribe(Usage, self._used)
        if limits.idle is not None:
            for kind in (SpeechChanged, StateChanged, ToolCalled, Transcript):
                events.subscribe(kind, self._heard)

    def verdict(self, now_ns: int) -> EndReason | None:
        """Why the call has to end now; ``None`` while it may go on."""
        limits = self._limits
        if limits.call_duration is not None and now_ns >= limits.call_duration:
            return EndReason.MAX_DURATION
        if limits.idle is not None and now_ns - self._active_ns >= limits.idle:
            return EndReason.IDLE
        if limits.tokens is not None and self.tokens >= limits.tokens:
            return EndReason.MAX_TOKENS
        if limits.cost_usd is not None and self.cost_usd >= limits.cost_usd:
            return EndReason.MAX_COST
        return None

    def _used(self, event: Usage) -> None:
        self.tokens += event.total_tokens
        self.cost_usd += event.cost_usd or 0.0

    def _heard(self, event: Event) -> None:
        self._active_ns = event.time_ns
