"""Results that are given again for the same arguments. Pure, bounded, with time as an argument."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from .results import ToolResult

__all__ = ["ResultCache", "wish_key"]

_MOST = 512
_MOST_BYTES = 8_000_000


def wish_key(name: str, arguments: Mapping[str, Any]) -> str:
    """The same for the same function with the same arguments."""
    return json.dumps([name, arguments], sort_keys=True, default=str)


class ResultCache:
    """The newest results, each for as long as it was said; the oldest go when there are too many."""

    def __init__(self, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[str, tuple[int, int, ToolResult]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str, now_ns: int) -> ToolResult | None:
        """What was kept under ``key`` and still holds."""
        found = self._kept.get(key)
        if found is None:
            return None
        until_ns, _, result = found
        if now_ns >= until_ns:
            self._drop(key)
            return None
        return result

    def put(self, key: str, result: ToolResult, until_ns: int) -> None:
        """Keep ``result`` until then; one that is too big for the whole cache is not."""
        size = (
            len(key) + len(json.dumps(result.body, default=str)) + sum(len(one.data) for one in result.media)
        )
        if size > self._most_bytes:
            return
        self._drop(key)
        self._kept[key] = (until_ns, size, result)
        self._bytes += size
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._bytes -= found[1]
