"""Function calls whose arguments come in pieces: joined before anybody is asked. Pure.

Vertex AI can send a call while the model still writes it: ``partialArgs`` name places in the arguments by JSON Path
(RFC 9535) and give their values, texts in several parts, and ``willContinue`` says that more of the call follows.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from ....liveapi import FunctionCall
from ....liveapi.content import PartialArg

__all__ = ["CallPieces", "Spoiled"]

_MOST_OPEN = 16
_MOST_CHARACTERS = 1_000_000
"""Of the texts of one call."""
_MOST_ITEMS = 10_000
"""Of one list: an index is a number that the other side chooses."""
_DEEPEST = 32
_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]'"]+)|\[(?P<index>\d{1,9})\]|\[(?P<mark>['"])(?P<quoted>(?:\\.|[^\\])*?)(?P=mark)\]""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A call that is over and cannot be made: a part of it is missing, or leads nowhere."""

    id: str
    name: str
    why: str


class _Misfit(Exception):
    """A piece that belongs nowhere."""


@dataclass(slots=True)
class _Open:
    id: str
    name: str
    args: dict[str, Any] = field(default_factory=dict)
    characters: int = 0
    fault: str = ""


class CallPieces:
    """The calls of one conversation that are not whole yet."""

    def __init__(self) -> None:
        self._open: list[_Open] = []

    def __bool__(self) -> bool:
        """Whether more of a call is awaited."""
        return bool(self._open)

    def take(self, call: FunctionCall) -> FunctionCall | Spoiled | None:
        """The call as it is to be made, as soon as it is whole; ``None``: more of it follows."""
        found = self._belongs_to(call)
        if found is None and not call.will_continue and not call.partial_args:
            return call
        if found is None:
            found = _Open(call.id, call.name)
            # Of too many at once the oldest will never be finished.
            self._open = [*self._open[1 - _MOST_OPEN :], found]
        found.name = found.name or call.name
        _add(found, call)
        if call.will_continue:
            return None
        self._open.remove(found)
        if found.fault:
            return Spoiled(found.id, found.name, found.fault)
        return FunctionCall(id=found.id, name=found.name, args=found.args)

    def spoil(self, why: str) -> None:
        """Something was not understood: what is open may lack a part."""
        for each in self._open:
            each.fault = each.fault or why

    def withdraw(self, ids: Collection[str]) -> None:
        """The server no longer wants these."""
        self._open = [each for each in self._open if not each.id or each.id not in ids]

    def drop(self) -> list[str]:
        """The model will not go on with what is open; the names of those functions."""
        names, self._open = [each.name for each in self._open], []
        return names

    def _belongs_to(self, call: FunctionCall) -> _Open | None:
        """By id; where the server gives none by name, and what has neither goes on with the newest."""
        for each in reversed(self._open):
            if call.id:
                if each.id == call.id:
                    return each
            elif not call.name or (call.name == each.name and not each.id):
                return each
        return None


def _add(found: _Open, call: FunctionCall) -> None:
    found.args |= call.args
    for piece in call.partial_args:
        try:
            _put(found, _steps(piece.json_path), piece)
        except _Misfit as misfit:
            found.fault = found.fault or str(misfit)


def _steps(path: str) -> list[str | int]:
    """The way to a place in the arguments: names of entries, and indexes into lists."""
    steps: list[str | int] = []
    # Some write the path without its root.
    rest = path.removeprefix("$") if path.startswith("$") else f".{path}"
    at = 0
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None or len(steps) == _DEEPEST:
            break
        at = step.end()
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            steps.append(
                step["name"] if step["name"] is not None else _ESCAPE.sub(_unescaped, step["quoted"])
            )
    if at < len(rest) or not steps or isinstance(steps[0], int):
        raise _Misfit(f"no place in the arguments: {path[:60]!r}")
    return steps


def _unescaped(found: re.Match[str]) -> str:
    letter = found[1]
    return chr(int(letter[1:], 16)) if len(letter) > 1 else _ESCAPED.get(letter, letter)


def _put(found: _Open, steps: list[str | int], piece: PartialArg) -> None:
    here: Any = found.args
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        _make_room(here, step, steps)
        old = here.get(step) if isinstance(step, str) else here[step]
        if following is None:
            here[step] = _value(found, old, piece)
        elif old is None:
            here[step] = {} if isinstance(following, str) else []
        here = here[step]


def _make_room(here: Any, step: str | int, steps: list[str | int]) -> None:
    if isinstance(step, str):
        if not isinstance(here, dict):
            raise _Misfit(f"{step!r} leads into a value that is no object")
        return
    if not isinstance(here, list):
        raise _Misfit(f"{step} leads into a value that is no list")
    if step >= _MOST_ITEMS:
        raise _Misfit(f"a list with more than {_MOST_ITEMS} items: {steps[0]!r}")
    here.extend([None] * (step + 1 - len(here)))


def _value(found: _Open, old: Any, piece: PartialArg) -> Any:
    """What stands there with this piece: the parts of a text follow each other, all else is given at once."""
    text = piece.string_value
    if text is not None:
        found.characters += len(text)
        if found.characters > _MOST_CHARACTERS:
            raise _Misfit(f"more than {_MOST_CHARACTERS} characters of arguments")
        return old + text if isinstance(old, str) else text
    if piece.bool_value is not None:
        return piece.bool_value
    if piece.number_value is not None:
        number = piece.number_value
        return int(number) if number.is_integer() else number
    # Nothing at all is null, which as JSON is no value, or the end of a text.
    return None if piece.null_value is not None else old
