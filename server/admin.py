"""What operators ask, on a socket of its own: metrics, health, the calls, and what one of them does.

::

    admin = make_admin_app(app.state.desk)          # serve it on a Unix socket or on loopback
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .bodies import read_json
from .calls import Desk, Line
from .guard import Guard
from .refusals import Refusal, answer_http_error, answer_mistake, answer_refusal

__all__ = ["make_admin_app"]

_NO_STORE = {"Cache-Control": "no-store"}
_MOST_DRAIN_S = 7 * 24 * 3600.0


class _Drain(msgspec.Struct):
    within_s: float = 300.0


def make_admin_app(desk: Desk, *, control: bool = True, drained: asyncio.Event | None = None) -> Starlette:
    """An application for operators. Nobody is asked who it is: serve it where only they can ask.

    Args:
        control: whether calls can be seen and ended by it; without it there are only numbers.
        drained: set when a drain that was asked for is over.

    ``GET /healthz``, ``/readyz``, ``/metrics``; ``GET /calls``, ``GET`` and ``DELETE /calls/ID``, ``POST /drain``.
    """
    draining: set[asyncio.Task[None]] = set()

    async def healthz(_: Request) -> Response:
        body = {
            "status": "closing" if desk.closing else "draining" if desk.draining else "ok",
            "calls": desk.active,
            "pending": desk.pending,
            "max_calls": desk.max_calls,
        }
        return JSONResponse(body, 503 if desk.closing else 200, _NO_STORE)

    async def readyz(_: Request) -> Response:
        why = desk.unready
        return JSONResponse({"status": why or "ready"}, 503 if why else 200, _NO_STORE)

    async def metrics(_: Request) -> Response:
        return Response(desk.metrics.text(), media_type=desk.metrics.content_type, headers=_NO_STORE)

    async def calls(_: Request) -> Response:
        return JSONResponse({"calls": desk.calls()}, headers=_NO_STORE)

    async def call(request: Request) -> Response:
        line = _find(desk, request)
        if request.method == "DELETE":
            await desk.end(line.call.id)
            return Response(status_code=204)
        (shown,) = [one for one in desk.calls() if one["id"] == line.call.id]
        return JSONResponse({**shown, "edges": _edges(line)}, headers=_NO_STORE)

    async def drain(request: Request) -> Response:
        body = await read_json(request, _Drain, limit=1024)
        within_s = min(max(0.0, body.within_s), _MOST_DRAIN_S)

        async def run() -> None:
            await desk.drain(within_s)
            if drained is not None:
                drained.set()

        if not draining:
            task = asyncio.create_task(run(), name="drain")
            draining.add(task)
        return JSONResponse({"calls": desk.active}, 202, _NO_STORE)

    routes: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if control:
        routes += [
            Route("/calls", calls),
            Route("/calls/{id}", call, methods=["GET", "DELETE"]),
            Route("/drain", drain, methods=["POST"]),
        ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard)],
        exception_handlers={
            Refusal: answer_refusal,
            HTTPException: answer_http_error,
            Exception: answer_mistake,
        },
    )


def _find(desk: Desk, request: Request) -> Line:
    try:
        return desk.find(request.path_params["id"])
    except KeyError:
        raise Refusal(404, "call_unknown", "There is no such call, or it is over.") from None


def _edges(line: Line) -> list[dict[str, Any]]:
    return [
        {"edge": name} | {counter: getattr(stats, counter) for counter in type(stats).__slots__}
        for name, stats in line.call.stats().items()
    ]
