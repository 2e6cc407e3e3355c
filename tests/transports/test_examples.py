"""The examples in the boxes' docstrings are right."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import yaml

from livegraph.pipeline.convert import convert_options
from livegraph.pipeline.graph.registry import load
from livegraph.pipeline.processor import Processor


@pytest.mark.parametrize("name", ["file_in", "file_out", "webrtc_in", "webrtc_out"])
def test_an_example_is_what_the_box_takes(name: str) -> None:
    box: type[Processor] = load(name)
    for text in (inspect.getdoc(box), inspect.getdoc(inspect.getmodule(box))):
        example: dict[str, Any] = yaml.safe_load((text or "").split("Example:\n")[1])
        assert list(example) == [name]
        _, problems = convert_options(box, example[name], from_yaml=True)
        assert not problems
