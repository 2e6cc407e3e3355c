"""What is kept for callers until they come back for it: bounded in number and bytes, for each of them and for all."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Shelf"]

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class _Item(Generic[Kept]):
    what: Kept
    size: int
    whose: str


class Shelf(Generic[Kept]):
    """Things by their ids, those that were used longest ago first.

    Who puts too much on it loses their own, and nobody another's; when it is too much of all together, the oldest go.

    Args:
        most: how many.
        most_bytes, of_one_bytes: how large all may be, and those of one.
    """

    def __init__(self, *, most: int, most_bytes: int, of_one_bytes: int) -> None:
        self._most, self._most_bytes, self._of_one_bytes = most, most_bytes, of_one_bytes
        self._items: OrderedDict[str, _Item[Kept]] = OrderedDict()
        self._sizes: Counter[str] = Counter()
        self.size = 0
        """Bytes of all."""

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Kept]:
        return (item.what for item in self._items.values())

    def put(self, id: str, what: Kept, size: int, whose: str) -> None:
        """Keep something of ``size`` bytes, in the place of what had this id."""
        self.take(id)
        if self._sizes[whose] + size > self._of_one_bytes:
            for known in [known for known, item in self._items.items() if item.whose == whose]:
                self.take(known)
                if self._sizes[whose] + size <= self._of_one_bytes:
                    break
        while self._items and (len(self) >= self._most or self.size + size > self._most_bytes):
            self.take(next(iter(self._items)))
        self._items[id] = _Item(what, size, whose)
        self._sizes[whose] += size
        self.size += size

    def use(self, id: str) -> Kept | None:
        """What has this id, which counts as the latest from now on."""
        item = self._items.get(id)
        if item is None:
            return None
        self._items.move_to_end(id)
        return item.what

    def take(self, id: str) -> Kept | None:
        """What had this id, which is kept no more."""
        item = self._items.pop(id, None)
        if item is None:
            return None
        self.size -= item.size
        self._sizes[item.whose] -= item.size
        if self._sizes[item.whose] <= 0:
            del self._sizes[item.whose]
        return item.what
