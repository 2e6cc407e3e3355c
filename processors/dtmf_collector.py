"""Digits that are entered one after the other: when they are whole. Sans-IO; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Collector", "Digits"]

_MOST = 64


@dataclass(frozen=True, slots=True)
class Digits:
    """What was entered; ``whole`` unless nothing came in time."""

    text: str
    whole: bool = True


class Collector:
    """Collects keys while somebody wants them.

    Args:
        pause_ns: silence after a digit that ends what is entered.
        patience_ns: wait for the first digit.
    """

    def __init__(self, pause_ns: int, patience_ns: int) -> None:
        self._pause_ns, self._patience_ns = pause_ns, patience_ns
        self._wanted = 0
        self._text = ""
        self.deadline_ns: int | None = None
        """When ``tick`` is to be called; ``None`` while nobody wants anything."""

    @property
    def active(self) -> bool:
        """Whether keys are collected now."""
        return self.deadline_ns is not None

    def begin(self, wanted: int, now_ns: int) -> None:
        """Collect ``wanted`` digits; 0 for as many as come before ``#`` or a pause."""
        self._wanted, self._text = max(0, min(wanted, _MOST)), ""
        self.deadline_ns = now_ns + self._patience_ns

    def key(self, key: str, now_ns: int) -> Digits | None:
        """A key was pressed; what was entered when it is whole. ``*`` takes back the last digit."""
        if self.deadline_ns is None:
            return None
        self.deadline_ns = now_ns + self._pause_ns
        if key == "#":
            return self._end()
        self._text = self._text[:-1] if key == "*" else self._text + key
        full = len(self._text) >= (self._wanted or _MOST)
        return self._end() if full else None

    def tick(self, now_ns: int) -> Digits | None:
        """Time has passed; what was entered when no more is waited for."""
        if self.deadline_ns is None or now_ns < self.deadline_ns:
            return None
        return self._end()

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self.deadline_ns = None

    def _end(self) -> Digits:
        self.deadline_ns = None
        return Digits(self._text, bool(self._text))
