"""``livegraph run``."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from .composing import Chosen, FilesOption, ProfileOption, SetOption, chosen
from .exits import Exit, Fault, stopped_by, told
from .live import Live, LiveOption, Route, settle
from .terminal import Debug, Terminal

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ..pipeline.config import Agent
    from ..pipeline.plan import Plan
    from ..server.calls import ServedAgent
    from .signals import Stopped

__all__ = ["run"]

_GRACE_S = 3
"""For requests under way when the server ends; calls have their own."""


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
    debug: Debug = False,
) -> None:
    """Serve agents to browsers: the page to call them from, and its signalling.

    The address of the page is printed when the server listens. Ctrl-C ends all calls and the server, a second
    one at once.
    """
    from .agents import DEFAULT
    from .listening import open_port

    terminal = Terminal(debug=debug, level=logging.INFO, timestamps=True)
    with told(terminal):
        wish = _Wish(host, max_calls, _origins(allow_origin or []))
        prepared = _prepare(chosen(agents or (), files, settings, profile, default=DEFAULT), live, terminal)
        # The port first, before anything is loaded: one that is taken is known at once.
        with open_port(host, port) as listener, asyncio.Runner(loop_factory=_loop_factory()) as runner:
            stopped = runner.run(_serve(prepared, listener, wish, terminal))
    # SIGTERM is how a supervisor ends a server: that is no failure.
    raise typer.Exit(stopped_by(stopped.number) if stopped.number == signal.SIGINT else Exit.OK)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An agent that can be called, but for the way to its model."""

    agent: Agent
    plan: Plan
    route: Route


@dataclass(frozen=True, slots=True)
class _Wish:
    host: str
    max_calls: int
    allow_origins: tuple[str, ...]


def _prepare(what: Chosen, live: Live, terminal: Terminal) -> list[_Prepared]:
    from ..pipeline.plan import make_plan
    from ..transports.webrtc.webrtc_in import WebRTCIn
    from .agents import load_all
    from .ends import rims

    prepared: list[_Prepared] = []
    agents = [
        agent for name in what.agents for agent in load_all(name, terminal, notes=True, layers=what.layers)
    ]
    for agent in agents:
        if any(other.agent.name == agent.name for other in prepared):
            raise Fault(
                f"two agents are called `{agent.name}`",
                "give one another `name:` at the top of its file",
                Exit.CONFIG,
            )
        if not rims(agent.graph, WebRTCIn):
            raise Fault(
                f"`{agent.name}` cannot be called from a browser: it has no webrtc_in",
                f"use `livegraph call {agent.source}` for it",
                Exit.CONFIG,
            )
        route = settle(agent.graph, live)
        prepared.append(_Prepared(agent, make_plan(route.graph, agent.turns, inputs=agent.inputs), route))
    return prepared


def _origins(written: Sequence[str]) -> tuple[str, ...]:
    from ..server.guard import normal_origin

    try:
        return tuple(map(normal_origin, written))
    except ValueError as error:
        raise Fault(f"--allow-origin: {error}", code=Exit.USAGE) from None


async def _serve(
    prepared: Sequence[_Prepared], listener: socket.socket, wish: _Wish, terminal: Terminal
) -> Stopped:
    from ..server.app import make_app
    from ..server.guard import is_loopback
    from .listening import url_host
    from .signals import stoppable
    from .web import WebServer

    async with AsyncExitStack() as stack:
        over = asyncio.Event()
        stopped = stack.enter_context(stoppable(over.set))
        served, notes = await _connect(stack, prepared, wish.max_calls, terminal)
        if over.is_set():
            return stopped
        app = make_app(
            served,
            max_calls=wish.max_calls,
            allow_origins=wish.allow_origins,
            any_host=not is_loopback(wish.host),
        )
        page = f"http://{url_host(wish.host)}:{listener.getsockname()[1]}/"

        def started() -> None:
            print(_announcement(page, prepared, notes, wish), flush=True)

        server = WebServer(app, started, grace_s=_GRACE_S)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
        asking = asyncio.create_task(over.wait(), name="stop")
        try:
            await asyncio.wait({serving, asking}, return_when=asyncio.FIRST_COMPLETED)
            if stopped and _calls(app):
                terminal.say("Ending calls. Ctrl-C again leaves at once.")
        finally:
            asking.cancel()
            server.should_exit = True
            await serving
    if not stopped:
        raise Fault("the server ended by itself", "its log says why; --debug shows more")
    return stopped


def _calls(app: Starlette) -> int:
    active: int = app.state.desk.active
    return active


async def _connect(
    stack: AsyncExitStack, prepared: Sequence[_Prepared], max_calls: int, terminal: Terminal
) -> tuple[list[ServedAgent], list[str]]:
    """The agents with their way to the model; the local simulator is started when one needs it."""
    from ..processors.gemini_live import LiveConnector
    from ..processors.gemini_live.connect import WebSocketConnector
    from ..server.calls import ServedAgent
    from .simulated import agent_url, simulator_for

    local = [item.agent for item in prepared if item.route.kind == "local"]
    notes: list[str] = []
    base = ""
    if local:
        # A few more than calls: one that was lost may still hold its session while it comes again.
        simulator = await stack.enter_async_context(
            simulator_for(local, terminal, max_sessions=2 * max_calls)
        )
        notes += simulator.notes
        base = f"ws://127.0.0.1:{await simulator.serve('127.0.0.1', 0)}"
    served = []
    for item in prepared:
        connector: LiveConnector | None = None
        if item.route.kind == "local":
            connector = WebSocketConnector(agent_url(base, item.agent), item.route.label)
        agent = item.agent
        served.append(
            ServedAgent(agent.name, item.plan, agent.title, agent.description, item.route.label, connector)
        )
    return served, notes


def _announcement(page: str, prepared: Sequence[_Prepared], notes: Sequence[str], wish: _Wish) -> str:
    """What is printed when the server listens: address, agents, model, and what is missing."""
    import sys

    from .terminal import paint

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
