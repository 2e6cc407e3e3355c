"""``livegraph simulate``."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..environment import check_environment
from ..exits import Exit, Fault, check_there, stopped_by, told
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...simulator.brain_script import Script
    from ...simulator.certificate import Certificate
    from ...simulator.mind import Mind
    from ...simulator.recording import WireLog
    from ...simulator.scenario import Scenario
    from ..signals import Stopped

__all__ = ["simulate"]


class Mood(StrEnum):
    """What ``--personality`` takes."""

    KIND = "kind"
    TYPICAL = "typical"
    HOSTILE = "hostile"


def simulate(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port; 0 takes a free one.")] = 9090,
    brain: Annotated[
        Path | None,
        typer.Option("--brain", metavar="FILE", help="A script of what it says; its own otherwise."),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option("--scenario", metavar="FILE", help="A script of what happens and what goes wrong."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="DIR", help="Keep a transcript of all messages in this folder."),
    ] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="Speak TLS too, on the same port, with a certificate of its own.")
    ] = False,
    tls_dir: Annotated[
        Path | None,
        typer.Option("--tls-dir", metavar="DIR", help="Where that certificate is kept, or made."),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option(
            "--strict/--lenient",
            help="Refuse all that the real service refuses, or what it may. By default strict for known models.",
        ),
    ] = None,
    mind: Annotated[
        str,
        typer.Option(
            "--mind",
            metavar="URL",
            help="A text model that thinks for it: any OpenAI-compatible endpoint (http://127.0.0.1:11434/v1). "
            "A key is taken from LIVEGRAPH_MIND_KEY.",
        ),
    ] = "",
    mind_model: Annotated[
        str, typer.Option("--mind-model", metavar="NAME", help="Which model there; its first by default.")
    ] = "",
    personality: Annotated[
        Mood | None,
        typer.Option(
            "--personality",
            help="How unkind it is: kind (the default), typical, or hostile: all that was ever reported.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Other moods, handles and ids with another number.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", metavar="KEY", help="A key that is good; may be repeated. Without it every key is."
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option("--scale", min=0, max=100, help="Factor on all durations; 0 is as fast as possible."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The address as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Run the simulator of the Live API alone; its address is printed when it is ready.

    Agents find it when they run with --live local and the option `url` of gemini_live, and clients of Google's
    own libraries when their base address is this one. `livegraph new scenario` and `livegraph new brain`
    write scripts to start from.
    """
    terminal = Terminal(debug=debug, timestamps=True)
    with told(terminal), ExitStack() as stack:
        check_environment(os.environ, terminal)
        plan = _Plan(_script(brain), _scenario(scenario))
        if record is not None:
            plan.options["record"] = stack.enter_context(_record(record))
        if strict is not None:
            plan.options["strict"] = strict
        if mind:
            plan.options["mind"] = _mind(mind, mind_model)
        if personality is not None:
            plan.options["personality"] = personality.value
        if seed is not None:
            plan.options["seed"] = seed
        if key:
            plan.options["keys"] = key
        if scale is not None:
            plan.options["time_scale"] = scale
        plan.certificate = _certificate(tls_dir) if tls or tls_dir is not None else None
        stopped = asyncio.run(_serve(host, port, plan, as_json, terminal))
    # SIGTERM is how a supervisor ends a server: that is no failure.
    raise typer.Exit(stopped_by(stopped.number) if stopped.number == signal.SIGINT else Exit.OK)


@dataclass(slots=True)
class _Plan:
    script: Script | None
    scenario: Scenario | None
    certificate: Certificate | None = None
    options: dict[str, Any] = field(default_factory=dict)


def _script(path: Path | None) -> Script | None:
    from ...simulator.brain import BrainError
    from ...testing.brains import read_brain

    if path is None:
        return None
    check_there(path, "--brain")
    try:
        return read_brain(path)
    except BrainError as error:
        raise Fault(str(error), code=Exit.CONFIG) from None


def _scenario(path: Path | None) -> Scenario | None:
    from ...simulator.scenario_file import ScenarioError, load_scenario

    if path is None:
        return None
    check_there(path, "--scenario")
    try:
        return load_scenario(path)
    except ScenarioError as error:
        raise Fault(str(error), code=Exit.CONFIG) from None
    except OSError as error:
        raise Fault(f"{path} cannot be read: {error.strerror}", code=Exit.CONFIG) from None


def _mind(url: str, model: str) -> Mind:
    from ...simulator.mind import Mind

    try:
        return Mind(url, model, os.environ.get("LIVEGRAPH_MIND_KEY", ""))
    except ValueError as error:
        raise Fault(f"--mind: {error}", code=Exit.USAGE) from None


def _record(folder: Path) -> WireLog:
    from ...simulator.recording import WireLog

    try:
        return WireLog(folder)
    except OSError as error:
        raise Fault(f"cannot record into {folder}: {error.strerror}") from None


def _certificate(folder: Path | None) -> Certificate:
    from datetime import UTC, datetime

    from ...simulator.certificate import find_or_make

    if folder is None:
        cache = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(cache) if cache else Path.home() / ".cache") / "livegraph" / "simulator"
    try:
        return find_or_make(folder.absolute(), datetime.now(UTC))
    except OSError as error:
        raise Fault(
            f"cannot keep a certificate in {folder}: {error.strerror}", "choose a folder with --tls-dir"
        ) from None


async def _serve(host: str, port: int, plan: _Plan, as_json: bool, terminal: Terminal) -> Stopped:
    from ...simulator.server import Simulator
    from ..addresses import cannot_listen, url_host
    from ..signals import stoppable

    over = asyncio.Event()
    certificate = plan.certificate
    with stoppable(over.set) as stopped:
        async with Simulator(script=plan.script, scenario=plan.scenario, **plan.options) as simulator:
            with terminal.progress("Loading the simulator's ears and voice"):
                await simulator.warm_up()
            for note in simulator.notes:
                terminal.warn(note)
            try:
                bound = await simulator.serve(host, port, tls=certificate.context() if certificate else None)
            except OSError as error:
                raise cannot_listen(host, port, error) from None
            if not over.is_set():
                url = f"{'ws' if certificate is None else 'wss'}://{url_host(host)}:{bound}"
                where = {} if certificate is None else {"certificate": str(certificate.cert)}
                if where and not as_json:
                    terminal.say(f"certificate: {where['certificate']}")
                print(json.dumps({"url": url, **where}) if as_json else url, flush=True)
            await over.wait()
    return stopped
