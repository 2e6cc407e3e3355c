"""Files with tests: which they are, which agents they are of, and all that is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..language import Agent, Diagnostic, Report, check_file
from ..language.finding import find_agent, shipped_agents
from ..language.form_checks import Shape
from ..language.interpolate import fill_in
from ..language.layers import Layers, put_together
from ..language.origins import Tree
from ..language.source import read_document
from ..pipeline.convert import Steps
from ..pipeline.errors import NotFoundError, Problem
from ..pipeline.spelling import did_you_mean, sure
from .brains import brain_faults
from .model import Case
from .reading import read_cases
from .rig import scene_of
from .scene import Scene
from .scripts import script_faults
from .wire import RecordingFault, read_recording

__all__ = ["ENDING", "Group", "Suite", "find_suites", "is_test_file", "read_suite", "tests_of"]

ENDING = "_test"
"""What the name of a file ends with that holds tests of an agent in another."""

_KEYS = ("version", "agent", "name", "tests")
_YAML = (".yaml", ".yml")
_TESTS: Steps = ("tests",)


@dataclass(frozen=True, slots=True)
class Group:
    """The tests of one agent, and the text that they stand in."""

    agent: Agent
    scene: Scene
    cases: tuple[Case, ...]
    tree: Tree

    def place(self, path: Steps) -> tuple[str, int, int]:
        """File, line and column of what ``path`` leads to."""
        found = self.tree.locate(Problem("", "", path))
        return found.file, found.span.line, found.span.column


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file; there are none while it has ``errors``."""

    file: str
    groups: tuple[Group, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What keeps the tests from running."""
        return tuple(found for found in self.diagnostics if found.severity == "error")


def is_test_file(path: Path) -> bool:
    """Whether a file is named as one that holds tests only."""
    return path.stem.endswith(ENDING)


def find_suites(written: str) -> list[Path]:
    """The files with tests that ``written`` means: an agent (with the tests beside it), a file of tests, a folder.

    Raises ``NotFoundError`` when there is no such thing, or no test in it.
    """
    folder = Path(written)
    if folder.is_dir():
        files = sorted(path for path in folder.iterdir() if path.suffix in _YAML)
        found = [path for path in files if is_test_file(path) or _may_have_tests(path)]
        if not found:
            remedy = f"files of tests end with {ENDING}.yaml"
            raise NotFoundError(f"there are no tests in {written}", remedy)
        return found
    path = find_agent(written)
    if is_test_file(path):
        return [path]
    beside = path.with_name(f"{path.stem}{ENDING}{path.suffix}")
    found = [path] if _may_have_tests(path) else []
    found += [beside] if beside.is_file() else []
    if not found:
        remedy = f"write them below `tests:`, or into {beside.name} beside it"
        raise NotFoundError(f"{path.name} has no tests", remedy)
    return found


def _may_have_tests(path: Path) -> bool:
    data = read_document(path).data
    if not isinstance(data, dict):
        # One that cannot be read is looked at: then its faults are told.
        return True
    agents = data.get("agents")
    members = agents.values() if isinstance(agents, dict) else ()
    return any(isinstance(one, dict) and "tests" in one for one in (data, *members))


def read_suite(path: Path, *, environ: Mapping[str, str] | None = None) -> Suite:
    """The tests of ``path``, of its own agents or of the one that it names, and every fault of both."""
    path = _near(path)
    if not is_test_file(path):
        report = check_file(path, environ=environ)
        groups, found = tests_of(report)
        return _suite(str(path), groups, [*report.diagnostics, *_brains(report), *found])
    document = read_document(path, str(path))
    made = put_together([document], Layers())
    found = list(made.found)
    if document.data is None:
        return _suite(str(path), [], found)
    found += [made.tree.locate(problem) for problem in fill_in(made.tree, environ or os.environ, made.files)]
    shape = Shape()
    top = shape.mapping(made.tree.data, (), "a file of tests", "begin with `version: 1`") or {}
    _check_top(top, shape)
    agent, of_agent = _named_agent(path, top, shape, environ)
    found += [made.tree.locate(problem) for problem in shape.problems]
    groups = []
    if "tests" in top:
        group, faults = _group(agent, made.tree)
        groups = [] if group is None else [group]
        found += faults
    return _suite(str(path), groups, [*of_agent, *found])


def _near(path: Path) -> Path:
    """As it is written from here, which is what people want to read."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def tests_of(report: Report) -> tuple[list[Group], list[Diagnostic]]:
    """The tests in an agent's own file, and every fault of them; none while the agent has faults of its own."""
    groups: list[Group] = []
    found: list[Diagnostic] = []
    for resolved in report.resolved:
        if isinstance(resolved.tree.data, dict) and "tests" in resolved.tree.data:
            group, faults = _group(resolved.agent, resolved.tree)
            groups += [] if group is None else [group]
            found += faults
    return groups, found


def _suite(file: str, groups: list[Group], found: list[Diagnostic]) -> Suite:
    ordered = tuple(sorted(dict.fromkeys(found), key=lambda one: (one.file != file, one.file, one.span)))
    suite = Suite(file, tuple(groups), ordered)
    return replace(suite, groups=()) if suite.errors else suite


def _group(agent: Agent | None, tree: Tree) -> tuple[Group | None, list[Diagnostic]]:
    scene = Scene() if agent is None else scene_of(agent)
    cases, problems = read_cases(tree.get(_TESTS), folder=tree.folder, scene=scene)
    found = [tree.locate(problem) for problem in problems]
    for case in cases:
        found += _faults_beside(case, tree)
    return (None if agent is None else Group(agent, scene, tuple(cases), tree)), found


def _brains(report: Report) -> list[Diagnostic]:
    return [found for section in report.simulators for found in brain_faults(section)]


def _check_top(top: Mapping[str, Any], shape: Shape) -> None:
    shape.unknown_keys(top, _KEYS, (), "at the top of a file of tests")
    if top and "tests" not in top:
        shape.fault("LG501", "the file has no tests", (), "write `tests:` and below it `- name: ...`")
    if str(top.get("version", 1)) != "1":
        hint = "this livegraph reads version 1"
        shape.fault("LG106", "the version of this file is not known", ("version",), hint)


def _named_agent(
    path: Path, top: Mapping[str, Any], shape: Shape, environ: Mapping[str, str] | None
) -> tuple[Agent | None, list[Diagnostic]]:
    if top.get("agent") is None:
        hint = "write `agent: my_agent.yaml`"
        shape.fault("LG513", "the file does not say which agent its tests are of", (), hint)
        return None, []
    text = shape.text(top["agent"], ("agent",), "`agent`", "name a file, or a shipped agent")
    file = None if text is None else _agent_file(path, text, shape)
    if file is None:
        return None, []
    report = check_file(file, environ=environ)
    found = [*report.diagnostics, *_brains(report)]
    names = [agent.name for agent in report.agents]
    if top.get("name") is None and len(names) <= 1:
        return report.agent, found
    name = shape.text(top.get("name"), ("name",), "`name`", f"say which: {', '.join(names)}")
    if name is None or not names:
        return None, found
    if name not in names:
        hint = did_you_mean(name, names, label="agents")
        shape.fault(
            "LG513", f"{file.name} has no agent `{name[:60]}`", ("name",), hint, fix=sure(name, names)
        )
        return None, found
    return report.agents[names.index(name)], found


def _agent_file(path: Path, text: str, shape: Shape) -> Path | None:
    file = path.parent / text
    if file.is_file() and file.suffix in _YAML:
        return file
    shipped = shipped_agents()
    if text in shipped:
        return shipped[text]
    names = [*(one.name for one in path.parent.glob("*.yaml") if not is_test_file(one)), *shipped]
    hint = did_you_mean(text, names) or f"looked in {path.parent.absolute()}"
    shape.fault("LG513", f"there is no agent `{text[:80]}`", ("agent",), hint, fix=sure(text, names))
    return None


def _faults_beside(case: Case, tree: Tree) -> list[Diagnostic]:
    """The faults of what a test brings along: its recording, and its scripts for the simulator."""
    found = script_faults(case, tree)
    if case.live is not None:
        try:
            read_recording(case.live)
        except (RecordingFault, OSError) as error:
            where = f" (line {error.line})" if isinstance(error, RecordingFault) else ""
            said = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            message = f"`{case.live.name}` is no recording of the wire{where}: {said}"
            hint = 'a line is {"time": 1.25, "from": "server", "message": {...}}'
            found.append(tree.locate(Problem("LG512", message, (*case.path, "live"), hint=hint)))
    return found
