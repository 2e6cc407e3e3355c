"""What a provider asks over HTTP when somebody calls: ``/telephone/{agent}/answer``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl, quote

from starlette.datastructures import URL
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from ...transports.telephone.started import Provider
from ..access.grant import ANYBODY, Grant
from ..access.ticket import TicketError
from ..bodies import read_body
from ..gate import Gate, address_of
from ..refusals import Refusal
from ..wall_clock import unix_seconds
from .accounts import TelephoneAccounts
from .answers import dial, open_stream
from .signatures import by_plivo, by_telnyx, by_twilio, spellings

__all__ = ["PASS", "TelephoneQuestions", "wrong_signature"]

_FORM_BYTES = 64 * 1024
_MOST_FIELDS = 200
_PASS_LIFE_S = 120.0
"""From the answer to the stream that it opens."""
PASS = "pass"
"""The parameter that lets a stream in whose call was answered here."""


class TelephoneQuestions:
    """Answers providers, once they have signed what they ask.

    Args:
        count: counts a request of an address; raises ``Refusal``.
        gate: asked for leave where no signature can be checked.
    """

    def __init__(self, count: Callable[[Grant, str], None], gate: Gate, accounts: TelephoneAccounts) -> None:
        self._count, self._gate, self._accounts = count, gate, accounts

    def routes(self) -> list[Route]:
        """Below ``/telephone``."""
        methods = ["GET", "POST"]
        return [
            Route("/telephone/answer", self.answer, methods=methods),
            Route("/telephone/{agent}/answer", self.answer, methods=methods),
            Route("/telephone/dial/{order}", self.dial, methods=methods),
        ]

    async def answer(self, request: Request) -> Response:
        """Somebody calls: connect them to the agent's stream."""
        self._count(ANYBODY, address_of(request))
        body = await read_body(request, limit=_FORM_BYTES)
        fields, query = _pairs(body.decode(errors="replace")), _pairs(request.url.query)
        given = dict(query) | dict(fields)
        provider = _provider_of(request, given)
        if self._accounts.signs(provider):
            self._check_signature(provider, request, body, fields)
        else:
            await self._gate.grant(request)
        agent = request.path_params.get("agent") or ""
        parameters = {name: value for name, value in query if name not in _PROVIDERS_FIELDS}
        parameters |= {"caller": given.get("From", ""), "called": given.get("To", "")}
        parameters = {name: value for name, value in parameters.items() if value}
        passes = self._accounts.passes(provider)
        if passes is not None:
            caller = parameters.get("caller") or given.get("CallSid") or given.get("CallUUID") or "telephone"
            agents = (agent,) if agent else ()
            parameters[PASS] = passes.make(caller[:200], agents=agents, life_s=_PASS_LIFE_S)
        path = f"/telephone/{quote(agent, safe='')}" if agent else "/telephone"
        page = open_stream(provider, self._public(request, path, "wss"), parameters)
        return Response(page, media_type="text/xml", headers={"Cache-Control": "no-store"})

    async def dial(self, request: Request) -> Response:
        """Plivo asks whom a call is to be connected to that is passed on."""
        self._count(ANYBODY, address_of(request))
        passes = self._accounts.passes("plivo")
        try:
            if passes is None:
                raise TicketError("ticket_invalid", "there is no account")
            to = str(passes.read(request.path_params["order"]).inputs["to"])
        except (TicketError, KeyError):
            raise Refusal(404, "not_found", "There is nothing at this address.") from None
        return Response(dial("plivo", to), media_type="text/xml", headers={"Cache-Control": "no-store"})

    def _check_signature(
        self, provider: Provider, request: Request, body: bytes, fields: list[tuple[str, str]]
    ) -> None:
        accounts, headers = self._accounts, request.headers
        urls = spellings(str(request.url), accounts.public_url)
        good = False
        if provider == "twilio" and accounts.twilio is not None:
            signature = headers.get("x-twilio-signature", "")
            good = by_twilio(urls, fields, accounts.twilio.auth_token, signature)
        elif provider == "plivo" and accounts.plivo is not None:
            signature, nonce = (headers.get(f"x-plivo-signature-v3{end}", "") for end in ("", "-nonce"))
            post = request.method == "POST"
            good = by_plivo(urls, fields, accounts.plivo.auth_token, signature, nonce, post=post)
        elif provider == "telnyx" and accounts.telnyx is not None:
            good = by_telnyx(body, accounts.telnyx.public_key, headers, unix_seconds())
        if not good:
            raise wrong_signature(provider.capitalize())

    def _public(self, connection: HTTPConnection, path: str, scheme: str) -> str:
        """An address of this server, as the world has it."""
        root = connection.scope.get("root_path", "")
        base = URL(self._accounts.public_url) if self._accounts.public_url else connection.url
        return f"{scheme}://{base.netloc}{root}{path}"


_PROVIDERS_FIELDS = frozenset(
    (
        "AccountSid",
        "ApiVersion",
        "CallSid",
        "CallStatus",
        "CallUUID",
        "Called",
        "Caller",
        "Direction",
        "Event",
        "From",
        "To",
    )
)


def _pairs(text: str) -> list[tuple[str, str]]:
    """Fields of a form or a query. Raises ``Refusal`` (400) for more than any provider sends."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refusal(400, "bad_request", f"The request has more than {_MOST_FIELDS} fields.") from None


def _provider_of(request: Request, given: Mapping[str, str]) -> Provider:
    if "telnyx-signature-ed25519" in request.headers or "CallControlId" in given:
        return "telnyx"
    if "x-plivo-signature-v3" in request.headers or "CallUUID" in given:
        return "plivo"
    if "x-twilio-signature" in request.headers or "CallSid" in given:
        return "twilio"
    raise Refusal(
        400,
        "bad_request",
        "This is no question of Twilio, Telnyx or Plivo.",
        "Set this address as what a number does when a call comes in.",
    )


def wrong_signature(provider: str) -> Refusal:
    """A refusal of what somebody else may have sent."""
    return Refusal(
        403,
        "bad_signature",
        f"This is not signed by {provider} with the token that is set here.",
        "Look at the token, and at the address: LIVEGRAPH_PUBLIC_URL says what it is behind a proxy.",
    )
