"""Ray Serve as the way in (extra ``ray-serve``): its proxies have the HTTP port of each node, its replicas hand on
what comes to the process with the pool.

A replica holds nothing but the sockets that are open through it: calls are known by their names (``pc_id``, the token
by which a page comes back), which carry their worker, and what was asked and who may ask is known where the pool is. So
whatever follows an offer may come to any node and any replica.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ..refusals import Refusal
from .actors import RayError, ray
from .carrying import handing_on, serving_far
from .relay import Relay, line_to
from .sockets import SocketsHere

__all__ = ["RayError", "ServeFront", "ServeIngress", "ServeTaken", "serve_runs"]

# As with Ray itself: it need not be there where types are checked.
serve: Any = import_module("ray.serve")

logger = logging.getLogger("livegraph.server")

_NAMESPACE = "livegraph"
_MOST_AT_A_TIME = 2_000
"""Requests and sockets of one replica; Serve itself would have five."""
_WITHIN_S = 120.0
_JOIN_WITHIN_S = 20.0
_END_WITHIN_S = 40.0
_REJOIN_AFTER_S = 1.0
_DESERTED_S = 5.0
"""Without a relay: the one that was killed with its command, and none of another."""
_GRACE_S = 5.0
_LOGGING = {"enable_access_log": False, "log_level": "WARNING"}
"""Of Serve. Paths may hold what opens a call to whoever knows it."""

T = TypeVar("T")


class ServeTaken(Exception):
    """Another command has its pool behind this path of Ray Serve already."""


@dataclass(frozen=True, slots=True)
class ServeFront:
    """Where Serve is to listen, if it does not run yet, and what of it is ours."""

    host: str = "127.0.0.1"
    port: int = 8000
    certfile: Path | None = None
    keyfile: Path | None = None
    root_path: str = ""
    """The part of all paths that is ours; empty for all."""
    trusted_proxies: Sequence[str] = ()
    replicas: int = 1

    @property
    def name(self) -> str:
        """Of the application, and of its relay."""
        return "-".join(["livegraph", *filter(None, self.root_path.split("/"))])

    def http_options(self) -> dict[str, Any]:
        """As Serve takes them."""
        options: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.certfile is not None and self.keyfile is not None:
            options |= {"ssl_certfile": str(self.certfile), "ssl_keyfile": str(self.keyfile)}
        return options


def serve_runs() -> bool:
    """Whether Serve runs in the cluster; its address is then what it was started with."""
    return bool(serve.status().proxies)


# In a replica ----------------------------------------------------------------------------------


class _Replica:
    """An ASGI application that has others serve: whoever is at the other end of the relay.

    Args:
        name: of the relay, and of the application.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._sockets: SocketsHere | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._sockets is not None:
            await self._sockets.carry(scope, receive, send)
        elif scope["type"] == "http":
            words = ("no_answer", "Who serves this is not there.", "Try again.")
            await Refusal(503, *words, {"Retry-After": "1"}).response()(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1013})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        joined = asyncio.Event()
        self._keeping = asyncio.create_task(self._keep(joined), name="line to the pool")
        try:
            async with asyncio.timeout(_JOIN_WITHIN_S):
                await joined.wait()
        except TimeoutError:
            logger.error("the pool behind %s is not there yet", self._name)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _keep(self, joined: asyncio.Event) -> None:
        """Have a line to the pool as long as there is one; when there is none for long, this application ends."""
        deserted_s = 0.0
        while deserted_s < _DESERTED_S:
            try:
                relay = await asyncio.to_thread(ray.get_actor, self._name, namespace=_NAMESPACE)
                await self._stay(relay, await relay.join.remote(), joined)
                deserted_s = 0.0
            except (RayError, ValueError):
                deserted_s += _REJOIN_AFTER_S
            await asyncio.sleep(_REJOIN_AFTER_S)
        try:
            # The command is gone, however it ended: nobody else would tell Serve.
            await asyncio.to_thread(serve.delete, self._name, _blocking=False)
        except (RayError, RuntimeError) as error:
            logger.error("what was served is gone, and Serve is not told of it: %s", type(error).__name__)

    async def _stay(self, relay: Any, line: int, joined: asyncio.Event) -> None:
        try:
            async with handing_on(line_to(relay, line, of_pool=False)) as (self._sockets, gone):
                joined.set()
                await gone.wait()
        finally:
            self._sockets = None
            relay.leave.remote(line)


# In the process with the pool --------------------------------------------------------------------


class ServeIngress:
    """The application that Serve has of ours, as long as this is open. An async context manager.

    Opening it starts Serve where it does not run. Raises ``ServeTaken``, ``RayError``, ``RuntimeError`` and
    ``TimeoutError`` when it cannot be had.

    Args:
        app: serves what comes in.
        front: where that comes in.
    """

    def __init__(self, app: ASGIApp, front: ServeFront) -> None:
        # uvicorn's types of an application are narrower than Starlette's.
        served: Any = app
        self._app: Any = ProxyHeadersMiddleware(served, list(front.trusted_proxies))
        self._front = front
        self.started_serve = False
        """Whether it did not run before; then it ends with this."""
        self._relay: Any = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving: asyncio.Task[None] | None = None
        self.lines = 0
        """How many replicas there are that have a line to here."""

    async def __aenter__(self) -> Self:
        try:
            self.started_serve = not await _in_thread(serve_runs)
            if self.started_serve:
                await _in_thread(self._start_serve)
            relay = await _in_thread(self._start_relay)
            # Replicas join as they start, and Serve says that they have started when all of them have.
            self._serving = asyncio.create_task(self._keep(relay), name="Ray Serve")
            await _in_thread(self._deploy)
        except BaseException:
            # Cancelled as well: nobody else knows of what Serve and Ray have by now.
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        tasks = [*self._tasks, *([self._serving] if self._serving else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(_END_WITHIN_S):
                await asyncio.to_thread(self._end_serve)
        except (RayError, RuntimeError, TimeoutError) as error:
            logger.error("Ray Serve does not let go of %s: %s", self._front.name, type(error).__name__)

    def _end_serve(self) -> None:
        if self.started_serve:
            serve.shutdown()
        elif self._relay is not None and self._front.name in serve.status().applications:
            serve.delete(self._front.name)
        if self._relay is not None:
            ray.kill(self._relay)

    def _start_serve(self) -> None:
        serve.start(
            proxy_location="EveryNode", http_options=self._front.http_options(), logging_config=_LOGGING
        )

    def _start_relay(self) -> Any:
        path, context = list(filter(None, sys.path)), ray.get_runtime_context()
        affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        options = {
            "name": self._front.name,
            "namespace": _NAMESPACE,
            "num_cpus": 0,
            "max_concurrency": 2 * _MOST_AT_A_TIME,
            "scheduling_strategy": affinity(context.get_node_id(), soft=False),
            "runtime_env": _environment(),
        }
        try:
            self._relay = ray.remote(Relay).options(**options).remote(path)
        except ValueError:
            raise ServeTaken(self._front.name) from None
        return self._relay

    def _deploy(self) -> None:
        """Have Serve start replicas, which join the relay; returns when they are there."""
        front = self._front
        if front.name in serve.status().applications:
            # Left by a command that was killed.
            serve.delete(front.name)

        class Livegraph:
            """Serve names the deployment by it."""

        wanted = serve.deployment(serve.ingress(_Replica(front.name))(Livegraph)).options(
            num_replicas=front.replicas,
            max_ongoing_requests=_MOST_AT_A_TIME,
            graceful_shutdown_timeout_s=_GRACE_S,
            graceful_shutdown_wait_loop_s=_GRACE_S / 5,
            ray_actor_options={"num_cpus": 0, "runtime_env": _environment()},
            logging_config=_LOGGING,
        )
        serve.run(wanted.bind(), name=front.name, route_prefix=front.root_path or "/")

    async def _keep(self, relay: Any) -> None:
        """Serve what the replicas hand on. When the relay is gone, have another one, which they look for."""
        while True:
            try:
                while True:
                    if (line := await relay.joined.remote()) is not None:
                        task = asyncio.create_task(self._serve(relay, line), name="line to a replica")
                        self._tasks.add(task)
                        task.add_done_callback(self._tasks.discard)
            except RayError as error:
                logger.error("what Ray Serve hands on does not come: %s", type(error).__name__)
            relay = await self._another_relay()

    async def _another_relay(self) -> Any:
        while True:
            await asyncio.sleep(_REJOIN_AFTER_S)
            try:
                return await _in_thread(self._start_relay)
            except (ServeTaken, RayError, TimeoutError) as error:
                # The name of the one before is free when the cluster knows that it is gone.
                logger.error("no relay for %s: %s", self._front.name, type(error).__name__)

    async def _serve(self, relay: Any, line: int) -> None:
        """Serve what comes by one replica, until that is gone."""
        async with serving_far(line_to(relay, line, of_pool=True), self._app) as gone:
            self.lines += 1
            try:
                await gone.wait()
            finally:
                self.lines -= 1


def _environment() -> dict[str, Any]:
    return {"env_vars": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}}


async def _in_thread(work: Callable[[], T]) -> T:
    async with asyncio.timeout(_WITHIN_S):
        return await asyncio.to_thread(work)
