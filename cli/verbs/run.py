"""``livegraph run``."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ..composing import Chosen, FilesOption, ProfileOption, SetOption, chosen
from ..exits import Exit, Fault, stopped_by, told
from ..prepared import Prepared, Source, check_names, read_sources
from ..reloading import Reloader
from ..routes import Live, LiveOption, Route
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...server.calls import CallDesk, Running, ServedAgent
    from ..local_model import LocalModel
    from ..signals import Stopped

__all__ = ["run"]

_GRACE_S = 3
"""For requests under way when the server ends; calls have their own."""
_LOOK_EVERY_S = 0.5
"""How often files that are watched are looked at. They count when they were the same twice."""


def run(
    agents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="AGENT",
            show_default=False,
            help="Agent files, folders of them, or names of shipped agents; the first agent is the default. "
            "Without any: voice_agent.",
        ),
    ] = None,
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; 0.0.0.0 for the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port; 0 takes a free one.")] = 8080,
    max_calls: Annotated[
        int,
        typer.Option("--max-calls", min=1, help="Calls at a time; more are told that all lines are busy."),
    ] = 32,
    live: LiveOption = Live.AUTO,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            metavar="URL",
            help="Another origin whose pages may call, such as https://voice.example.org; can be repeated.",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Take the agents anew whenever a file of theirs changes.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Serve agents to browsers: the page to call them from, and its signalling.

    The address of the page is printed when the server listens. Ctrl-C ends all calls and the server, a second
    one at once. SIGHUP has the files read anew: new calls get what is new, running calls keep what they have.
    """
    from ...language.finding import DEFAULT
    from ..addresses import open_port

    terminal = Terminal(debug=debug, level=logging.INFO, timestamps=True)
    with told(terminal):
        what = chosen(agents or (), files, settings, profile, default=DEFAULT)
        wish = _Wish(what, live, host, max_calls, _origins(allow_origin or []), watch)
        sources = _read(what, live, terminal)
        # The port first, before anything is loaded: one that is taken is known at once.
        with open_port(host, port) as listener, asyncio.Runner(loop_factory=_loop_factory()) as runner:
            stopped = runner.run(_serve(sources, listener, wish, terminal))
    # SIGTERM is how a supervisor ends a server: that is no failure.
    raise typer.Exit(stopped_by(stopped.number) if stopped.number == signal.SIGINT else Exit.OK)


@dataclass(frozen=True, slots=True)
class _Wish:
    what: Chosen
    live: Live
    host: str
    max_calls: int
    allow_origins: tuple[str, ...]
    watch: bool


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


def _origins(written: Sequence[str]) -> tuple[str, ...]:
    from ...server.guard import normal_origin

    try:
        return tuple(map(normal_origin, written))
    except ValueError as error:
        raise Fault(f"--allow-origin: {error}", code=Exit.USAGE) from None


async def _serve(
    sources: Sequence[Source], listener: socket.socket, wish: _Wish, terminal: Terminal
) -> Stopped:
    from ...server.app import make_app
    from ...server.guard import is_loopback
    from ..addresses import url_host
    from ..local_model import LocalModel
    from ..signals import stoppable
    from ..web import WebServer

    async with AsyncExitStack() as stack:
        bell = _Bell()
        stopped = stack.enter_context(stoppable(bell.ring, bell.ring_for_reload))
        # A few more than calls: one that was lost may still hold its session while it comes again.
        model = LocalModel(stack, terminal, max_sessions=2 * wish.max_calls)
        prepared = [one for source in sources for one in source.prepared]
        app = make_app(
            await _connect(prepared, model),
            max_calls=wish.max_calls,
            allow_origins=wish.allow_origins,
            any_host=not is_loopback(wish.host),
            report="full" if is_loopback(wish.host) else "none",
            metrics=True,
            shed_load=True,
        )
        if stopped:
            return stopped
        desk: CallDesk = app.state.desk
        page = f"http://{url_host(wish.host)}:{listener.getsockname()[1]}/"

        def started() -> None:
            print(_announcement(page, prepared, model.notes, wish), flush=True)

        async def exchange(prepared: Sequence[Prepared]) -> Mapping[str, Running]:
            return desk.exchange(await _connect(prepared, model))

        server = WebServer(app, started, grace_s=_GRACE_S)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
        serving.add_done_callback(lambda _: bell.ring())
        try:
            reloader = Reloader(wish.what, wish.live, terminal, sources, exchange)
            await _keep_current(reloader, bell, wish.watch, lambda: bool(stopped) or serving.done())
            if stopped and desk.active and stopped.number != signal.SIGHUP:
                terminal.say("Ending calls. Ctrl-C again leaves at once.")
        finally:
            server.should_exit = True
            await serving
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


async def _keep_current(reloader: Reloader, bell: _Bell, watch: bool, over: Callable[[], bool]) -> None:
    """Take the files anew when asked, and whenever they have changed if they are watched; until ``over``."""
    while not over():
        asked = await bell.wait(_LOOK_EVERY_S if watch else None)
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
        connector: LiveConnector | None = None
        if item.route.kind == "local":
            connector = WebSocketConnector(await model.url(agent.name, item.script), label)
        served.append(ServedAgent(agent.name, item.plan, agent.title, agent.description, label, connector))
    return served


def _announcement(page: str, prepared: Sequence[Prepared], notes: Sequence[str], wish: _Wish) -> str:
    """What is printed when the server listens: address, agents, model, and what is missing."""
    import sys

    from ..terminal import paint

    colour = paint(sys.stdout)
    rows = [("Page", colour("message", page))]
    names = [item.agent.name + (f" ({item.agent.title})" if item.agent.title else "") for item in prepared]
    rows += [("Agents" if index == 0 else "", name) for index, name in enumerate(names)]
    models = dict.fromkeys(_model(item.route) for item in prepared)
    rows += [("Model" if index == 0 else "", model) for index, model in enumerate(models)]
    if wish.host not in ("127.0.0.1", "localhost", "::1"):
        notes = [
            *notes,
            "Browsers give their microphone to https pages and to localhost only: put https in front.",
        ]
    rows += [("Note", note) for note in notes]
    lines = [f"  {colour('dim', name.ljust(7))} {text}" for name, text in rows]
    return "\n".join(["", *lines, "", "  Open the page and press Call. Ctrl-C ends.", ""])


def _model(route: Route) -> str:
    return route.label + (f" ({route.detail})" if route.detail else "")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: less work for each packet."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
