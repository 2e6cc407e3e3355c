"""Words of the policy's own on their way to the caller's ear. Pure; time is an argument."""

from __future__ import annotations

from typing import Literal

from ..frames import source_of
from ..units import SECOND
from .acts import Say

__all__ = ["BEGIN_WITHIN_NS", "OwnWords"]

BEGIN_WITHIN_NS = 15 * SECOND
"""Words that were asked for and do not begin by then are not waited for."""


class OwnWords:
    """One sentence that is to be said: wanted, then given to who says it, then heard."""

    __slots__ = ("_after_turn", "_source", "say", "stage", "until_ns")

    def __init__(self, say: Say) -> None:
        self.say = say
        self.stage: Literal["wanted", "given", "sounding"] = "wanted"
        self.until_ns = 0
        """When it is not waited for any more, once it was given."""
        self._source, self._after_turn = "", 0

    def give(self, now_ns: int) -> Say:
        """It is handed over to be said."""
        self.stage, self.until_ns = "given", now_ns + BEGIN_WITHIN_NS
        return self.say

    def taken(self, source: str, after_turn: int) -> None:
        """The node ``source`` has it: it is a turn later than its ``after_turn``."""
        if self.stage == "given":
            self._source, self._after_turn = source, int(after_turn)

    def sound(self, turn: int) -> None:
        """``turn`` begins to be heard: is this it?"""
        if self.stage == "given" and int(turn) > self._after_turn and source_of(turn) in ("", self._source):
            self.stage = "sounding"
