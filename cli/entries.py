"""HTTP on every node of a cluster: what comes there goes to the process that has the pool, and back.

Each node has an actor with a port, and the same guard against slow and strange clients as the command's own port. It
holds nothing: requests and WebSockets are handed on as ASGI events.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, Self

from starlette.types import ASGIApp, Receive, Scope, Send

from ..server.pool.actors import Mailbox, RayError, ray, stream_to
from ..server.pool.carrying import serving_far
from ..server.pool.sockets import SocketsHere
from ..server.pool.wire import Message, SocketEvent, SocketOver
from .web import Front, WebServer

__all__ = ["Entries"]

logger = logging.getLogger("livegraph.server")

_LOOK_EVERY_S = 2.0
_AGAIN_AFTER_S = 30.0
_BEGIN_WITHIN_S = 60.0
_GRACE_S = 3
_ANY = ("0.0.0.0", "::")


class _Entry(Mailbox):
    """The port of one node."""

    async def begin(self, host: str, port: int, front: Front) -> tuple[str, int]:
        """Listen; the address and the port by which it is reached. Raises ``OSError`` for a port that is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=512)
        sockets = SocketsHere(self.send)

        def heard(message: Message) -> None:
            if isinstance(message, SocketEvent | SocketOver):
                sockets.take(message)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await _live(receive, send)
            else:
                await sockets.carry(scope, receive, send)

        listening = asyncio.Event()
        server = WebServer(serve, listening.set, grace_s=_GRACE_S, front=front)
        self._heard, self._over = heard, sockets.lose
        self._working = asyncio.create_task(server.serve(sockets=[listener]), name="entry")
        await listening.wait()
        address = str(ray.util.get_node_ip_address()) if host in _ANY else host
        return address, int(listener.getsockname()[1])


class Entries:
    """One port on each node but this process's own, as long as it is open. An async context manager.

    Args:
        app: serves what comes in.
        host, port: where each listens; port 0 takes a free one.
        front: how they look from outside; the files of a certificate are to be where each node finds them.
        opened: told the address of each that listens.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        front: Front | None = None,
        opened: Callable[[str], None] | None = None,
    ) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._front = front or Front()
        self._opened = opened
        self.addresses: dict[str, str] = {}
        """Of those that listen, by the id of their node."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._look(), name="entries")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [*self._tasks.values(), *([self._looking] if self._looking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        """Have an entry on each node that there is."""
        own = ray.get_runtime_context().get_node_id()
        while True:
            try:
                nodes = await asyncio.to_thread(ray.nodes)
            except RayError as error:
                logger.error("the cluster does not say what nodes it has: %s", type(error).__name__)
                nodes = None
            if nodes is not None:
                there = {node["NodeID"] for node in nodes if node["Alive"]} - {own}
                for node in [node for node in self._tasks if node not in there]:
                    self._tasks.pop(node).cancel()
                for node in there - self._tasks.keys():
                    self._tasks[node] = asyncio.create_task(self._keep(node), name=f"entry of {node}")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _keep(self, node: str) -> None:
        """Have an entry there, whatever becomes of the one before."""
        while True:
            try:
                await self._serve(node)
            except (RayError, TimeoutError) as error:
                said = str(getattr(error, "cause", None) or type(error).__name__)
                logger.error("node %s takes no HTTP: %s", node, said.splitlines()[0])
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _serve(self, node: str) -> None:
        """Start one and serve what comes to it, until it is gone."""
        path = list(filter(None, sys.path))
        actor = ray.remote(_Entry).options(**_options(node)).remote(path)
        try:
            async with asyncio.timeout(_BEGIN_WITHIN_S):
                host, port = await actor.begin.remote(self._host, self._port, self._front)
            scheme = "http" if self._front.certfile is None else "https"
            shown = f"[{host}]" if ":" in host else host
            async with serving_far(stream_to(actor), self._app) as gone:
                self.addresses[node] = address = f"{scheme}://{shown}:{port}{self._front.root_path}/"
                try:
                    if self._opened is not None:
                        self._opened(address)
                    await gone.wait()
                finally:
                    self.addresses.pop(node, None)
        finally:
            ray.kill(actor, no_restart=True)


def _options(node: str) -> dict[str, Any]:
    """As Ray takes them: on this node, and of none of what it has."""
    on = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
    return {
        "num_cpus": 0,
        "max_restarts": 0,
        "max_concurrency": 2_000,
        "scheduling_strategy": on,
        "runtime_env": {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}},
    }


async def _live(receive: Receive, send: Send) -> None:
    """There is nothing to begin and to end."""
    for what in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{what}.complete"})
