"""Connections that go to judged addresses only, for httpx and for the copy of it that the MCP package brings along.

The two are the same code under two names (httpx over httpcore, httpx2 over httpcore2), so that what is made here takes
the names as arguments. Neither has a door for who connects: the pool of a transport is replaced, which
``tests/processors/tools/http/test_guarded.py`` holds to what both do today.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .hosts import HostPolicy

__all__ = ["CannotCall", "guarded_transport", "look_up"]

_RESOLVE_S = 5.0
_MOST_CONNECTIONS = 20


class CannotCall(Exception):
    """There is no answer. ``retryable``: it may be otherwise in a moment."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises ``CannotCall``."""
    try:
        async with asyncio.timeout(_RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotCall(f"there is no host {host}", retryable=True) from None
    except TimeoutError:
        raise CannotCall(f"nobody says where {host} is", retryable=True) from None
    return list(dict.fromkeys(str(info[4][0]) for info in found))


def guarded_transport(
    httpx: Any,
    httpcore: Any,
    policy: HostPolicy,
    *,
    find: Callable[[str, int], Awaitable[list[str]]] = look_up,
    fault: Callable[[CannotCall], Exception] = lambda error: error,
) -> Any:
    """An asynchronous transport of ``httpx`` that connects to addresses that ``policy`` lets pass, and to no others.

    Args:
        find: looks names up.
        fault: what is raised for a ``CannotCall``, where whoever uses the transport expects something of its own.
    """

    async def connect(inner: Any, host: str, port: int, *more: Any) -> Any:
        try:
            # Whoever asked has judged the address as it is written; this is the name as the library has read it.
            if why := policy.refuse_host(host):
                raise CannotCall(f"the address is not called: {why}")
            addresses = await find(host, port)
            refusals = [policy.refuse_address(address, host) for address in addresses]
            allowed = [address for address, why in zip(addresses, refusals, strict=True) if not why]
            if not allowed:
                raise CannotCall(f"the address is not called: {refusals[0] if refusals else 'there is none'}")
        except CannotCall as error:
            raise fault(error) from None
        for address in allowed[:-1]:
            try:
                return await inner.connect_tcp(address, port, *more)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await inner.connect_tcp(allowed[-1], port, *more)

    class Guarded(httpcore.AsyncNetworkBackend):  # type: ignore[misc]
        def __init__(self) -> None:
            self._inner = httpcore.AnyIOBackend()

        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,  # noqa: ASYNC109  # httpcore's own signature
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> Any:
            return await connect(self._inner, host, port, timeout, local_address, socket_options)

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    tls = _tls(httpx)
    transport = httpx.AsyncHTTPTransport(verify=tls)
    transport._pool = httpcore.AsyncConnectionPool(
        ssl_context=tls, max_connections=_MOST_CONNECTIONS, network_backend=Guarded()
    )
    return transport


@functools.cache
def _tls(httpx: Any) -> Any:
    return httpx.create_ssl_context()
