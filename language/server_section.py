"""The section ``server`` of an agent file: how ``livegraph run`` serves it.

Everything in it can be said by an environment variable (``LIVEGRAPH_MAX_CALLS``) and by an option of the command
(``--max-calls``) as well: the option counts most, then the variable, then the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from ..pipeline.options import Doc, Range, Unit
from ..pipeline.units import SECOND

__all__ = ["ServerSection"]

_Count = Range(1, 1_000_000)
_Span = Range(SECOND, 7 * 24 * 3600 * SECOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSection:
    """What a file says about serving; ``None`` where it says nothing."""

    host: Annotated[str | None, Doc("address to listen on; 0.0.0.0 for the whole network")] = None
    port: Annotated[int | None, Range(0, 65_535), Doc("port; 0 takes a free one")] = None
    uds: Annotated[Path | None, Doc("Unix socket to listen on, instead of host and port")] = None
    fd: Annotated[
        int | None, Range(0, 1 << 20), Doc("open file descriptor to listen on, as systemd gives")
    ] = None
    root_path: Annotated[str | None, Doc("path below which a proxy shows this server")] = None
    ssl_certfile: Annotated[Path | None, Doc("certificate chain, PEM")] = None
    ssl_keyfile: Annotated[Path | None, Doc("private key of the certificate, PEM")] = None
    self_signed: Annotated[bool | None, Doc("https by a certificate made here, for a telephone nearby")] = (
        None
    )
    open: Annotated[bool | None, Doc("whether everybody on the network may call without a token")] = None
    tokens: Annotated[Path | None, Doc("file with the tokens of callers")] = None
    ticket_secret_file: Annotated[
        Path | None, Doc("file with the secret that join tickets are signed with")
    ] = None
    used_tickets: Annotated[
        Path | None, Doc("file in which several processes keep which tickets have made their call")
    ] = None
    report: Annotated[
        Literal["none", "names", "full"] | None, Doc("what callers are told besides the conversation")
    ] = None
    ui: Annotated[
        Literal["livegraph", "pipecat", "none"] | None,
        Doc("the page to call from: ours, the one that Pipecat ships, or none"),
    ] = None
    allow_origin: Annotated[list[str] | None, Doc("other origins whose pages may call")] = None
    allow_host: Annotated[list[str] | None, Doc("names by which this server goes")] = None
    trusted_proxy: Annotated[
        list[str] | None, Doc("addresses or networks whose X-Forwarded-For is believed")
    ] = None
    workers: Annotated[
        int | Literal["auto"] | None,
        Range(1, 1_024),
        Doc("processes that share the calls; auto is one a core. Without it this process has them all"),
    ] = None
    worker_memory: Annotated[
        int | None, Unit("B"), Range(50_000_000), Doc("a worker that has more is drained and replaced")
    ] = None
    pin: Annotated[
        bool | None, Doc("whether each worker has a core; by default where there are as many as cores")
    ] = None
    max_calls: Annotated[int | None, _Count, Doc("calls at a time, over all workers")] = None
    max_pending: Annotated[int | None, _Count, Doc("offers at a time whose callers have not connected")] = (
        None
    )
    calls_per_caller: Annotated[
        int | None,
        _Count,
        Doc("calls at a time of one identity, or of one address where nobody says who it is"),
    ] = None
    offers_per_minute: Annotated[float | None, Range(0.1, 100_000), Doc("offers of one address a minute")] = (
        None
    )
    call_duration: Annotated[int | None, Unit("ns"), _Span, Doc("how long one call may be")] = None
    idle: Annotated[int | None, Unit("ns"), _Span, Doc("how long nobody may say anything")] = None
    call_tokens: Annotated[int | None, Range(1), Doc("tokens of one call, both ways")] = None
    call_cost: Annotated[float | None, Range(0), Doc("US dollars that one call may cost")] = None
    drain: Annotated[
        int | None,
        Unit("ns"),
        Range(0, 7 * 24 * 3600 * SECOND),
        Doc("how long running calls go on after SIGTERM"),
    ] = None
    drain_hint: Annotated[str | None, Doc("what callers are told to do while the server drains")] = None
    udp_port: Annotated[
        int | None,
        Range(0, 65_535),
        Doc("port of all calls' media, of the first of several workers; 0 takes free ones"),
    ] = None
    public_address: Annotated[
        list[str] | None, Doc("where the world reaches that port, as 203.0.113.7 or 203.0.113.7:40000")
    ] = None
    ice: Annotated[
        Literal["lite", "full"] | None, Doc("full where callers cannot reach this machine at all")
    ] = None
    ice_servers: Annotated[list[str] | None, Doc("STUN servers for callers, as stun:host:port")] = None
    turn: Annotated[list[str] | None, Doc("relays, as turn:host:port")] = None
    turn_secret_file: Annotated[Path | None, Doc("file with the relays' static-auth-secret")] = None
    admin: Annotated[
        str | None, Doc("where operators ask: unix:PATH, HOST:PORT, or off; a socket of its own by default")
    ] = None
    taps: Annotated[
        Literal["none", "names", "full"] | None,
        Doc("how much operators see of what is said in calls: full with sound, names without contents, none"),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, Doc("the least that is logged")
    ] = None
    log_format: Annotated[Literal["text", "json"] | None, Doc("lines of text, or of JSON")] = None
