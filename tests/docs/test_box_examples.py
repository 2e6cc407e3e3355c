"""The example in a processor's docstring is YAML that check takes."""

from pathlib import Path
from typing import Any

import pytest

from livegraph.audio import silence, write_wav
from livegraph.language import check_text, render
from livegraph.language.describe.docstrings import box_doc
from livegraph.language.source import parse_document
from livegraph.pipeline.graph import registry
from livegraph.pipeline.processor import Processor

_TOOLS = '''def opening_hours() -> str:
    """When the practice is open."""
    return "from 8 to 17"
'''


def _box(name: str) -> type[Processor]:
    found = registry.find(name)
    assert found is not None
    return found


def _files(value: Any) -> list[str]:
    """The files that an example names."""
    if isinstance(value, dict | list):
        return [
            file for each in (value.values() if isinstance(value, dict) else value) for file in _files(each)
        ]
    named = isinstance(value, str) and value.endswith((".py", ".wav", ".jsonl"))
    return [value] if named else []


@pytest.mark.parametrize("name", registry.names())
def test_the_example_has_no_fault(name: str, tmp_path: Path) -> None:
    """Its options and its name; what it is connected to is the reader's affair."""
    example = box_doc(_box(name)).example
    assert example, f"{name} has no example"
    data = parse_document(example).data
    for file in _files(data):
        if file.endswith(".wav"):
            write_wav(tmp_path / file, silence(8_000), 8_000)
        else:
            (tmp_path / file).write_text(_TOOLS if file.endswith(".py") else "not really a recording")
    text = "version: 1\npipeline:\n" + "".join(
        f"  {'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(example.splitlines())
    )
    assert list(data if isinstance(data, dict) else [data]) == [name]
    report = check_text(text, base_dir=tmp_path, environ={})
    wiring = ("LG305", "LG308")
    faults = [found for found in report.diagnostics if found.problem.code not in wiring]
    assert not faults, render(faults)
