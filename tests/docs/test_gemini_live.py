"""What `docs/gemini-live.md` says of the box is so: its ports, its options and their defaults."""

from __future__ import annotations

import re
from pathlib import Path

from livegraph.pipeline.options import option_specs
from livegraph.pipeline.processor import ports_of
from livegraph.pipeline.units import parse_duration
from livegraph.processors.gemini_live import GeminiLive

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "gemini-live.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables from a heading to the next one of its rank."""
    section = TEXT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in found]


def test_every_port_is_explained() -> None:
    """And none that is not there."""
    assert [row[0].strip("`") for row in rows("Ports")] == list(ports_of(GeminiLive))


def test_every_option_is_explained() -> None:
    """Once, and none that is not there."""
    named = [name for row in rows("Options") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(option_specs(GeminiLive))


def test_the_defaults_are_right() -> None:
    """Where they are written as values."""
    specs = option_specs(GeminiLive)
    for names, default, _ in rows("Options"):
        value = re.fullmatch(r"`([^`]+)`|(\d+)", default)
        if value is None or names == "`activity_handling`":
            continue
        spec = specs[re.findall(r"`(\w+)`", names)[0]]
        written = value[1] or value[2]
        assert str(parse_duration(written) if spec.unit == "ns" else written) == str(spec.default), names
