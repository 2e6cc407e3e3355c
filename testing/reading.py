"""Reading tests from the section ``tests`` of a file; every fault with its place.

Codes: LG501 no tests, LG502 two of one name, LG503 an item that says nothing or two things, LG504 no such event,
frame or step, LG505 no such field, LG506 what a field cannot be compared with, LG507 no such node, port, tool or voice,
LG508 no telling which is meant, LG509 times that contradict, LG510 no such name, LG511 no such file, LG512 a
recording that cannot be read, LG513 no such agent, LG514 things that exclude each other; and those of ``config.shape``
and ``convert``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..language.form_checks import Shape, is_missing
from ..pipeline.convert import Steps, convert
from ..pipeline.errors import Problem
from ..pipeline.graph.inputs import input_values
from ..pipeline.options import OptionSpec, Range
from ..pipeline.units import MS, SECOND
from .expecting import ExpectationReader
from .feeding import StepReader
from .files import found_file
from .model import DEFAULT_TIMEOUT_NS, Case, Mock, Outcome
from .patterns import PatternReader
from .scene import Scene

__all__ = ["CASE_KEYS", "read_cases"]

CASE_KEYS = ("name", "inputs", "feed", "expect", "mock", "brain", "scenario", "live", "timeout", "skip")
_OUTCOME_KEYS = ("returns", "error", "delay", "hang")
_ANYTHING = OptionSpec("returns", Any)
_DELAY = OptionSpec("delay", int, unit="ns", range=Range(0, 3600 * SECOND))
_TIMEOUT = OptionSpec("timeout", int, unit="ns", range=Range(100 * MS, 3600 * SECOND))
_HANG = OptionSpec("hang", bool)


def read_cases(
    data: Any, *, folder: Callable[[Steps], Path], scene: Scene | None = None, path: Steps = ("tests",)
) -> tuple[list[Case], list[Problem]]:
    """The tests in ``data``, which stands at ``path`` of its file, and every fault.

    ``folder`` tells where files are looked for that are named at a path. Names of nodes, ports and tools are checked
    by ``scene``.
    """
    shape = Shape()
    items = shape.sequence(data, path, "`tests`", "write `- name: ...` for each test")
    if items is not None and not items:
        shape.fault("LG501", "there are no tests", path, "write `- name: ...` for each test")
    reader = _Reader(shape, folder, scene or Scene())
    cases = [reader.case(item, (*path, index)) for index, item in enumerate(items or [])]
    return [case for case in cases if case is not None], shape.problems


@dataclass(slots=True)
class _Reader:
    shape: Shape
    folder: Callable[[Steps], Path]
    scene: Scene
    names: dict[str, Steps] = field(default_factory=dict)

    def case(self, value: Any, path: Steps) -> Case | None:
        shape = self.shape
        given = shape.mapping(value, path, "a test", "write `name:`, `feed:` and `expect:`")
        if given is None:
            return None
        before = len(shape.problems)
        shape.unknown_keys(given, CASE_KEYS, path, "in a test")
        name = self._name(given, path)
        patterns = PatternReader(shape, self.scene)
        steps = StepReader(shape, self.scene, self.folder, patterns)
        feed = steps.read(given.get("feed"), (*path, "feed"))
        expectations = ExpectationReader(
            shape, self.scene, patterns, set(steps.names), frozenset(steps.names)
        )
        expect = expectations.read(given.get("expect"), path)
        mocks = self._mocks(given.get("mock"), (*path, "mock"))
        inputs = self._inputs(given.get("inputs"), (*path, "inputs"))
        live = self._file(given.get("live"), (*path, "live"), "a recording of the wire")
        brain = self._script(given.get("brain"), (*path, "brain"), "rules of the simulator")
        scenario = self._script(given.get("scenario"), (*path, "scenario"), "a scenario of the simulator")
        for key in ("brain", "scenario"):
            if live is not None and given.get(key) is not None:
                message = f"`live` and `{key}` in one test"
                hint = "a recording answers in the place of the simulator"
                shape.fault("LG514", message, (*path, key), hint, key=True)
        timeout_ns = self._converted(_TIMEOUT, given.get("timeout"), (*path, "timeout"), DEFAULT_TIMEOUT_NS)
        skip = (
            ""
            if given.get("skip") is None
            else shape.text(given["skip"], (*path, "skip"), "`skip`", "say why")
        )
        if any(not problem.warning for problem in shape.problems[before:]):
            return None
        return Case(name, feed, expect, mocks, brain, scenario, live, timeout_ns, skip or "", inputs, path)

    def _name(self, given: Mapping[str, Any], path: Steps) -> str:
        if given.get("name") is None:
            self.shape.fault("LG103", "a test needs a name", path, "write `name: what it shows`")
            return ""
        name = self.shape.text(given["name"], (*path, "name"), "`name`")
        if name in self.names:
            where = f"the other is test {int(self.names[name][-2]) + 1} of this file"
            self.shape.fault("LG502", f"there is a test `{name[:60]}` already", (*path, "name"), where)
        elif name is not None:
            self.names[name] = (*path, "name")
        return name or ""

    def _file(self, value: Any, path: Steps, what: str) -> Path | None:
        if value is None:
            return None
        text = self.shape.text(value, path, f"`{path[-1]}`", f"name {what}")
        return None if text is None else found_file(text, path, self.folder(path), self.shape)

    def _script(self, value: Any, path: Steps, what: str) -> Path | Mapping[str, Any] | None:
        if isinstance(value, dict):
            return value
        return self._file(value, path, f"a file with {what}, or write them here")

    def _inputs(self, value: Any, path: Steps) -> dict[str, Any]:
        """What the caller brings along."""
        given = self.shape.mapping(value, path, "`inputs`", "write `caller: Ada`")
        if given is None or self.scene.graph is None:
            return given or {}
        if any(is_missing(one) for one in given.values()):
            return {}
        values, problems = input_values(self.scene.inputs, given)
        for problem in problems:
            # Of one that is not given, the test itself is the place.
            where = (*path, *problem.path[1:]) if problem.path[-1] in given else path[:-1]
            self.shape.problems.append(replace(problem, path=where, key=problem.code == "LG176"))
        return values

    # Mocks

    def _mocks(self, value: Any, path: Steps) -> tuple[Mock, ...]:
        given = self.shape.mapping(value, path, "`mock`", "write `tools.get_weather: {temp_c: 4}`")
        mocks: list[Mock] = []
        for written, outcome in (given or {}).items():
            node, _, tool = written.rpartition(".")
            where = (*path, written)
            found = self.scene.router_of(node, tool, where, self.shape)
            outcomes = outcome if isinstance(outcome, list) else [outcome]
            if not outcomes:
                hint = "write what it returns, or `{hang: true}`"
                self.shape.fault("LG503", f"the mock of `{tool}` does nothing", where, hint)
            paths = (
                [(*where, index) for index in range(len(outcomes))] if isinstance(outcome, list) else [where]
            )
            made = [self._outcome(one, at) for one, at in zip(outcomes, paths, strict=True)]
            mocks.append(Mock(found, tool, tuple(one for one in made if one is not None), where))
        return tuple(mocks)

    def _outcome(self, value: Any, path: Steps) -> Outcome | None:
        """``{returns, error, delay, hang}``, or just what it returns."""
        if is_missing(value):
            return None
        if not (isinstance(value, dict) and value and set(value) <= set(_OUTCOME_KEYS)):
            return Outcome(self._converted(_ANYTHING, value, path, None))
        delay_ns = self._converted(_DELAY, value.get("delay"), (*path, "delay"), 0)
        hang = self._converted(_HANG, value.get("hang"), (*path, "hang"), False)
        says = [key for key in ("returns", "error") if value.get(key) is not None]
        if hang:
            says.append("hang")
        for key in says[1:]:
            message = f"`{says[0]}` and `{key}` of one call"
            hint = "a call has one outcome; several calls are a list"
            self.shape.fault("LG514", message, (*path, key), hint, key=True)
        if "error" in says:
            error = self.shape.text(value["error"], (*path, "error"), "`error`")
            return None if error is None else Outcome(error=error, delay_ns=delay_ns)
        returned = self._converted(_ANYTHING, value.get("returns"), (*path, "returns"), None)
        return Outcome(returned, None, delay_ns, hang)

    def _converted(self, spec: OptionSpec, value: Any, path: Steps, default: Any) -> Any:
        if value is None:
            return default
        made, problems = convert(spec, value, path=path, from_yaml=True)
        self.shape.problems += problems
        return default if made is None else made
