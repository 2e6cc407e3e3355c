"""Names of calls that carry the name of their worker. Sans-IO.

What comes before the first dot is the worker; the rest is the worker's own name of the call, which nobody can guess.
"""

from __future__ import annotations

__all__ = ["joined", "parted"]

_DOT = "."


def joined(worker: str, name: str) -> str:
    """The name by which callers know a call of ``worker``; empty for an empty one."""
    return f"{worker}{_DOT}{name}" if name else ""


def parted(name: str) -> tuple[str, str]:
    """The worker and its own name of the call; the first is empty where the name carries none."""
    worker, dot, own = name.partition(_DOT)
    return (worker, own) if dot else ("", name)
