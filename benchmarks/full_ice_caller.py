"""A ``LightCaller`` for servers whose own agent searches, such as aiortc's: it answers their checks as well."""

from __future__ import annotations

from typing import Any

from light_callers import LightCaller

from livegraph.transports.webrtc.ice.stun import read_request, success

__all__ = ["FullIceCaller"]

_LAST_STUN = 3


class FullIceCaller(LightCaller):
    """One call. Its own checks nominate, so the server's need no more than an answer."""

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """See ``asyncio.DatagramProtocol``."""
        if data[0] > _LAST_STUN:
            super().datagram_received(data, addr)
        elif (request := read_request(data)) is not None:
            self._transport.sendto(success(request, self._server, self._password.encode()))
