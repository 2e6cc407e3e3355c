"""HTTP on the nodes of a cluster by Ray Serve: what keeps it from that is told before anything is deployed."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

import pytest

from livegraph.cli.clusters import ClusterWish
from livegraph.cli.exits import Exit, Fault
from livegraph.cli.serving import settle
from livegraph.cli.terminal import Terminal
from livegraph.cli.ways_in import open_ways_in
from livegraph.language.server_section import ServerSection
from livegraph.server.pool import LocalPool

WISH = ClusterWish(ingress="serve", entry_port=8123)


def fault_of(wish: ServerSection) -> Fault:
    """What is said of it."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            await open_ways_in(stack, WISH, LocalPool, settle(wish), Terminal())  # type: ignore[arg-type]  # nothing is served

    with pytest.raises(Fault) as fault:
        asyncio.run(run())
    return fault.value


def test_ray_serve_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "livegraph.server.pool.ray_serve", None)
    fault = fault_of(ServerSection())
    assert fault.code == Exit.CONFIG
    assert "livegraph[ray-serve]" in fault.remedy


def test_a_serve_that_others_may_reach_is_no_way_in_for_nobody_in_particular(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where it runs already, its address is not ours to choose: who may call has to be said."""
    pytest.importorskip("ray.serve", reason="Ray Serve is not installed", exc_type=ImportError)
    from livegraph.server.pool import ray_serve

    monkeypatch.setattr(ray_serve, "serve_runs", lambda: True)
    fault = fault_of(ServerSection())
    assert fault.code == Exit.USAGE
    assert "--host 0.0.0.0" in fault.remedy


def test_where_serve_listens_is_as_the_command_says() -> None:
    """Its name and its options by the command's: several commands may have a part of the paths each."""
    pytest.importorskip("ray.serve", reason="Ray Serve is not installed", exc_type=ImportError)
    from livegraph.server.pool import ray_serve

    front = ray_serve.ServeFront("0.0.0.0", 80, root_path="/voice/one")
    assert front.name == "livegraph-voice-one"
    assert ray_serve.ServeFront().name == "livegraph"
    assert front.http_options() == {"host": "0.0.0.0", "port": 80}
