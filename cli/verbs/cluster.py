"""``livegraph cluster``: as ``livegraph run``, with the calls on a Ray cluster."""

from __future__ import annotations

import inspect
from enum import Enum
from typing import Annotated, Any, get_type_hints

import typer

from ..clusters import ClusterWish, read_placements, read_resources
from ..exits import told
from ..terminal import Terminal
from .run import run, serve

__all__ = ["cluster"]

_PANEL = "Cluster"


class Ingress(Enum):
    """Who takes HTTP on the nodes of a cluster."""

    own = "own"
    serve = "serve"


_OWN: dict[str, tuple[Any, Any]] = {
    "address": (
        Annotated[
            str,
            typer.Option(
                "--address",
                metavar="WHERE",
                rich_help_panel=_PANEL,
                help="The head of the cluster; local starts one for this command, auto takes the one of this machine.",
            ),
        ],
        "auto",
    ),
    "most_workers": (
        Annotated[
            int | None,
            typer.Option(
                "--most-workers",
                min=1,
                max=1_024,
                metavar="N",
                rich_help_panel=_PANEL,
                help="Up to so many workers as they are needed; --workers are the fewest.",
            ),
        ],
        None,
    ),
    "resources": (
        Annotated[
            str,
            typer.Option(
                "--resources",
                metavar="LIST",
                rich_help_panel=_PANEL,
                help="What a worker takes of its node, such as CPU=1,memory=1000000000,udp=1.",
            ),
        ],
        "CPU=1",
    ),
    "place": (
        Annotated[
            list[str] | None,
            typer.Option(
                "--place",
                metavar="AGENT=LIST",
                rich_help_panel=_PANEL,
                help="An agent that has a worker of its own, and what that takes: vision=GPU:0.1; repeatable.",
            ),
        ],
        None,
    ),
    "entry_port": (
        Annotated[
            int | None,
            typer.Option(
                "--entry-port",
                min=0,
                max=65_535,
                metavar="PORT",
                rich_help_panel=_PANEL,
                help="Every other node takes HTTP at this port as well, on --host; 0 takes a free one.",
            ),
        ],
        None,
    ),
    "ingress": (
        Annotated[
            Ingress,
            typer.Option(
                "--ingress",
                rich_help_panel=_PANEL,
                help="Who takes HTTP at --entry-port: our own entries, or Ray Serve (8000 by default).",
            ),
        ],
        Ingress.own,
    ),
    "replicas": (
        Annotated[
            int,
            typer.Option(
                "--replicas",
                min=1,
                max=256,
                metavar="N",
                rich_help_panel=_PANEL,
                help="With --ingress serve: so many replicas hand on what comes in.",
            ),
        ],
        1,
    ),
    "public_address_command": (
        Annotated[
            str,
            typer.Option(
                "--public-address-command",
                metavar="COMMAND",
                rich_help_panel=_PANEL,
                help="Run on each worker's node; what it prints is where the world reaches that node.",
            ),
        ],
        "",
    ),
}


def cluster(**given: Any) -> None:
    """Serve agents with the calls on a Ray cluster: this process has the port, workers are actors.

    Everything else is as with `livegraph run`: each node needs livegraph, the agent files at the same path, and the
    model's key in its environment. Media goes straight to the node that has the call: callers must reach its UDP port.
    """
    own = {name: given.pop(name) for name in _OWN}
    with told(Terminal()):
        wish = ClusterWish(
            own["address"],
            own["most_workers"],
            read_resources(own["resources"], "--resources"),
            read_placements(own["place"] or ()),
            own["public_address_command"],
            own["entry_port"],
            own["ingress"].value,
            own["replicas"],
        )
    serve(given, wish)


def _like_run() -> None:
    """The options of ``run``, and those above."""
    signature = inspect.signature(run)
    hints = get_type_hints(run, include_extras=True)
    parameters = [each.replace(annotation=hints[name]) for name, each in signature.parameters.items()]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        for name, (hint, default) in _OWN.items()
    ]
    setattr(cluster, "__signature__", signature.replace(parameters=parameters))  # noqa: B010
    cluster.__annotations__ = {each.name: each.annotation for each in parameters}


_like_run()
