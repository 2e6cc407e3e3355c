"""Reading ``expect``: what a test wants to happen, in order, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..language.form_checks import Shape, is_missing
from ..pipeline.convert import Steps, convert
from ..pipeline.options import OptionSpec, Range
from ..pipeline.spelling import did_you_mean, sure
from ..pipeline.units import SECOND
from .model import AnyOrder, Expectation, Gaps, Never, Occurs, Pattern, When
from .patterns import PatternReader
from .scene import Scene

__all__ = ["EXPECTATION_KEYS", "ExpectationReader"]

EXPECTATION_KEYS = ("never", "no_gap_longer_than", "any_order")
"""What an item can expect besides something that happens or holds."""

_TIMES = ("within", "not_before", "for", "since")
_TIME = Range(0, 3600 * SECOND)
_LONGEST = OptionSpec("no_gap_longer_than", int, unit="ns", range=_TIME)


def _in_full(given: Mapping[str, Any]) -> dict[str, Any]:
    """An item whose short words are written out: ``hears_within: 1s`` is sound within 1 s."""
    made: dict[str, Any] = {}
    for key, value in given.items():
        if key == "ended_because":
            made["call_ended"] = {"reason": value}
        elif key == "hears_within":
            made |= {"sound": None, "within": value}
        else:
            made[key] = value
    return made


@dataclass(slots=True)
class ExpectationReader:
    """Reads the expectations of one test."""

    shape: Shape
    scene: Scene
    patterns: PatternReader
    names: set[str]
    """What times can be counted from: steps, and expectations as they are read."""
    steps: frozenset[str] = frozenset()
    """Those that have an end as well."""

    def read(self, value: Any, path: Steps) -> tuple[Expectation, ...]:
        """The list below ``expect`` of the test at ``path``; a test without one is a fault."""
        where = (*path, "expect")
        if value is None:
            hint = "write what should happen: `- transcript: {role: agent}`"
            self.shape.fault("LG103", "a test needs `expect`", path, hint)
            return ()
        items = self.shape.sequence(value, where, "`expect`", "write `- transcript: ...` for each")
        if items is not None and not items:
            self.shape.fault("LG503", "nothing is expected", where, "write `- transcript: {role: agent}`")
        return self._items(items or [], where)

    def _items(self, items: list[Any], path: Steps) -> tuple[Expectation, ...]:
        found: list[Expectation] = []
        for index, item in enumerate(items):
            made = self._item(item, (*path, index))
            if made is not None:
                found.append(made)
                if made.name:
                    self.names.add(made.name)
        return tuple(found)

    def _item(self, value: Any, path: Steps) -> Expectation | None:
        if isinstance(value, str) and not is_missing(value):
            # `- interrupted`: no more is asked of it.
            alone = self.patterns.alone(str(value), path)
            return None if alone is None else Occurs(path, what=alone)
        given = self.shape.mapping(value, path, "an item of `expect`", "write `transcript: {role: agent}`")
        if given is None:
            return None
        given = _in_full(given)
        special = [key for key in given if key in EXPECTATION_KEYS]
        if special:
            others = [key for key in given if key not in (special[0], *_TIMES, "name", "at")]
            if others:
                message = f"`{special[0]}` and `{others[0]}` in one item"
                self.shape.fault("LG503", message, (*path, others[0]), "write one item for each", key=True)
                return None
            key = special[0]
            read = {"never": self._never, "no_gap_longer_than": self._gaps, "any_order": self._any_order}[key]
            return read(given, path)
        key = self.patterns.one_key(given, (*EXPECTATION_KEYS, *_TIMES, "name"), path, "expect") or ""
        if not key:
            return None
        what = self.patterns.what(key, given[key], (*path, key))
        when = self._when(given, path, ("within", "not_before", "for", "since"))
        if isinstance(what, Pattern) and given.get("for") is not None:
            hint = "`for` goes with state, sound and silence"
            self.shape.fault(
                "LG509", f"`{key}` happens in a moment and lasts no time", (*path, "for"), hint, key=True
            )
        name = self._name(given, path)
        return None if what is None else Occurs(path, when, name, what)

    def _never(self, given: Mapping[str, Any], path: Steps) -> Expectation | None:
        what = self.patterns.inside(given["never"], (*path, "never"), "never")
        when = self._when(given, path, ("within", "since"))
        self._nameless(given, path, "never")
        return None if what is None else Never(path, when, "", what)

    def _gaps(self, given: Mapping[str, Any], path: Steps) -> Expectation | None:
        longest, problems = convert(
            _LONGEST, given["no_gap_longer_than"], path=(*path, "no_gap_longer_than"), from_yaml=True
        )
        self.shape.problems += problems
        at = given.get("at")
        node = "" if at is None else self.shape.text(at, (*path, "at"), "`at`", "name an output")
        where = (*path, "at") if node else path
        found = (
            ""
            if node is None
            else self.scene.only(self.scene.loudspeakers, node, "output", where, self.shape)
        )
        when = self._when(given, path, ("within", "since"))
        self._nameless(given, path, "no_gap_longer_than")
        return None if longest is None else Gaps(path, when, "", found, longest)

    def _any_order(self, given: Mapping[str, Any], path: Steps) -> Expectation | None:
        where = (*path, "any_order")
        items = self.shape.sequence(given["any_order"], where, "`any_order`")
        when = self._when(given, path, ("within", "not_before", "since"))
        made: list[Occurs] = []
        for index, item in enumerate(self._items(items or [], where)):
            if isinstance(item, Occurs):
                # The times of the group are those of its items that have none of their own.
                made.append(item if item.when != When() else replace(item, when=when))
            else:
                hint = "write it before or after the group"
                self.shape.fault("LG503", "this cannot stand in a group", (*where, index), hint)
        self._nameless(given, path, "any_order")
        if items is not None and not items:
            self.shape.fault("LG503", "the group is empty", where)
        return AnyOrder(path, when, "", tuple(made))

    def _nameless(self, given: Mapping[str, Any], path: Steps, key: str) -> None:
        if given.get("name") is not None:
            message = f"`{key}` has no moment that a name could stand for"
            self.shape.fault("LG510", message, (*path, "name"), key=True)

    def _name(self, given: Mapping[str, Any], path: Steps) -> str:
        if given.get("name") is None:
            return ""
        name = self.shape.text(given["name"], (*path, "name"), "`name`") or ""
        if name and not self.shape.node_name(name, (*path, "name")):
            return ""
        if name in self.names:
            message = f"something else is called `{name}` already"
            self.shape.fault("LG510", message, (*path, "name"), "choose another name")
        return name

    def _when(self, given: Mapping[str, Any], path: Steps, allowed: tuple[str, ...]) -> When:
        for key in _TIMES:
            if given.get(key) is not None and key not in allowed:
                hint = f"it takes {', '.join(allowed)}"
                self.shape.fault("LG509", f"`{key}` makes no sense here", (*path, key), hint, key=True)
        times: dict[str, int | None] = {}
        for key in ("within", "not_before", "for"):
            value = given.get(key) if key in allowed else None
            times[key] = None
            if value is not None:
                spec = OptionSpec(key, int, unit="ns", range=_TIME)
                made, problems = convert(spec, value, path=(*path, key), from_yaml=True)
                self.shape.problems += problems
                times[key] = made
        within, not_before = times["within"], times["not_before"] or 0
        if within is not None and within < not_before:
            hint = "`not_before` is the earliest, `within` the latest moment"
            self.shape.fault("LG509", "`within` is over before `not_before`", (*path, "within"), hint)
        return When(within, not_before, times["for"] or 0, self._since(given, path))

    def _since(self, given: Mapping[str, Any], path: Steps) -> str:
        if given.get("since") is None:
            return ""
        since = self.shape.text(given["since"], (*path, "since"), "`since`", "write the name of a step") or ""
        name, dot, end = since.partition(".")
        if not since or (name in self.names and not dot) or (name in self.steps and end == "end"):
            return since
        choices = [*sorted(self.names), *(f"{one}.end" for one in sorted(self.steps))]
        hint = did_you_mean(since, choices, label="names") or "give a step of `feed` a `name:`"
        self.shape.fault(
            "LG510", f"nothing is called `{since[:60]}`", (*path, "since"), hint, fix=sure(since, choices)
        )
        return since
