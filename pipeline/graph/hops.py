"""What an edge is when it runs: a call of the handler in the sender's step, or a queue that a task serves."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from ..processor import Processor, ports_of
from .resolve import ResolvedEdge

__all__ = ["is_async", "is_queue", "works_async"]


def is_queue(edge: ResolvedEdge, target: type[Processor]) -> bool:
    """Whether frames wait on ``edge``: it has a policy of its own, it is feedback, or a handler of ``target`` waits."""
    return edge.queued or edge.feedback or works_async(target)


def works_async(cls: type[Processor]) -> bool:
    """Whether any handler of ``cls`` may wait, so that its node has a task behind queues."""
    found: bool | None = cls.__dict__.get("_works_async")
    if found is None:
        handlers = [
            inspect.getattr_static(cls, f"on_{port.name}", None)
            for port in ports_of(cls).values()
            if port.direction == "in"
        ]
        found = any(is_async(handler) for handler in handlers)
        type.__setattr__(cls, "_works_async", found)
    return found


def is_async(function: Any) -> bool:
    """Whether calling ``function`` gives a coroutine or an async generator.

    Sees through wrappers that say what they wrap.
    """
    seen: set[int] = set()
    while function is not None and id(function) not in seen:
        seen.add(id(function))
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return True
        if isinstance(function, functools.partial | functools.partialmethod):
            function = function.func
        elif isinstance(function, staticmethod | classmethod):
            function = function.__func__
        elif isinstance(function, functools.singledispatchmethod):
            # Its first function; the others are of its kind.
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif not inspect.isroutine(function) and callable(function):
            # An object that is called: what runs is the method of its class.
            function = vars(type(function)).get("__call__")
        else:
            function = None
    return False
