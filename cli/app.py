"""The command's verbs and what they have in common. Imports no verb's machinery."""

from __future__ import annotations

from typing import Annotated

import typer

from .common import verb
from .exits import HELP as EXIT_CODES
from .verbs import (
    call,
    chat,
    check,
    cluster,
    doctor,
    explain,
    graph,
    load,
    migrate,
    new,
    operate,
    replay,
    run,
    schema,
    simulate,
    talk,
    tap,
    test,
    ticket,
    tools,
    version,
)
from .verbs import (
    help as helping,
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


app.command("run")(verb(run.run))
app.command("cluster")(verb(cluster.cluster))
app.command("call")(verb(call.call))
app.command("chat")(verb(chat.chat))
app.command("talk")(verb(talk.talk))
app.command("doctor")(verb(doctor.doctor))
app.command("ticket")(verb(ticket.ticket))
app.command("calls")(verb(operate.calls))
app.command("top")(verb(operate.top))
app.command("tap")(verb(tap.tap))
app.command("hangup")(verb(operate.hang_up))
app.command("roll")(verb(operate.roll))
app.command("drain")(verb(operate.drain))
app.command("load")(verb(load.load))
app.command("simulate")(verb(simulate.simulate))
app.command("replay")(verb(replay.replay))
app.command("check")(verb(check.check))
app.command("test")(verb(test.test))
app.command("new")(verb(new.new))
app.command("migrate")(verb(migrate.migrate))
app.command("explain")(verb(explain.explain))
app.command("graph")(verb(graph.graph))
app.command("inspect")(verb(inspecting.inspect))
app.command("list")(verb(listing.list_all))
app.command("tools")(verb(tools.tools))
app.command("schema")(verb(schema.schema))
app.command("version")(verb(version.version))
app.command("help")(verb(helping.help_on))
