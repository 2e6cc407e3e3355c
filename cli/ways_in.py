"""HTTP on the other nodes of a cluster: by entries of our own, or by Ray Serve."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from .addresses import url_host
from .clusters import ClusterWish
from .exits import Exit, Fault
from .serving import Serving
from .terminal import Terminal

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["open_ways_in"]

_SERVE_PORT = 8000
"""Its own default."""


async def open_ways_in(
    stack: AsyncExitStack, wish: ClusterWish, app: ASGIApp, serving: Serving, terminal: Terminal
) -> None:
    """Have the nodes of the cluster take HTTP for ``app``, as it is wished, until ``stack`` ends.

    Raises ``Fault`` when Ray Serve is wished for and cannot be had.
    """
    if wish.ingress == "serve":
        await _by_serve(stack, wish, app, serving, terminal)
    elif wish.entry_port is not None:
        from .entries import Entries

        await stack.enter_async_context(
            Entries(
                *(app, serving.host, wish.entry_port, serving.front),
                opened=lambda address: terminal.say(f"HTTP at {address}, too"),
            )
        )


async def _by_serve(
    stack: AsyncExitStack, wish: ClusterWish, app: ASGIApp, serving: Serving, terminal: Terminal
) -> None:
    try:
        from ..server.pool.ray_serve import RayError, ServeFront, ServeIngress, ServeTaken, serve_runs
    except ImportError:
        raise Fault("Ray Serve is not installed", "pip install 'livegraph[ray-serve]'", Exit.CONFIG) from None
    look = serving.front
    front = ServeFront(
        serving.host,
        _SERVE_PORT if wish.entry_port is None else wish.entry_port,
        look.certfile,
        look.keyfile,
        look.root_path,
        look.trusted_proxies,
        wish.replicas,
    )
    ingress = ServeIngress(app, front)
    try:
        if serving.near and await asyncio.to_thread(serve_runs):
            raise Fault(
                "Ray Serve runs already, and others may reach it",
                "say --host 0.0.0.0, and who may call: --tokens FILE, --ticket-secret-file FILE or --open",
                Exit.USAGE,
            )
        with terminal.progress("Starting Ray Serve's replicas"):
            await stack.enter_async_context(ingress)
    except ServeTaken:
        raise Fault(
            f"another command serves at {front.root_path or '/'} of Ray Serve already",
            "give this one another --root-path",
        ) from None
    except (RayError, RuntimeError, ValueError, OSError) as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise Fault(f"Ray Serve does not serve: {words[0]}", "its own words are above") from None
    where = f"http{'' if front.certfile is None else 's'}://{url_host(front.host)}:{front.port}"
    if not ingress.started_serve:
        where = "the address of Ray Serve"
    terminal.say(f"HTTP at {where}{front.root_path or '/'} of each node with a replica, too, by Ray Serve")
