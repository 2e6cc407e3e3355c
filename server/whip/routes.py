"""``POST /whip/{agent}`` and what follows it: candidates, a restart of ICE, the end (RFC 9725)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..access.grant import ANYBODY, Grant
from ..bodies import media_type, read_body
from ..gate import Gate, address_of
from ..limits.buckets import address_key
from ..limits.shelf import Shelf
from ..offering import Offer
from ..pool.pool import Pool
from ..refusals import Refusal, sentence
from .fragments import (
    BadFragment,
    Fragment,
    credentials_of,
    entity_tag,
    read_fragment,
    restarted,
    write_fragment,
)

__all__ = ["whip_routes"]

_OFFER_BYTES = 64 * 1024
_FRAGMENT_BYTES = 32 * 1024
_MOST_SESSIONS = 10_000
_MOST_BYTES, _MOST_BYTES_OF_ONE = 64 << 20, 4 << 20
"""Of their offers, kept for restarts of ICE; a usual one has a few kilobytes."""
_MOST_INPUTS = 64
_SDP, _FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
_EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(slots=True)
class _Session:
    offer: str
    ufrag: str
    """The caller's own."""
    tag: str


class _Whip:
    def __init__(
        self, pool: Pool, gate: Gate, ice_servers: Callable[[Grant], Sequence[Mapping[str, Any]]]
    ) -> None:
        self._pool, self._gate, self._ice_servers = pool, gate, ice_servers
        self._sessions: Shelf[_Session] = Shelf(
            most=_MOST_SESSIONS, most_bytes=_MOST_BYTES, of_one_bytes=_MOST_BYTES_OF_ONE
        )

    async def endpoint(self, request: Request) -> Response:
        """``POST``: a call begins. ``OPTIONS`` is answered by the ``Guard``."""
        if request.method != "POST":
            raise _not_allowed("OPTIONS, POST")
        try:
            return await self._begin(request)
        except Refusal as refusal:
            self._pool.refused(refusal.code)
            raise

    async def session(self, request: Request) -> Response:
        """``PATCH``: candidates or a restart. ``DELETE``: the call ends."""
        id = request.path_params["session"]
        if request.method == "DELETE":
            await self._pool.hang_up(id)
            self._sessions.take(id)
            return Response(status_code=200)
        if request.method != "PATCH":
            raise _not_allowed("OPTIONS, PATCH, DELETE")
        return await self._patch(id, request)

    async def _begin(self, request: Request) -> Response:
        address = address_of(request)
        self._pool.count_request(ANYBODY, address)
        grant = await self._gate.grant(request)
        if grant.identity:
            self._pool.count_request(grant, "")
        sdp = await _read(request, _SDP, _OFFER_BYTES)
        agent = request.path_params.get("agent")
        answered = await self._pool.answer(
            Offer(sdp=sdp, agent=agent, inputs=self._inputs(request, agent), grant=grant, address=address),
            request,
        )
        session = _Session(sdp, credentials_of(sdp)[0], entity_tag(answered.sdp))
        self._sessions.put(answered.pc_id, session, len(sdp), address_key(address))
        root = request.scope.get("root_path", "")
        reply = Response(
            answered.sdp,
            201,
            {
                **_NO_STORE,
                "Location": f"{root}/whip/session/{quote(answered.pc_id, safe='')}",
                "ETag": session.tag,
                "Accept-Patch": _FRAGMENT,
            },
            media_type=_SDP,
        )
        for link in _links(self._ice_servers(grant)):
            reply.headers.append("Link", link)
        return reply

    async def _patch(self, id: str, request: Request) -> Response:
        self._pool.count_request(ANYBODY, address_of(request), further=True)
        session = self._sessions.use(id)
        if session is None:
            raise Refusal(404, "call_unknown", "There is no such session, or it is over.")
        asked = request.headers.get("if-match")
        if asked is None:
            raise Refusal(
                428, "precondition_required", "A PATCH needs If-Match: the session's ETag, or * to restart."
            )
        try:
            fragment = read_fragment(await _read(request, _FRAGMENT, _FRAGMENT_BYTES))
        except BadFragment as error:
            raise Refusal(422, "bad_fragment", sentence(error)) from None
        restarts = bool(fragment.ufrag) and fragment.ufrag != session.ufrag
        matches = session.tag in [one.strip() for one in asked.split(",")]
        if not matches and (asked.strip() != "*" or not restarts):
            raise Refusal(412, "stale_session", "The session has another ETag: its ICE was restarted.")
        if restarts:
            return await self._restart(id, session, fragment, request)
        for candidate in fragment.candidates:
            try:
                await self._pool.add_candidates(id, [candidate])
            except Refusal as refusal:
                # One that cannot be used is dropped; a call that is over is told.
                if refusal.status != 400:
                    raise
        return Response(status_code=204)

    async def _restart(self, id: str, session: _Session, fragment: Fragment, request: Request) -> Response:
        offer = restarted(session.offer, fragment)
        # What fails leaves the session as it was.
        answered = await self._pool.renegotiate(id, offer)
        session.offer, session.ufrag, session.tag = offer, fragment.ufrag, entity_tag(answered.sdp)
        if fragment.candidates:
            await self._pool.add_candidates(id, list(fragment.candidates))
        headers = {**_NO_STORE, "ETag": session.tag}
        fragment_of_ours = write_fragment(answered.sdp, ipv6=":" in address_of(request))
        return Response(fragment_of_ours, 200, headers, media_type=_FRAGMENT)

    def _inputs(self, request: Request, agent: str | None) -> Mapping[str, Any]:
        """What stands behind ``?``, as the agent's inputs have it."""
        given = dict(list(request.query_params.items())[:_MOST_INPUTS])
        cards = self._pool.cards
        card = cards.get(agent) if agent else next(iter(cards.values()), None)
        kinds = {} if card is None else {one["name"]: one["type"] for one in card.inputs}
        return {name: _value(value, kinds.get(name, "text")) for name, value in given.items()}


def whip_routes(
    pool: Pool, gate: Gate, ice_servers: Callable[[Grant], Sequence[Mapping[str, Any]]]
) -> list[Route]:
    """What lies below ``/whip``."""
    whip = _Whip(pool, gate, ice_servers)
    return [
        # Every method, or the page's catch-all would answer where it is wrong.
        Route("/whip/session/{session}", whip.session, methods=_EVERY),
        Route("/whip", whip.endpoint, methods=_EVERY),
        Route("/whip/{agent}", whip.endpoint, methods=_EVERY),
    ]


def _not_allowed(allowed: str) -> Refusal:
    return Refusal(
        405, "method_not_allowed", "This address does not take this method.", headers={"Allow": allowed}
    )


def _value(text: str, kind: str) -> str | int | float | bool:
    try:
        match kind:
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case "boolean" if text in ("true", "false"):
                return text == "true"
    except ValueError:
        # The desk says what it takes.
        return text
    return text


def _links(servers: Sequence[Mapping[str, Any]]) -> list[str]:
    """STUN and TURN servers as ``Link`` headers (RFC 9725, section 4.6)."""
    links = []
    for server in servers:
        urls = server.get("urls", ())
        for url in [urls] if isinstance(urls, str) else urls:
            link = f'<{url}>; rel="ice-server"'
            if server.get("credential"):
                link += (
                    f'; username="{server.get("username", "")}"; credential="{server["credential"]}"'
                    '; credential-type="password"'
                )
            links.append(link)
    return links


async def _read(request: Request, kind: str, limit: int) -> str:
    media = media_type(request)
    if media != kind:
        raise Refusal(
            415, "unsupported_media_type", f"The body is {media or 'of no stated type'}; expected {kind}."
        )
    body = await read_body(request, limit=limit)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refusal(400, "bad_request", "The body is not UTF-8.") from None
