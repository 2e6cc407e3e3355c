"""Whatever the graph: every frame arrives once and in order or is counted, a fault names its node, the call ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from support.any_graph import Scene, run, scenes


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@settings(max_examples=200)
@given(scenes())
def test_any_graph_keeps_the_engines_promises(scene: Scene) -> None:
    """Fan-out, fan-in, circles, every policy and kind of handler, faults, restarts, cuts and ends; 2,000 of them by
    ``python -m support.any_graph``."""
    run(scene)
