"""The Ray cluster of ``livegraph cluster``: what was wished of it, and the pool that has it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .exits import Exit, Fault

if TYPE_CHECKING:
    from ..server.calls import ServedAgent
    from ..server.pool import WorkerSetup
    from ..server.pool.ray_pool import RayPool

__all__ = ["ClusterWish", "join_cluster", "read_placements", "read_resources"]

_RESOURCE = re.compile(r"([A-Za-z][\w./-]*)[=:](\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class ClusterWish:
    """What the command line says of the cluster."""

    address: str = "auto"
    """Of the head, as Ray has it; ``local`` starts one here."""
    most_workers: int | None = None
    """Up to so many are started as they are needed."""
    resources: Mapping[str, float] = field(default_factory=lambda: {"CPU": 1.0})
    placements: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    public_address_command: str = ""


def read_resources(written: str, option: str) -> dict[str, float]:
    """``CPU=1,udp=1`` as Ray takes it. ``Fault`` for what is none."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        match = _RESOURCE.fullmatch(part)
        if match is None or not math.isfinite(float(match[2])):
            raise Fault(f"{option}: {part!r} is no resource", "one looks like CPU=1 or udp=1", Exit.USAGE)
        name = match[1].upper() if match[1].lower() in ("cpu", "gpu") else match[1]
        found[name] = float(match[2])
    return found


def read_placements(written: Sequence[str]) -> dict[str, dict[str, float]]:
    """``vision=GPU:0.1`` for each agent that has a worker of its own. ``Fault`` for what is none."""
    found = {}
    for each in written:
        agent, equals, resources = each.partition("=")
        if not agent or not equals:
            raise Fault(f"--place: {each!r} places no agent", "one looks like vision=GPU:0.1", Exit.USAGE)
        found[agent] = read_resources(resources, "--place")
    return found


def join_cluster(
    stack: AsyncExitStack,
    wish: ClusterWish,
    setup: WorkerSetup,
    agents: Sequence[ServedAgent],
    *,
    workers: int,
    **common: Any,
) -> RayPool:
    """Connect to the cluster until ``stack`` ends. ``Fault`` when it cannot be reached, or Ray is not installed."""
    try:
        import ray

        from ..server.pool.ray_pool import RayPool
    except ImportError:
        raise Fault("Ray is not installed", "pip install 'livegraph[ray]'", Exit.CONFIG) from None
    from ..server.pool.scaling import Scaling

    for agent in wish.placements:
        if agent not in {served.name for served in agents}:
            raise Fault(f"--place: there is no agent `{agent}`", code=Exit.USAGE)
    where: dict[str, Any] = {} if wish.address == "local" else {"address": wish.address}
    if wish.address == "local":
        where = {"include_dashboard": False}
    try:
        ray.init(log_to_driver=True, **where)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Fault(
            f"no cluster can be reached at {wish.address}: {str(error).splitlines()[0]}",
            "`ray start --head` starts one, --address local one for this command",
        ) from None
    stack.callback(ray.shutdown)
    scaling = Scaling(workers, wish.most_workers) if wish.most_workers else None
    return RayPool(
        setup,
        agents,
        workers=workers,
        resources=wish.resources,
        placements=wish.placements,
        scaling=scaling,
        **common,
    )
