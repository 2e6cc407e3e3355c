"""Examples are right: the short one of every docstring, and the one with every option."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from livegraph.audio import silence, write_wav
from livegraph.language import check_text
from livegraph.language.describe import describe_box, full_example, short_example
from livegraph.language.source import parse_document
from livegraph.pipeline.options import option_specs
from livegraph.pipeline.processor import Processor
from support.shipped import SHIPPED_BOXES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that examples speak of."""
    (tmp_path / "tools.py").write_text(
        'def hello() -> str:\n    """Say hello."""\n    return "hello"\n', "utf-8"
    )
    (tmp_path / "question.wav").write_bytes(b"")
    write_wav(tmp_path / "office.wav", silence(8_000), 8_000)
    return tmp_path


def agent_around(name: str, cls: type[Processor], item: str) -> str:
    """An agent in which the box of an example has all that it needs: a program's frames in and out."""
    options = parse_document(item).data
    given: Mapping[str, Any] = (options[name] or {}) if isinstance(options, dict) else {}
    facts = describe_box(name, cls)
    fed = any(port.required for port in facts.inputs)
    lines = ["version: 1", "nodes:", *(["  feed: app_in"] if fed else []), "  box:", f"    use: {name}"]
    for line in item.splitlines()[1:]:
        lines.append(f"  {line}")
    if len(item.splitlines()) == 1:
        lines += [f"    {key}: {value!r}" for key, value in given.items()]
    edges = [
        f"  feed.{'audio' if 'AudioFrame' in port.types else 'frames'} -> box.{port.name}: {{}}"
        for port in facts.inputs
        if port.required
    ]
    for number, port in enumerate(facts.outputs):
        lines.append(f"  take{number}: app_out")
        edges.append(f"  box.{port.name} -> take{number}.frames: {{}}")
    return "\n".join([*lines, "edges:", *edges, ""])


@pytest.mark.parametrize("name", SHIPPED_BOXES)
def test_the_full_example_passes_check(name: str, folder: Path) -> None:
    """Every option of every box with its default, as it is printed, in a graph: nothing is wrong with it."""
    cls = SHIPPED_BOXES[name]
    report = check_text(agent_around(name, cls, full_example(cls, name)), base_dir=folder, environ={})
    assert [str(found.problem) for found in report.errors] == []
    assert report.agent is not None
    assert set(report.agent.graph.nodes["box"].options) == {
        option for option, spec in option_specs(cls).items() if spec.deprecated is None
    }


@pytest.mark.parametrize("name", SHIPPED_BOXES)
def test_the_short_example_passes_check(name: str, folder: Path) -> None:
    """What the docstring shows."""
    cls = SHIPPED_BOXES[name]
    report = check_text(agent_around(name, cls, short_example(cls, name)), base_dir=folder, environ={})
    assert [str(found.problem) for found in report.diagnostics] == []


def test_comments_fit_the_terminal() -> None:
    """No line is wider than 100 columns, whatever is said of an option."""
    for name, cls in SHIPPED_BOXES.items():
        assert max(map(len, full_example(cls, name).splitlines())) <= 100
