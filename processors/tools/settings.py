"""How a tool is run, whatever its kind: what ``@tool`` and the agent file may say of it, and what that comes to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from ...pipeline.options import Duration, Range
from ...pipeline.units import MS, SECOND

__all__ = [
    "Cached",
    "Filler",
    "FunctionOptions",
    "OnDuplicate",
    "ProgressBy",
    "Scheduling",
    "ToolOptions",
    "ToolSettings",
    "Who",
    "resolve",
]

OnDuplicate = Literal["run", "join", "refuse", "replace"]
ProgressBy = Literal["text", "speech", "off"]
Scheduling = Literal["", "SILENT", "WHEN_IDLE", "INTERRUPT"]


@dataclass(frozen=True, slots=True)
class Filler:
    """What the caller hears while a tool takes long. It ends with the answer."""

    say: str = ""
    """A sentence, in the agent's voice."""
    sound: Path | None = None
    """A WAV file, played again and again."""
    after_ns: Annotated[int, Range(0, 60 * SECOND)] = 700 * MS
    """For how long a tool may be silent before."""

    def __post_init__(self) -> None:
        if bool(self.say) == (self.sound is not None):
            raise ValueError("a filler is `say` or `sound`: one of them")


@dataclass(frozen=True, slots=True)
class Cached:
    """How long a result is given again for the same arguments."""

    keep_ns: Annotated[int, Range(1, 24 * 3600 * SECOND)]
    """For how long."""
    shared: bool = False
    """Whether calls of other callers get it too: only for what is the same for everybody."""


@dataclass(frozen=True, slots=True)
class Who:
    """Agents and callers, by name; ``*`` and ``?`` stand for any characters. A list that is empty matches nobody."""

    callers: tuple[str, ...] = ()
    """As whoever let the caller in calls them; ``""`` is one whom nobody knows."""
    agents: tuple[str, ...] = ()
    """Names of agents, of files and of personas."""

    def __post_init__(self) -> None:
        if not self.callers and not self.agents:
            raise ValueError("name `callers` or `agents`")

    def matches(self, agent: str, caller: str, persona: str = "") -> bool:
        """Whether the agent, the one of its personas who speaks, or the caller is one of them."""
        return self._means(agent, persona) or _among(caller, self.callers)

    def admits(self, agent: str, caller: str, persona: str = "") -> bool:
        """Whether agent and caller are each one of them, where something is said of it."""
        return (not self.agents or self._means(agent, persona)) and (
            not self.callers or _among(caller, self.callers)
        )

    def _means(self, agent: str, persona: str) -> bool:
        return _among(agent, self.agents) or (bool(persona) and _among(persona, self.agents))


def _among(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOptions:
    """What may be said of a tool; what is ``None`` was not said."""

    timeout_ns: Annotated[int, Range(10 * MS, 3600 * SECOND)] | None = None
    """When the model is told that there was no answer: the whole of it, with waiting and retries."""
    attempt_timeout_ns: Annotated[int, Range(10 * MS, 3600 * SECOND)] | None = None
    """When one try is given up, where there are retries."""
    retries: Annotated[int, Range(0, 10)] | None = None
    """How often it is tried again when it fails in a way that may pass."""
    blocking: bool | None = None
    """Whether the model waits for the result; left out, as the model does by itself."""
    scheduling: Scheduling | None = None
    """When a model that did not wait speaks of the result."""
    cancel: bool | None = None
    """Whether it may be stopped in its middle when the model withdraws the call."""
    exclusive: str | None = None
    """A resource of which one tool at a time makes use, over all calls of the server."""
    confirm: bool | str | None = None
    """Whether the caller must have said yes to exactly this; a text is the question, with arguments in braces."""
    on_duplicate: OnDuplicate | None = None
    """When the model asks for the same again while it runs: run it too, join the answer, refuse it, or replace it."""
    filler: str | Filler | None = None
    """What the caller hears when it takes long; a text is a sentence to say."""
    progress: ProgressBy | None = None
    """How the caller is told of progress: text for the page, speech, or off."""
    allow: Who | None = None
    """Who may use it: nobody else can."""
    deny: Who | None = None
    """Who may not use it."""
    cache: Duration | Cached | None = None
    """For how long a result is given again for the same arguments within the call."""
    cost_usd: Annotated[float, Range(0, 10_000)] | None = None
    """What one run costs in US dollars, for the metrics."""
    service: str | None = None
    """What it depends on: tools of one service share a circuit breaker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOptions(ToolOptions):
    """The same of one function of several, which may also be called and described otherwise."""

    name: str | None = None
    """What the model calls it."""
    description: str | None = None
    """What the model is told of it."""


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """How one tool is run."""

    name: str = ""
    timeout_ns: int | None = None
    blocking: bool | None = None
    scheduling: str = ""
    cancel: bool = True
    """Whether it may be stopped in its middle when the model withdraws the call."""
    attempt_timeout_ns: int | None = None
    retries: int = 0
    exclusive: str = ""
    confirm: bool | str = False
    on_duplicate: OnDuplicate = "run"
    filler: Filler | None = None
    progress: ProgressBy = "text"
    allow: Who | None = None
    deny: Who | None = None
    cache: Cached | None = None
    cost_usd: float = 0.0
    service: str = ""
    description: str = ""

    def permits(self, agent: str, caller: str, persona: str = "") -> bool:
        """Whether an agent, or this persona of it, may use it for a caller."""
        if self.deny is not None and self.deny.matches(agent, caller, persona):
            return False
        return self.allow is None or self.allow.admits(agent, caller, persona)

    @property
    def depends_on_agent(self) -> bool:
        """Whether some agents or personas may use it, and others not."""
        return any(who is not None and who.agents for who in (self.allow, self.deny))


def resolve(*layers: ToolOptions | None) -> ToolSettings:
    """What ``layers`` come to, the later counting more."""
    said: dict[str, Any] = {}
    for layer in layers:
        if layer is not None:
            given = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}
            known = {field.name for field in dataclasses.fields(ToolSettings)}
            said |= {key: value for key, value in given.items() if value is not None and key in known}
    if isinstance(filler := said.get("filler"), str):
        said["filler"] = Filler(say=filler) if filler else None
    if isinstance(keep := said.get("cache"), int):
        said["cache"] = Cached(keep) if keep else None
    return ToolSettings(**said)
