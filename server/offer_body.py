"""Offers as pages send them, ours and Pipecat's, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .access.grant import Grant
from .gate import address_of
from .offering import Answered, Offer
from .pool.pool import Pool
from .refusals import Refusal

__all__ = [
    "CANDIDATES_BYTES",
    "NO_STORE",
    "OFFER_BYTES",
    "OfferBody",
    "Trickle",
    "answer_of",
    "answer_offer",
]

OFFER_BYTES = 80 * 1024
"""64 KiB of SDP, and what JSON makes of its line ends."""
CANDIDATES_BYTES = 32 * 1024
NO_STORE = {"Cache-Control": "no-store"}
_MOST_INPUTS = 64
_TRACE = ("traceparent", "tracestate", "baggage")

Scalar = str | int | float | bool | None


class OfferBody(msgspec.Struct):
    """The body of an offer."""

    sdp: str
    type: str
    agent: str | None = None
    inputs: dict[str, Scalar] | None = None
    pc_id: str | None = None
    """Of the call that this offer belongs to: it renegotiates, or restarts ICE."""
    restart_pc: bool = False
    """Whether it is of a connection that replaces the one of ``pc_id``."""
    resume: str | None = None
    """The token of the last answer: this offer goes on with that call. Empty: the caller means to do so if need be."""
    data: dict[str, Any] | None = None
    """What else the program around the agent is to know."""
    request_data: dict[str, Any] | None = msgspec.field(default=None, name="requestData")
    """What Pipecat's clients send along: ``agent`` and ``inputs``, or single inputs by their names, and ``data``."""
    request_data_too: dict[str, Any] | None = msgspec.field(default=None, name="request_data")


class Trickle(msgspec.Struct):
    """More addresses of a caller."""

    pc_id: str
    candidates: list[dict[str, Any]]


async def answer_offer(
    pool: Pool,
    body: OfferBody,
    grant: Grant | None,
    request: Request,
    *,
    refusal: Refusal | None = None,
    sent_before: Mapping[str, Any] | None = None,
) -> Answered:
    """Answer an offer: of a call that there is, or of a new one where there is a ``grant``. Raises ``Refusal``.

    ``refusal`` is why there is no grant; ``sent_before`` what stands in for the offer's ``requestData``.
    """
    further = await _further(pool, body)
    if further is not None:
        return further
    if grant is None:
        raise refusal or Refusal(401, "unauthorized", "Nobody has said who calls.")
    sent = {**(sent_before or {}), **(body.request_data or {}), **(body.request_data_too or {})}
    agent = body.agent
    if agent is None and isinstance(sent.get("agent"), str):
        agent = sent["agent"]
    return await pool.answer(
        Offer(
            sdp=body.sdp,
            kind=body.type,
            agent=agent,
            inputs=_inputs(pool, grant, agent, sent, body.inputs or {}),
            grant=grant,
            address=address_of(request),
            resumes=body.resume is not None,
            headers={name: value for name in _TRACE if (value := request.headers.get(name))},
            data={**sent, **(body.data or {})},
        ),
        request,
    )


def answer_of(answered: Answered, asked: OfferBody) -> Response:
    """The answer. Its token is in a header for everybody, and in the body for who has asked for it."""
    body = {"sdp": answered.sdp, "type": answered.type, "pc_id": answered.pc_id}
    if asked.resume is not None:
        body["resume"] = answered.resume
    return JSONResponse(body, headers={**NO_STORE, "Livegraph-Resume": answered.resume})


async def _further(pool: Pool, body: OfferBody) -> Answered | None:
    """The answer to an offer that belongs to a call that there is; ``None`` for one that makes a new call."""
    if body.resume:
        return await pool.resume(body.resume, body.sdp, body.type)
    if body.pc_id:
        try:
            return await pool.renegotiate(body.pc_id, body.sdp, body.type, replace=body.restart_pc)
        except Refusal as refusal:
            # Who would replace a connection whose call is over begins a new one; not where the call was ended at this
            # end, which its client takes for a fault of the line.
            over = refusal.status in (404, 410) and refusal.code != "call_ended"
            if not body.restart_pc or not over:
                raise
    return None


def _inputs(
    pool: Pool, grant: Grant, agent: str | None, sent: Mapping[str, Any], said: Mapping[str, Any]
) -> dict[str, Any]:
    """The inputs among what a client has sent along, and those that it ``said`` to be some. Raises ``Refusal``."""
    cards = pool.cards
    name = agent or next((one for one in grant.agents if one in cards), next(iter(cards), ""))
    known = {given["name"] for given in cards[name].inputs} if name in cards else set()
    inputs = {key: value for key, value in sent.items() if key in known}
    if isinstance(sent.get("inputs"), dict):
        inputs |= sent["inputs"]
    inputs |= said
    if len(inputs) > _MOST_INPUTS:
        raise Refusal(400, "bad_inputs", f"A call has {_MOST_INPUTS} inputs at most, not {len(inputs)}.")
    wrong = next((key for key, value in inputs.items() if not isinstance(value, Scalar)), None)
    if wrong is not None:
        raise Refusal(
            400, "bad_inputs", f"The input {wrong[:60]!r} has to be a text, a number, or true or false."
        )
    return inputs
