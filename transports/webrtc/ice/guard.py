"""What may reach aioice's agent and the call behind it: nothing of a stranger's, as at the mux of the lite agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import aioice

from .mux import LAST_STUN

__all__ = ["Guard"]

_MOST_CANDIDATES = 128
"""Of the caller, told or found by its checks. For each of them aioice keeps a pair, and checks it."""
_MOST_WAYS = 16
_MOST_BYTES = 2_048
_UNAUTHENTICATED = (400, 401)

_Address = tuple[str, int]


class Guard:
    """Stands in front of one connection; ``watch`` its sockets once there are any.

    Only what comes from where the caller has proved to be is taken for its own; strangers are not answered, and
    whatever anybody sends breaks nothing. aioice itself takes datagrams from everywhere, on a queue without a bound,
    answers the checks of strangers, and raises for some that are malformed.

    Args:
        take: is given datagrams of the caller that are no STUN.
        checked: is told of every authentic check.
    """

    def __init__(
        self, connection: aioice.Connection, take: Callable[[bytes], None], checked: Callable[[], None]
    ) -> None:
        self.counts: Counter[str] = Counter()
        """Datagrams that were dropped, by why: ``stranger``, ``malformed``, ``crowd``."""
        self._connection = connection
        self._take, self._checked = take, checked
        self._proved: dict[tuple[Any, _Address], None] = {}
        """Sockets and the addresses that authentic checks came from, the latest last."""
        self._judge, self._refuse = connection.check_incoming, connection.respond_error
        # Looked up on the instance by aioice itself.
        for name, ours in (
            ("check_incoming", self._check),
            ("respond_error", self._respond_error),
            ("data_received", self._drop),
        ):
            setattr(connection, name, ours)

    def watch(self) -> None:
        """Look at all that comes to the sockets there are by now."""
        for protocol in self._connection._protocols:
            setattr(  # noqa: B010  # of this one instance
                protocol, "datagram_received", partial(self._receive, protocol, protocol.datagram_received)
            )

    def _receive(
        self, protocol: Any, pass_on: Callable[[bytes, Any], None], data: bytes, address: Any
    ) -> None:
        if not data or len(data) > _MOST_BYTES:
            self.counts["malformed"] += 1
        elif data[0] <= LAST_STUN:
            try:
                pass_on(data, address)
            except Exception:  # of aioice's parser, for what anybody may have sent
                self.counts["malformed"] += 1
        elif self._is_caller(protocol, (address[0], address[1])):
            self._take(data)
        else:
            self.counts["stranger"] += 1

    def _is_caller(self, protocol: Any, address: _Address) -> bool:
        if (protocol, address) in self._proved:
            return True
        pair = self._connection._nominated.get(1)
        return pair is not None and pair.protocol is protocol and pair.remote_addr == address

    def _check(self, message: Any, address: _Address, protocol: Any) -> None:
        """A check came, and is authentic."""
        if "PRIORITY" not in message.attributes:
            self.counts["malformed"] += 1
            return
        known = self._connection._remote_candidates
        if len(known) >= _MOST_CANDIDATES and not any((one.host, one.port) == address for one in known):
            self.counts["crowd"] += 1
            return
        way = (protocol, address)
        self._proved.pop(way, None)
        self._proved[way] = None
        if len(self._proved) > _MOST_WAYS:
            del self._proved[next(iter(self._proved))]
        self._checked()
        self._judge(message, address, protocol)

    def _respond_error(self, request: Any, address: _Address, protocol: Any, error: tuple[int, str]) -> None:
        if error[0] in _UNAUTHENTICATED:
            self.counts["stranger"] += 1
        else:
            self._refuse(request, address, protocol, error)

    def _drop(self, data: bytes, component: int) -> None:
        """What begins as STUN does and is none."""
        self.counts["malformed"] += 1
