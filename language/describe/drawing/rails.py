"""Rails: the columns beside a list of boxes in which arrows run from one row to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Cross", "Rail", "assign_columns", "crossings"]


@dataclass(slots=True)
class Rail:
    """A vertical line that joins the row of an output to those of one or more inputs."""

    start: int
    ends: list[int]
    column: int = field(default=-1)

    @property
    def top(self) -> int:
        return min(self.start, *self.ends)

    @property
    def bottom(self) -> int:
        return max(self.start, *self.ends)

    @property
    def rows(self) -> set[int]:
        """The rows in which it meets a box."""
        return {self.start, *self.ends}


@dataclass(slots=True)
class Cross:
    """Which ways lines leave one cell."""

    up: bool = False
    down: bool = False
    left: bool = False
    right: bool = False


def assign_columns(rails: Sequence[Rail]) -> int:
    """Give every rail a column, short ones next to the boxes; returns how many columns that takes."""
    taken: list[list[Rail]] = []
    for rail in sorted(rails, key=lambda rail: (rail.bottom - rail.top, rail.top)):
        for column, others in enumerate(taken):
            if all(rail.bottom < other.top or rail.top > other.bottom for other in others):
                others.append(rail)
                rail.column = column
                break
        else:
            rail.column = len(taken)
            taken.append([rail])
    return len(taken)


def crossings(rails: Sequence[Rail], row: int) -> dict[int, Cross]:
    """The cells of one row that lines pass through, by column; what lies between columns follows from them."""
    cells: dict[int, Cross] = {}
    reach = max((rail.column for rail in rails if row in rail.rows), default=-1)
    for rail in rails:
        if rail.top <= row <= rail.bottom:
            cell = cells.setdefault(rail.column, Cross())
            cell.up |= row > rail.top
            cell.down |= row < rail.bottom
    for column in range(reach + 1):
        cell = cells.setdefault(column, Cross())
        cell.left = True
        cell.right |= column < reach
    return cells
