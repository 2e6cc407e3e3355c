"""Reading what a test looks for: events, frames, states, and what is asked of their fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from ..language.form_checks import Shape, is_missing
from ..pipeline.convert import Steps, convert
from ..pipeline.convert.hints import show as shown
from ..pipeline.convert.hints import strip
from ..pipeline.options import OptionSpec
from ..pipeline.spelling import did_you_mean, sure
from ..pipeline.turns.controller import TurnState
from .checks import OPERATORS, AnyOf, Bound, Check, Contains, Equals, Inverted, Matches, Subset
from .kinds import FieldOf, event_types, fields_of, frame_types, primary_of
from .model import Pattern, State, What
from .scene import Scene

__all__ = ["WHAT_KEYS", "PatternReader", "what_keys"]

WHAT_KEYS = ("state", "sound", "silence", "frame", "persona")
"""What can be looked for besides events."""

_ANYTHING = OptionSpec("value", Any)
_STATES = tuple(state.value for state in TurnState)


def what_keys() -> tuple[str, ...]:
    """Every key that says what is looked for."""
    return (*WHAT_KEYS, *event_types())


@dataclass(slots=True)
class PatternReader:
    """Reads patterns; faults go to ``shape``."""

    shape: Shape
    scene: Scene

    def what(self, key: str, value: Any, path: Steps) -> What | None:
        """The pattern ``key: value``, whose value stands at ``path``."""
        if key == "state":
            return self._state(value, path)
        if key in ("sound", "silence"):
            node = "" if value is None else self.shape.text(value, path, f"`{key}`", "name an output")
            if node is None:
                return None
            found = self.scene.only(self.scene.loudspeakers, node, "output", path, self.shape)
            return State("sound" if key == "sound" else "silence", found)
        if key == "frame":
            return self._frame(value, path)
        if key == "persona":
            # Who speaks from then on, by the name in `agents`.
            key = "persona_changed"
            if not self._is_persona(value, path):
                return None
        kind = event_types()[key]
        fields = self._fields(key, kind, value, path)
        return None if fields is None else Pattern("event", key, fields)

    def inside(self, value: Any, path: Steps, owner: str) -> What | None:
        """A mapping with exactly one key that says what is looked for, or that key alone."""
        if isinstance(value, str) and not is_missing(value):
            return self.alone(str(value), path)
        given = self.shape.mapping(value, path, f"`{owner}`", "write `{transcript: {role: agent}}`")
        if given is None:
            return None
        key = self.one_key(given, (), path, owner)
        return None if key is None else self.what(key, given[key], (*path, key))

    def alone(self, name: str, path: Steps) -> What | None:
        """A text that says what is looked for, without asking more of it."""
        known = what_keys()
        if name in known:
            return self.what(name, None, path)
        hint = did_you_mean(name, known) or f"events: {', '.join(event_types())}"
        message = f"`{name[:60]}` is nothing that happens in a call"
        self.shape.fault("LG504", message, path, hint, fix=sure(name, known))
        return None

    def one_key(
        self, given: Mapping[str, Any], others: tuple[str, ...], path: Steps, owner: str
    ) -> str | None:
        """The key of ``given`` that says what is looked for; ``others`` may stand beside it."""
        known = what_keys()
        unknown = [key for key in given if key not in known and key not in others]
        for key in unknown:
            hint = did_you_mean(key, (*known, *others)) or f"events: {', '.join(event_types())}"
            certain = sure(key, [one for one in (*known, *others) if one not in given])
            message = f"`{key[:60]}` is nothing that happens in a call"
            self.shape.fault("LG504", message, (*path, key), hint, key=True, fix=certain)
        found = [key for key in given if key in known]
        if len(found) > 1:
            hint = "write one item for each"
            message = f"`{found[0]}` and `{found[1]}` in one item"
            self.shape.fault("LG503", message, (*path, found[1]), hint, key=True)
            return None
        if not found and not unknown:
            hint = f"write one of {', '.join(WHAT_KEYS)}, or an event such as `transcript`"
            self.shape.fault("LG503", f"an item of `{owner}` says nothing", path, hint)
        return found[0] if found and not unknown else None

    def _state(self, value: Any, path: Steps) -> State | None:
        text = self.shape.text(value, path, "`state`")
        if text is None:
            return None
        if text not in _STATES:
            hint = did_you_mean(text, _STATES, label="states")
            message = f"a conversation is never `{text[:60]}`"
            self.shape.fault("LG506", message, path, hint, fix=sure(text, _STATES))
            return None
        return State("state", text)

    def _is_persona(self, value: Any, path: Steps) -> bool:
        """Whether somebody speaks under this name; what compares names is looked at when the test runs."""
        there = self.scene.personas
        if not isinstance(value, str) or is_missing(value) or value in there:
            return True
        hint = did_you_mean(value, there, label="agents") or "this agent has no `agents`"
        message = f"nobody speaks as `{value[:60]}`"
        self.shape.fault("LG506", message, path, hint, fix=sure(value, there))
        return False

    def _frame(self, value: Any, path: Steps) -> Pattern | None:
        given = self.shape.mapping(value, path, "`frame`", "write `{at: live.tool_calls, type: tool_call}`")
        if given is None:
            return None
        at = self.shape.text(given.get("at"), (*path, "at"), "`at`", "write `at: node` or `at: node.port`")
        places = () if at is None else self.scene.places(at, (*path, "at"), self.shape)
        name, kinds = "", frame_types()
        rest = {key: one for key, one in given.items() if key not in ("at", "type")}
        if given.get("type") is not None:
            name = self.shape.text(given["type"], (*path, "type"), "`type`") or ""
            if name and name not in kinds:
                hint = did_you_mean(name, kinds, label="frames")
                message = f"there is no frame `{name[:60]}`"
                self.shape.fault("LG504", message, (*path, "type"), hint, fix=sure(name, kinds))
                return None
        elif rest:
            hint = f"say which with `type:`, one of {', '.join(kinds)}"
            key = next(iter(rest))
            self.shape.fault(
                "LG505", f"frames of every type have no field `{key}`", (*path, key), hint, key=True
            )
            return None
        fields = self._fields(name, kinds[name], rest, path) if name else {}
        return None if fields is None or not places else Pattern("frame", name, fields, places, at or "")

    def _fields(self, name: str, kind: type, value: Any, path: Steps) -> dict[str, Check] | None:
        """What is asked of the fields of ``kind``; ``None`` when it cannot be told."""
        fields, primary = fields_of(kind), primary_of(name)
        checks: dict[str, Check] = {}
        if isinstance(value, dict):
            asked: dict[str, Any] = {}
            for key, one in value.items():
                if key in fields:
                    checks |= self._one(fields[key], one, (*path, key))
                elif key in OPERATORS and primary:
                    asked[key] = one
                else:
                    self._unknown_field(name, key, fields, primary, path)
            for key, one in asked.items():
                field = fields[primary]
                check = self._operator(key, one, field.spec, (*path, key))
                if check is not None:
                    checks[field.attribute] = _both(checks.get(field.attribute), check)
        elif value is not None and not is_missing(value):
            if not primary:
                self.shape.fault("LG506", f"`{name}` takes a mapping of fields, not {shown(value)}", path)
                return None
            checks |= self._one(fields[primary], value, path)
        if name == "transcript":
            # An utterance grows piece by piece: what is asked for is the whole, unless it is said.
            checks.setdefault("final", Equals(True))
        return checks

    def _unknown_field(
        self, name: str, key: str, fields: Mapping[str, FieldOf], primary: str, path: Steps
    ) -> None:
        known = [*fields, *(OPERATORS if primary else ())]
        hint = did_you_mean(key, known) or f"fields: {', '.join(fields) or 'none'}"
        certain = sure(key, known)
        self.shape.fault(
            "LG505", f"`{name}` has no field `{key[:60]}`", (*path, key), hint, key=True, fix=certain
        )

    def _one(self, field: FieldOf, value: Any, path: Steps) -> dict[str, Check]:
        check = self.check(value, field.spec, path)
        return {} if check is None else {field.attribute: check}

    def check(self, value: Any, spec: OptionSpec, path: Steps) -> Check | None:
        """What is asked of one value."""
        if is_missing(value):
            return None
        if isinstance(value, dict) and value and (not _is_mapping(spec.type) or set(value) <= set(OPERATORS)):
            found: Check | None = None
            for key, one in value.items():
                check = self._operator(key, one, spec, (*path, key))
                found = check if found is None else _both(found, check) if check is not None else found
            return found
        if isinstance(value, dict) and _is_mapping(spec.type):
            checks = {key: self.check(one, _ANYTHING, (*path, key)) for key, one in value.items()}
            return Subset({key: check for key, check in checks.items() if check is not None})
        return self._equals(value, spec, path)

    def _equals(self, value: Any, spec: OptionSpec, path: Steps) -> Check | None:
        made, problems = convert(spec, value, path=path, from_yaml=True)
        self.shape.problems += problems
        return None if any(not problem.warning for problem in problems) else Equals(made, spec.unit)

    def _operator(self, key: str, value: Any, spec: OptionSpec, path: Steps) -> Check | None:
        if key not in OPERATORS:
            hint = did_you_mean(key, OPERATORS, label="comparisons")
            message = f"`{spec.name}` cannot be compared by `{key[:60]}`"
            self.shape.fault("LG506", message, path, hint, key=True, fix=sure(key, OPERATORS))
            return None
        if is_missing(value):
            return None
        if key == "equals":
            return self._equals(value, spec, path)
        if key == "contains":
            return Contains(str(value) if isinstance(value, str) else value)
        if key == "matches":
            return self._pattern(value, path)
        if key == "not":
            check = self.check(value, spec, path)
            return None if check is None else Inverted(check)
        if key == "one_of":
            items = self.shape.sequence(value, path, "`one_of`")
            checks = [self.check(item, spec, (*path, index)) for index, item in enumerate(items or [])]
            return AnyOf(tuple(check for check in checks if check is not None)) if checks else None
        number = spec if spec.type is int or spec.type is float else OptionSpec(spec.name, float)
        limit, problems = convert(number, value, path=path, from_yaml=True)
        self.shape.problems += problems
        return None if problems else Bound(limit, key == "above", spec.unit)

    def _pattern(self, value: Any, path: Steps) -> Check | None:
        text = self.shape.text(value, path, "`matches`", "write a regular expression in single quotes")
        try:
            return None if text is None else Matches(re.compile(text))
        except re.error as error:
            where = "" if error.pos is None else f" at character {error.pos + 1}"
            self.shape.fault("LG506", f"not a regular expression: {error.msg}{where}", path)
            return None


@dataclass(frozen=True, slots=True)
class _Both:
    first: Check
    second: Check

    def __call__(self, value: Any) -> bool:
        return self.first(value) and self.second(value)

    def __str__(self) -> str:
        return f"{self.first} and {self.second}"


def _both(first: Check | None, second: Check) -> Check:
    return second if first is None else _Both(first, second)


def _is_mapping(hint: Any) -> bool:
    base = strip(hint)[0]
    members = get_args(base) if get_origin(base) not in (dict, Mapping) else ()
    return base is Any or (get_origin(base) or base) in (dict, Mapping) or dict in members
