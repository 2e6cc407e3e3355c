"""The argument that names an agent, and what a shell offers for it; all else it knows by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AgentArgument", "agent_names"]

_MOST = 100


def agent_names(incomplete: str) -> list[str]:
    """Agents that ship with livegraph, folders, and YAML files, that begin so."""
    from ..language.finding import shipped_agents

    found = [name for name in shipped_agents() if name.startswith(incomplete)]
    folder = incomplete[: incomplete.rfind("/") + 1]
    try:
        for path in sorted(Path(folder or ".").iterdir()):
            shown = folder + path.name + ("/" if path.is_dir() else "")
            if shown.startswith(incomplete) and (path.is_dir() or path.suffix in (".yaml", ".yml")):
                found.append(shown)
    except OSError:
        # Nothing to offer: what is typed may still be right.
        return found
    return [name for name in found if not name.rpartition("/")[2].startswith(".")][:_MOST]


AgentArgument = Annotated[
    str,
    typer.Argument(
        metavar="AGENT",
        autocompletion=agent_names,
        help="An agent file, or the name of a shipped agent; voice_agent by default.",
    ),
]
