"""Keys of a telephone that belong together: those with no long pause between them. Pure; time is an argument."""

from __future__ import annotations

from .conversation_policy import Keys

__all__ = ["KeyRow"]

_MOST = 64


class KeyRow:
    """The row of keys that is being pressed."""

    __slots__ = ("_pressed", "deadline_ns")

    def __init__(self) -> None:
        self._pressed = ""
        self.deadline_ns: int | None = None
        """When the row is over if nothing more is pressed; ``None`` when none was begun."""

    def press(self, now_ns: int, key: str, keys: Keys) -> str:
        """One more key; returns the whole row when this one ends it."""
        if key.upper() == keys.finish.upper() and self._pressed:
            return self._take()
        self._pressed += key
        self.deadline_ns = now_ns + keys.pause_ns
        return self._take() if len(self._pressed) >= _MOST else ""

    def tick(self, now_ns: int) -> str:
        """The whole row, when the pause after it was long enough."""
        return self._take() if self.deadline_ns is not None and now_ns >= self.deadline_ns else ""

    def _take(self) -> str:
        row, self._pressed, self.deadline_ns = self._pressed, "", None
        return row
