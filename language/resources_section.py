"""The section ``resources`` of an agent file: the agent has workers of its own, on nodes that have this.

It counts on a cluster (``livegraph cluster``), where each worker takes what it needs of a node. A single machine has
one kind of workers, which serve all agents.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from ..pipeline.options import Doc, FieldFault, Range, Unit

__all__ = ["ResourcesSection"]

_NAME = re.compile(r"[A-Za-z][\w./-]{0,62}")
_OWN_NAMES = {"cpu", "gpu", "memory", "udp", "workers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesSection:
    """What each of an agent's own workers takes of its node; without any of it the agent is served by all workers."""

    cpu: Annotated[float | None, Range(0, 1_024), Doc("cores; 1 where something else is said only")] = None
    gpu: Annotated[float | None, Range(0, 1_024), Doc("graphics processors, a part of one as 0.1")] = None
    memory: Annotated[int | None, Unit("B"), Range(1_000_000), Doc("memory, as 2GB")] = None
    udp: Annotated[
        float | None,
        Range(0, 1_000_000),
        Doc("of the resource `udp`, which nodes declare as they declare others"),
    ] = None
    custom: Annotated[Mapping[str, float], Doc("of what else nodes declare, by its name")] = field(
        default_factory=dict
    )
    workers: Annotated[int, Range(1, 1_024), Doc("how many workers the agent has of its own")] = 1

    def __post_init__(self) -> None:
        for name, much in self.custom.items():
            if name.lower() in _OWN_NAMES:
                raise FieldFault(
                    ("custom", name), f"`{name}` is no resource of `custom`", f"write it as `{name.lower()}`"
                )
            if not _NAME.fullmatch(name):
                hint = "a name begins with a letter, and has letters, digits and any of `_./-`"
                raise FieldFault(("custom", name), f"`{name[:60]}` is no name of a resource", hint)
            if not (math.isfinite(much) and much > 0):
                raise FieldFault(
                    ("custom", name), f"`{name}` must be more than 0", "leave out what is not needed"
                )
        plain: dict[str, float | None] = {"cpu": self.cpu, "gpu": self.gpu, "udp": self.udp, **self.custom}
        for name, amount in plain.items():
            if amount is not None and amount > 1 and amount != int(amount):
                path = ("custom", name) if name in self.custom else (name,)
                hint = f"write {math.ceil(amount)}"
                raise FieldFault(path, f"`{name}` is a part of one, or a whole number", hint)
        if self.workers != 1 and not self.taken:
            raise FieldFault(
                ("workers",), "workers of an agent's own take something of a node", "write `cpu: 1`"
            )

    @property
    def taken(self) -> dict[str, float]:
        """As clusters have it: ``CPU``, ``GPU``, ``memory`` (bytes), others by their names; empty for nothing."""
        named = {"GPU": self.gpu, "memory": self.memory, "udp": self.udp, **self.custom}
        found = {name: float(much) for name, much in named.items() if much}
        cpu = self.cpu if self.cpu is not None else (1.0 if found else None)
        return found if cpu is None else {"CPU": cpu, **found}
