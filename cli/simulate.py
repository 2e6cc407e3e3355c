"""``livegraph simulate``."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import Exit, Fault, stopped_by, told
from .terminal import Debug, Terminal

if TYPE_CHECKING:
    from ..simulator.brain_script import Script
    from .signals import Stopped

__all__ = ["simulate"]


def simulate(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port; 0 takes a free one.")] = 9090,
    brain: Annotated[
        Path | None,
        typer.Option("--brain", metavar="FILE", help="A script of what it says; its own otherwise."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Run the simulator of the Live API alone; its address is printed when it is ready.

    Agents find it when they run with --live local and the option `url` of gemini_live, and clients of Google's
    own libraries when their base address is this one.
    """
    terminal = Terminal(debug=debug, timestamps=True)
    with told(terminal):
        stopped = asyncio.run(_serve(host, port, _script(brain), terminal))
    # SIGTERM is how a supervisor ends a server: that is no failure.
    raise typer.Exit(stopped_by(stopped.number) if stopped.number == signal.SIGINT else Exit.OK)


def _script(path: Path | None) -> Script | None:
    from ..simulator.brain import BrainError
    from .brains import read_brain

    if path is None:
        return None
    try:
        return read_brain(path)
    except BrainError as error:
        raise Fault(str(error), code=Exit.CONFIG) from None


async def _serve(host: str, port: int, script: Script | None, terminal: Terminal) -> Stopped:
    from ..simulator.server import Simulator
    from .listening import cannot_listen, url_host
    from .signals import stoppable

    over = asyncio.Event()
    with stoppable(over.set) as stopped:
        async with Simulator(script=script) as simulator:
            with terminal.progress("Loading the simulator's ears and voice"):
                await simulator.warm_up()
            for note in simulator.notes:
                terminal.warn(note)
            try:
                bound = await simulator.serve(host, port)
            except OSError as error:
                raise cannot_listen(host, port, error) from None
            if not over.is_set():
                print(f"ws://{url_host(host)}:{bound}", flush=True)
            await over.wait()
    return stopped
