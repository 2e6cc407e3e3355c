"""The page on changing while running: its programs run, and what it calls live is."""

import re
from pathlib import Path

import pytest

from livegraph.language.describe import describe_box, installed
from livegraph.pipeline.processor import Processor, ports_of
from support.command import livegraph

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = (_ROOT / "docs" / "changing-while-running.md").read_text("utf-8")
_PROGRAMS = re.findall(r"```python\n(.*?)```", _PAGE, re.DOTALL)


@pytest.mark.parametrize("program", _PROGRAMS, ids=["tune", "own box", "another graph"])
def test_its_programs_run(program: str) -> None:
    """As they stand."""
    space: dict[str, object] = {"__name__": "page"}
    exec(compile(program, "page", "exec"), space)
    for value in space.values():
        if isinstance(value, type) and issubclass(value, Processor):
            ports_of(value)


def test_it_shows_every_live_option() -> None:
    """Of the boxes that its agent has, all that are marked; and no box has one that cannot be found by `inspect`."""
    (agent,) = re.findall(r"```yaml\n(.*?)```", _PAGE, re.DOTALL)
    for name, found in installed(shipped_only=True):
        assert isinstance(found, type)
        live = {option.name for option in describe_box(name, found).options if option.live}
        shown = next((line for line in agent.splitlines() if f"- {name}: " in line), "")
        assert live == set(re.findall(r"(\w+): ", shown.partition("{")[2])) or not shown
    told = livegraph("inspect", "gain").stdout
    assert "live: a change reaches running calls" in told


def test_explain_and_the_schema_say_so(tmp_path: Path) -> None:
    """Beside each live value."""
    file = tmp_path / "a.yaml"
    file.write_text("version: 1\npipeline: [webrtc_in, {gain: {db: -6}}, webrtc_out]\n")
    lines = livegraph("explain", file).stdout.splitlines()
    (line,) = (line for line in lines if "db: -6" in line)
    assert line.endswith("; live")
    assert "live: a change reaches running calls" in (_ROOT / "configs" / "schema" / "v1.json").read_text(
        "utf-8"
    )
