"""``livegraph help``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..output import json_text

__all__ = ["help_on"]


def _verbs(context: typer.Context, incomplete: str) -> list[str]:
    commands: Any = context.find_root().command
    return [name for name in commands.commands if name.startswith(incomplete)]


def help_on(
    context: typer.Context,
    verb: Annotated[
        str, typer.Argument(metavar="VERB", autocompletion=_verbs, help="The command that is meant.")
    ] = "",
    as_json: bool = False,
) -> None:
    """Say what the command does, or one of its verbs: the same as --help behind it."""
    root = context.find_root()
    commands: Any = root.command
    if verb and verb not in commands.commands:
        # It names the nearest one.
        commands.resolve_command(root, [verb])
    if not as_json:
        commands.main([verb, "--help"] if verb else ["--help"], prog_name="livegraph", standalone_mode=False)
        return
    if not verb:
        told = {name: each.get_short_help_str(200) for name, each in commands.commands.items()}
        print(json_text({"verbs": told}))
        return
    print(json_text(_told(verb, commands.commands[verb])))


def _told(verb: str, command: Any) -> dict[str, Any]:
    """One verb for programs."""
    options, arguments = [], []
    for each in command.params:
        if each.param_type_name == "argument":
            arguments.append({"name": (each.metavar or each.name or ""), "help": each.help or ""})
        else:
            variable = {"variable": each.envvar} if each.envvar else {}
            options.append({"names": [*each.opts, *each.secondary_opts], "help": each.help or "", **variable})
    return {"verb": verb, "help": command.help or "", "arguments": arguments, "options": options}
