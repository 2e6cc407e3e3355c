"""The rules of conversation as their own tests say them, in calls on virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegraph.testing import run_tests

_FILES = sorted(Path(__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_the_rules_hold(file: Path) -> None:
    results = list(run_tests(file))
    assert results
    for result in results:
        assert result.outcome == "passed", f"{result.name}: {result.message}\n{result}"
