"""What a test asks of one field: ``Kore``, ``{contains: tea}``, ``{above: 200ms}``, a mapping of such."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..pipeline.units import format_duration

__all__ = [
    "OPERATORS",
    "AnyOf",
    "Bound",
    "Check",
    "Contains",
    "Equals",
    "Inverted",
    "Matches",
    "Subset",
    "show",
]

OPERATORS = ("equals", "contains", "matches", "above", "below", "one_of", "not")


class Check(Protocol):
    """A question to a value."""

    def __call__(self, value: Any) -> bool:
        """Whether the value is as expected."""
        ...


@dataclass(frozen=True, slots=True)
class Equals:
    """Equal; of text the amount of white space does not count."""

    expected: Any
    unit: str = ""

    def __call__(self, value: Any) -> bool:
        if isinstance(self.expected, str) and isinstance(value, str):
            return value.split() == self.expected.split()
        if isinstance(self.expected, bool) or isinstance(value, bool):
            return value is self.expected
        return bool(value == self.expected)

    def __str__(self) -> str:
        return show(self.expected, self.unit)


@dataclass(frozen=True, slots=True)
class Contains:
    """A text with another in it, in any case; a list with a value in it."""

    expected: Any

    def __call__(self, value: Any) -> bool:
        if isinstance(value, str):
            return " ".join(str(self.expected).lower().split()) in " ".join(value.lower().split())
        return isinstance(value, list | tuple | Mapping) and self.expected in value

    def __str__(self) -> str:
        return f"containing {show(self.expected)}"


@dataclass(frozen=True, slots=True)
class Matches:
    """A text in which a regular expression is found."""

    pattern: re.Pattern[str]

    def __call__(self, value: Any) -> bool:
        return isinstance(value, str) and self.pattern.search(value) is not None

    def __str__(self) -> str:
        return f"matching /{self.pattern.pattern}/"


@dataclass(frozen=True, slots=True)
class Bound:
    """A number above or below another, never equal to it."""

    limit: float
    above: bool
    unit: str = ""

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return value > self.limit if self.above else value < self.limit

    def __str__(self) -> str:
        return f"{'above' if self.above else 'below'} {show(self.limit, self.unit)}"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several."""

    choices: tuple[Check, ...]

    def __call__(self, value: Any) -> bool:
        return any(choice(value) for choice in self.choices)

    def __str__(self) -> str:
        return " or ".join(map(str, self.choices))


@dataclass(frozen=True, slots=True)
class Inverted:
    """Anything else."""

    check: Check

    def __call__(self, value: Any) -> bool:
        return not self.check(value)

    def __str__(self) -> str:
        return f"not {self.check}"


@dataclass(frozen=True, slots=True)
class Subset:
    """A mapping that has these keys, and perhaps others."""

    checks: Mapping[str, Check]

    def __call__(self, value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            key in value and check(value[key]) for key, check in self.checks.items()
        )

    def __str__(self) -> str:
        return "{" + ", ".join(f"{key}: {check}" for key, check in self.checks.items()) + "}"


def show(value: Any, unit: str = "") -> str:
    """A value on one line, as it would be written in YAML or JSON."""
    if unit == "ns" and isinstance(value, int) and value >= 0:
        return format_duration(value)
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # it holds itself
        text = "..."
    return text if len(text) <= 160 else text[:157] + "..."
