"""What a call may take, and how much of it is used up. Pure; time is an argument."""

from __future__ import annotations

from ..end_reason import EndReason
from ..frames import Turn, source_of
from ..units import SECOND
from .acts import Say
from .conversation_policy import ConversationLimits

__all__ = ["Allowance"]

_WARNING = (
    "[The call ends in {seconds} seconds. Tell the caller so in one short sentence, in the language of the "
    "conversation.]"
)


class Allowance:
    """Of one call that began at ``began_ns``. The limits are those of the policy of the moment."""

    def __init__(self, began_ns: int = 0) -> None:
        self.began_ns = began_ns
        self._warned = False
        self._turns: set[tuple[str, int]] = set()
        self._lines: set[tuple[str, int]] = set()
        self._cost_usd, self._tokens = 0.0, 0

    def begins(self, turn: int) -> None:
        """The agent is heard to begin ``turn``."""
        if isinstance(turn, Turn) and turn.line:
            self._lines.add((turn.source, int(turn)))

    def spoke(self, turn: int, limits: ConversationLimits) -> EndReason | None:
        """The agent has said ``turn``; lines are no answers."""
        if (one := (source_of(turn), int(turn))) in self._lines:
            return None
        self._turns.add(one)
        return EndReason.MAX_TURNS if limits.turns and len(self._turns) >= limits.turns else None

    def used(self, cost_usd: float, tokens: int, limits: ConversationLimits) -> EndReason | None:
        """The call has cost so much so far, and so many tokens."""
        self._cost_usd, self._tokens = max(self._cost_usd, cost_usd), max(self._tokens, tokens)
        if limits.cost_usd and self._cost_usd >= limits.cost_usd:
            return EndReason.MAX_COST
        if limits.tokens and self._tokens >= limits.tokens:
            return EndReason.MAX_TOKENS
        return None

    def is_over(self, now_ns: int, limits: ConversationLimits) -> bool:
        """Whether the call has lasted as long as it may."""
        return bool(limits.duration_ns) and now_ns >= self.began_ns + limits.duration_ns

    def warning(self, now_ns: int, limits: ConversationLimits) -> Say | None:
        """What the caller is to be told of the end that comes, once."""
        warn_ns = self._warn_ns(limits)
        if warn_ns is None or now_ns < warn_ns:
            return None
        self._warned = True
        told = _WARNING.format(seconds=limits.warn_before_ns // SECOND)
        return Say(limits.warning or told, "warning", bool(limits.warning))

    def deadline_ns(self, limits: ConversationLimits) -> int | None:
        """When time decides something."""
        if not limits.duration_ns:
            return None
        warn_ns = self._warn_ns(limits)
        ends_ns = self.began_ns + limits.duration_ns
        return ends_ns if warn_ns is None else min(warn_ns, ends_ns)

    def _warn_ns(self, limits: ConversationLimits) -> int | None:
        if not (limits.duration_ns and limits.warn_before_ns) or self._warned:
            return None
        return self.began_ns + limits.duration_ns - limits.warn_before_ns
