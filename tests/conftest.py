"""Fixtures for every test. Helpers to import live in ``tests/support``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.leaks import no_leaks


@pytest.fixture(autouse=True)
def _leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """What `@pytest.mark.leaks` promises."""
    if request.node.get_closest_marker("leaks") is None:
        yield
        return
    with no_leaks():
        yield
