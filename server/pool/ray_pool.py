"""A pool whose workers are actors of a Ray cluster (extra ``ray``), each on the node that has room for it.

Signalling reaches a worker by its actor's handle, with the messages that processes are sent (``wire``). Media goes
straight to the node. Actors end with the program that has the pool, and with their nodes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from weakref import WeakSet

from ...language import Agent
from ..calls.served import ServedAgent
from ..refusals import Refusal
from .actors import ActorDiedError, Mailbox, RayError, ray, stream_to
from .elastic import ElasticPool
from .hosting import Host
from .kept import MOST_WORKERS
from .remote import RemoteWorker
from .setup import WorkerSetup
from .started import Started
from .stream import Heard
from .watching import Patience
from .wire import Begin
from .worker import WorkerLost

__all__ = ["ADDRESS_LABEL", "Placement", "RayPool"]

request_resources: Any = import_module("ray.autoscaler.sdk").request_resources

logger = logging.getLogger("livegraph.server")

ADDRESS_LABEL = "livegraph.io/public-address"
"""The label of a node that says where the world reaches it: ``203.0.113.7``, or ``203.0.113.7:40000``."""

_PATIENT_S = 20.0
_PLACED_WITHIN_S = 300.0
"""For a node with room: the cluster may have to grow first."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Placement:
    """An agent that has ``workers`` of its own, each of which takes these ``resources`` of its node."""

    resources: Mapping[str, float]
    workers: int = 1


class _Actor(Mailbox):
    """One worker inside of an actor."""

    async def begin(self) -> str:
        """Host a worker; the id of the node that it is on."""

        async def join(heard: Heard, over: Callable[[], None]) -> _Actor:
            self._heard, self._over = heard, over
            return self

        if self._working is None:
            self._working = asyncio.create_task(Host().serve(join), name="worker")
            # It begins to listen at once: what is said next must be heard.
            await asyncio.sleep(0)
        node: str = ray.get_runtime_context().get_node_id()
        return node


class _StartedActor:
    """See ``Started``: an actor, on the node ``node``."""

    def __init__(self, actor: Any, worker: RemoteWorker, node: str) -> None:
        self.actor = actor
        self.worker = worker
        self.node = node
        self.index: int | None = None
        """Its number among those of its node; none before it serves."""

    @property
    def alive(self) -> bool:
        return not self.worker.lost.done()

    @property
    def ending(self) -> str:
        return ""

    def kill(self) -> None:
        ray.kill(self.actor, no_restart=True)

    async def end(self, within_s: float) -> None:
        try:
            await self.worker.close(within_s)
        except (WorkerLost, Refusal):
            pass
        finally:
            self.worker.hang_up_stream()
            self.kill()


class RayPool(ElasticPool):
    """See ``Pool``. Ray is to be connected (``ray.init``) before the pool is opened.

    Args:
        resources: what an actor takes of a node: ``{"CPU": 1, "udp": 1}``, ``memory`` in bytes.
        placements: agents that have workers of their own, by name; no other worker takes their calls.
        udp_port: of the first worker of each node, the next one there has the next; 0 takes free ones.
        environment: variables of the actors.
        others: see ``ElasticPool``.
    """

    # What workers report goes through Ray, which takes its time when the cluster is busy.
    patience = Patience(silent=10, held=24, dead=80)

    def __init__(
        self,
        setup: WorkerSetup,
        agents: Sequence[ServedAgent | Agent],
        *,
        workers: int,
        resources: Mapping[str, float] | None = None,
        placements: Mapping[str, Placement] | None = None,
        udp_port: int = 0,
        environment: Mapping[str, str] | None = None,
        **others: Any,
    ) -> None:
        super().__init__(setup, agents, workers=workers, **others)
        self._udp_port = udp_port
        self._resources = dict(resources or {"CPU": 1})
        self._placements = dict(placements or {})
        self._actors: WeakSet[_StartedActor] = WeakSet()
        self._bundles: list[Mapping[str, float]] = []
        """What the cluster is told to have room for."""
        self._telling = asyncio.Lock()
        self._own = [name for name, placement in self._placements.items() for _ in range(placement.workers)]
        """The agent of each worker that serves one only."""
        path = os.pathsep.join(filter(None, sys.path))
        variables = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        self._environment = {**variables, **(environment or {})}

    def _places(self) -> Sequence[int]:
        return [*super()._places(), *(MOST_WORKERS + index for index in range(len(self._own)))]

    def _only(self, slot: int) -> str:
        return "" if slot < MOST_WORKERS else self._own[slot - MOST_WORKERS]

    async def _start(self, slot: int | None) -> _StartedActor:
        only = "" if slot is None else self._only(slot)
        taken = self._placements[only].resources if only else self._resources
        tried = 0
        while True:
            tried += 1
            try:
                return await self._start_on_a_node(only, taken)
            except (RayError, TimeoutError) as error:
                # A node that is just being lost takes those with it that were sent there.
                if isinstance(error, ActorDiedError) and tried < _TRIES:
                    continue
                raise WorkerLost(f"no node has taken it: {type(error).__name__}") from None

    async def _start_on_a_node(self, only: str, taken: Mapping[str, float]) -> _StartedActor:
        options = _options(taken, self._environment)
        actor = ray.remote(_Actor).options(**options).remote(list(filter(None, sys.path)))
        try:
            node = await _placed(actor, only, taken)
            started = _StartedActor(actor, await RemoteWorker.at(stream_to(actor)), node)
            self._actors.add(started)
            await started.worker.prepare(self._setup)
        except BaseException:
            # Cancelled as well: nobody else knows of the actor yet.
            ray.kill(actor, no_restart=True)
            raise
        return started

    def _begin_at(self, slot: int, started: Started) -> Begin:
        assert isinstance(started, _StartedActor)
        started.index = index = self._index_on(started.node)
        port = self._udp_port + index if self._udp_port else 0
        return Begin(index, port, _addresses_of(started.node))

    def _index_on(self, node: str) -> int:
        """The number of a worker among those of its node, which its ports go by."""
        taken = {actor.index for actor in self._actors if actor.alive and actor.node == node}
        return next(index for index in range(len(taken) + 1) if index not in taken)

    # The cluster's own autoscaler ---------------------------------------------------------------

    async def __aexit__(self, *given: object) -> None:
        await super().__aexit__(*given)
        if self._bundles:
            await asyncio.to_thread(request_resources, bundles=[])

    def _foresee(self, workers: int) -> None:
        """Have the cluster keep nodes for so many, where it can get some and give them back."""
        own = [self._placements[name].resources for name in self._own]
        self._bundles = [*([self._resources] * workers), *own]
        self._run(self._tell_cluster(), "what the cluster is to have room for")

    async def _tell_cluster(self) -> None:
        async with self._telling:
            await asyncio.to_thread(request_resources, bundles=[dict(each) for each in self._bundles])


def _options(resources: Mapping[str, float], environment: Mapping[str, str]) -> dict[str, Any]:
    """As Ray takes them; what it does not know is a resource that nodes declare."""
    wanted = dict(resources)
    return {
        "num_cpus": wanted.pop("CPU", 0),
        "num_gpus": wanted.pop("GPU", 0),
        "memory": wanted.pop("memory", None),
        "resources": wanted,
        "scheduling_strategy": "SPREAD",
        "max_restarts": 0,
        "max_concurrency": 1_000,
        "runtime_env": {"env_vars": dict(environment)},
    }


async def _placed(actor: Any, only: str, taken: Mapping[str, float]) -> str:
    """The node that has taken this actor; says so where it waits long for one. Raises ``TimeoutError``."""
    beginning = asyncio.ensure_future(actor.begin.remote())
    done, _ = await asyncio.wait({beginning}, timeout=_PATIENT_S)
    if not done:
        logger.warning(
            "a worker%s is not there yet: it waits for a node with %s free, or for its process",
            f" of `{only}`" if only else "",
            ", ".join(f"{name}: {much:g}" for name, much in taken.items()),
        )
    async with asyncio.timeout(_PLACED_WITHIN_S):
        return str(await beginning)


def _addresses_of(node: str) -> tuple[str, ...]:
    """Where the world reaches this node, where its label says so."""
    for known in ray.nodes():
        if known["NodeID"] == node:
            label = known.get("Labels", {}).get(ADDRESS_LABEL, "")
            return (label,) if label else ()
    return ()
