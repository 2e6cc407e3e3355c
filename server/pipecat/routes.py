"""How Pipecat's clients call: ``/start``, ``/sessions/{id}/api/offer``, ``/status``; ``/api/offer`` is ours as well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...pipeline.clock import clock_of_loop
from ..access.grant import ANYBODY, bearer_of
from ..bodies import read_json
from ..gate import Gate, address_of
from ..limits.buckets import address_key
from ..offer_body import (
    CANDIDATES_BYTES,
    NO_STORE,
    OFFER_BYTES,
    OfferBody,
    Trickle,
    answer_of,
    answer_offer,
)
from ..pool.pool import Pool
from ..refusals import Refusal
from ..signalling import IceServers
from .sessions import Session, Sessions

__all__ = ["pipecat_routes"]

_START_BYTES = 64 * 1024
_TRANSPORTS = ("webrtc", "smallwebrtc", "small-webrtc")
_SOCKET = "websocket"

Endpoint = Callable[[Request], Awaitable[Response]]


class _Start(msgspec.Struct):
    transport: str = "webrtc"
    create_daily_room: bool = msgspec.field(default=False, name="createDailyRoom")
    body: dict[str, Any] | None = None


def pipecat_routes(pool: Pool, gate: Gate, ice_servers: IceServers) -> list[Route]:
    """Routes at the root, as Pipecat's own servers have them."""
    sessions = Sessions()

    async def start(request: Request) -> Response:
        address = address_of(request)
        pool.count_request(ANYBODY, address)
        grant = await gate.grant(request)
        if grant.identity:
            pool.count_request(grant, "")
        asked = await _started(request)
        if asked.create_daily_room or asked.transport not in (*_TRANSPORTS, _SOCKET):
            what = "a room of Daily" if asked.create_daily_room else f"the transport {asked.transport[:40]!r}"
            raise Refusal(
                400,
                "transport_unknown",
                f"This server has no {what.removeprefix('the ')}.",
                "Ask for webrtc (SmallWebRTCTransport) or websocket (WebSocketTransport).",
            )
        if asked.transport == _SOCKET:
            return JSONResponse(_socket_for(request, asked.body or {}), headers=NO_STORE)
        whose = f"identity {grant.identity}" if grant.identity else f"address {address_key(address)}"
        written = msgspec.json.encode(asked.body or {})
        session = sessions.begin(grant, written, clock_of_loop().now_ns(), whose)
        started: dict[str, Any] = {"sessionId": session.id}
        if servers := [dict(server) for server in ice_servers(grant)]:
            started["iceConfig"] = {"iceServers": servers}
        return JSONResponse(started, headers=NO_STORE)

    async def offer(request: Request) -> Response:
        session = _find(request)
        if request.method == "PATCH":
            trickle = await read_json(request, Trickle, limit=CANDIDATES_BYTES)
            await pool.add_candidates(trickle.pc_id, trickle.candidates)
            return JSONResponse({"status": "success"})
        pool.count_request(ANYBODY, address_of(request), further=True)
        body = await read_json(request, OfferBody, limit=OFFER_BYTES)
        answered = await answer_offer(pool, body, session.grant, request, sent_before=session.body)
        return answer_of(answered, body)

    def _find(request: Request) -> Session:
        session = sessions.find(request.path_params["session"], clock_of_loop().now_ns())
        if session is None:
            raise Refusal(
                404, "session_unknown", "There is no such session, or it is over.", "Ask /start for one."
            )
        return session

    async def status(_: Request) -> Response:
        told = {"status": pool.unready or "ready", "transports": ["webrtc", _SOCKET]}
        return JSONResponse(told, headers=NO_STORE)

    return [
        Route("/start", _told(start, pool), methods=["POST"]),
        Route("/sessions/{session}/api/offer", _told(offer, pool), methods=["POST", "PATCH"]),
        Route("/status", status),
    ]


def _told(endpoint: Endpoint, pool: Pool) -> Endpoint:
    """Refusals in the words that Pipecat's clients look for beside ours: ``detail`` and ``info``."""

    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refusal as refusal:
            pool.refused(refusal.code)
            words = " ".join(part for part in (refusal.message, refusal.remedy) if part)
            return refusal.response(detail=words, info=words)

    return told


def _socket_for(request: Request, body: Mapping[str, Any]) -> dict[str, str]:
    """Where a client of ``WebSocketTransport`` calls: agent and inputs stand in the address, for its first message has
    no room for them; its token comes behind them, as the client puts it there."""
    inputs = body.get("inputs")
    asked = {**body, **inputs} if isinstance(inputs, dict) else dict(body)
    agent = asked.pop("agent", None)
    sent = {name: value for name, value in asked.items() if isinstance(value, str | int | float)}
    url = request.url.replace(
        scheme="wss" if request.url.scheme == "https" else "ws",
        path=f"{request.scope.get('root_path', '')}/ws"
        + (f"/{quote(agent, safe='')}" if isinstance(agent, str) else ""),
        query=urlencode({name: str(value) for name, value in sent.items()}),
    )
    token = bearer_of(request)
    return {"wsUrl": str(url), **({"token": token} if token else {})}


async def _started(request: Request) -> _Start:
    """The body of ``/start``, which may be left out."""
    if request.headers.get("content-length", "") in ("", "0") and "transfer-encoding" not in request.headers:
        return _Start()
    return await read_json(request, _Start, limit=_START_BYTES)
