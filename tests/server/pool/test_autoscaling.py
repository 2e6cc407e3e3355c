"""The cluster grows and shrinks with the calls: by Ray's own autoscaler, with nodes that are processes here."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from livegraph.server.pool import WorkerSetup
from livegraph.server.pool.scaling import Scaling
from support.pool_agents import SOURCE, agents
from support.pool_callers import crew, until
from support.ray_left import shut_ray
from support.ray_nodes import autoscaling_cluster

ray = pytest.importorskip("ray", reason="Ray has no wheel for this Python")
pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("ray")]

SECOND = 1_000_000_000


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Ray's sockets go in there: its path must be a short one."""
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as name:
        yield Path(name)


def nodes() -> int:
    """How many there are beside the head."""
    return sum(node["Alive"] for node in ray.nodes()) - 1


def test_the_cluster_grows_and_shrinks_with_the_calls(short_folder: Path) -> None:
    """There is no node at first. The first worker brings one, calls that fill it bring another; when they get fewer,
    its worker takes no more of them, its calls come to their end, and then the cluster takes its node away."""
    from livegraph.server.pool.ray_pool import RayPool

    async def run() -> None:
        scaling = Scaling(1, 2, full=0.9, near=0.8, empty=0.1)
        resources = {"CPU": 1, "udp": 1}
        pool = RayPool(
            WorkerSetup(source=SOURCE, report="full"),
            agents(),
            workers=1,
            resources=resources,
            scaling=scaling,
            max_calls=8,
            retired_drain_s=120,
        )
        assert nodes() == 0
        async with pool, crew() as callers:
            assert nodes() == 1
            lines = [await callers.call(pool) for _ in range(2)]
            # What is full from now on is nearly nothing, so that two calls make it so.
            pool.scaling = Scaling(1, 2, full=0.02, near=0.01, empty=0.001)
            await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 2, 120)
            assert nodes() == 2
            while not any(answered.pc_id.startswith("1-") for _, answered in lines):
                assert len(lines) < 6
                lines.append(await callers.call(pool))
            pool.scaling = Scaling(1, 2, full=0.9, near=0.8, empty=0.7, patience_ns=SECOND)
            await until(lambda: len([w for w in pool.workers if w["state"] == "serving"]) == 1, 60)
            caller, _ = next(line for line in lines if line[1].pc_id.startswith("1-"))
            await callers.heard(caller, 440)
            assert nodes() == 2
            for _, answered in lines:
                await pool.hang_up(answered.pc_id)
            await until(lambda: nodes() == 1, 90)

    with autoscaling_cluster(short_folder, {"CPU": 1, "udp": 1}, 2) as address:
        ray.init(address=address, log_to_driver=False)
        try:
            asyncio.run(run())
        finally:
            shut_ray()
