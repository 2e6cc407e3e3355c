"""Options and keys with a history: former names go on working, with a warning that carries the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import Fix, Problem
from ..options import OptionSpec
from .leaves import Place

__all__ = ["current"]


def current(
    fields: Mapping[str, tuple[str, OptionSpec]], given: Mapping[str, Any], place: Place, noun: str
) -> Iterator[tuple[str, str, Any]]:
    """Each name as it was given, the name that it has now, and its value.

    Codes: LG210 a former name, LG211 no longer of use (warnings); LG109 given under both names.
    """
    former = {mark.old: (name, mark) for name, (_, spec) in fields.items() for mark in spec.renamed}
    problems = place.context.problems
    for name, value in given.items():
        path = (*place.path, name)
        meant = name
        if name in former and name not in fields:
            meant, mark = former[name]
            message = f"the {noun} `{name}` of `{place.label}` is called `{meant}` since {mark.since}"
            if meant in given:
                problems.append(
                    Problem("LG109", message, path, key=True, hint=f"remove `{name}`: both are there")
                )
                continue
            problems.append(
                Problem("LG210", message, path, key=True, hint="rename it", warning=True, fix=Fix(meant))
            )
        if meant in fields and (gone := fields[meant][1].deprecated) is not None:
            message = f"the {noun} `{meant}` of `{place.label}` is deprecated since {gone.since}"
            problems.append(Problem("LG211", message, path, key=True, hint=gone.instead, warning=True))
        yield name, meant, value
