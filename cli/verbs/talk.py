"""``livegraph talk``."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...server.logs import escaped
from ..completion import agent_names
from ..composing import AgentOption, FilesOption, ProfileOption, SetOption, chosen
from ..exits import Exit, Fault, stopped_by, told
from ..given_inputs import InputOption, given_inputs
from ..output import json_text
from ..routes import Live, LiveOption, Route, settle
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...language import Agent
    from ...pipeline.graph.graph import Graph
    from ..signals import Stopped
    from ..sound.devices import Device

__all__ = ["talk"]

Devices = tuple["Device", "Device"]


def talk(
    agent: Annotated[
        str,
        typer.Argument(
            metavar="AGENT",
            autocompletion=agent_names,
            help="An agent file, or the name of a shipped agent; voice_agent by default.",
        ),
    ] = "",
    inputs: InputOption = None,
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    name: AgentOption = "",
    microphone: Annotated[
        str,
        typer.Option("--input", help="The microphone: its number, or a part of its name.", metavar="DEVICE"),
    ] = "",
    loudspeaker: Annotated[
        str,
        typer.Option(
            "--output", help="The loudspeaker: its number, or a part of its name.", metavar="DEVICE"
        ),
    ] = "",
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="Print the devices that there are, and leave.")
    ] = False,
    push_to_talk: Annotated[
        bool, typer.Option("--push-to-talk", help="The microphone is closed until you press the space bar.")
    ] = False,
    echo_cancellation: Annotated[
        bool,
        typer.Option(
            "--echo-cancellation/--no-echo-cancellation",
            help="Take what the loudspeaker plays out of what the microphone hears.",
        ),
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for all that happens.")
    ] = False,
    live: LiveOption = Live.AUTO,
    debug: Debug = False,
) -> None:
    """Talk to an agent with the microphone and the loudspeaker of this machine.

    What is said and which tools are called you read as well. The space bar closes and opens the microphone, q or
    Ctrl-C ends the call. Needs livegraph[console].
    """
    from ...language.finding import DEFAULT
    from ..agents import load
    from ..sound.devices import choose, devices, portaudio
    from ..sound.screen import takes_keys

    terminal = Terminal(debug=debug, timestamps=False)
    with told(terminal):
        if push_to_talk and not takes_keys():
            raise Fault(
                "--push-to-talk: nobody can press the space bar, since stdin is no terminal whose keys can be read",
                code=Exit.USAGE,
            )
        if list_devices:
            _print_devices(devices(portaudio()), as_json)
            return
        # What is wrong with the agent is told as by every other verb, whatever sound this machine has.
        what = chosen([agent] if agent else [], files, settings, profile, default=DEFAULT)
        loaded = load(what.agents[0], terminal, layers=what.layers, name=name)
        values = given_inputs(inputs or (), loaded)
        route = settle(_with_sound(loaded), live)
        module = portaudio()
        found = devices(module)
        chosen_devices = (choose(found, "input", microphone), choose(found, "output", loudspeaker))
        stopped = asyncio.run(
            _talk(
                loaded,
                values,
                route,
                module,
                chosen_devices,
                terminal,
                as_json=as_json,
                push_to_talk=push_to_talk,
                cancels=echo_cancellation,
            )
        )
    if stopped:
        raise typer.Exit(stopped_by(stopped.number))


def _print_devices(found: list[Device], as_json: bool) -> None:
    if as_json:
        told_of = [
            {
                "number": each.number,
                "name": each.name,
                "inputs": each.inputs,
                "outputs": each.outputs,
                "default_input": each.default_input,
                "default_output": each.default_output,
            }
            for each in found
        ]
        print(json_text(told_of))
        return
    if not found:
        print("There are no sound devices.")
    for each in found:
        ways = [
            f"{what}{' (default)' if default else ''}"
            for what, channels, default in (
                ("microphone", each.inputs, each.default_input),
                ("loudspeaker", each.outputs, each.default_output),
            )
            if channels
        ]
        print(f"{each.number:4}  {escaped(each.name)}  {', '.join(ways)}")


def _with_sound(agent: Agent) -> Graph:
    """The graph with this machine's sound at its ends. ``Fault`` where there is no place for it."""
    from ...pipeline.graph.substitution import substitute
    from ...transports.webrtc.webrtc_in import WebRTCIn
    from ...transports.webrtc.webrtc_out import WebRTCOut
    from ..rims import rims
    from ..sound.ends import Loudspeaker, Microphone

    graph = agent.graph
    for end, own in ((WebRTCIn, Microphone), (WebRTCOut, Loudspeaker)):
        ends = rims(graph, end)
        if len(ends) != 1:
            raise Fault(
                f"`{agent.name}` has {len(ends)} nodes {end.__name__}, and one is needed", code=Exit.CONFIG
            )
        graph = substitute(graph, ends[0].name, own, {})
    return graph


async def _talk(
    agent: Agent,
    inputs: dict[str, Any],
    route: Route,
    module: Any,
    chosen_devices: Devices,
    terminal: Terminal,
    *,
    as_json: bool,
    push_to_talk: bool,
    cancels: bool,
) -> Stopped:
    from ...pipeline.end_reason import EndReason
    from ...pipeline.errors import LivegraphError
    from ...pipeline.graph.plan import make_plan
    from ..conversation_text import print_conversation
    from ..local_model import model_beside
    from ..signals import stoppable
    from ..sound.card import SoundCard, canceller
    from ..sound.screen import Screen

    plan = make_plan(
        route.graph, agent.turns, inputs=agent.inputs, log=agent.log, conversation=agent.conversation
    )
    clean = canceller() if cancels else None
    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(model_beside(agent, route, terminal))
        card = await stack.enter_async_context(SoundCard(module, *chosen_devices, clean))
        resources[SoundCard] = card
        call = plan.call(inputs=inputs, resources=resources, call_id="talk")
        screen = Screen(card, lambda: call.end(EndReason.HUNG_UP), push_to_talk=push_to_talk)
        out = print_conversation(
            call.events,
            as_json=as_json,
            lost=lambda: call.end(EndReason.CANCELLED, "nobody reads the output"),
            before=screen.clear,
        )
        stopped = stack.enter_context(
            stoppable(lambda: call.end(EndReason.CANCELLED, "interrupted"), leaving=screen.restore)
        )
        names = escaped(" and ".join(dict.fromkeys(device.name for device in chosen_devices)))
        terminal.say(f"{escaped(agent.title or agent.name)} ({route.label}), by {names}.")
        if cancels and clean is None:
            terminal.say("No echo cancellation: use headphones, or pip install 'livegraph[console]'.")
        showing, going = asyncio.create_task(screen.show()), asyncio.create_task(card.gone())
        going.add_done_callback(lambda _: call.end(EndReason.CANCELLED, "the sound is gone"))
        try:
            async with call:
                await call.finished()
        except LivegraphError:
            # The engine has logged the cause with the node's name.
            if not stopped:
                raise typer.Exit(Exit.FAILED) from None
        finally:
            for task in (showing, going):
                task.cancel()
            found = await asyncio.gather(showing, going, return_exceptions=True)
        if isinstance(found[1], Fault):
            raise found[1]
        out.check()
        return stopped
