"""Offer, answer, candidates and goodbye over HTTP: ``/api/offer``; and what there is to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access.grant import ANYBODY, Grant
from .bodies import read_json
from .gate import Gate, address_of
from .offer_body import (
    CANDIDATES_BYTES,
    NO_STORE,
    OFFER_BYTES,
    OfferBody,
    Trickle,
    answer_of,
    answer_offer,
)
from .pool.pool import Pool
from .refusals import Refusal

__all__ = ["IceServers", "signalling_routes"]

IceServers = Callable[[Grant], Sequence[Mapping[str, Any]]]
"""The STUN and TURN servers of one caller, as in a browser."""


def signalling_routes(pool: Pool, gate: Gate, ice_servers: IceServers) -> list[Route]:
    """What lies below ``/api``."""

    async def agents(request: Request) -> Response:
        grant = await gate.grant(request)
        cards = pool.cards
        listed = [card.listed(grant.inputs) for card in cards.values() if grant.may_call(card.name)]
        default = next((name for name in grant.agents if name in cards), "")
        default = default or (listed[0]["name"] if listed else "")
        return JSONResponse({"agents": listed, "default": default})

    async def config(request: Request) -> Response:
        grant = await gate.grant(request)
        servers = [dict(server) for server in ice_servers(grant)]
        return JSONResponse({"iceServers": servers}, headers=NO_STORE)

    async def offer(request: Request) -> Response:
        if request.method == "PATCH":
            return await trickle(request)
        address = address_of(request)
        try:
            pool.count_request(ANYBODY, address, further=True)
            # What belongs to a call that there is needs no leave but the secret that names it.
            grant, refusal = await _granted(gate, request)
            if grant is not None and grant.identity:
                pool.count_request(grant, "", further=True)
            try:
                body = await read_json(request, OfferBody, limit=OFFER_BYTES)
            except Refusal as unread:
                raise refusal or unread from None
            answered = await answer_offer(pool, body, grant, request, refusal=refusal)
        except Refusal as refused:
            pool.refused(refused.code)
            raise
        return answer_of(answered, body)

    async def trickle(request: Request) -> Response:
        body = await read_json(request, Trickle, limit=CANDIDATES_BYTES)
        await pool.add_candidates(body.pc_id, body.candidates)
        return Response(status_code=204)

    async def hang_up(request: Request) -> Response:
        if request.query_params.get("resumes") == "1":
            await pool.leave(request.path_params["pc_id"])
        else:
            await pool.hang_up(request.path_params["pc_id"])
        return Response(status_code=204)

    return [
        Route("/agents", agents),
        Route("/config", config),
        # One route for both methods, so that any other is told of both.
        Route("/offer", offer, methods=["POST", "PATCH"]),
        Route("/offer/{pc_id}", hang_up, methods=["DELETE"]),
    ]


async def _granted(gate: Gate, request: Request) -> tuple[Grant | None, Refusal | None]:
    """What the sender may do, or why nothing."""
    try:
        return await gate.grant(request), None
    except Refusal as refusal:
        return None, refusal
