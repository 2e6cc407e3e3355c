"""What outlives a connection: conversations, and the handles by which clients come back to them."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from .closings import Closing
from .usage import TokenCount, text_tokens

__all__ = ["Conversation", "PendingCall", "SessionStore", "Utterance"]

_MOST_HISTORY = 1_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something said: by ``user`` or ``model``, or a result given by ``tool``."""

    role: str
    text: str


@dataclass(slots=True)
class PendingCall:
    """A tool call that waits for its response."""

    id: str
    name: str
    key: str
    """How the brain names it."""
    blocking: bool
    muted: bool = False
    """Whether it was interrupted: a late response is context, and not spoken of."""


@dataclass(slots=True)
class Conversation:
    """The memory of one session."""

    model: str
    history: deque[Utterance] = field(default_factory=lambda: deque(maxlen=_MOST_HISTORY))
    calls: dict[str, PendingCall] = field(default_factory=dict)
    tokens: TokenCount = field(default_factory=TokenCount)
    heard_samples: int = 0
    """All audio received, in samples at 16 kHz: it goes on counting over resumed connections."""
    brain: dict[str, object] | None = None
    """The brain's snapshot, taken when a connection ended."""
    attached: bool = False
    """Whether a connection holds it."""

    def add(self, role: str, text: str) -> None:
        """Append to the history what was said or done."""
        if text:
            self.history.append(Utterance(role, text))

    def add_input(self, role: str, text: str) -> None:
        """The same, counted as text that came into the context."""
        self.add(role, text)
        self.tokens.heard("TEXT", text_tokens(text))


class SessionStore:
    """Conversations by handle, the oldest out when there are more than `limit` handles.

    A handle leads to the latest state of its conversation, not to that of the time when it was given.
    """

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._by_handle: OrderedDict[str, Conversation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_handle)

    def keep(self, handle: str, conversation: Conversation) -> None:
        """Let `handle` lead to `conversation`."""
        self._by_handle[handle] = conversation
        while len(self._by_handle) > self._limit:
            self._by_handle.popitem(last=False)

    def resume(self, handle: str, model: str) -> Conversation:
        """The conversation of a handle.

        Raises:
            Closing: there is none, another connection still holds it, or it was with another model.
        """
        conversation = self._by_handle.get(handle)
        if conversation is None:
            raise Closing.unknown_session()
        if conversation.attached:
            raise Closing.internal()
        if conversation.model != model:
            raise Closing.invalid()
        return conversation
