"""Which addresses of this machine a caller is offered.

aioice leaves out the loopback address, and so a browser and a server on a machine without a network never meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import aioice.ice

__all__ = ["machine_addresses", "offered_addresses"]

_LOOPBACK = "127.0.0.1"
_find = aioice.ice.get_host_addresses
_chosen: ContextVar[tuple[str, ...] | None] = ContextVar("livegraph_addresses", default=None)


def machine_addresses(*, loopback: bool = False) -> list[str]:
    """The addresses of this machine's network interfaces.

    With ``loopback`` 127.0.0.1 too, for a server that listens there; without, only where there is no other.
    """
    found = _find(use_ipv4=True, use_ipv6=True)
    return [*found, _LOOPBACK] if loopback or not found else found


@contextmanager
def offered_addresses(addresses: Sequence[str] | None) -> Iterator[None]:
    """Connections whose candidates are gathered inside offer ``addresses``; ``None`` is ``machine_addresses()``."""
    # aioice looks the function up in its module each time; ours answers all others as before.
    aioice.ice.get_host_addresses = _answer
    token = _chosen.set(None if addresses is None else tuple(addresses))
    try:
        yield
    finally:
        _chosen.reset(token)


def _answer(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    chosen = _chosen.get()
    found = machine_addresses() if chosen is None else list(chosen)
    return [address for address in found if (use_ipv6 if ":" in address else use_ipv4)]
