"""How callers reach this process: its ports, its addresses, its certificate. One for all calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from .ice.addresses import LOOPBACK, PublicAddress, candidates, machine_addresses
from .ice.full import FullRoute
from .ice.mux import Mux
from .ice.route import Route, RouteListener
from .ice.sockets import Sockets, open_sockets
from .secure import Certificate

__all__ = ["ANY", "LOOPBACK", "Network", "PublicAddress"]

ANY = ("0.0.0.0", "::")
"""Every address of this machine."""

_ADDRESSES_FOR_S = 5.0


class Network:
    """The ground that calls stand on: an async context manager, open while it is held.

    Args:
        udp_port: for the media of all calls, by UDP and by TCP; 0 takes a free one.
        hosts: addresses to listen on.
        public_addresses: where the world reaches us, if not at our own addresses: behind NAT, in a container. Callers
            are told these and no others.
        ice: ``lite`` answers callers, who must be able to reach us. ``full`` searches its way by ``ice_servers``; it
            takes a port for each call, and ``udp_port`` and ``public_addresses`` do not matter.
        ice_servers: is asked for STUN and TURN servers for ``full``, as in a browser: mappings with ``urls``,
            ``username`` and ``credential``.

    Raises ``ValueError`` for a port that is none.
    """

    def __init__(
        self,
        *,
        udp_port: int = 0,
        hosts: Sequence[str] = ANY,
        public_addresses: Sequence[PublicAddress] = (),
        ice: Literal["lite", "full"] = "lite",
        ice_servers: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
    ) -> None:
        if isinstance(hosts, str):
            raise ValueError(f"hosts is a list of addresses to listen on: [{hosts!r}]")
        if ice not in ("lite", "full"):
            raise ValueError(f"ice is {ice!r:.40}; it is lite or full")
        if not 0 <= udp_port < 65_536:
            raise ValueError(f"{udp_port} is no port: 0 to 65535 are, and 0 takes a free one")
        self.ice: Literal["lite", "full"] = ice
        self.mux = Mux()
        self._udp_port = udp_port
        self._hosts = tuple(hosts)
        self._public = tuple(public_addresses)
        self._ice_servers = ice_servers
        self._certificate: Certificate | None = None
        self._sockets: Sockets | None = None
        self._holders = 0
        self._opening = asyncio.Lock()
        self._places: tuple[float, tuple[tuple[str, int], ...]] = (0.0, ())

    @property
    def port(self) -> int:
        """The port that it listens on; 0 while it is not open, and with ``full``."""
        return 0 if self._sockets is None else self._sockets.port

    @property
    def certificate(self) -> Certificate:
        """Ours, made when it is first needed."""
        if self._certificate is None:
            self._certificate = Certificate()
        return self._certificate

    async def __aenter__(self) -> Self:
        await self.hold()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.release()

    async def hold(self) -> None:
        """Open it if nobody has yet; each ``hold`` wants its ``release``. ``OSError`` for a port that is taken."""
        async with self._opening:
            if self._sockets is None and self.ice == "lite":
                self._sockets = await open_sockets(self.mux, self._hosts, self._udp_port)
                self._places = (0.0, ())
            self._holders += 1

    async def release(self) -> None:
        """One holder less; without any it is closed."""
        async with self._opening:
            self._holders -= 1
            if not self._holders and self._sockets is not None:
                sockets, self._sockets = self._sockets, None
                await sockets.close()

    async def route(self, listener: RouteListener) -> Route:
        """A way for a new caller. Without ``full`` nothing is waited for."""
        if self.ice == "full":
            return await FullRoute.gather(listener, self._ice_servers())
        if self._sockets is None:
            raise RuntimeError("the network is not open: use it with 'async with'")
        return self.mux.join(listener, candidates(self._reachable(), tcp=self._sockets.tcp))

    def _reachable(self) -> tuple[tuple[str, int], ...]:
        """Addresses and ports that callers are told."""
        assert self._sockets is not None
        port = self._sockets.port
        if self._public:
            return tuple((public.host, public.port or port) for public in self._public)
        # Interfaces come and go, but not with every call.
        now_s = asyncio.get_running_loop().time()
        until_s, places = self._places
        if now_s >= until_s or not places:
            listening = self._sockets.hosts
            found: list[str] = [host for host in listening if host not in ANY]
            for address in machine_addresses():
                if ("::" if ":" in address else "0.0.0.0") in listening and address not in found:
                    found.append(address)
            places = tuple((host, port) for host in found)
            self._places = (now_s + _ADDRESSES_FOR_S, places)
        return places


_shared: dict[asyncio.AbstractEventLoop, Network] = {}


def shared_network() -> Network:
    """The network of the running loop for callers that bring none along: on every address, on a free port."""
    loop = asyncio.get_running_loop()
    for known in [known for known in _shared if known.is_closed()]:
        del _shared[known]
    if loop not in _shared:
        _shared[loop] = Network()
    return _shared[loop]
