"""The ways in for callers by WebSocket: ``/ws/{agent}``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ...pipeline.graph.inputs import input_values
from ...transports.socket.caller import SocketCaller
from ...transports.socket.signals import Data
from ...transports.socket.wire import WireClosed
from ..access.grant import ANYBODY, Grant, bearer_of
from ..calls.desk import Desk
from ..calls.leg import Leg
from ..calls.reception import CallRequest
from ..calls.served import ServedAgent
from ..gate import Gate, address_of
from ..metrics import Metrics
from ..refusals import Refusal
from .door import DOORKEEPER, Doorkeeper, SocketWire, Waiting, deny, first_message, granted, tell_refusal
from .leg import SocketLeg
from .opening import INSTEAD, SUBPROTOCOL, Opener, Opening, bearer_in, native_opening, open_by

__all__ = ["SocketDoor", "no_socket", "socket_routes"]


class SocketDoor:
    """Lets callers by WebSocket in.

    Args:
        desk, gate, metrics: whose callers they are, who says what they may do, and who counts.
        openers: what may be said first; the first that understands it counts.
    """

    def __init__(
        self, desk: Desk, gate: Gate, metrics: Metrics, openers: Sequence[Opener] = (native_opening,)
    ) -> None:
        self._desk, self._gate, self._metrics = desk, gate, metrics
        self._openers = list(openers)
        self._waiting = Waiting()

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one socket, from its handshake to the end of its call."""
        try:
            grant = await self._before(websocket)
        except Refusal as refusal:
            self._metrics.refused(refusal.code)
            await deny(websocket, refusal)
            return
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in websocket.scope.get("subprotocols", ()) else None
        try:
            await websocket.accept(subprotocol)
            await self._opened(websocket, grant)
        except WebSocketDisconnect:
            return

    async def _before(self, websocket: WebSocket) -> Grant | None:
        """What may be asked before the socket is open. ``None``: who it is has to be said in the first message."""
        self._desk.count_request(ANYBODY, address_of(websocket))
        if instead := websocket.query_params.get(INSTEAD):
            await self._desk.stand_aside(instead)
        bearer = bearer_of(websocket) or bearer_in(websocket.scope.get("subprotocols", ()))
        return await self._granted(websocket, bearer) if bearer else None

    async def _listen(self, wire: SocketWire, asked: Mapping[str, str]) -> tuple[Opening, Data]:
        """What the caller says first, and what it comes to; ``asked`` is the query of its address."""
        first = await first_message(wire)
        return open_by(self._openers, first, asked), first

    async def _admit_by(self, websocket: WebSocket, opening: Opening) -> Grant:
        """What a caller may do who has not said before who it is."""
        return await self._granted(websocket, opening.token)

    async def _opened(self, websocket: WebSocket, grant: Grant | None) -> None:
        wire = SocketWire(websocket)
        try:
            with self._waiting.one(address_of(websocket)):
                opening, first = await self._listen(wire, websocket.query_params)
                if grant is None:
                    grant = await self._admit_by(websocket, opening)
            keeper: Doorkeeper | None = websocket.scope.get(DOORKEEPER)
            if keeper is None:
                await self._begin(websocket, wire, opening, first, grant)
                return
            await keeper.let_in(grant)
            try:
                await self._begin(websocket, wire, opening, first, replace(grant, once=""))
            except Refusal:
                await keeper.take_back(grant)
                raise
        except Refusal as refusal:
            self._metrics.refused(refusal.code)
            await tell_refusal(websocket, refusal)
        except WireClosed:
            await wire.close("")

    async def _begin(
        self, websocket: WebSocket, wire: SocketWire, opening: Opening, first: Data, grant: Grant
    ) -> None:
        """Have the call of a caller who may have one; returns when it is over. Raises ``Refusal``."""
        caller = SocketCaller(
            opening.codec, kind=opening.kind, ahead_ns=opening.ahead_ns, idle_ns=opening.idle_ns
        )
        asked = CallRequest(
            websocket.path_params.get("agent") or opening.agent,
            opening.inputs,
            grant,
            "" if grant.identity else address_of(websocket),
            websocket,
            opening.bring(caller),
        )
        if opening.loose_inputs:
            asked = replace(asked, inputs=self._fitting(asked))
        await self._call(wire, asked, caller, opening, first)

    def _fitting(self, asked: CallRequest) -> Mapping[str, Any]:
        """Of what a caller brings along what its agent takes, numbers read from their texts."""
        specs = self._desk.agent_for(asked).plan.inputs
        given = {name: value for name, value in asked.inputs.items() if name in specs}
        values, _ = input_values({name: specs[name] for name in given}, given, from_text=True)
        # What cannot be read is told by the desk.
        return {name: given[name] if values.get(name) is None else values[name] for name in given}

    async def _call(
        self, wire: SocketWire, asked: CallRequest, caller: SocketCaller, opening: Opening, first: Data
    ) -> None:
        carrying: asyncio.Task[None] | None = None

        async def make(_: ServedAgent) -> Leg:
            nonlocal carrying
            answer = opening.answer(caller)
            if answer is not None:
                caller.put(answer)
            # From here on it is carried: whoever closes its leg waits for its socket.
            carrying = asyncio.create_task(caller.carry(wire), name=f"{caller.kind} {caller.id[:6]}")
            return SocketLeg(caller, opening.dialect)

        try:
            line = await self._desk.admit(asked, make)
            if opening.replay:
                caller.receive(first)
            assert line.task is not None
            await asyncio.wait({line.task})
        finally:
            if carrying is not None:
                caller.end("the call is over")
                await carrying
            if opening.afterwards is not None:
                await opening.afterwards(caller)

    async def _granted(self, websocket: WebSocket, bearer: str) -> Grant:
        keeper: Doorkeeper | None = websocket.scope.get(DOORKEEPER)
        grant = await (keeper.grant(bearer) if keeper else granted(self._gate, websocket, bearer))
        if grant.identity:
            self._desk.count_request(grant, "")
        return grant


def socket_routes(door: SocketDoor) -> list[WebSocketRoute]:
    """``/ws/{agent}``, and ``/ws`` for the agent that the first message names, or the default one."""
    return [WebSocketRoute("/ws", door.serve), WebSocketRoute("/ws/{agent}", door.serve)]


async def no_socket(websocket: WebSocket) -> None:
    """What there is at every other address."""
    await deny(websocket, Refusal(404, "not_found", "There is no WebSocket at this address."))
