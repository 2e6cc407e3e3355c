"""The ASGI application: the page, the signalling, health and metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ..pipeline.units import SECOND
from .calls import CallDesk, ServedAgent
from .guard import Guard, normal_origin
from .metrics import Metrics
from .refusals import Refusal, answer_http_error, answer_mistake, answer_refusal
from .signalling import signalling_routes

__all__ = ["make_app"]

_PAGE = Path(__file__).parent / "page"


def make_app(
    agents: Sequence[ServedAgent],
    *,
    max_calls: int = 32,
    allow_origins: Iterable[str] = (),
    any_host: bool = False,
    ice_servers: Sequence[Mapping[str, Any]] = (),
    addresses: Sequence[str] | None = None,
    silence_ns: int = 8 * SECOND,
) -> Starlette:
    """An application that serves ``agents`` to browsers; its lifespan is that of its calls.

    Args:
        agents: the first is the default.
        max_calls: how many calls at a time; more are refused with 503.
        allow_origins: other origins whose pages may call here, such as ``https://voice.example.org``. Pages of
            this server and of this machine always may.
        any_host: whether it answers to names that it does not know; see ``Guard``.
        ice_servers: STUN and TURN servers for both sides, as in a browser.
        addresses: those of this machine that callers are offered; see ``Peer.accept``.
        silence_ns: after which a caller that is not heard of is gone.

    Raises ``ValueError`` for agents of the same name, and for an origin that is none. ``app.state.desk`` is
    the ``CallDesk``.
    """
    # Here, where it can be caught: Starlette makes its middleware when the first request comes.
    allowed = [normal_origin(origin) for origin in allow_origins]
    metrics = Metrics()
    desk = CallDesk(
        agents,
        max_calls=max_calls,
        metrics=metrics,
        ice_servers=ice_servers,
        addresses=addresses,
        silence_ns=silence_ns,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with desk:
            yield

    async def healthz(_: Request) -> Response:
        body = {
            "status": "closing" if desk.closing else "ok",
            "calls": desk.active,
            "max_calls": desk.max_calls,
        }
        return JSONResponse(body, 503 if desk.closing else 200, {"Cache-Control": "no-store"})

    async def prometheus(_: Request) -> Response:
        return Response(
            metrics.text(), media_type=metrics.content_type, headers={"Cache-Control": "no-store"}
        )

    routes: list[BaseRoute] = [
        # Mounted, or the page's catch-all would answer where the method is wrong.
        Mount("/api", routes=signalling_routes(desk, metrics, ice_servers)),
        Route("/healthz", healthz),
        Route("/metrics", prometheus),
        Mount("/", StaticFiles(directory=_PAGE, html=True)),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Guard, allow_origins=allowed, any_host=any_host)],
        exception_handlers={
            Refusal: answer_refusal,
            HTTPException: answer_http_error,
            Exception: answer_mistake,
        },
    )
    app.state.desk = desk
    return app
