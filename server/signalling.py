"""Offer, answer, candidates and goodbye over HTTP: ``/api/offer``; and what there is to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .bodies import read_json
from .calls import CallDesk, ServedAgent
from .metrics import Metrics
from .refusals import Refusal

__all__ = ["signalling_routes"]

_OFFER_BYTES = 80 * 1024
"""64 KiB of SDP, and what JSON makes of its line ends."""
_CANDIDATES_BYTES = 32 * 1024


class _Offer(msgspec.Struct):
    sdp: str
    type: str
    agent: str | None = None
    inputs: dict[str, str | int | float | bool | None] | None = None


class _Trickle(msgspec.Struct):
    pc_id: str
    candidates: list[dict[str, Any]]


def _inputs(agent: ServedAgent) -> list[dict[str, Any]]:
    """What a caller can bring along in the offer's ``inputs``."""
    return [
        {
            "name": name,
            "type": spec.type,
            "required": spec.required,
            "doc": spec.doc,
            **({"choices": list(spec.choices)} if spec.choices else {}),
            **({"max_length": spec.max_length} if spec.type == "text" else {}),
        }
        for name, spec in agent.plan.inputs.items()
    ]


def signalling_routes(
    desk: CallDesk, metrics: Metrics, ice_servers: Sequence[Mapping[str, Any]]
) -> list[Route]:
    """What lies below ``/api``."""

    async def agents(_: Request) -> Response:
        listed = [
            {
                "name": agent.name,
                "title": agent.title or agent.name,
                "description": agent.description,
                **({"inputs": _inputs(agent)} if agent.plan.inputs else {}),
            }
            for agent in desk.agents.values()
        ]
        return JSONResponse({"agents": listed, "default": listed[0]["name"]})

    async def config(_: Request) -> Response:
        return JSONResponse({"iceServers": [dict(server) for server in ice_servers]})

    async def offer(request: Request) -> Response:
        if request.method == "PATCH":
            return await trickle(request)
        try:
            body = await read_json(request, _Offer, limit=_OFFER_BYTES)
            answered = await desk.answer(body.sdp, body.type, body.agent, body.inputs)
        except Refusal as refusal:
            metrics.refused(refusal.code)
            raise
        return JSONResponse(
            {"sdp": answered.sdp, "type": answered.type, "pc_id": answered.pc_id},
            headers={"Cache-Control": "no-store"},
        )

    async def trickle(request: Request) -> Response:
        body = await read_json(request, _Trickle, limit=_CANDIDATES_BYTES)
        await desk.add_candidates(body.pc_id, body.candidates)
        return Response(status_code=204)

    async def hang_up(request: Request) -> Response:
        await desk.hang_up(request.path_params["pc_id"])
        return Response(status_code=204)

    return [
        Route("/agents", agents),
        Route("/config", config),
        # One route for both methods, so that any other is told of both.
        Route("/offer", offer, methods=["POST", "PATCH"]),
        Route("/offer/{pc_id}", hang_up, methods=["DELETE"]),
    ]
