"""``livegraph tools``."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...server.logs import escaped
from ..composing import AgentOption, FilesOption, ProfileOption, SetOption, chosen
from ..exits import Exit, Fault, told
from ..output import json_text
from ..terminal import Debug, Terminal

if TYPE_CHECKING:
    from ...pipeline.graph.plan import Plan

__all__ = ["tools"]


def tools(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="An agent file, or the name of a shipped agent."),
    ],
    tool: Annotated[
        str, typer.Argument(metavar="[TOOL]", help="The tool to call; left out, all are listed.")
    ] = "",
    args: Annotated[
        str, typer.Option("--args", metavar="JSON", help='Its arguments: \'{"day": "Friday"}\'.')
    ] = "{}",
    confirmed: Annotated[
        bool,
        typer.Option("--confirmed", help="The caller is taken to have said yes, where the tool wants that."),
    ] = False,
    identity: Annotated[str, typer.Option("--identity", metavar="WHO", help="Who calls.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, schemas whole.")] = False,
    files: FilesOption = None,
    settings: SetOption = None,
    profile: ProfileOption = None,
    name: AgentOption = "",
    debug: Debug = False,
) -> None:
    """List the tools of an agent as its model sees them, or call one by hand.

    Every kind of tool is asked for its functions, servers are started for it. A tool that is called really runs.
    """
    terminal = Terminal(debug=debug)
    with told(terminal):
        from ...processors.tools.by_hand import call_tool, list_tools
        from ..agents import load

        what = chosen([file], files, settings, profile, default=file)
        agent = load(what.agents[0], terminal, layers=what.layers, name=name)
        plan = _plan(agent)
        if not tool:
            found = asyncio.run(list_tools(plan, identity=identity))
            _show(found, as_json=as_json)
            return
        try:
            given = json.loads(args)
        except ValueError as error:
            raise Fault(f"--args is no JSON: {error}", 'write \'{"day": "Friday"}\'', Exit.USAGE) from None
        if not isinstance(given, dict):
            raise Fault("--args is no JSON object", 'write \'{"day": "Friday"}\'', Exit.USAGE)
        try:
            outcome = asyncio.run(call_tool(plan, tool, given, identity=identity, confirmed=confirmed))
        except LookupError as error:
            raise Fault(str(error.args[0]), f"livegraph tools {file} lists them", Exit.USAGE) from None
        print(json_text(outcome.result, indent=2), file=sys.stdout)
        for media in outcome.media:
            kept = escaped(f"{media.name or 'a file'}: {media.mime_type}")
            terminal.say(f"with {kept}, {len(media.data)} bytes")
        terminal.say(f"{outcome.how} after {outcome.duration_ns / 1e9:.3f} s, {outcome.attempts} attempt(s)")
        if outcome.failed:
            raise typer.Exit(Exit.FAILED)


def _plan(agent: Any) -> Plan:
    from ...pipeline.graph.plan import make_plan
    from ...processors.tools.by_hand import tools_alone

    alone = tools_alone(agent.graph)
    if not alone.nodes:
        raise Fault("the agent has no tools", "write `tools: [./tools.py]` below `agent`", Exit.USAGE)
    return make_plan(alone)


def _show(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json_text(found, indent=2), file=sys.stdout)
        return
    for one in found:
        # Names and words of a service are a stranger's.
        print(escaped(f"{one['name']}  ({one['kind']}{', ' + one['said'] if one['said'] else ''})"))
        for line in one["description"].splitlines()[:1]:
            print(f"    {escaped(line)}")
        required = one["parameters"].get("required", [])
        for name, schema in one["parameters"].get("properties", {}).items():
            kind = schema.get("type", "any")
            kind = " or ".join(kind) if isinstance(kind, list) else kind
            doc = f": {schema['description']}" if schema.get("description") else ""
            optional = "" if name in required else ", optional"
            print(f"    {escaped(f'{name} ({kind}{optional}){doc}')}")
