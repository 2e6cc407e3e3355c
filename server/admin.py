"""What operators ask, on a socket of its own: metrics, health, the calls, and what one of them does.

::

    admin = make_admin_app(app.state.pool)          # serve it on a Unix socket or on loopback
"""

from __future__ import annotations

import asyncio
from typing import cast, get_args

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .access.grant import ReportLevel
from .arguments import WrongArgument, one_of
from .bodies import read_json
from .calls import CallDesk, Desk
from .guard import Guard
from .metrics import Metrics
from .pool.local import LocalPool
from .pool.pool import Pool
from .refusals import Refusal, answer_http_error, answer_mistake, answer_refusal
from .tapping import TapResponse, check_level

__all__ = ["make_admin_app"]

_NO_STORE = {"Cache-Control": "no-store"}
_MOST_DRAIN_S = 7 * 24 * 3600.0


class _Drain(msgspec.Struct, forbid_unknown_fields=True):
    within_s: float = 300.0


def make_admin_app(
    served: Pool | Desk,
    *,
    control: bool = True,
    drained: asyncio.Event | None = None,
    taps: ReportLevel = "full",
) -> Starlette:
    """An application for operators. Nobody is asked who it is: serve it where only they can ask.

    Args:
        served: the calls that it is about.
        control: whether calls can be seen and ended by it; without it there are only numbers.
        drained: set when a drain that was asked for is over.
        taps: how much of what is said in a call they may see.

    ``GET /healthz``, ``/readyz``, ``/metrics``; ``GET /calls``, ``GET`` and ``DELETE /calls/ID``,
    ``GET /calls/ID/tap/NODE.PORT`` (lines of JSON, see ``tapping``; ``?sound=true``), ``POST /drain``, ``POST /roll``
    (fresh workers). An id may be cut behind its number, as in ``call-17``.
    """
    if not isinstance(served, Desk) and not hasattr(served, "end_calls"):
        raise WrongArgument("served is no desk and no pool; `app.state.pool` of an application is one")
    one_of("taps", taps, get_args(ReportLevel))
    # Of a desk without browsers nothing is asked here that it has not.
    pool: Pool = LocalPool(cast(CallDesk, served)) if isinstance(served, Desk) else served
    draining: set[asyncio.Task[None]] = set()

    async def healthz(_: Request) -> Response:
        status, workers = pool.status, list(pool.workers)
        body = {
            "status": status,
            "calls": pool.active,
            "pending": pool.pending,
            "max_calls": pool.max_calls,
            **({"workers": workers} if workers else {}),
        }
        return JSONResponse(body, 503 if status == "closing" else 200, _NO_STORE)

    async def readyz(_: Request) -> Response:
        why = pool.unready
        return JSONResponse({"status": why or "ready"}, 503 if why else 200, _NO_STORE)

    async def metrics(_: Request) -> Response:
        return Response(await pool.metrics(), media_type=Metrics.content_type, headers=_NO_STORE)

    async def calls(_: Request) -> Response:
        return JSONResponse({"calls": await pool.calls()}, headers=_NO_STORE)

    async def call(request: Request) -> Response:
        call_id = request.path_params["id"]
        if request.method == "DELETE":
            await pool.end(call_id)
            return Response(status_code=204)
        return JSONResponse(await pool.call(call_id), headers=_NO_STORE)

    async def tap(request: Request) -> Response:
        sound = request.query_params.get("sound", "") == "true"
        check_level(taps, sound=sound)
        call_id, port = request.path_params["id"], request.path_params["port"]
        lines = await pool.tap(call_id, port, taps, sound=sound)
        if request.method != "GET":
            await lines.aclose()
            return Response(headers=_NO_STORE)
        return TapResponse(lines)

    async def drain(request: Request) -> Response:
        body = await read_json(request, _Drain, limit=1024)
        within_s = min(max(0.0, body.within_s), _MOST_DRAIN_S)

        async def run() -> None:
            await pool.drain(within_s)
            if drained is not None:
                drained.set()

        if not draining:
            task = asyncio.create_task(run(), name="drain")
            draining.add(task)
        return JSONResponse({"calls": pool.active}, 202, _NO_STORE)

    async def roll(_: Request) -> Response:
        await pool.roll()
        return JSONResponse({"workers": list(pool.workers)}, headers=_NO_STORE)

    routes: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]
    if control:
        routes += [
            Route("/calls", calls),
            Route("/calls/{id}", call, methods=["GET", "DELETE"]),
            Route("/calls/{id}/tap/{port}", tap),
            Route("/drain", drain, methods=["POST"]),
            Route("/roll", roll, methods=["POST"]),
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
