"""``livegraph chat``."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...server.logs import escaped
from ..completion import AgentArgument
from ..composing import AgentOption, FilesOption, ProfileOption, SetOption, chosen
from ..exits import Exit, Fault, stopped_by, told
from ..given_inputs import InputOption, given_inputs
from ..routes import Live, LiveOption, Route, settle
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...language import Agent
    from ...pipeline.graph.graph import Graph
    from ...pipeline.running.call import Call
    from ..signals import Stopped

__all__ = ["chat"]

_MOST_TEXT_CHARS = 8_000
"""As much as a caller may type on the page at once."""


def chat(
    agent: AgentArgument = "",
    inputs: InputOption = None,
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    name: AgentOption = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for all that happens.")
    ] = False,
    live: LiveOption = Live.AUTO,
    debug: Debug = False,
) -> None:
    """Talk to an agent by keyboard: what you type it hears, what it says and which tools it calls you read.

    At a terminal a line is sent when you press Enter, also while the agent speaks, which then stops. From a file or a
    pipe the next line is sent when the last one is answered. Ctrl-D ends the call.
    """
    from ...language.finding import DEFAULT
    from ..agents import load

    terminal = Terminal(debug=debug, timestamps=False)
    with told(terminal):
        what = chosen([agent] if agent else [], files, settings, profile, default=DEFAULT)
        loaded = load(what.agents[0], terminal, layers=what.layers, name=name)
        values = given_inputs(inputs or (), loaded)
        route = settle(_with_keyboard(loaded), live)
        stopped = asyncio.run(_chat(loaded, values, route, as_json, terminal))
    if stopped:
        raise typer.Exit(stopped_by(stopped.number))


def _with_keyboard(agent: Agent) -> Graph:
    """The graph with somebody who types and reads at its ends. ``Fault`` where there is no place for one."""
    from ...pipeline.graph.substitution import substitute
    from ...transports.webrtc.webrtc_in import WebRTCIn
    from ...transports.webrtc.webrtc_out import WebRTCOut
    from ..keyboard import Keyboard, Reader
    from ..rims import rims

    graph = agent.graph
    ends = rims(graph, WebRTCIn)
    if len(ends) != 1:
        raise Fault(f"`{agent.name}` has {len(ends)} ends for a caller, not one", code=Exit.CONFIG)
    for node in rims(graph, WebRTCOut):
        graph = substitute(graph, node.name, Reader, {})
    graph = substitute(graph, ends[0].name, Keyboard, {})
    if not any(edge.source == f"{ends[0].name}.text" for edge in graph.edges):
        raise Fault(
            f"`{agent.name}` takes nothing that is typed",
            f"join {ends[0].name}.text to what listens, or use `livegraph call` with a recording",
            Exit.CONFIG,
        )
    return graph


async def _chat(
    agent: Agent, inputs: dict[str, Any], route: Route, as_json: bool, terminal: Terminal
) -> Stopped:
    from ...pipeline.end_reason import EndReason
    from ...pipeline.errors import LivegraphError
    from ...pipeline.graph.plan import make_plan
    from ..conversation_text import print_conversation
    from ..keyboard import Keyboard
    from ..local_model import model_beside
    from ..rims import rims
    from ..signals import stoppable

    plan = make_plan(
        route.graph, agent.turns, inputs=agent.inputs, log=agent.log, conversation=agent.conversation
    )
    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(model_beside(agent, route, terminal, spoken=False))
        call = plan.call(inputs=inputs, resources=resources, call_id="chat")
        out = print_conversation(
            call.events,
            as_json=as_json,
            lost=lambda: call.end(EndReason.CANCELLED, "nobody reads the output"),
        )
        stopped = stack.enter_context(stoppable(lambda: call.end(EndReason.CANCELLED, "interrupted")))
        if os.isatty(0):
            terminal.say(
                f"{escaped(agent.title or agent.name)} ({route.label}). Type, and press Enter. Ctrl-D ends."
            )
        keyboard = rims(route.graph, Keyboard)[0].name
        try:
            async with call:
                await _converse(call, keyboard, terminal)
        except LivegraphError:
            # The engine has logged the cause with the node's name.
            if not stopped:
                raise typer.Exit(Exit.FAILED) from None
        out.check()
        return stopped


async def _converse(call: Call, node: str, terminal: Terminal) -> None:
    """Pass on what is typed until nothing more comes, or the call is over."""
    from ...pipeline.end_reason import EndReason
    from ..answered import Answered
    from ..keyboard import Keyboard
    from ..typing_lines import TypedLines, plain

    keyboard, answered, by_hand = call.processor(node, Keyboard), Answered(call), os.isatty(0)

    async def pass_on() -> None:
        async for line in TypedLines():
            if not by_hand:
                await answered.wait()
            text = plain(line)
            if len(text) > _MOST_TEXT_CHARS:
                terminal.warn(f"that line is too long: its first {_MOST_TEXT_CHARS} characters are sent")
            if text:
                answered.ask()
                await keyboard.type(text[:_MOST_TEXT_CHARS])
        if not by_hand:
            await answered.wait()

    over = asyncio.create_task(call.finished())
    passing = asyncio.create_task(pass_on())
    try:
        await asyncio.wait({over, passing}, return_when=asyncio.FIRST_COMPLETED)
        if passing.done():
            passing.result()
            call.end(EndReason.HUNG_UP)
    finally:
        for task in (over, passing):
            task.cancel()
        await asyncio.gather(over, passing, return_exceptions=True)
