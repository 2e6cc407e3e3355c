"""On virtual time a plain function's time counts: one that is too slow outside is too slow in a test."""

import time

import pytest

from livegraph.pipeline import ToolCallFrame, ToolResultFrame
from livegraph.pipeline.units import MS
from livegraph.processors.tools.router import ToolRouter
from livegraph.testing import run_processor


@pytest.mark.parametrize(("takes_s", "fails"), [(1.2, True), (0.05, False)])
def test_a_slow_function_is_too_late(takes_s: float, fails: bool) -> None:
    """It took longer than its limit, though virtual time stood still while its thread worked."""

    def slow() -> str:
        """Take a while."""
        time.sleep(takes_s)
        return "done"

    ran = run_processor(
        ToolRouter, {"calls": [ToolCallFrame("1", "slow", {})]}, tools=[slow], timeout=700 * MS
    )
    (result,) = [frame for frame in ran.frames("results") if isinstance(frame, ToolResultFrame)]
    assert result.failed is fails
