"""How Python functions are run in one router: in which threads or processes, how many, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...pipeline.units import SECOND
from .threads import ToolThreads

__all__ = ["Isolation", "PythonHost"]

Isolation = Literal["none", "process"]


@dataclass(frozen=True, slots=True)
class PythonHost:
    """What holds for all functions of a router that do not say otherwise."""

    threads: ToolThreads = field(default_factory=ToolThreads)
    most: int = 1
    """So many plain functions are at work at the same time."""
    isolation: Isolation = "none"
    max_memory_bytes: int = 512_000_000
    """Of a function in a process of its own, beyond what that process has."""
    max_media_bytes: int = 4_000_000
    """Pictures and files in one result."""
    timeout_ns: int = 10 * SECOND
    """The deadline of those that have none."""
