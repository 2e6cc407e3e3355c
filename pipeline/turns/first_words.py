"""The first words of the agent in a call: awaited, sounding, over. Pure, with time as an argument."""

from __future__ import annotations

from typing import Literal

from .own_words import BEGIN_WITHIN_NS

__all__ = ["FirstWords"]


class FirstWords:
    """Those of one call; ``began_ns`` is when it began. Words that do not come are not awaited for ever."""

    def __init__(self, began_ns: int = 0) -> None:
        self._until_ns = began_ns + BEGIN_WITHIN_NS
        self._stage: Literal["awaited", "sounding", "over"] = "awaited"

    @property
    def awaited(self) -> bool:
        """Whether nothing of the agent was heard yet."""
        return self._stage == "awaited"

    @property
    def sounding(self) -> bool:
        """Whether they are heard now."""
        return self._stage == "sounding"

    @property
    def over(self) -> bool:
        """Whether they were heard to their end, or nobody waits for them any more."""
        return self._stage == "over"

    @property
    def deadline_ns(self) -> int | None:
        """When they are waited for no longer."""
        return self._until_ns if self.awaited else None

    def begin(self) -> None:
        """The agent is heard."""
        if self.awaited:
            self._stage = "sounding"

    def end(self) -> None:
        """The agent has fallen silent."""
        if self.sounding:
            self._stage = "over"

    def give_up(self) -> None:
        """They do not come."""
        if self.awaited:
            self._stage = "over"

    def tick(self, now_ns: int) -> None:
        """Time has passed."""
        if now_ns >= self._until_ns:
            self.give_up()
