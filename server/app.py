"""The ASGI application: the page, the signalling, and whether the server is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from ..language import Agent
from ..pipeline.units import SECOND
from ..transports.webrtc.network import ANY, Network, PublicAddress
from .access.grant import Authorize, Grant, ReportLevel
from .access.ticket_store import TicketStore
from .access.turn import TurnService
from .arguments import WrongArgument, an_instance, several, whole
from .calls import CallDesk, OnCall, ServedAgent
from .client_file import client_file
from .gate import Gate
from .guard import Guard, normal_origin
from .hosts import is_allowable
from .limits.caller import CallerLimits
from .limits.load import Load
from .metrics import Metrics
from .page_folder import PageFolder
from .pipecat.routes import pipecat_routes
from .pipecat.socket import rtvi_opening
from .pool.local import LocalPool
from .pool.pool import Pool
from .pool.workers import WorkersPool
from .refusals import Refusal, answer_http_error, answer_mistake, answer_refusal
from .signalling import signalling_routes
from .sockets.opening import native_opening
from .sockets.routes import SocketDoor, no_socket, socket_routes
from .telephone.accounts import TelephoneAccounts
from .telephone.door import TelephoneDoor, telephone_streams
from .telephone.questions import TelephoneQuestions
from .tracing import Tracing
from .whip.routes import whip_routes

__all__ = ["make_app", "make_pool_app"]

_PAGE = Path(__file__).parent / "page"


def make_app(
    agents: Sequence[ServedAgent | Agent],
    *,
    authorize: Authorize | None = None,
    on_call: OnCall | None = None,
    max_calls: int = 32,
    max_pending: int | None = None,
    limits: CallerLimits | None = None,
    report: ReportLevel = "none",
    allow_origins: Iterable[str] = (),
    allow_hosts: Iterable[str] = (),
    any_host: bool = False,
    ice_servers: Sequence[Mapping[str, Any]] = (),
    turn: TurnService | None = None,
    udp_port: int = 0,
    media_hosts: Sequence[str] = ANY,
    public_addresses: Sequence[str] = (),
    ice: Literal["lite", "full"] = "lite",
    silence_ns: int = 5 * SECOND,
    page: bool | PageFolder = True,
    metrics: bool = False,
    telephone: TelephoneAccounts | None = None,
    registry: CollectorRegistry | None = None,
    shed_load: bool = False,
    tracing: Tracing | None = None,
    used_tickets: TicketStore | None = None,
) -> Starlette:
    """An application that serves ``agents`` to browsers.

    It may be served by itself, when its lifespan is that of its calls, or be mounted in another application, whose
    server does not run the lifespans of what is mounted: then the desk opens at the first call, and ends its calls
    with the event loop; ``await app.state.desk.close()`` in the outer lifespan ends them in an orderly way.

    Args:
        agents: the first is the default.
        authorize: says what the sender of a request may do; without it everybody may call every agent.
        on_call: asked before each call is made: gives resources, sets inputs, subscribes to events.
        max_calls: how many calls at a time; more are refused with 503.
        max_pending: how many of them may be offers whose callers have not connected.
        limits: of one caller, where its grant says nothing else.
        report: what callers are told of their calls, where their grants say nothing else.
        allow_origins: other origins whose pages may call here, and may show the page in a frame, such as
            ``https://voice.example.org``. Pages of this server always may.
        allow_hosts, any_host: names by which this server goes; see ``Guard``. ``any_host`` is all of them.
        ice_servers: STUN servers for callers, as in a browser. What is in it is published to every caller.
        turn: mints credentials of a relay for each caller.
        udp_port, media_hosts, public_addresses: the port of all calls' media, the addresses that it listens on, and
            those at which the world reaches them, as ``203.0.113.7`` or ``203.0.113.7:40000``; see ``Network``.
        ice: ``full`` where callers cannot reach this server; it then searches its way by ``ice_servers`` and ``turn``.
        silence_ns: after which a caller that is not heard of is away.
        page: whether the page to call from is served as well, or the one to serve in its place.
        metrics: whether ``/metrics`` is served here, to everybody who may ask; ``make_admin_app`` has it anyway.
        telephone: accounts of providers of telephones, by which their signatures are checked and calls are hung up.
        registry: where metrics are registered, by default one of the application's own.
        shed_load: whether calls are refused while the event loop is overloaded.
        tracing: makes a trace of each call, with OpenTelemetry.
        used_tickets: where several processes keep which tickets have made their call; see ``SharedTickets``.

    Raises ``ValueError`` for agents of the same name, an origin or host that is none, a static TURN credential, a
    port or a public address that is none. ``app.state.pool`` is the ``LocalPool``, ``app.state.desk`` its ``CallDesk``,
    ``app.state.network`` the ``Network``.
    """
    ice_servers = several(
        "ice_servers", ice_servers, 'mappings, such as {"urls": "stun:stun.example.org"}', Mapping
    )
    if any("urls" not in server for server in ice_servers):
        raise WrongArgument(
            'ice_servers has one without "urls"; one looks like {"urls": "stun:stun.example.org"}'
        )
    if any(server.get("credential") for server in ice_servers):
        # Whoever loads the page could use the relay for years.
        raise ValueError(
            "ice_servers are published to every caller: give `turn=TurnService(...)` for credentials"
        )

    def own_servers() -> Sequence[Mapping[str, Any]]:
        return [*ice_servers, *([turn.mint("server")] if turn is not None else [])]

    public = several("public_addresses", public_addresses, "addresses, such as 203.0.113.7")
    whole("udp_port", udp_port)
    network = Network(
        udp_port=udp_port,
        hosts=several("media_hosts", media_hosts, "addresses to listen on, such as 0.0.0.0"),
        public_addresses=[PublicAddress.parse(address) for address in public],
        ice=ice,
        ice_servers=own_servers,
    )
    counted = Metrics(registry)
    desk = CallDesk(
        agents,
        max_calls=max_calls,
        max_pending=max_pending,
        metrics=counted,
        network=network,
        silence_ns=silence_ns,
        limits=limits,
        report=report,
        on_call=on_call,
        load=Load() if shed_load else None,
        tracing=tracing,
        used_tickets=used_tickets,
    )

    app = make_pool_app(
        LocalPool(desk),
        authorize=authorize,
        allow_origins=allow_origins,
        allow_hosts=allow_hosts,
        any_host=any_host,
        ice_servers=ice_servers,
        turn=turn,
        page=page,
        metrics=metrics,
        telephone=telephone,
    )
    app.state.desk = desk
    app.state.metrics = counted
    app.state.network = network
    return app


def make_pool_app(
    pool: Pool,
    *,
    authorize: Authorize | None = None,
    allow_origins: Iterable[str] = (),
    allow_hosts: Iterable[str] = (),
    any_host: bool = False,
    ice_servers: Sequence[Mapping[str, Any]] = (),
    turn: TurnService | None = None,
    page: bool | PageFolder = True,
    metrics: bool = False,
    telephone: TelephoneAccounts | None = None,
    owned: bool = True,
) -> Starlette:
    """The application in front of workers: it holds no call. ``app.state.pool`` is the pool.

    Arguments as ``make_app`` has them. ``owned`` says whether the pool is opened and closed with the application.
    """
    # Here, where it can be caught: Starlette makes its middleware when the first request comes.
    origins = several("allow_origins", allow_origins, "origins, such as https://voice.example.org")
    allowed = [normal_origin(origin) for origin in origins]
    allow_hosts = tuple(several("allow_hosts", allow_hosts, "names, such as voice.example.org"))
    for name in allow_hosts:
        if not is_allowable(name):
            raise ValueError(
                f"{name!r} is no name of a host; one looks like voice.example.org or *.example.org"
            )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        if not owned:
            yield
            return
        async with pool:
            yield

    async def healthz(_: Request) -> Response:
        # How many calls there are is for operators: `make_admin_app`.
        closing = pool.status == "closing"
        body = {"status": "closing" if closing else "ok"}
        return JSONResponse(body, 503 if closing else 200, {"Cache-Control": "no-store"})

    async def readyz(_: Request) -> Response:
        why = pool.unready
        body = {"status": why or "ready"}
        return JSONResponse(body, 503 if why else 200, {"Cache-Control": "no-store"})

    async def prometheus(_: Request) -> Response:
        text = await pool.metrics()
        return Response(text, media_type=Metrics.content_type, headers={"Cache-Control": "no-store"})

    async def client(_: Request) -> Response:
        return Response(client_file(), media_type="text/javascript")

    def servers_for(grant: Grant) -> Sequence[Mapping[str, Any]]:
        return [*ice_servers, *([turn.mint(grant.identity)] if turn is not None else [])]

    if turn is not None:
        an_instance("turn", turn, TurnService, "a TurnService")
    if telephone is not None:
        an_instance("telephone", telephone, TelephoneAccounts, "a TelephoneAccounts")
    an_instance("page", page, (bool, PageFolder), "True, False, or a PageFolder(Path(...))")
    an_instance("metrics", metrics, bool, "True or False", "A registry of yours is given as `registry`")
    gate = Gate(authorize)
    accounts = telephone or TelephoneAccounts()
    if accounts.public_url:
        allow_hosts = (*allow_hosts, urlsplit(accounts.public_url).hostname or "")
    routes: list[BaseRoute] = [
        # Mounted, or the page's catch-all would answer where the method is wrong.
        Mount("/api", routes=signalling_routes(pool, gate, servers_for)),
        *pipecat_routes(pool, gate, servers_for),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/client.js", client),
        *whip_routes(pool, gate, servers_for),
        *_sockets(pool, gate, accounts),
        *TelephoneQuestions(pool.count_request, gate, accounts).routes(),
    ]
    routes += [Route("/metrics", prometheus)] if metrics else []
    if page:
        shown = PageFolder(_PAGE) if page is True else page
        routes.append(Mount("/", shown.app(" ".join(allowed) or "'none'")))
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(
                Guard, allow_origins=allowed, allow_hosts=(*allow_hosts, *(("*",) if any_host else ()))
            )
        ],
        exception_handlers={
            Refusal: answer_refusal,
            HTTPException: answer_http_error,
            Exception: answer_mistake,
        },
    )
    app.state.pool = pool
    return app


def _sockets(pool: Pool, gate: Gate, telephone: TelephoneAccounts) -> Sequence[BaseRoute]:
    """Callers by WebSocket, who are served where the calls are."""
    if isinstance(pool, LocalPool):
        desk, counted = pool.desk, pool.desk.metrics
        return [
            *socket_routes(SocketDoor(desk, gate, counted, (native_opening, rtvi_opening))),
            *telephone_streams(TelephoneDoor(desk, gate, counted, telephone)),
            WebSocketRoute("/{elsewhere:path}", no_socket),
        ]
    if not isinstance(pool, WorkersPool):
        return [WebSocketRoute("/{elsewhere:path}", no_socket)]
    workers = pool

    async def carry(websocket: WebSocket) -> None:
        await workers.carry(websocket.scope, websocket.receive, websocket.send, gate)

    return [WebSocketRoute("/{elsewhere:path}", carry)]
