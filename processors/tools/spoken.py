"""What was said in a call so far, for tools. Pure, bounded."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from ...pipeline.events import Transcript

__all__ = ["Said", "SpokenSoFar"]

_MOST = 500


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance, as far as it was heard."""

    role: Literal["user", "agent"]
    text: str
    interrupted: bool = False
    time_ns: int = 0
    """When it was known last, by the call's clock."""


class SpokenSoFar:
    """Keeps the newest utterances in the order in which they began."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[str, str, int], Said] = OrderedDict()

    def take(self, event: Transcript) -> None:
        """Somebody has said more, or another text is known to be right."""
        key = (event.role, event.source, event.utterance)
        self._said[key] = Said(event.role, event.text, event.interrupted, event.time_ns)
        while len(self._said) > _MOST:
            self._said.popitem(last=False)

    @property
    def all(self) -> tuple[Said, ...]:
        """Everything, oldest first."""
        return tuple(one for one in self._said.values() if one.text.strip())
