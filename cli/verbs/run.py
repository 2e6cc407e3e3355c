"""``livegraph run``."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from ...language.server_section import ServerSection
from .. import server_options as opt
from ..announcing import announcement, facts
from ..completion import agent_names
from ..composing import Chosen, FilesOption, ProfileOption, SetOption, chosen
from ..exits import Exit, Fault, stopped_by, told
from ..prepared import Prepared, Source, check_names, read_sources
from ..reloading import Reloader
from ..routes import Live, LiveOption
from ..serving import Serving
from ..serving_admin import serving_admin
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...server.calls import CallDesk, Running, ServedAgent
    from ..local_model import LocalModel
    from ..signals import Stopped

__all__ = ["run"]

_SERVER_OPTIONS = frozenset(ServerSection.__dataclass_fields__)

_GRACE_S = 3
"""For requests under way when the server ends; calls have their own."""
_LOOK_EVERY_S = 0.5
"""How often files that are watched are looked at. They count when they were the same twice."""


def run(
    agents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="AGENT",
            autocompletion=agent_names,
            show_default=False,
            help="Agent files, folders of them, or names of shipped agents; the first agent is the default. "
            "Without any: voice_agent.",
        ),
    ] = None,
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    live: LiveOption = Live.AUTO,
    host: opt.Host = None,
    port: opt.Port = None,
    uds: opt.Uds = None,
    fd: opt.Fd = None,
    root_path: opt.RootPath = None,
    ssl_certfile: opt.Certfile = None,
    ssl_keyfile: opt.Keyfile = None,
    self_signed: opt.SelfSigned = None,
    trusted_proxy: opt.TrustedProxy = None,
    allow_host: opt.AllowHost = None,
    allow_origin: opt.AllowOrigin = None,
    udp_port: opt.UdpPort = None,
    public_address: opt.PublicAddress = None,
    ice: opt.Ice = None,
    ice_servers: opt.IceServers = None,
    turn: opt.Turn = None,
    turn_secret_file: opt.TurnSecret = None,
    open: opt.Open = None,
    tokens: opt.Tokens = None,
    ticket_secret_file: opt.TicketSecret = None,
    used_tickets: opt.UsedTickets = None,
    report: opt.Report = None,
    max_calls: opt.MaxCalls = None,
    max_pending: opt.MaxPending = None,
    calls_per_caller: opt.CallsPerCaller = None,
    offers_per_minute: opt.OffersPerMinute = None,
    call_duration: opt.CallDuration = None,
    idle: opt.Idle = None,
    call_tokens: opt.CallTokens = None,
    call_cost: opt.CallCost = None,
    drain: opt.Drain = None,
    drain_hint: opt.DrainHint = None,
    admin: opt.Admin = None,
    taps: opt.Taps = None,
    log_level: opt.LogLevel = None,
    log_format: opt.LogFormat = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Take the agents anew whenever a file of theirs changes.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The address of the page and the agents as one JSON object.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Serve agents to browsers: the page to call them from, and its signalling.

    The address of the page is printed when the server listens. Without tokens nobody but this machine is served,
    unless you say --open. Ctrl-C ends all calls and the server, a second one at once. SIGTERM lets running calls go
    on for a while (--drain). SIGHUP has the files read anew: new calls get what is new, running calls keep theirs.

    Every option can be said as LIVEGRAPH_NAME in the environment and below `server:` in an agent file, too.
    """
    given = {name: value for name, value in locals().items() if name in _SERVER_OPTIONS}
    from ...language.finding import DEFAULT
    from ..serving import open_sockets, settle

    terminal = Terminal(debug=debug, level=logging.INFO, timestamps=True)
    with told(terminal):
        what = chosen(agents or (), files, settings, profile, default=DEFAULT)
        sources = _read(what, live, terminal)
        sections = [(one.agent.name, one.agent.server) for source in sources for one in source.prepared]
        wish = opt.merged(given, sections)
        terminal.log_as(wish.log_level, wish.log_format)
        serving = settle(wish)
        # The port first, before anything is loaded: one that is taken is known at once.
        with open_sockets(serving) as listener, asyncio.Runner(loop_factory=_loop_factory()) as runner:
            serving.secure()
            stopped = runner.run(_serve(sources, listener, serving, what, live, watch, as_json, terminal))
    # SIGTERM is how a supervisor ends a server: that is no failure.
    raise typer.Exit(stopped_by(stopped.number) if stopped.number == signal.SIGINT else Exit.OK)


def _read(what: Chosen, live: Live, terminal: Terminal) -> list[Source]:
    """All agents, ready to be called. Raises the first fault."""
    sources = read_sources(what, live, terminal)
    for source in sources:
        if source.fault is not None:
            raise source.fault
        for remark in source.remarks:
            terminal.report(remark)
    check_names([one for source in sources for one in source.prepared])
    return sources


async def _serve(
    sources: Sequence[Source],
    listener: socket.socket,
    serving: Serving,
    what: Chosen,
    live: Live,
    watch: bool,
    as_json: bool,
    terminal: Terminal,
) -> Stopped:
    from ...server.app import make_app
    from ...server.limits.room import measure_room
    from ..local_model import LocalModel
    from ..signals import stoppable
    from ..web import WebServer

    room = None if serving.wish.max_calls else await asyncio.to_thread(measure_room)
    max_calls = serving.wish.max_calls or (room.calls if room is not None else 1)
    async with AsyncExitStack() as stack:
        bell = _Bell()
        stopped = stack.enter_context(stoppable(bell.ring, bell.ring_for_reload))
        # A few more than calls: one that was lost may still hold its session while it comes again.
        model = LocalModel(stack, terminal, max_sessions=2 * max_calls)
        prepared = [one for source in sources for one in source.prepared]
        try:
            app = make_app(await _connect(prepared, model), max_calls=max_calls, **serving.app)
        except ValueError as error:
            raise Fault(str(error), code=Exit.USAGE) from None
        if stopped:
            return stopped
        try:
            await stack.enter_async_context(app.state.network)
        except OSError as error:
            raise Fault(
                f"cannot listen on UDP port {serving.wish.udp_port}: {error.strerror or error}",
                "another --udp-port, or 0 for a free one",
            ) from None
        desk: CallDesk = app.state.desk
        desk.hint = serving.wish.drain_hint or ""
        address = listener.getsockname()
        port = address[1] if isinstance(address, tuple) else 0
        drained = asyncio.Event()
        await stack.enter_async_context(serving_admin(serving, port, desk, drained, terminal))

        def started() -> None:
            tell = facts if as_json else announcement
            fits = f"{max_calls} at a time" if room is None else f"{max_calls} at a time, for this machine"
            print(tell(serving, port, prepared, model.notes, (max_calls, fits)), flush=True)

        async def exchange(prepared: Sequence[Prepared]) -> Mapping[str, Running]:
            return await desk.exchange(await _connect(prepared, model))

        server = WebServer(app, started, grace_s=_GRACE_S, front=serving.front)
        running = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
        running.add_done_callback(lambda _: bell.ring())
        waiting = asyncio.create_task(drained.wait(), name="drained")
        waiting.add_done_callback(lambda _: bell.ring())
        try:
            reloader = Reloader(what, live, terminal, sources, exchange)

            def over() -> bool:
                return bool(stopped) or running.done() or drained.is_set()

            await _keep_current(reloader, bell, watch, over, serving, terminal)
            if stopped and desk.active and stopped.number == signal.SIGTERM and serving.drain_s:
                terminal.say(
                    f"Draining: {desk.active} call(s) go on for {serving.drain_s:.0f} s; a second signal ends at once."
                )
                await desk.drain(serving.drain_s)
            elif stopped and desk.active and stopped.number != signal.SIGHUP:
                terminal.say("Ending calls. Ctrl-C again leaves at once.")
        finally:
            waiting.cancel()
            server.should_exit = True
            await running
        if drained.is_set() and not stopped:
            stopped.number = signal.SIGTERM
    if not stopped:
        raise Fault("the server ended by itself", "its log says why; --debug shows more")
    return stopped


class _Bell:
    """Wakes who waits: something has ended, or the files are to be taken anew."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._reload = False

    def ring(self) -> None:
        self._rung.set()

    def ring_for_reload(self) -> None:
        self._reload = True
        self._rung.set()

    async def wait(self, limit_s: float | None) -> bool:
        """Wait until it rings, ``limit_s`` at most; whether it was for the files."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._rung.wait()
        self._rung.clear()
        reload, self._reload = self._reload, False
        return reload


async def _keep_current(
    reloader: Reloader,
    bell: _Bell,
    watch: bool,
    over: Callable[[], bool],
    serving: Serving,
    terminal: Terminal,
) -> None:
    """Take the files anew when asked, and whenever they have changed if they are watched; until ``over``."""
    while not over():
        asked = await bell.wait(_LOOK_EVERY_S if watch else None)
        if asked and serving.tokens is not None and (fault := serving.tokens.reload()):
            terminal.error(fault, "the tokens that it held before stay")
        if not over() and (asked or (watch and await reloader.changed())):
            await reloader.reload()


async def _connect(prepared: Sequence[Prepared], model: LocalModel) -> list[ServedAgent]:
    """The agents with their way to the model."""
    from ...processors.gemini_live import LiveConnector
    from ...processors.gemini_live.connect import WebSocketConnector
    from ...server.calls import ServedAgent

    served = []
    for item in prepared:
        agent, label = item.agent, item.route.label
        brought: dict[type, object] = {}
        if item.route.kind == "local":
            brought[LiveConnector] = WebSocketConnector(await model.url(agent.name, item.script), label)
        served.append(ServedAgent(agent.name, item.plan, agent.title, agent.description, label, brought))
    return served


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: less work for each packet."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
