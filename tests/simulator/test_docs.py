"""docs/simulator.md tells all that there is, and its examples work."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from livegraph.simulator.behaviour import Behaviour
from livegraph.simulator.brain import parse_brain
from livegraph.simulator.message_kinds import RECEIVED, SENT
from livegraph.simulator.oddities import Oddities
from livegraph.simulator.scenario_acts import ACTIONS
from livegraph.simulator.scenario_file import parse_scenario

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml (?:brain|scenario)\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_can_be_read(tmp_path: Path) -> None:
    """The brain, and the scenario that names it."""
    brain, scenario = EXAMPLES
    parse_brain(brain)
    (tmp_path / "dentist.brain.yaml").write_text(brain)
    assert parse_scenario(scenario, folder=tmp_path).brain is not None


@pytest.mark.parametrize("name", [*ACTIONS, *RECEIVED, *SENT])
def test_every_action_and_every_kind_of_message_is_there(name: str) -> None:
    assert f"`{name}" in PAGE


@pytest.mark.parametrize("name", [field.name.removesuffix("_ns") for field in fields(Oddities)])
def test_every_oddity_is_there(name: str) -> None:
    assert f"`{name}: " in PAGE


@pytest.mark.parametrize(
    "name",
    [
        field.name.removesuffix("_ns").removeprefix("send_")
        for field in fields(Behaviour)
        if field.name not in ("timing", "setup_within_ns")
    ],
)
def test_every_setting_is_there(name: str) -> None:
    assert f"`{name}" in PAGE
