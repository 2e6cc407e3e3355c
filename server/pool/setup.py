"""What a worker is given to begin with: its agents, by the name of who makes them, and how it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, Literal, Protocol

import msgspec

from ...pipeline.units import SECOND
from ...transports.webrtc.network import ANY, Network, PublicAddress
from ..access.grant import ReportLevel
from ..access.turn import TurnService
from ..calls import CallDesk, ServedAgent
from ..limits.caller import CallerLimits
from ..limits.load import Load
from ..metrics import Metrics
from ..tracing import Tracing
from ..wall_clock import unix_seconds

__all__ = ["MOST_PORT", "AgentSource", "OpenSource", "WorkerSetup", "make_desk", "open_source"]


MOST_PORT = 65_535


class AgentSource(Protocol):
    """Where a worker has its agents from."""

    tracing: Tracing | None
    """Makes a trace of each call."""

    async def load(self, options: Mapping[str, Any] | None = None) -> Sequence[ServedAgent]:
        """The agents as they are now; asked at the start, and whenever they are to be taken anew.

        ``options`` are what the source would be opened by now, where that is known. Raises ``LivegraphError`` for
        agents that are faulty.
        """
        ...


OpenSource = Callable[[Mapping[str, Any]], AbstractAsyncContextManager[AgentSource]]
"""Opens a source by options that can be sent; it is closed when the worker ends."""


class TurnSetup(msgspec.Struct, frozen=True):
    """A relay that the workers reach their callers by."""

    urls: list[str]
    secret: bytes


class WorkerSetup(msgspec.Struct, frozen=True, kw_only=True):
    """All that makes one worker like the others. Plain data.

    ``source`` names an ``OpenSource`` as ``module:name``; ``options`` are what it is called with. The other fields are
    the arguments of ``make_app`` of the same names.
    """

    source: str
    options: dict[str, Any] = {}
    max_calls: int = 32
    limits: CallerLimits = CallerLimits()
    report: ReportLevel = "none"
    media_hosts: tuple[str, ...] = ANY
    public_addresses: tuple[str, ...] = ()
    public_address_command: str = ""
    """Run where the worker is; what it prints are ``public_addresses`` of its own."""
    ice: Literal["lite", "full"] = "lite"
    ice_servers: list[dict[str, Any]] = []
    turn: TurnSetup | None = None
    silence_ns: int = 5 * SECOND


def open_source(setup: WorkerSetup) -> AbstractAsyncContextManager[AgentSource]:
    """The source that it names. Raises ``ImportError`` and ``AttributeError`` for one that there is not."""
    module, _, name = setup.source.partition(":")
    make: OpenSource = getattr(import_module(module), name)
    return make(setup.options)


def make_desk(
    setup: WorkerSetup,
    agents: Sequence[ServedAgent],
    *,
    slot: int = 0,
    udp_port: int = 0,
    source: AgentSource | None = None,
) -> tuple[CallDesk, Network]:
    """A desk for one worker. Who may call and how often is decided where the offers arrive: it asks nobody.

    Args:
        slot: counts the workers of a machine from 0; the world reaches each at a port of its own.
        udp_port: that all calls' media of this worker come to; 0 takes a free one.
        source: of the agents.
    """
    relay = TurnService(setup.turn.urls, setup.turn.secret, unix_seconds) if setup.turn is not None else None

    def own_servers() -> Sequence[Mapping[str, Any]]:
        return [*setup.ice_servers, *([relay.mint("server")] if relay is not None else [])]

    network = Network(
        udp_port=udp_port,
        hosts=setup.media_hosts,
        public_addresses=[_shifted(PublicAddress.parse(each), slot) for each in setup.public_addresses],
        ice=setup.ice,
        ice_servers=own_servers,
    )
    desk = CallDesk(
        agents,
        max_calls=setup.max_calls,
        metrics=Metrics(),
        network=network,
        silence_ns=setup.silence_ns,
        limits=uncounted(setup.limits),
        report=setup.report,
        load=Load(),
        tracing=source.tracing if source is not None else None,
    )
    return desk, network


def uncounted(limits: CallerLimits) -> CallerLimits:
    """The limits of a call, without those of a caller: they count over all workers."""
    return msgspec.structs.replace(limits, calls=None, pending=None, offers_per_minute=None)


def _shifted(address: PublicAddress, slot: int) -> PublicAddress:
    if address.port is None:
        return address
    if address.port + slot > MOST_PORT:
        raise ValueError(
            f"worker {slot} would be reached at {address.host}:{address.port + slot}, which is no port"
        )
    return PublicAddress(address.host, address.port + slot)
