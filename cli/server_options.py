"""The options of ``livegraph run`` that say how it serves; each is a variable and a key of ``server:`` as well."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exits import Exit, Fault

if TYPE_CHECKING:
    from ..language.server_section import ServerSection

__all__ = ["merged"]

_NETWORK, _CALLERS, _LIMITS, _RUNNING = "Network", "Who may call", "How much", "Running it"


def _option(name: str, help: str, panel: str, **more: Any) -> Any:
    variable = "LIVEGRAPH_" + name.partition("/")[0].strip("-").replace("-", "_").upper()
    return typer.Option(name, help=help, envvar=variable, rich_help_panel=panel, show_default=False, **more)


Host = Annotated[
    str | None, _option("--host", "Address to listen on; 0.0.0.0 for the whole network. 127.0.0.1", _NETWORK)
]
Port = Annotated[int | None, _option("--port", "Port; 0 takes a free one. 8080", _NETWORK, min=0, max=65_535)]
Uds = Annotated[
    Path | None, _option("--uds", "Unix socket to listen on, for a proxy.", _NETWORK, metavar="FILE")
]
Fd = Annotated[
    int | None,
    _option("--fd", "Open descriptor to listen on, as systemd's socket activation gives 3.", _NETWORK, min=0),
]
RootPath = Annotated[
    str | None,
    _option("--root-path", "Path below which a proxy shows this server.", _NETWORK, metavar="PATH"),
]
Certfile = Annotated[
    Path | None, _option("--ssl-certfile", "Certificate chain (PEM).", _NETWORK, metavar="FILE")
]
Keyfile = Annotated[
    Path | None, _option("--ssl-keyfile", "Private key of the certificate (PEM).", _NETWORK, metavar="FILE")
]
SelfSigned = Annotated[
    bool | None,
    _option(
        "--self-signed",
        "https by a certificate made here, and a QR code for a telephone on the same network.",
        _NETWORK,
    ),
]
TrustedProxy = Annotated[
    list[str] | None,
    _option("--trusted-proxy", "Whose X-Forwarded-For is believed; repeatable.", _NETWORK, metavar="ADDRESS"),
]
AllowHost = Annotated[
    list[str] | None,
    _option(
        "--allow-host", "A name of this server, such as voice.lan; repeatable.", _NETWORK, metavar="NAME"
    ),
]
AllowOrigin = Annotated[
    list[str] | None,
    _option(
        "--allow-origin",
        "Another origin whose pages may call, such as https://voice.example.org; repeatable.",
        _NETWORK,
        metavar="URL",
    ),
]
UdpPort = Annotated[
    int | None,
    _option(
        "--udp-port",
        "Port of all calls' media, UDP and TCP; a free one by default. Of several workers the next ones have the next.",
        _NETWORK,
        min=0,
        max=65_535,
    ),
]
PublicAddress = Annotated[
    list[str] | None,
    _option(
        "--public-address",
        "Where the world reaches that port, behind NAT or in a container: 203.0.113.7[:40000]; repeatable.",
        _NETWORK,
        metavar="ADDRESS",
    ),
]
Ice = Annotated[
    str | None,
    _option("--ice", "full where callers cannot reach this machine at all. lite", _NETWORK, metavar="MODE"),
]
IceServers = Annotated[
    list[str] | None,
    _option(
        "--ice-servers",
        "STUN server for callers, such as stun:host:3478; repeatable.",
        _NETWORK,
        metavar="URL",
    ),
]
Turn = Annotated[
    list[str] | None,
    _option(
        "--turn",
        "Relay, such as turn:host:3478; every caller gets credentials of its own; repeatable.",
        _NETWORK,
        metavar="URL",
    ),
]
TurnSecret = Annotated[
    Path | None,
    _option("--turn-secret-file", "File with the relay's static-auth-secret.", _NETWORK, metavar="FILE"),
]
Open = Annotated[
    bool | None,
    _option(
        "--open",
        "Serve everybody who reaches the address: whoever does can hold calls that you pay for.",
        _CALLERS,
    ),
]
Tokens = Annotated[
    Path | None, _option("--tokens", "File with the tokens of callers.", _CALLERS, metavar="FILE")
]
UsedTickets = Annotated[
    Path | None,
    _option(
        "--used-tickets",
        "File in which several servers keep which tickets have made their call.",
        _CALLERS,
        metavar="FILE",
    ),
]
TicketSecret = Annotated[
    Path | None,
    _option(
        "--ticket-secret-file",
        "File with the secret that join tickets are signed with; see livegraph ticket.",
        _CALLERS,
        metavar="FILE",
    ),
]
Report = Annotated[
    str | None,
    _option(
        "--report",
        "What callers are told besides the conversation: none, names (of tools), full. full on loopback without a "
        "proxy, else none",
        _CALLERS,
        metavar="LEVEL",
    ),
]
Workers = Annotated[
    str | None,
    _option(
        "--workers",
        "Processes that share the calls, each on a core of its own; auto for one a core. Without it this process "
        "has all calls.",
        _LIMITS,
        metavar="N",
    ),
]
WorkerMemory = Annotated[
    str | None,
    _option(
        "--worker-memory",
        "A worker that has more memory is drained and replaced, such as 1500MB.",
        _LIMITS,
        metavar="SIZE",
    ),
]
Pin = Annotated[
    bool | None,
    _option(
        "--pin/--no-pin",
        "Bind each worker's event loop to a core. By default where there are as many workers as cores.",
        _LIMITS,
    ),
]
Ui = Annotated[
    str | None,
    _option(
        "--ui",
        "The page to call from: livegraph, pipecat (livegraph[pipecat-ui]), or none.",
        _CALLERS,
        metavar="PAGE",
    ),
]
MaxCalls = Annotated[
    int | None,
    _option(
        "--max-calls",
        "Calls at a time; more are told that all lines are busy. Without it, as many as are measured to fit.",
        _LIMITS,
        min=1,
    ),
]
MaxPending = Annotated[
    int | None,
    _option("--max-pending", "Offers at a time whose callers have not connected.", _LIMITS, min=1),
]
CallsPerCaller = Annotated[
    int | None,
    _option(
        "--calls-per-caller",
        "Calls at a time of one identity, or of one address where nobody says who it is. 4",
        _LIMITS,
        min=1,
    ),
]
OffersPerMinute = Annotated[
    float | None, _option("--offers-per-minute", "Offers of one address a minute. 240", _LIMITS, min=0.1)
]
CallDuration = Annotated[
    str | None,
    _option("--call-duration", "How long one call may be, such as 30min.", _LIMITS, metavar="TIME"),
]
Idle = Annotated[
    str | None, _option("--idle", "How long nobody may say anything, such as 5min.", _LIMITS, metavar="TIME")
]
CallTokens = Annotated[int | None, _option("--call-tokens", "Tokens of one call, both ways.", _LIMITS, min=1)]
CallCost = Annotated[
    float | None, _option("--call-cost", "US dollars that one call may cost.", _LIMITS, min=0)
]
Drain = Annotated[
    str | None,
    _option("--drain", "How long running calls go on after SIGTERM. 5min", _RUNNING, metavar="TIME"),
]
DrainHint = Annotated[
    str | None,
    _option("--drain-hint", "What callers are told to do meanwhile.", _RUNNING, metavar="TEXT"),
]
Admin = Annotated[
    str | None,
    _option(
        "--admin",
        "Where operators ask: unix:PATH, HOST:PORT, or off. A socket of the user's own",
        _RUNNING,
        metavar="WHERE",
    ),
]
Taps = Annotated[
    str | None,
    _option(
        "--taps",
        "What `livegraph tap` may see of calls: full with words and sound, names without, none. full",
        _RUNNING,
        metavar="LEVEL",
    ),
]
LogLevel = Annotated[
    str | None,
    _option(
        "--log-level", "The least that is logged: debug, info, warning, error.", _RUNNING, metavar="LEVEL"
    ),
]
LogFormat = Annotated[
    str | None, _option("--log-format", "text, or json: one object a line.", _RUNNING, metavar="FORMAT")
]


def merged(given: dict[str, Any], sections: Iterable[tuple[str, ServerSection]]) -> ServerSection:
    """What the command line and the environment say, and below that the files. ``Fault`` for what is wrong or disputed.

    Args:
        given: by the names of ``ServerSection``; ``None`` where nothing was said.
        sections: of the agents, each with its name.
    """
    from ..language.server_section import ServerSection
    from ..pipeline.convert import convert_group

    said = {name: value for name, value in given.items() if value is not None and value != []}
    if str(said.get("workers", "")).isdecimal():
        # A number or a word: of an option that may be either the command line knows the text only.
        said["workers"] = int(said["workers"])
    made, problems = convert_group(ServerSection, said, label="the command line", base_dir=Path.cwd())
    for problem in problems:
        option = f"--{str(problem.path[-1]).replace('_', '-')}" if problem.path else ""
        raise Fault(f"{option}: {problem.message.replace('`', '')}", problem.hint, Exit.USAGE)
    found = {name: getattr(made, name) for name in said}
    origins: dict[str, str] = {}
    for agent, section in sections:
        for field in dataclasses.fields(ServerSection):
            value = getattr(section, field.name)
            if value is None or field.name in said:
                continue
            if field.name in origins and found[field.name] != value:
                raise Fault(
                    f"the agents `{origins[field.name]}` and `{agent}` want another `{field.name}` of one server",
                    f"say it once, or by --{field.name.replace('_', '-')}",
                    Exit.CONFIG,
                )
            found[field.name], origins[field.name] = value, agent
    return ServerSection(**found)
