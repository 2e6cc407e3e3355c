"""Every agent that ships does what its tests say: with no key, no network, and no waiting."""

from __future__ import annotations

import functools
import json
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from livegraph.language.finding import shipped_agents
from support.command import livegraph

_WITHIN_S = 150
"""Minutes of conversation are computed: on a machine that is busy with something else that takes its time."""
_FOLDER = Path(str(resources.files("livegraph.configs")))


def _outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return {test["name"]: test["outcome"] for test in json.loads(done.stdout)["tests"]}


@functools.cache
def _run(agent: str) -> subprocess.CompletedProcess[str]:
    """Its tests, run once for all who look at what comes of them."""
    return livegraph("test", agent, "--format", "json", within_s=_WITHIN_S)


@pytest.mark.parametrize("agent", shipped_agents())
def test_it_passes_its_tests(agent: str) -> None:
    """Each has some, and every one of them passes; without the speech extra those that need words are skipped."""
    done = _run(agent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    outcomes = _outcomes(done)
    assert outcomes and set(outcomes.values()) <= {"passed", "skipped"}
    if _has_speech():
        assert set(outcomes.values()) == {"passed"}


def test_it_goes_the_same_way_each_time() -> None:
    """To the millisecond of the call: nothing depends on the machine."""
    again = livegraph("test", "receptionist", "--format", "json", within_s=_WITHIN_S)
    runs = [json.loads(done.stdout)["tests"] for done in (_run("receptionist"), again)]
    for test in (test for run in runs for test in run):
        del test["seconds"]
    assert runs[0] == runs[1]


def test_the_whole_folder_can_be_run() -> None:
    """Files of tests, and agents that hold theirs; nothing else."""
    done = livegraph("test", _FOLDER, "-k", "says back", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [Path(test["file"]).name for test in json.loads(done.stdout)["tests"]] == ["echo.yaml"]


def _has_speech() -> bool:
    try:
        import hibari  # noqa: F401
        import moonshine_voice  # noqa: F401
    except ImportError:
        return False
    return True
