"""The way in for telephones: ``/telephone/{agent}``, one for the streams of all providers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from ...transports.socket.caller import SocketCaller
from ...transports.socket.signals import BadSignal, Data
from ...transports.telephone.started import Provider, Started
from ...transports.telephone.words import codec_of, is_greeting, read_start
from ..access.grant import ANYBODY, Grant, bearer_of
from ..access.ticket import TicketError
from ..calls.desk import Desk
from ..gate import Gate, address_of
from ..metrics import Metrics
from ..refusals import Refusal, sentence
from ..sockets.door import SocketWire, first_message
from ..sockets.opening import Opening
from ..sockets.routes import SocketDoor
from .accounts import TelephoneAccounts
from .line import TelephoneLine
from .questions import PASS, wrong_signature
from .signatures import by_plivo, by_twilio, spellings

__all__ = ["TelephoneDoor", "telephone_streams"]

_DIAL_LIFE_S = 60.0
_MOST_BEFORE_START = 50
"""A second of sound that has overtaken the start."""
_OWN = frozenset((PASS, "token"))


class TelephoneDoor(SocketDoor):
    """Lets telephones in: by what their provider has signed, by a pass of an answer, or as everybody else.

    Args:
        accounts: by which signatures are checked and calls are steered.
    """

    def __init__(self, desk: Desk, gate: Gate, metrics: Metrics, accounts: TelephoneAccounts) -> None:
        super().__init__(desk, gate, metrics, ())
        self._accounts = accounts
        if accounts.twilio or accounts.telnyx or accounts.plivo:
            # What asks them takes long to load: now, and not while calls run.
            import_module("httpx")

    # Streams -------------------------------------------------------------------------------------------------

    async def _before(self, websocket: WebSocket) -> Grant | None:
        """The signature of a handshake, where there is one, says who it is; whose call it is the start will say."""
        signed = self._signed_handshake(websocket)
        websocket.state.signed = signed
        if signed is None:
            self._desk.count_request(ANYBODY, address_of(websocket))
        else:
            self._desk.check_ready()
        bearer = bearer_of(websocket)
        return await self._granted(websocket, bearer) if bearer else None

    async def _listen(self, wire: SocketWire, _: Mapping[str, str]) -> tuple[Opening, Data]:
        """``start``, behind Twilio's and Telnyx's ``connected``; sound may have overtaken it, and is let go."""
        data = await first_message(wire)
        for _number in range(_MOST_BEFORE_START):
            if not is_greeting(data):
                break
            data = await first_message(wire)
        try:
            started = read_start(data)
        except BadSignal as error:
            raise Refusal(400, "bad_start", sentence(error)) from None
        if started is None:
            raise Refusal(
                400,
                "bad_start",
                "The first message is no start of Twilio, Telnyx or Plivo.",
                "Other callers have /ws.",
            )
        inputs = {name: value for name, value in started.parameters.items() if name not in _OWN}
        known = {"caller": started.caller, "called": started.called, "call_id": started.call_id}
        lines: dict[str, TelephoneLine] = {}

        def bring(caller: SocketCaller) -> Mapping[type, Any]:
            line = lines[caller.id] = TelephoneLine(self._accounts, started, caller, self._dial_url)
            return line.resources

        async def afterwards(caller: SocketCaller) -> None:
            await lines[caller.id].finish()

        opening = Opening(
            codec_of(started),
            kind=started.provider,
            token=started.parameters.get("token", ""),
            agent=inputs.pop("agent", None),
            inputs={**inputs, **{name: value for name, value in known.items() if value}},
            loose_inputs=True,
            bring=bring,
            afterwards=afterwards,
        )
        return opening, data

    async def _admit_by(self, websocket: WebSocket, opening: Opening) -> Grant:
        codec: Any = opening.codec
        started: Started = codec.started
        passes = self._accounts.passes(started.provider)
        if passes is not None and (written := started.parameters.get(PASS)):
            try:
                return passes.read(written)
            except TicketError as error:
                raise Refusal(401, error.code, sentence(error), "The call has to be answered anew.") from None
        if websocket.state.signed == started.provider:
            return Grant(identity=started.caller or started.call_id)
        if opening.token or passes is None:
            return await self._granted(websocket, opening.token)
        raise Refusal(
            401,
            "unsigned",
            f"The stream is not signed by {started.provider}, and brings no pass.",
            f"Have {started.provider} ask /telephone/AGENT/answer when somebody calls.",
        )

    def _signed_handshake(self, websocket: WebSocket) -> Provider | None:
        """Who has signed it. Raises ``Refusal`` (403) for a signature that is wrong."""
        urls = spellings(str(websocket.url), self._accounts.public_url, socket=True)
        headers = websocket.headers
        twilio, plivo = self._accounts.twilio, self._accounts.plivo
        if twilio is not None and (signature := headers.get("x-twilio-signature")):
            if by_twilio(urls, (), twilio.auth_token, signature):
                return "twilio"
            raise wrong_signature("Twilio")
        if plivo is not None and (signature := headers.get("x-plivo-signature-v3")):
            nonce = headers.get("x-plivo-signature-v3-nonce", "")
            if by_plivo(urls, (), plivo.auth_token, signature, nonce, post=False):
                return "plivo"
            raise wrong_signature("Plivo")
        return None

    def _dial_url(self, to: str) -> str:
        passes = self._accounts.passes("plivo")
        if passes is None or not self._accounts.public_url:
            return ""
        order = passes.make("transfer", inputs={"to": to}, life_s=_DIAL_LIFE_S)
        return f"{self._accounts.public_url}/telephone/dial/{order}"


def telephone_streams(door: TelephoneDoor) -> list[WebSocketRoute]:
    """``/telephone/{agent}``, and ``/telephone`` for the agent that a parameter names, or the default one."""
    return [WebSocketRoute("/telephone", door.serve), WebSocketRoute("/telephone/{agent}", door.serve)]
