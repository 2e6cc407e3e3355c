"""A kept call once more, for ``livegraph replay``: the agent of today answers the caller of then."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from ..server.logs import escaped
from .exits import Exit, Fault
from .output import json_text
from .routes import Live, Route, settle
from .terminal import Terminal

if TYPE_CHECKING:
    from ..language import Agent
    from ..testing.call_replay import CallReplay, KeptCall

__all__ = ["replay_record"]


def replay_record(
    file: Path, agent: str, run_tools: bool, live: Live, as_json: bool, terminal: Terminal
) -> bool:
    """Have an agent hear what the caller of a record said, and print what came of it; whether all was as it was."""
    from ..pipeline.clock import run_virtual
    from ..testing.call_replay import read_record, replayed
    from ..testing.wire import RecordingFault
    from .agents import load

    try:
        kept = read_record(file)
    except RecordingFault as error:
        raise Fault(f"{file}:{error.line}: {error}", code=Exit.CONFIG) from None
    except OSError as error:
        raise Fault(f"{file} cannot be read: {error.strerror or error}") from None
    loaded = load(agent or _agent_of(kept), terminal)
    route = settle(replayed(loaded.graph, kept), live)
    playing = _play(kept, loaded, route, run_tools, terminal)
    made = asyncio.run(playing) if route.remote else run_virtual(playing)
    words = [
        f"{line['role']}: {' '.join(line['text'].split())}{' ...' if line['interrupted'] else ''}"
        for line in made.lines
        if line["type"] == "transcript"
    ]
    calls = [
        f"{line['name']}({json_text(line['args'])})" for line in made.lines if line["type"] == "tool_called"
    ]
    if as_json:
        said = {"file": str(file), "words": words, "calls": calls, "differences": made.differences}
        print(json_text(said))
        return not made.differences
    count = len(made.differences)
    print(f"{file}: {'as it was' if not count else f'{count} difference' + 's' * (count > 1)}")
    for word in (*words, *(f"calls {call}" for call in calls)):
        print(f"  {escaped(word)}")
    for difference in made.differences:
        print(f"  differs: {escaped(difference)}")
    return not made.differences


def _agent_of(kept: KeptCall) -> str:
    """The agent that a record names: a file of that name here, or one that is shipped. ``Fault`` when there is none."""
    from ..language.finding import shipped_agents

    name = str(kept.head.get("agent", ""))
    if (file := Path(f"{name}.yaml")).is_file():
        return str(file)
    if name in shipped_agents():
        return name
    raise Fault(
        f"the call was answered by `{name}`, and there is no {file} here",
        "say where it is: livegraph replay RECORD --agent FILE",
        Exit.USAGE,
    )


async def _play(
    kept: KeptCall, agent: Agent, route: Route, run_tools: bool, terminal: Terminal
) -> CallReplay:
    from ..testing.call_replay import replay_call
    from .local_model import model_beside

    async with model_beside(agent, route, terminal) as resources:
        return await replay_call(kept, agent, route.graph, resources, run_tools=run_tools)
