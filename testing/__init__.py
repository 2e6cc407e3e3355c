"""Tests of agents and of processors: for ``livegraph test``, for pytest and for programs of one's own.

``read_cases`` turns the section ``tests`` of a file into ``Case`` objects; ``judge`` holds a ``Timeline`` against
what a case expects; ``run_tests`` runs an agent against virtual callers and yields a result for each case::

    from livegraph.testing import run_tests

    for result in run_tests("receptionist_test.yaml"):
        assert result.outcome == "passed", result.report()
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .judge import Verdict, judge
from .model import Case
from .reading import read_cases
from .scene import Scene
from .timeline import Entry, Timeline

if TYPE_CHECKING:
    from .result import Result

__all__ = ["Case", "Entry", "Scene", "Timeline", "Verdict", "judge", "read_cases", "run_tests"]


def run_tests(file: str | Path, *, only: str = "") -> Iterator[Result]:
    """Run the tests that ``file`` means, as ``livegraph test`` would, and yield each result as it comes.

    ``only`` is a part of the names of those to run. Raises ``ConfigError`` with every fault of the file and its
    agent, ``NotFoundError`` when there is no such file or it has no tests.
    """
    from ..language import render
    from ..pipeline.errors import ConfigError
    from .runner import Runner
    from .suites import find_suites, read_suite

    suites = [read_suite(path) for path in find_suites(str(file))]
    errors = [found for suite in suites for found in suite.errors]
    if errors:
        raise ConfigError([found.problem for found in errors], render(errors))
    runner = Runner()
    for suite in suites:
        for group in suite.groups:
            for case in group.cases:
                if only.lower() in case.name.lower():
                    yield runner.run(group, case)
