"""The Ray cluster of ``livegraph cluster``: what was wished of it, and the pool that has it."""

from __future__ import annotations

import math
import re
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .exits import Exit, Fault

if TYPE_CHECKING:
    from ..language import Agent
    from ..server.calls import ServedAgent
    from ..server.pool import WorkerSetup
    from ..server.pool.ray_pool import Placement, RayPool

__all__ = ["ClusterWish", "join_cluster", "read_placements", "read_resources"]

_REACHED_WITHIN_S = 5.0
_STARTED = "`ray start --head` starts one, --address local one for this command"
_AT = re.compile(r"at (\S+:\d+)")
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
    entry_port: int | None = None
    """Where the other nodes take HTTP, too."""
    ingress: str = "own"
    """Who takes it there: ``own`` entries, or Ray ``serve``."""
    replicas: int = 1
    """Of the application that Ray Serve has."""


def read_resources(written: str, option: str) -> dict[str, float]:
    """``CPU=1,udp=1`` as Ray takes it. ``Fault`` for what is none."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        match = _RESOURCE.fullmatch(part)
        if match is None or not math.isfinite(float(match[2])):
            raise Fault(f"{option}: {part!r} is no resource", "one looks like CPU=1 or udp=1", Exit.USAGE)
        name = match[1].upper() if match[1].lower() in ("cpu", "gpu") else match[1]
        found[name] = float(match[2])
        if found[name] > 1 and found[name] != int(found[name]):
            raise Fault(
                f"{option}: {name} is a part of one, or a whole number",
                f"write {name}={math.ceil(found[name])}",
                Exit.USAGE,
            )
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


def placements_of(wish: ClusterWish, agents: Sequence[Agent]) -> dict[str, Placement]:
    """The agents that have workers of their own: by their files, and by the command line, which counts more.

    Raises ``Fault`` for one that there is not.
    """
    from ..server.pool.ray_pool import Placement

    for name in wish.placements:
        if name not in {agent.name for agent in agents}:
            raise Fault(f"--place: there is no agent `{name}`", code=Exit.USAGE)
    found = {}
    for agent in agents:
        if taken := wish.placements.get(agent.name, agent.resources.taken):
            found[agent.name] = Placement(taken, agent.resources.workers)
    return found


def join_cluster(
    stack: AsyncExitStack,
    wish: ClusterWish,
    setup: WorkerSetup,
    agents: Sequence[Agent],
    served: Sequence[ServedAgent],
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

    placements = placements_of(wish, agents)
    _check_reachable(wish.address)
    _check_token(wish.address)
    # `local` must be said: without it Ray takes any cluster that somebody has started on this machine.
    alone: dict[str, Any] = {"include_dashboard": False} if wish.address == "local" else {}
    try:
        with _own_signals():
            ray.init(wish.address, log_to_driver=True, **alone)
    except ray.exceptions.RayError as error:
        raise (
            _unknown_token(wish.address) if _is_about_token(error) else _unreachable(wish.address, error)
        ) from None
    except (ConnectionError, RuntimeError, ValueError) as error:
        if found := _AT.search(str(error)):
            _check_token(found[1])
        raise _unreachable(wish.address, error) from None
    stack.callback(ray.shutdown)
    scaling = Scaling(workers, wish.most_workers) if wish.most_workers else None
    return RayPool(
        setup,
        served,
        workers=workers,
        resources=wish.resources,
        placements=placements,
        scaling=scaling,
        **common,
    )


def _check_reachable(address: str) -> None:
    """Raise ``Fault`` when nobody listens at a head's ``host:port``: Ray would look for it for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _REACHED_WITHIN_S).close()
    except (OSError, OverflowError) as error:
        raise Fault(f"no cluster can be reached at {address}: {error}", _STARTED) from None


def _check_token(address: str) -> None:
    """Raise ``Fault`` when the head at ``host:port`` asks for another token than ours: Ray itself would try again and
    again, and say in the end that there is no cluster."""
    if not _AT.fullmatch(f"at {address}"):
        return
    import ray

    try:
        # Neither is public: where they are others, Ray's own words have to do. The second would abort without a token.
        setup = import_module("ray._private.authentication.authentication_token_setup")
        setup.ensure_token_if_auth_enabled(None, create_token_if_missing=False)
        client = import_module("ray._raylet").GcsClient(address=address)
        client.internal_kv_get(b"livegraph", timeout=_REACHED_WITHIN_S)
    except ray.exceptions.RayError as error:
        if _is_about_token(error):
            raise _unknown_token(address) from None
    except (ImportError, AttributeError, TypeError, ValueError):
        return


def _is_about_token(error: Exception) -> bool:
    return type(error).__name__ == "AuthenticationError"


def _unknown_token(address: str) -> Fault:
    return Fault(
        f"the cluster at {address} asks for a token, and has not been shown the right one",
        "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what `ray get-auth-token` prints on the head "
        "(or have it in ~/.ray/auth_token)",
    )


def _unreachable(address: str, error: Exception) -> Fault:
    return Fault(f"no cluster can be reached at {address}: {str(error).splitlines()[0]}", _STARTED)


@contextmanager
def _own_signals() -> Iterator[None]:
    """What ends this program stays its own affair: Ray would have SIGTERM end it at once."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
                signal.siginterrupt(number, False)
