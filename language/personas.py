"""``agents`` whose members are no agents of their own: several personas of one, who hand the caller over.

What they say goes to the option ``agents`` of the Live box; the tools of each come by a router of its own.
"""

from __future__ import annotations

from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.convert.hints import show
from .building import NodeBuilder
from .form_checks import is_missing
from .nodes import WrittenNode
from .sections import FORMS, OF_ONE

__all__ = ["OF_TOOLS", "TOOLS", "are_personas", "own_state", "tools_of_personas", "with_personas"]

TOOLS = "tool_router"
OF_TOOLS = ("tools", "share_state")
"""What is said of a persona, and is its tool router's to know."""
_AT: Steps = ("agents",)


def are_personas(agents: Any) -> bool:
    """Whether ``agents`` are personas of one agent: some member says something, and none has a graph."""
    if not isinstance(agents, dict):
        return False
    members = [member for member in agents.values() if isinstance(member, dict) and member]
    return (
        bool(members)
        and not any(key in member for member in members for key in (*FORMS, "include"))
        and any(key not in OF_ONE for member in members for key in member)
    )


def with_personas(agents: Any, build: NodeBuilder) -> dict[str, Any]:
    """The option of the Live box that ``agents`` come to; its faults are told where the file has them."""
    build.aliases[("agent", "agents")] = _AT
    made: dict[str, Any] = {}
    for name, persona in agents.items():
        given = build.shape.mapping(persona, (*_AT, name), f"`{name}`", "write `{instructions: ...}`")
        if given is not None and build.shape.agent_name(name, (*_AT, name), key=True):
            made[name] = {key: value for key, value in given.items() if key not in OF_TOOLS}
    return {"agents": made}


def own_state(agents: Any, build: NodeBuilder) -> dict[str, Any]:
    """The option of every tool router that says whose tools keep state apart from all the others'."""
    names = []
    for name, persona in agents.items():
        given = persona.get("share_state") if isinstance(persona, dict) else None
        if given is False:
            names.append(name)
        elif given is not None and given is not True and not is_missing(given):
            hint = "false: its tools keep state of their own; true, as it is anyway: they share it with all"
            told = f"`share_state` must be true or false, not {show(given)}"
            build.shape.fault("LG102", told, (*_AT, name, "share_state"), hint)
    return {"own_state": names} if names else {}


def tools_of_personas(agents: Any, shared: dict[str, Any], build: NodeBuilder) -> list[WrittenNode]:
    """A router for each persona that has tools; ``shared`` are the options of all of them."""
    made = []
    for name, persona in agents.items():
        if not isinstance(persona, dict) or persona.get("tools") in (None, []):
            continue
        at: Steps = (*_AT, name)
        build.aliases.update({(*at, key): ("agent", TOOLS, key) for key in shared if key != "tools"})
        options = {key: value for key, value in shared.items() if key != "tools"}
        options |= {"tools": persona["tools"], "agents": [name]}
        made.append(WrittenNode(f"{name}_tools", TOOLS, options, at, at))
    return made
