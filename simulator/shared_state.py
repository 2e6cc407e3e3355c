"""What the sessions of a simulator share, and what each of them brings along."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..liveapi import JsonObject
from .authentication import Admission
from .behaviour import Behaviour, Ids
from .brain import Brain
from .scenario_player import ScenarioPlayer, ScenarioState
from .session_setup import RequestedApi
from .session_store import SessionStore

__all__ = ["Entry", "MakeBrain", "SharedState"]

MakeBrain = Callable[[Iterable[JsonObject], str], Brain]
"""Makes a brain for declared functions and a system instruction."""


@dataclass(frozen=True, slots=True)
class SharedState:
    """What is shared."""

    store: SessionStore = field(default_factory=SessionStore)
    ids: Ids = field(default_factory=Ids)
    behaviour: Behaviour = field(default_factory=Behaviour)
    scenario: ScenarioState = field(default_factory=ScenarioState)


@dataclass(frozen=True, slots=True)
class Entry:
    """How a client came in.

    Attributes:
        player: the scenario on this connection; a new one is made where it is missing.
    """

    api: RequestedApi = field(default_factory=RequestedApi)
    admission: Admission = field(default_factory=Admission)
    player: ScenarioPlayer | None = None
