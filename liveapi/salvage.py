"""Messages of which a part is not what it should be: that part is left out, and the rest counts.

A message may carry the end of a turn beside a token count that is no number. To refuse it whole would lose the end too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from .base import WireStruct

__all__ = ["convert_what_fits"]

_M = TypeVar("_M", bound=WireStruct)

_MOST = 32
"""Misfits of one message: what has more is no message."""
_PATH = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")


def convert_what_fits(tree: Any, kind: type[_M], tell: Callable[[msgspec.ValidationError], None]) -> _M:
    """``tree``, in the canonical spelling, as ``kind``; every misfit is told and taken out of ``tree``.

    A function call goes as a whole: without one of its fields it would be another call. Raises
    ``msgspec.ValidationError`` when nothing can be left out, or too much would have to be.
    """
    for _ in range(_MOST):
        try:
            return msgspec.convert(tree, kind)
        except msgspec.ValidationError as error:
            found = _PATH.search(str(error))
            steps = _steps(found["path"]) if found else []
            if not steps:
                raise
            _take_out(tree, steps)
            tell(error)
    return msgspec.convert(tree, kind)


def _steps(path: str) -> list[str | int]:
    """The way down to what does not fit; only to the map where it lies in one, whose keys are not told."""
    steps: list[str | int] = []
    at = 0
    while (found := _STEP.match(path, at)) is not None:
        steps.append(found["name"] if found["index"] is None else int(found["index"]))
        at = found.end()
    if steps[:2] == ["toolCall", "functionCalls"]:
        return steps[:3]
    return steps


def _take_out(tree: Any, steps: list[str | int]) -> None:
    for step in steps[:-1]:
        tree = tree[step]
    del tree[steps[-1]]
