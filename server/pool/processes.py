"""A pool whose workers are processes of this machine, each on a core of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ...language import Agent
from ...transports.webrtc.network import PublicAddress
from ..calls.served import ServedAgent
from .elastic import ElasticPool
from .setup import MOST_PORT, WorkerSetup
from .spawning import WorkerProcess, spawn
from .started import Started
from .wire import Begin

__all__ = ["ProcessPool"]


class ProcessPool(ElasticPool):
    """See ``Pool``. Its processes are there while the pool is open.

    Args:
        workers: how many serve.
        spares: how many more are kept ready.
        udp_port: of the first worker's media, the next one has the next; 0 takes free ones.
        pin: bind the event loop of each worker to a core.
        environment: variables of the processes, beside those of this one.
        others: see ``ElasticPool``.

    Raises ``ValueError`` for fewer than one worker, and for ports that there are not.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        agents: Sequence[ServedAgent | Agent],
        *,
        workers: int,
        spares: int = 1,
        udp_port: int = 0,
        pin: bool = False,
        environment: Mapping[str, str] | None = None,
        **others: Any,
    ) -> None:
        super().__init__(setup, agents, workers=workers, spares=spares, **others)
        if udp_port and not 0 < udp_port <= MOST_PORT + 1 - workers:
            raise ValueError(
                f"{workers} workers take the ports from {udp_port} on, and there are none above {MOST_PORT}: "
                f"begin at {MOST_PORT + 1 - workers} at the latest"
            )
        for address in map(PublicAddress.parse, setup.public_addresses):
            if address.port is not None and address.port > MOST_PORT + 1 - workers:
                raise ValueError(
                    f"{workers} workers are reached at the ports from {address.port} on, and there are none above "
                    f"{MOST_PORT}: begin at {address.host}:{MOST_PORT + 1 - workers} at the latest"
                )
        self.exclusive_ports = udp_port != 0
        # Each computes for seconds before it is ready: more at once are no sooner there.
        self._starting_at_once = asyncio.Semaphore(2 * (os.cpu_count() or 1))
        self._udp_port = udp_port
        self._pin = pin
        # One core computes for one worker: libraries that start a thread a core would take turns on it.
        self._environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **(environment or {})}

    async def _start(self, slot: int | None) -> WorkerProcess:
        async with self._starting_at_once:
            return await spawn(self._setup, self._environment)

    def _begin_at(self, slot: int, started: Started) -> Begin:
        return Begin(slot, self._udp_port + slot if self._udp_port else 0, bound=self._pin)
