"""Offer, answer, candidates and goodbye over HTTP: ``/api/offer``; and what there is to call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access.grant import ANYBODY, Grant
from .bodies import read_json
from .gate import Gate, address_of
from .offering import Answered, Offer
from .pool.pool import Pool
from .refusals import Refusal

__all__ = ["IceServers", "signalling_routes"]

IceServers = Callable[[Grant], Sequence[Mapping[str, Any]]]
"""The STUN and TURN servers of one caller, as in a browser."""

_OFFER_BYTES = 80 * 1024
"""64 KiB of SDP, and what JSON makes of its line ends."""
_CANDIDATES_BYTES = 32 * 1024
_MOST_INPUTS = 64
_TRACE = ("traceparent", "tracestate", "baggage")
_NO_STORE = {"Cache-Control": "no-store"}


class _Offer(msgspec.Struct):
    sdp: str
    type: str
    agent: str | None = None
    inputs: dict[str, str | int | float | bool | None] | None = None
    pc_id: str | None = None
    """Of the call that this offer belongs to: it renegotiates, or restarts ICE."""
    restart_pc: bool = False
    """Whether it is of a connection that replaces the one of ``pc_id``."""
    resume: str | None = None
    """The token of the last answer: this offer goes on with that call. Empty: the caller means to do so if need be."""


class _Trickle(msgspec.Struct):
    pc_id: str
    candidates: list[dict[str, Any]]


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
        return JSONResponse({"iceServers": servers}, headers=_NO_STORE)

    async def offer(request: Request) -> Response:
        if request.method == "PATCH":
            return await trickle(request)
        address = address_of(request)
        try:
            pool.count_request(ANYBODY, address)
            # What belongs to a call that there is needs no leave but the secret that names it.
            grant, refusal = await _granted(gate, request)
            if grant is not None and grant.identity:
                pool.count_request(grant, "")
            try:
                body = await read_json(request, _Offer, limit=_OFFER_BYTES)
            except Refusal as unread:
                raise refusal or unread from None
            further = await _further(pool, body)
            if further is not None:
                return _reply(further, body)
            if grant is None:
                raise refusal or Refusal(401, "unauthorized", "Nobody has said who calls.")
            if body.inputs is not None and len(body.inputs) > _MOST_INPUTS:
                raise Refusal(
                    400, "bad_inputs", f"A call has {_MOST_INPUTS} inputs at most, not {len(body.inputs)}."
                )
            answered = await pool.answer(
                Offer(
                    sdp=body.sdp,
                    kind=body.type,
                    agent=body.agent,
                    inputs=body.inputs or {},
                    grant=grant,
                    address=address,
                    resumes=body.resume is not None,
                    headers={name: value for name in _TRACE if (value := request.headers.get(name))},
                ),
                request,
            )
        except Refusal as refusal:
            pool.refused(refusal.code)
            raise
        return _reply(answered, body)

    async def trickle(request: Request) -> Response:
        body = await read_json(request, _Trickle, limit=_CANDIDATES_BYTES)
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


def _reply(answered: Answered, asked: _Offer) -> Response:
    """The answer. Its token is in a header for everybody, and in the body for who has asked for it."""
    body = {"sdp": answered.sdp, "type": answered.type, "pc_id": answered.pc_id}
    if asked.resume is not None:
        body["resume"] = answered.resume
    return JSONResponse(body, headers={**_NO_STORE, "Livegraph-Resume": answered.resume})


async def _granted(gate: Gate, request: Request) -> tuple[Grant | None, Refusal | None]:
    """What the sender may do, or why nothing."""
    try:
        return await gate.grant(request), None
    except Refusal as refusal:
        return None, refusal


async def _further(pool: Pool, body: _Offer) -> Answered | None:
    """The answer to an offer that belongs to a call that there is; ``None`` for one that makes a new call."""
    if body.resume:
        return await pool.resume(body.resume, body.sdp, body.type)
    if body.pc_id:
        try:
            return await pool.renegotiate(body.pc_id, body.sdp, body.type, replace=body.restart_pc)
        except Refusal as refusal:
            # Who would replace a connection whose call is over begins a new one.
            if not body.restart_pc or refusal.status not in (404, 410):
                raise
    return None
