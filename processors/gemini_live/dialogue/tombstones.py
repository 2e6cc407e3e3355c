"""What functions have answered, remembered until the model has made use of it. Pure.

A model that was interrupted, or lost its connection, asks for the same again under a new id. What it asks for may have
consequences, so it is given what there is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

__all__ = ["Tombstone", "Tombstones"]

_MOST = 64


@dataclass(slots=True)
class Tombstone:
    """A call that is over: what it gave; ``None`` when it was withdrawn before it gave anything."""

    id: str
    wish: str
    """What was asked for; see ``wishes``."""
    key: str
    body: dict[str, Any] | None = None
    cut: bool = False
    """Whether the model was interrupted since."""


class Tombstones:
    """Of one conversation. ``salt`` tells its keys from those of all others."""

    def __init__(self, salt: str = "") -> None:
        self._salt = salt
        self._stones: deque[Tombstone] = deque(maxlen=_MOST)
        self._answers = 0
        self._asked: Counter[str] = Counter()

    def key(self, wish: str) -> str:
        """A key for a call that is asked for now: the same for the same wish, however often it is asked for."""
        withdrawn = next(
            (stone for stone in reversed(self._stones) if stone.wish == wish and stone.body is None), None
        )
        if withdrawn is not None:
            self._stones.remove(withdrawn)
            return withdrawn.key
        self._asked[wish] += 1
        said = json.dumps([self._salt, self._answers, wish, self._asked[wish]])
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def bury(self, id_: str, wish: str, key: str, body: dict[str, Any] | None, *, cut: bool = False) -> None:
        """The call is over, with ``body``, or withdrawn. ``cut``: the model was interrupted while it waited."""
        self._stones.append(Tombstone(id_, wish, key, body, cut=cut or body is None))

    def late(self, id_: str, body: dict[str, Any]) -> bool:
        """A call that was withdrawn has given ``body`` all the same; ``False`` when it is not known."""
        stone = next((one for one in self._stones if one.id == id_ and one.body is None), None)
        if stone is None:
            return False
        stone.body = body
        return True

    def interrupted(self) -> None:
        """What the model asks for now it may have asked for before."""
        for stone in self._stones:
            stone.cut = True

    def again(self, id_: str, wish: str) -> Tombstone | None:
        """What the same call has given before, if the model may not know it: it was cut, or repeats the call's id."""
        known = (stone for stone in reversed(self._stones) if stone.wish == wish and stone.body is not None)
        return next((stone for stone in known if stone.cut or stone.id == id_), None)

    def forget(self) -> None:
        """The model has answered in full: what it asks for from now on is a new wish."""
        self._stones = deque((one for one in self._stones if one.body is None), maxlen=_MOST)
        self._answers += 1
        self._asked.clear()
