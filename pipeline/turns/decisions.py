"""What a ``TurnController`` decides about the sound of its source; whoever tells it facts carries that out."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Decision", "Flush", "Pause", "Resume"]


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop the sound now, keep what is queued."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on from the paused sample. ``cut``: the turn that the service had cut for it, which goes on all the same."""

    cut: int = 0


@dataclass(frozen=True, slots=True)
class Flush:
    """Every turn of its source up to ``turn`` is void: drop what is queued of them. Ends a pause."""

    turn: int


Decision = Pause | Resume | Flush
