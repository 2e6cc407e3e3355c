"""What the sessions of a simulator share, and what each of them brings along."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..liveapi import JsonObject
from .access import Admission
from .behaviour import Behaviour, Ids
from .brain import Brain
from .director import Director, Stage
from .settings import Door
from .store import SessionStore

__all__ = ["Entry", "House", "MakeBrain"]

MakeBrain = Callable[[Iterable[JsonObject], str], Brain]
"""Makes a brain for declared functions and a system instruction."""


@dataclass(frozen=True, slots=True)
class House:
    """What is shared."""

    store: SessionStore = field(default_factory=SessionStore)
    ids: Ids = field(default_factory=Ids)
    behaviour: Behaviour = field(default_factory=Behaviour)
    stage: Stage = field(default_factory=Stage)


@dataclass(frozen=True, slots=True)
class Entry:
    """How a client came in.

    Attributes:
        director: the scenario on this connection; a new one is made where it is missing.
    """

    door: Door = field(default_factory=Door)
    admission: Admission = field(default_factory=Admission)
    director: Director | None = None
