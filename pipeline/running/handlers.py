"""What the engine calls of a processor: its handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..processor import Processor, ports_of

__all__ = ["handlers_of"]


def handlers_of(processor: Processor) -> dict[str, Callable[[Any], Any]]:
    """The bound handler of every input, by the input's name."""
    return {
        port.name: getattr(processor, f"on_{port.name}")
        for port in ports_of(type(processor)).values()
        if port.direction == "in"
    }
