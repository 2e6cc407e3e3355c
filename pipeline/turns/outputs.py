"""What the caller hears of a conversation: who plays it, whose sound it is now, and which words it has reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from ..frames import Turn
from .controller import TurnController
from .heard_queue import HeardQueue

__all__ = ["Background", "Beneath", "Outputs", "Playout"]


class Playout(Protocol):
    """What an output that plays sound does for the conversation. All at once, none waits."""

    def pause(self) -> None:
        """Stop the sound, keep what is queued."""
        ...

    def resume(self) -> None:
        """Go on from the paused sample."""
        ...

    def flush(self, turn: int) -> None:
        """Drop what is queued of turns of its source up to ``turn``. Ends a pause."""
        ...


class Beneath(Protocol):
    """What goes on beneath the sound of one output."""

    def under(self, sound: Any) -> Any:
        """``sound`` (int16 samples) with the next of it beneath."""
        ...


class Background(Protocol):
    """A sound that goes on beneath all that the caller hears."""

    def under(self, rate: int) -> Beneath:
        """What an output that plays at ``rate`` mixes in; each has its own."""
        ...


class Outputs:
    """The outputs of one call, and what was heard of them."""

    def __init__(self) -> None:
        self.playouts: list[Playout] = []
        self.background: Background | None = None
        self.listeners: list[Callable[[Any, int], None]] = []
        """Who is told of the samples that leave, and their rate."""
        self.heard_ns = 0
        """When the caller last heard the agent."""
        self._words: defaultdict[TurnController, HeardQueue[Callable[[], None]]] = defaultdict(HeardQueue)
        self.sounding: dict[str, int] = {}
        """The turn of each source that is heard."""
        self._since_ns = 0

    def pause(self) -> None:
        """Stop the sound, keep what is queued."""
        for playout in self.playouts:
            playout.pause()

    def resume(self) -> None:
        """Go on from the paused sample."""
        for playout in self.playouts:
            playout.resume()

    def flush(self, turn: int) -> list[int]:
        """Drop what is queued up to ``turn``, and the words that were not heard; returns the turns that sounded."""
        # The sound stops first: what is done after it costs time that the caller would hear.
        for playout in self.playouts:
            playout.flush(turn)
        for controller, words in self._words.items():
            if not isinstance(turn, Turn) or controller.source == turn.source:
                words.void(turn)
        cut = [source for source, sounding in self.sounding.items() if sounding <= turn]
        return [self.sounding.pop(source) for source in cut]

    def say(self, controller: TurnController, turn: int, at_ns: int, heard: Callable[[], None]) -> None:
        """Call ``heard`` when the sound of ``turn`` has been played up to ``at_ns``; never if it is cut before."""
        if not self.playouts:
            heard()
            return
        for released in self._words[controller].add(turn, at_ns, heard):
            released()

    def is_new(self, controller: TurnController, turn: int) -> bool:
        """Whether the sound of ``turn`` begins."""
        sounding = self.sounding.get(controller.source)
        return sounding != turn and turn > controller.voided

    def begins(self, controller: TurnController, turn: int, now_ns: int) -> int | None:
        """The sound of ``turn`` begins; returns the turn of its source that sounded until now."""
        before = self.sounding.get(controller.source)
        self.sounding[controller.source], self._since_ns = turn, now_ns
        return before

    def ends(self, controller: TurnController, turn: int) -> bool:
        """The last sound of ``turn`` was heard; whether it was the one that sounded."""
        if self.sounding.get(controller.source) != turn:
            return False
        del self.sounding[controller.source]
        return True

    def played(self, controller: TurnController, turn: int, position_ns: int) -> None:
        """The caller has heard ``turn`` up to ``position_ns`` of its sound."""
        words = self._words[controller]
        if words.pieces:
            for released in words.played(turn, position_ns):
                released()

    def finished(self, controller: TurnController, turn: int) -> None:
        """The caller has heard all of ``turn``."""
        for released in self._words[controller].finished(turn):
            released()

    def sounds_ns(self, now_ns: int) -> int | None:
        """For how long the agent has been heard in this turn; ``None`` while it is not."""
        return now_ns - self._since_ns if self.sounding else None
