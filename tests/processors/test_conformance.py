"""Every box that is registered under our name passes the suite that is everybody's, and a few things beside."""

import inspect
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from livegraph.pipeline import Processor
from livegraph.pipeline.convert import convert_options
from livegraph.pipeline.graph.registry import GROUP, load
from livegraph.pipeline.processor import ports_of
from livegraph.testing import ConformanceCase, conformance
from support.conformance import HARNESSES, SAMPLES, Harness

OURS = sorted({entry.name for entry in entry_points(group=GROUP) if entry.value.startswith("livegraph.")})


def cases(name: str) -> list[ConformanceCase]:
    """What is asked of a box of ours."""
    harness = HARNESSES.get(name, Harness())
    return conformance(
        load(name),
        harness.options,
        resources=harness.resources,
        samples=SAMPLES,
        endless=harness.endless,
    )


def test_our_boxes_are_found() -> None:
    """The table of harnesses names only what exists."""
    assert {"resampler", "tool_router", "vad_gate"} <= set(OURS)
    assert set(HARNESSES) <= set(OURS)


@pytest.mark.parametrize(
    ("name", "case"), [pytest.param(name, case, id=f"{name}-{case}") for name in OURS for case in cases(name)]
)
def test_it_conforms(name: str, case: ConformanceCase) -> None:
    """See `livegraph.testing.conformance`."""
    elsewhere = HARNESSES.get(name, Harness()).elsewhere
    if case.alive and elsewhere:
        pytest.skip(elsewhere)
    case()


def _example(text: str) -> tuple[str, dict[str, Any]]:
    """The box that an example shows, and its options."""
    _, mark, example = text.partition("Example:\n")
    assert mark, "there is no Example in the docstring"
    ((name, options),) = yaml.safe_load(inspect.cleandoc(example)).items()
    assert isinstance(options, dict)
    return name, options


@pytest.mark.parametrize("name", OURS)
def test_a_box_says_what_it_is_for_and_shows_an_example(name: str, tmp_path: Path) -> None:
    """Purpose, ports and a YAML example in the module, purpose and example in the class; both examples are right."""
    processor = load(name)
    (tmp_path / "tools.py").write_text("def work() -> str:\n    return 'done'\n")
    module = inspect.getdoc(sys.modules[processor.__module__]) or ""
    own = inspect.getdoc(processor) or ""
    assert processor.__doc__ is not Processor.__doc__
    for text in (module, own):
        assert re.match(r"\S.*\.$", text.splitlines()[0]), "the first line is one sentence"
        shown, options = _example(text)
        # A module of two boxes shows one of them.
        assert shown == name or (text is module and load(shown).__module__ == processor.__module__)
        _, problems = convert_options(load(shown), options, base_dir=tmp_path, from_yaml=True)
        assert problems == []
    for port in ports_of(processor):
        assert f"``{port}``" in module, f"the module's docstring does not name the port {port}"
