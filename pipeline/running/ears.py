"""What is played to the caller, for whoever keeps it: an output that plays sound tells, and a recorder listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Ear", "Ears"]


class Ear(Protocol):
    """Listens to what one node plays."""

    def heard(self, samples: Any, rate: int, at_ns: int) -> object:
        """``samples`` (int16) at ``rate`` Hz are heard from ``at_ns`` of the call's clock on."""
        ...

    def unheard(self, at_ns: int) -> object:
        """Of what was told, nothing is heard from ``at_ns`` on."""
        ...


class Ears:
    """Listeners by the node that plays. Where nobody listens, telling costs next to nothing."""

    def __init__(self) -> None:
        self._ears: dict[str, list[Ear]] = {}
        self.count = 0
        """How many listen, for who would have to work out what to tell."""

    def listen(self, node: str, ear: Ear) -> Callable[[], None]:
        """Have ``ear`` told of all that ``node`` plays; returns what ends that."""
        listening = self._ears.setdefault(node, [])
        listening.append(ear)
        self.count += 1

        def stop() -> None:
            if ear in listening:
                listening.remove(ear)
                self.count -= 1

        return stop

    def of(self, node: str) -> tuple[Ear, ...]:
        """Who listens to ``node``."""
        return tuple(self._ears.get(node, ()))
