"""Places in a text, what is wrong there, and the change that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Edit", "Fault", "FaultKind", "Span", "YamlError"]

FaultKind = Literal[
    "character", "syntax", "tab", "quote", "key twice", "too much", "alias", "tag", "document", "key"
]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file, in characters from line 1, column 1; the end is the first one after it."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a text: what ``span`` covers is replaced by ``text``; an empty span only puts it in."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a text, and where."""

    kind: FaultKind
    message: str
    span: Span
    hint: str = ""
    edit: Edit | None = None


class YamlError(ValueError):
    """A fault after which nothing can be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault
