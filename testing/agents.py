"""The tests of an agent from a program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..language import render
from ..pipeline.errors import ConfigError
from .result import Result
from .runner import Runner
from .suites import find_suites, read_suite

__all__ = ["run_tests"]


def run_tests(file: str | Path, *, only: str = "") -> Iterator[Result]:
    """Run the tests that ``file`` means, as ``livegraph test`` would, and yield each result as it comes.

    ``only`` is a part of the names of those to run. Raises ``ConfigError`` with every fault of the file and its
    agent, ``NotFoundError`` when there is no such file or it has no tests.
    """
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
