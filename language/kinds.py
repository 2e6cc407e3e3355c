"""Files that lie beside agents and are none: tests, and what the simulator plays by.

Codes: LG113 an agent was wanted, and this file is something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ..pipeline.errors import Problem

__all__ = ["Kind", "kind_of", "no_agent"]

Kind = Literal["tests", "brain", "scenario"]

_ENDINGS: dict[str, Kind] = {"_test": "tests", ".brain": "brain", ".scenario": "scenario"}
_OWN_KEYS: dict[Kind, frozenset[str]] = {
    "brain": frozenset({"rules", "otherwise", "fallback", "use_tools", "cancelled"}),
    "scenario": frozenset({"scenes", "settings", "brain"}),
    "tests": frozenset({"tests"}),
}
_OF_AN_AGENT = frozenset({"pipeline", "nodes", "agents", "include", "templates"})


def kind_of(name: str, data: object) -> Kind | None:
    """What a file called ``name`` that holds ``data`` is, when it is no agent; by its keys, else by its name."""
    if isinstance(data, Mapping):
        # `agent:` with a text is what tests say of the file that they are for.
        if not _OF_AN_AGENT.isdisjoint(data) or isinstance(data.get("agent", ""), Mapping | None):
            return None
        for kind, keys in _OWN_KEYS.items():
            if not keys.isdisjoint(data):
                return kind
    stem = Path(name).stem
    return next((kind for ending, kind in _ENDINGS.items() if stem.endswith(ending)), None)


def no_agent(kind: Kind, file: str, data: object) -> Problem:
    """What is said where a file of this kind was to be an agent."""
    name = Path(file).name
    if kind == "tests":
        agent: Any = data.get("agent") if isinstance(data, Mapping) else None
        of = f"; they are of `{agent}`" if isinstance(agent, str) else ""
        return Problem(
            "LG113", f"`{name}` holds tests, and no agent", hint=f"`livegraph test {file}` runs them{of}"
        )
    said = "what the simulator answers" if kind == "brain" else "what happens in the simulator"
    hint = (
        f"`livegraph simulate --{kind} {file}` plays it; an agent names it as `simulator: {{{kind}: {name}}}`"
    )
    if kind == "scenario":
        hint = f"`livegraph simulate --scenario {file}` plays it"
    return Problem("LG113", f"`{name}` is a {kind}, which says {said}, and no agent", hint=hint)
