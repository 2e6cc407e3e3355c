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
    name: str
    args: dict[str, Any]
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

    def key(self, name: str, args: dict[str, Any]) -> str:
        """A key for a call that is asked for now: the same for the same wish, however often it is asked for."""
        withdrawn = self._find(name, args, answered=False)
        if withdrawn is not None:
            self._stones.remove(withdrawn)
            return withdrawn.key
        wish = json.dumps([self._salt, self._answers, name, args], sort_keys=True, default=str)
        self._asked[wish] += 1
        return hashlib.sha256(f"{wish} {self._asked[wish]}".encode()).hexdigest()[:32]

    def bury(self, id_: str, name: str, args: dict[str, Any], key: str, body: dict[str, Any] | None) -> None:
        """The call is over, with ``body``, or withdrawn."""
        self._stones.append(Tombstone(id_, name, args, key, body, cut=body is None))

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

    def again(self, name: str, args: dict[str, Any]) -> Tombstone | None:
        """What the same call has given before, if the model may not know it."""
        stone = self._find(name, args, answered=True)
        return stone if stone is not None and stone.cut else None

    def forget(self) -> None:
        """The model has answered in full: what it asks for from now on is a new wish."""
        self._stones = deque((one for one in self._stones if one.body is None), maxlen=_MOST)
        self._answers += 1
        self._asked.clear()

    def _find(self, name: str, args: dict[str, Any], *, answered: bool) -> Tombstone | None:
        for stone in reversed(self._stones):
            if (stone.name, stone.args) == (name, args) and (stone.body is not None) is answered:
                return stone
        return None
