"""A pool whose workers are actors of a Ray cluster (extra ``ray``), each on the node that has room for it.

Signalling reaches a worker by its actor's handle, with the messages that processes are sent (``wire``). Media goes
straight to the node. Actors end with the program that has the pool, and with their nodes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ...language import Agent
from ..calls.served import ServedAgent
from ..refusals import Refusal
from .elastic import ElasticPool
from .hosting import Host
from .kept import MOST_WORKERS, Started
from .remote import RemoteWorker
from .setup import WorkerSetup
from .stream import Heard, Join
from .wire import Begin, Message, Unframer, WireError, framed
from .worker import WorkerLost

__all__ = ["ADDRESS_LABEL", "Placement", "RayPool"]

# Ray's own annotations differ from release to release, and it need not be there where types are checked.
ray: Any = import_module("ray")
RayError: Any = import_module("ray.exceptions").RayError

logger = logging.getLogger("livegraph.server")

ADDRESS_LABEL = "livegraph.io/public-address"
"""The label of a node that says where the world reaches it: ``203.0.113.7``, or ``203.0.113.7:40000``."""

_POLL_S = 10.0
_MOST_WAITING = 10_000
_PATIENT_S = 20.0
_PLACED_WITHIN_S = 300.0
"""For a node with room: the cluster may have to grow first."""


@dataclass(frozen=True, slots=True)
class Placement:
    """An agent that has ``workers`` of its own, each of which takes these ``resources`` of its node."""

    resources: Mapping[str, float]
    workers: int = 1


class _Actor:
    """One worker inside of an actor: messages come by ``say`` and are fetched by ``hear``."""

    def __init__(self, path: Sequence[str]) -> None:
        sys.path[:] = [*sys.path, *(each for each in path if each not in sys.path)]
        self._unframer = Unframer()
        self._out: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._heard: Heard | None = None
        self._over: Any = None
        self._hosting: asyncio.Task[None] | None = None

    async def begin(self) -> str:
        """Host a worker; the id of the node that it is on."""

        async def join(heard: Heard, over: Any) -> _Actor:
            self._heard, self._over = heard, over
            return self

        if self._hosting is None:
            self._hosting = asyncio.create_task(Host().serve(join), name="worker")
            # It begins to listen at once: what is said next must be heard.
            await asyncio.sleep(0)
        node: str = ray.get_runtime_context().get_node_id()
        return node

    async def say(self, data: bytes) -> None:
        """Messages for the worker."""
        assert self._heard is not None
        for message in self._unframer.feed(data):
            self._heard(message)

    async def hear(self) -> bytes | None:
        """The worker's messages, as soon as there are some; empty when there were none, ``None`` when it is over."""
        assert self._hosting is not None
        waiting = asyncio.ensure_future(self._out.get())
        done, _ = await asyncio.wait(
            {waiting, self._hosting}, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED
        )
        if waiting not in done:
            waiting.cancel()
            return None if self._hosting in done else b""
        found = [waiting.result()]
        while not self._out.empty():
            found.append(self._out.get_nowait())
        return b"".join(found)

    # `Stream`, for the host.

    def send(self, message: Message) -> None:
        """See ``Stream``."""
        try:
            self._out.put_nowait(framed(message))
        except asyncio.QueueFull:
            # Nobody fetches them: the pool is gone, or as good as that.
            self._over()

    def close(self) -> None:
        """See ``Stream``: what was sent waits to be fetched."""


class _ActorStream:
    """See ``Stream``: to an actor."""

    def __init__(self, actor: Any, heard: Heard, over: Any) -> None:
        self._actor = actor
        self._heard = heard
        self._over = over
        self._polling = asyncio.create_task(self._poll(), name="actor's messages")

    def send(self, message: Message) -> None:
        self._actor.say.remote(framed(message))

    def close(self) -> None:
        self._polling.cancel()

    async def _poll(self) -> None:
        unframer = Unframer()
        try:
            while (data := await self._actor.hear.remote()) is not None:
                for message in unframer.feed(data):
                    self._heard(message)
        except (RayError, WireError):
            # The actor is gone, or its node is.
            pass
        finally:
            self._over()


def _to(actor: Any) -> Join:
    async def join(heard: Heard, over: Any) -> _ActorStream:
        return _ActorStream(actor, heard, over)

    return join


class _StartedActor:
    """See ``Started``: an actor, on the node ``node``."""

    def __init__(self, actor: Any, worker: RemoteWorker, node: str) -> None:
        self.actor = actor
        self.worker = worker
        self.node = node

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
        setup: what each worker is given; its agents' files are to be where each node finds them.
        resources: what an actor takes of a node: ``{"CPU": 1, "udp": 1}``, ``memory`` in bytes.
        placements: agents that have workers of their own, by name; no other worker takes their calls.
        udp_port: of the first worker of each node, the next one there has the next; 0 takes free ones.
        environment: variables of the actors.
        others: see ``ElasticPool``.
    """

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
        super().__init__(agents, workers=workers, **others)
        self._setup = setup
        self._udp_port = udp_port
        self._resources = dict(resources or {"CPU": 1})
        self._placements = dict(placements or {})
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
        options = _options(taken, self._environment)
        actor = ray.remote(_Actor).options(**options).remote(list(filter(None, sys.path)))
        try:
            node = await _placed(actor, only, taken)
            started = _StartedActor(actor, await RemoteWorker.at(_to(actor)), node)
            await started.worker.prepare(self._setup)
        except (RayError, TimeoutError) as error:
            ray.kill(actor, no_restart=True)
            raise WorkerLost(f"no node has taken it: {type(error).__name__}") from None
        except BaseException:
            ray.kill(actor, no_restart=True)
            raise
        return started

    def _begin_at(self, slot: int, started: Started) -> Begin:
        assert isinstance(started, _StartedActor)
        index = self._index_on(started.node)
        port = self._udp_port + index if self._udp_port else 0
        return Begin(index, port, _addresses_of(started.node))

    def _index_on(self, node: str) -> int:
        """The number of a worker among those of its node, which its port goes by."""
        taken: Counter[int] = Counter()
        for post, started in self._started.items():
            if isinstance(started, _StartedActor) and started.node == node and self._udp_port:
                taken[post.place.report.udp_port - self._udp_port] += 1
        return next(index for index in range(len(taken) + 1) if index not in taken)


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
            "a worker%s waits for a node with %s free",
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
