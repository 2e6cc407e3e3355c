"""Lets callers by WebSocket in for all workers: where their sockets are, and where all callers are counted."""

from __future__ import annotations

from starlette.websockets import WebSocket

from ...pipeline.clock import clock_of_loop
from ..access.grant import Grant
from ..calls.admission import Caller, Entry
from ..calls.reception import Reception
from ..gate import Gate
from ..sockets.door import granted

__all__ = ["PoolDoorkeeper"]


class PoolDoorkeeper:
    """See ``Doorkeeper``: of one socket, whose caller has the place ``entry``.

    Args:
        gate: says what callers may do. Workers need neither tokens nor secrets for that.
        reception: counts them, and knows which tickets were used.
    """

    def __init__(self, websocket: WebSocket, gate: Gate, reception: Reception, entry: Entry) -> None:
        self._websocket, self._gate = websocket, gate
        self._reception, self._entry = reception, entry

    async def grant(self, bearer: str) -> Grant:
        """See ``Doorkeeper``."""
        return await granted(self._gate, self._websocket, bearer)

    async def let_in(self, grant: Grant) -> None:
        """See ``Doorkeeper``."""
        admission = self._reception.admission
        admission.count_request(Caller(grant), clock_of_loop().now_ns())
        admission.identify(self._entry, grant)
        await self._reception.use_ticket(grant)

    async def take_back(self, grant: Grant) -> None:
        """See ``Doorkeeper``."""
        await self._reception.give_ticket_back(grant)
