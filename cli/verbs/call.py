"""``livegraph call``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..completion import AgentArgument
from ..composing import AgentOption, FilesOption, ProfileOption, SetOption, chosen
from ..exits import Exit, Fault, stopped_by, told
from ..given_inputs import InputOption, given_inputs
from ..routes import Live, LiveOption, Route, settle
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...language import Agent
    from ...pipeline.graph.plan import Plan
    from ...pipeline.running.call import Call
    from ..signals import Stopped

__all__ = ["call"]


def call(
    agent: AgentArgument = "",
    question: Annotated[
        Path | None,
        typer.Option("--in", metavar="FILE", help="What the caller says: WAV, or whatever FFmpeg reads."),
    ] = None,
    answer: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Where to write what the caller hears: wav, flac, mp3, ogg, opus, m4a.",
        ),
    ] = None,
    inputs: InputOption = None,
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    name: AgentOption = "",
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Take as long as the conversation would.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record", metavar="DIR", help="Keep what passes between the agent and its model in this folder."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for all that happens.")
    ] = False,
    live: LiveOption = Live.AUTO,
    debug: Debug = False,
) -> None:
    """Make one call with a recording instead of a browser, and write the answer to a file.

    What is said and which tools are called goes to stdout. With the local simulator the conversation runs on
    virtual time: in the seconds that its computing takes, and the same way each time.
    """
    from ...language.finding import DEFAULT
    from ..agents import load

    terminal = Terminal(debug=debug, timestamps=False)
    with told(terminal):
        what = chosen([agent] if agent else [], files, settings, profile, default=DEFAULT)
        loaded = load(what.agents[0], terminal, layers=what.layers, name=name)
        values = given_inputs(inputs or (), loaded)
        stopped = _call(loaded, values, question, answer, realtime, as_json, live, record, terminal)
    if stopped:
        raise typer.Exit(stopped_by(stopped.number))


def _call(
    loaded: Agent,
    inputs: dict[str, Any],
    question: Path | None,
    answer: Path | None,
    realtime: bool,
    as_json: bool,
    live: Live,
    record: Path | None,
    terminal: Terminal,
) -> Stopped:
    from ...pipeline.clock import run_virtual
    from ...pipeline.graph.plan import make_plan
    from ..rims import check_sound, with_files

    if question is not None:
        check_sound(question, "--in")
    route = settle(with_files(loaded.graph, question, answer), live)
    plan = make_plan(
        route.graph, loaded.turns, inputs=loaded.inputs, log=loaded.log, conversation=loaded.conversation
    )
    conversation = _converse(plan, loaded, inputs, route, question, as_json, record, terminal)
    return asyncio.run(conversation) if realtime or route.remote else run_virtual(conversation)


async def _converse(
    plan: Plan,
    agent: Agent,
    inputs: dict[str, Any],
    route: Route,
    question: Path | None,
    as_json: bool,
    record: Path | None,
    terminal: Terminal,
) -> Stopped:
    from ...pipeline.end_reason import EndReason
    from ...pipeline.errors import LivegraphError
    from ..conversation_text import print_conversation
    from ..local_model import model_beside
    from ..signals import stoppable

    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(model_beside(agent, route, terminal))
        if record is not None:
            resources |= _recorder(record, route, stack, terminal)
        call = plan.call(inputs=inputs, resources=resources, call_id="call")

        def lost() -> None:
            call.end(EndReason.CANCELLED, "nobody reads the output")

        out = print_conversation(call.events, as_json=as_json, lost=lost)
        stopped = stack.enter_context(stoppable(lambda: call.end(EndReason.CANCELLED, "interrupted")))
        if question is not None and not sys.stdout.isatty():
            # At a terminal the lines of the conversation are what shows that it goes on.
            await stack.enter_async_context(_counting(call, question, terminal))
        try:
            await call.run()
        except LivegraphError:
            # The engine has logged the cause with the node's name.
            if not stopped:
                raise typer.Exit(Exit.FAILED) from None
        out.check()
        return stopped


@asynccontextmanager
async def _counting(call: Call, recording: Path, terminal: Terminal) -> AsyncIterator[None]:
    """Show how much of the recording has been said."""
    with terminal.counting("calling", _length_s(recording)) as tell:

        async def tick() -> None:
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            while not call.reason:
                tell(loop.time() - began_s)
                await asyncio.sleep(0.5)

        ticking = asyncio.create_task(tick(), name="progress")
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.wait({ticking})


def _length_s(recording: Path) -> float:
    """How long it is; 0 where it does not say so."""
    import av

    try:
        with av.open(str(recording)) as container:
            return (container.duration or 0) / av.time_base
    except (OSError, ValueError, av.FFmpegError):
        return 0.0


def _recorder(folder: Path, route: Route, stack: AsyncExitStack, terminal: Terminal) -> dict[type, Any]:
    """What a call has to bring along to be recorded into ``folder``. ``Fault`` when that cannot be written to."""
    from ...pipeline.clock import clock_of_loop
    from ...processors.gemini_live import GeminiLive
    from ...processors.gemini_live.link_tap import LinkTap
    from ...simulator.recording import WireLog
    from ...testing.wire_recorder import WireRecorder

    try:
        log = stack.enter_context(WireLog(folder))
    except OSError as error:
        raise Fault(f"cannot record into {folder}: {error.strerror}") from None
    terminal.say(f"recording: {log.path}")
    boxes = [node for node in route.graph.nodes.values() if issubclass(node.processor, GeminiLive)]
    options = boxes[0].options if boxes else {}
    return {LinkTap: WireRecorder(log, clock_of_loop(), options)}
