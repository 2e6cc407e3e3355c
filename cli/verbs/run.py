"""``livegraph run``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...language.server_section import ServerSection
from .. import server_options as opt
from ..announcing import announcement, facts
from ..completion import agent_names
from ..composing import Chosen, FilesOption, ProfileOption, SetOption, chosen
from ..environment import check_environment
from ..exits import Exit, Fault, stopped_by, told
from ..prepared import Source, check_names, read_sources
from ..reloading import Reloader
from ..routes import Live, LiveOption
from ..serving import Serving
from ..serving_admin import serving_admin
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ..clusters import ClusterWish
    from ..signals import Stopped

__all__ = ["run", "serve"]

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
    workers: opt.Workers = None,
    worker_memory: opt.WorkerMemory = None,
    pin: opt.Pin = None,
    ui: opt.Ui = None,
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
    serve(locals())


def serve(given: Mapping[str, Any], cluster: ClusterWish | None = None) -> None:
    """Serve by the options of ``run``, by their names; with the calls on a cluster where that is wished."""
    from ...language.finding import DEFAULT
    from ...server.pool.process import fastest_loop
    from ..listening import many_descriptors, open_sockets
    from ..serving import settle

    live: Live = given["live"]
    terminal = Terminal(debug=given["debug"], level=logging.INFO, timestamps=True)
    with told(terminal):
        what = chosen(
            given["agents"] or (), given["files"], given["settings"], given["profile"], default=DEFAULT
        )
        sources = _read(what, live, terminal)
        files = [path for source in sources for path in source.files]
        check_environment(os.environ, terminal, files)
        sections = [(one.agent.name, one.agent.server) for source in sources for one in source.prepared]
        wish = opt.merged({name: given[name] for name in _SERVER_OPTIONS}, sections)
        terminal.log_as(wish.log_level, wish.log_format)
        serving = settle(wish)
        many_descriptors()
        # The port first, before anything is loaded: one that is taken is known at once.
        with open_sockets(serving) as listener, asyncio.Runner(loop_factory=fastest_loop()) as runner:
            serving.secure()
            watch, as_json = given["watch"], given["as_json"]
            stopped = runner.run(
                _serve(sources, listener, serving, what, live, watch, as_json, terminal, cluster)
            )
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
    cluster: ClusterWish | None,
) -> Stopped:
    from ..pools import open_front, settle_staff
    from ..signals import stoppable
    from ..web import WebServer

    staff = await settle_staff(serving, cluster)
    async with AsyncExitStack() as stack:
        bell = _Bell()
        stopped = stack.enter_context(stoppable(bell.ring, bell.ring_for_reload))
        prepared = [one for source in sources for one in source.prepared]
        front = await open_front(stack, staff, sources, serving, what, live, terminal)
        if stopped:
            return stopped
        pool = front.pool
        pool.hint = serving.wish.drain_hint or ""
        address = listener.getsockname()
        port = address[1] if isinstance(address, tuple) else 0
        drained = asyncio.Event()
        await stack.enter_async_context(serving_admin(serving, port, pool, drained, terminal))

        def started() -> None:
            tell = facts if as_json else announcement
            room = staff.max_calls, staff.fits
            print(tell(serving, port, prepared, front.model.notes, room, front.media_port), flush=True)

        server = WebServer(front.app, started, grace_s=_GRACE_S, front=serving.front)
        running = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
        running.add_done_callback(lambda _: bell.ring())
        waiting = asyncio.create_task(drained.wait(), name="drained")
        waiting.add_done_callback(lambda _: bell.ring())
        try:
            reloader = Reloader(what, live, terminal, sources, front.exchange)

            def over() -> bool:
                return bool(stopped) or running.done() or drained.is_set()

            await _keep_current(reloader, bell, watch, over, serving, terminal)
            if stopped and pool.active and stopped.number == signal.SIGTERM and serving.drain_s:
                terminal.say(
                    f"Draining: {pool.active} call(s) go on for {serving.drain_s:.0f} s; a second signal ends at once."
                )
                await pool.drain(serving.drain_s)
            elif stopped and pool.active and stopped.number != signal.SIGHUP:
                terminal.say("Ending calls. Ctrl-C again leaves at once.")
            # Before the web server closes their sockets without a word.
            await pool.end_calls()
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
                # It may have been asked for beside other work.
                if not self._reload:
                    await self._rung.wait()
        self._rung.clear()
        reload, self._reload = self._reload, False
        return reload

    async def wait_beside(self, task: asyncio.Task[None]) -> None:
        """Wait until it rings, or the task is done. What it is asked for meanwhile is kept."""
        ringing = asyncio.create_task(self._rung.wait(), name="bell")
        try:
            await asyncio.wait({ringing, task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ringing.cancel()
            await asyncio.gather(ringing, return_exceptions=True)
        self._rung.clear()


async def _unless_over(work: Coroutine[Any, Any, None], bell: _Bell, over: Callable[[], bool]) -> None:
    """Wait until the work is done, or all is over: then it is left."""
    task = asyncio.create_task(work, name="reload")
    try:
        while not task.done() and not over():
            await bell.wait_beside(task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():
        task.result()


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
            await _unless_over(reloader.reload(), bell, over)
