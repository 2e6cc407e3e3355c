"""What a store of memories has to do, and what it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

__all__ = ["Fact", "MemoryStore", "PastCall", "Recalled"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to be known of a caller. ``number`` is unique in its store; ``at_s`` in seconds of Unix time."""

    number: int
    text: str
    at_s: int


@dataclass(frozen=True, slots=True)
class PastCall:
    """A conversation as it was heard: ``said`` has one JSON object a line, as a `History` writes it."""

    call_id: str
    began_s: int
    """Seconds of Unix time."""
    said: str
    summary: str | None = None
    """``None`` until somebody has made one."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """All that is known of one caller: facts oldest first, and the latest calls, the newest last."""

    facts: tuple[Fact, ...] = ()
    calls: tuple[PastCall, ...] = ()


@runtime_checkable
class MemoryStore(Protocol):
    """Keeps memories by caller. A call takes one as ``resources={MemoryStore: ...}``, and does not close it.

    ``caller`` is compared to the last character: whatever is kept for one is never given for another.
    """

    async def recall(self, caller: str, *, calls: int = 3) -> Recalled:
        """What is known, with so many of the latest calls."""
        ...

    async def remember(self, caller: str, text: str, at_s: int) -> Fact:
        """Keep a fact; one that is known already is given back as it is."""
        ...

    async def forget(self, caller: str, number: int) -> bool:
        """Drop a fact of this caller; whether there was one."""
        ...

    async def keep(self, caller: str, call: PastCall) -> None:
        """Keep a conversation, in the place of what was kept of the same call before."""
        ...

    async def summarise(self, caller: str, call_id: str, summary: str) -> None:
        """Add the summary to a conversation that is kept; nothing where it is gone."""
        ...

    async def erase(self, caller: str) -> int:
        """Drop all that is kept of this caller; how many facts and calls that were."""
        ...

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
