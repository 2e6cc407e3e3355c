"""The command's verbs and what they have in common. Imports no verb's machinery."""

from __future__ import annotations

from typing import Annotated

import typer

from .exits import HELP as EXIT_CODES
from .verbs import (
    call,
    check,
    doctor,
    explain,
    graph,
    migrate,
    new,
    operate,
    replay,
    run,
    schema,
    simulate,
    test,
    ticket,
    version,
)
from .verbs import (
    inspect as inspecting,
)
from .verbs import (
    list as listing,
)

__all__ = ["app"]

app = typer.Typer(
    help="Voice agents as graphs: WebRTC in, the Gemini Live API in the middle, tools on the way.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit


@app.callback()
def _options(
    version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    pass


app.command("run")(run.run)
app.command("call")(call.call)
app.command("doctor")(doctor.doctor)
app.command("ticket")(ticket.ticket)
app.command("calls")(operate.calls)
app.command("top")(operate.top)
app.command("hangup")(operate.hang_up)
app.command("drain")(operate.drain)
app.command("simulate")(simulate.simulate)
app.command("replay")(replay.replay)
app.command("check")(check.check)
app.command("test")(test.test)
app.command("new")(new.new)
app.command("migrate")(migrate.migrate)
app.command("explain")(explain.explain)
app.command("graph")(graph.graph)
app.command("inspect")(inspecting.inspect)
app.command("list")(listing.list_all)
app.command("schema")(schema.schema)
app.command("version")(version.version)
