"""Ray on this machine, for the tests that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.ray_left import shut_ray


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """A Ray of one node, started when the first test asks for it; a skip where Ray is not installed."""
    ray = pytest.importorskip("ray", reason="Ray has no wheel for this Python")
    small = {"include_dashboard": False, "log_to_driver": False, "object_store_memory": 100_000_000}
    # Not any cluster that another test has at the same time.
    ray.init("local", num_cpus=4, **small)
    yield
    shut_ray()
