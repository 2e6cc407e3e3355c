"""The options that lay something over an agent file, the same for every verb: ``-f``, ``--set``, ``--profile``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import Exit, Fault, check_there

if TYPE_CHECKING:
    from ..language import Layers

__all__ = ["AgentOption", "Chosen", "FilesOption", "ProfileOption", "SetOption", "chosen"]

FilesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="Lay this file over the agent's: mappings are joined, lists replaced, null takes away. Can be repeated; "
        "without an AGENT the first one is the agent.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="PATH=VALUE", help="Set one value, as in agent.voice=Puck. Can be repeated."
    ),
]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="Choose one of the profiles of the file.")
]
AgentOption = Annotated[
    str, typer.Option("--agent", metavar="NAME", help="Which agent of a file that holds several.")
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a command line chose: agents as they were written, and what is laid over each of them."""

    agents: tuple[str, ...]
    layers: Layers


def chosen(
    agents: Sequence[str],
    files: Sequence[str] | None,
    settings: Sequence[str] | None,
    profile: str | None,
    *,
    default: str = "",
) -> Chosen:
    """The agents and the layers of a command line; ``default`` is the agent of one that names none.

    Raises ``Fault`` when there is no agent, and for an overlay that is not there.
    """
    from pathlib import Path

    from ..language import Layers

    overlays = list(files or ())
    named = list(agents)
    if not named and overlays:
        named = [overlays.pop(0)]
    if not named and default:
        named = [default]
    if not named:
        raise Fault(
            "no agent is named", "name an agent file, or an agent that ships with livegraph", Exit.USAGE
        )
    for overlay in overlays:
        check_there(Path(overlay), "-f")
    return Chosen(tuple(named), Layers(tuple(overlays), tuple(settings or ()), profile))
