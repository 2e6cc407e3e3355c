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
        """Have the agent say exactly this as soon as it is silent; what is returned calls it off, or ends it."""
        ...

    def hold_sound(self, sound: Pcm, rate: int) -> Callable[[], None]:
        """Play ``sound`` (int16, mono) again and again until what is returned is called, or the agent speaks."""
        ...

    def functions_changed(self) -> None:
        """The functions that are advertised are others than before."""
        ...
