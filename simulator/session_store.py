"""What outlives a connection: conversations, and the handles by which clients come back to them."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace

from .actions import Action, CallTool
from .closings import Closing
from .hearing import Hearing, Rest, SpeechOver
from .usage import ModelContext

__all__ = ["PendingCall", "SessionMemory", "SessionStore"]


_MOST_SNAPSHOTS = 3


@dataclass(slots=True)
class PendingCall:
    """A tool call that waits for its response."""

    id: str
    """As the client was told; several calls have the same one only where a scenario wants that."""
    name: str
    key: str
    """How the brain names it."""
    blocking: bool
    made: CallTool
    """What the model wanted."""
    muted: bool = False
    """Whether it was interrupted: a late response is context, and not spoken of."""


@dataclass(slots=True)
class SessionMemory:
    """The memory of one session."""

    model: str
    began_ns: int
    context: ModelContext = field(default_factory=ModelContext)
    calls: list[PendingCall] = field(default_factory=list)
    """In the order in which they were made."""
    heard_samples: int = 0
    """All audio received, in samples at 16 kHz: it goes on counting over resumed connections."""
    hearing: Hearing | None = None
    """The ears as the last connection left them, perhaps in the middle of a word."""
    rest: Rest | None = None
    """In a copy: what the ears have heard."""
    unheard: list[SpeechOver] = field(default_factory=list)
    """Utterances whose words were not known when the connection ended."""
    unanswered: list[str] = field(default_factory=list)
    """What the user said and the model has not been asked to answer yet."""
    inbox: deque[tuple[str, int]] = field(default_factory=deque)
    """What the user said and wants answered, and when it was said; the model's turn has not begun."""
    later: list[Action] = field(default_factory=list)
    """What there is to say of responses that came while it could not be said."""
    turns: int = 0
    """How many turns of the user were answered."""
    owed: list[Action] = field(default_factory=list)
    """What was to be said and was not, because of the model's mood."""
    to_repeat: list[CallTool] = field(default_factory=list)
    """Calls that were talked over and are to be made again."""
    brain: dict[str, object] | None = None
    """The brain's snapshot, taken when a connection ended."""
    filmed_ns: int | None = None
    """When the first image came."""
    attached: bool = False
    """Whether a connection holds it."""
    held_until_ns: int = 0
    """Until when a lost connection still counts as open."""
    left_ns: int | None = None
    """When the last connection ended."""
    over: bool = False
    """Whether it has lasted as long as a session may."""

    def copy(self, brain: dict[str, object]) -> SessionMemory:
        """As it is now, at a moment when nobody speaks and nothing is under way."""
        return replace(
            self,
            context=self.context.copy(),
            calls=[replace(call) for call in self.calls],
            hearing=None,
            rest=self.hearing.rest() if self.hearing else self.rest,
            heard_samples=self.hearing.heard_samples if self.hearing else self.heard_samples,
            unheard=list(self.unheard),
            unanswered=list(self.unanswered),
            inbox=deque(self.inbox),
            later=list(self.later),
            owed=list(self.owed),
            to_repeat=list(self.to_repeat),
            brain=brain,
            attached=False,
        )


@dataclass(slots=True)
class _Kept:
    memory: SessionMemory
    snapshot: SessionMemory | None


class SessionStore:
    """Conversations by handle, the oldest out when there are more than `limit` handles.

    A handle leads to the latest state of its conversation, not to that of the time when it was given; except in
    transparent resumption, where the client sends again what came after a state that it was told of.
    """

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._by_handle: OrderedDict[str, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_handle)

    def memories(self) -> list[SessionMemory]:
        """All that can be resumed, in the order of their newest handles."""
        found = {id(kept.memory): kept.memory for kept in reversed(self._by_handle.values())}
        return list(reversed(found.values()))

    def keep(self, handle: str, memory: SessionMemory, snapshot: SessionMemory | None = None) -> None:
        """Let `handle` lead to `memory`, or to what it was at the time of `snapshot`."""
        if snapshot is not None:
            # The client may not have received the newest: a few before it stay good.
            for old in self._handles(memory)[:-_MOST_SNAPSHOTS]:
                del self._by_handle[old]
        self._by_handle[handle] = _Kept(memory, snapshot)
        while len(self._by_handle) > self._limit:
            self._by_handle.popitem(last=False)

    def forget(self, memory: SessionMemory) -> None:
        """Drop all handles of `memory`."""
        for handle in self._handles(memory):
            del self._by_handle[handle]

    def _handles(self, memory: SessionMemory) -> list[str]:
        return [handle for handle, kept in self._by_handle.items() if kept.memory is memory]

    def resume(self, handle: str, model: str, now_ns: int, lasts_ns: int) -> SessionMemory:
        """The conversation of a handle.

        Raises:
            Closing: there is none (any more), another connection still holds it, or it was with another model.
        """
        kept = self._by_handle.get(handle)
        if kept is None or kept.memory.over:
            raise Closing.unknown_session()
        memory = kept.memory
        if memory.attached or now_ns < memory.held_until_ns:
            raise Closing.internal()
        if memory.left_ns is not None and now_ns > memory.left_ns + lasts_ns:
            self.forget(memory)
            raise Closing.unknown_session()
        if memory.model != model:
            raise Closing.invalid()
        if kept.snapshot is None:
            return memory
        again = kept.snapshot.copy(kept.snapshot.brain or {})
        for each in self._by_handle.values():
            if each.memory is memory:
                each.memory = again
        return again
