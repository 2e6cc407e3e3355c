"""What a tool asks of whoever speaks in the call: advertised on the input that takes the results of tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from ...audio import Pcm

__all__ = ["Voice"]


@runtime_checkable
class Voice(Protocol):
    """The agent's voice, as tools may use it. Everything returns at once."""

    def say_line(self, text: str) -> Callable[[], None]:
        """Have the agent say exactly this as soon as it is silent.

        What is returned calls it off while it has not begun; after that it ends where the agent's next words begin.
        """
        ...

    def hold_sound(self, sound: Pcm, rate: int) -> Callable[[], None]:
        """Play ``sound`` (int16, mono) again and again until the agent or the caller speaks.

        Where nobody does, it ends soon after what is returned was called.
        """
        ...

    def functions_changed(self) -> None:
        """The functions that are advertised are others than before."""
        ...
