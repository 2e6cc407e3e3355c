"""Fixtures for every test. Helpers to import live in ``tests/support``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest

from livegraph.testing import no_leaks

# A slow or busy machine is no fault of the code. In CI the examples are the same each time.
hypothesis.settings.register_profile(
    "livegraph",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
)
hypothesis.settings.load_profile("livegraph")


@pytest.fixture(autouse=True)
def _leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """What `@pytest.mark.leaks` promises."""
    if request.node.get_closest_marker("leaks") is None:
        yield
        return
    with no_leaks():
        yield
