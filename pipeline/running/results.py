"""What handlers return: a frame, or an iterable of frames, each to the output that takes its type."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

import msgspec

from ..frames import Frame

if TYPE_CHECKING:
    from .node import NodeRuntime
    from .outlets import Outlet

__all__ = [
    "WrongResultError",
    "inherited",
    "is_lazy",
    "is_many",
    "one_by_one",
    "send_result",
    "waits",
    "wrong_result",
]

_ONE_VALUE = (str, bytes, bytearray, dict)
"""What can be iterated over and is meant as one value all the same."""


def send_result(node: NodeRuntime, result: Any) -> None:
    """Send what a handler of ``node`` returned. Raises ``TypeError`` for what is no frame, or fits no single output."""
    if isinstance(result, Frame):
        outlet = _outlet_for(node, type(result))
        way = outlet.way(result)
        answered = node.answering
        way(result if answered is None or answered is result else inherited(result, answered))
        if not outlet.closed and node.outlets.get(outlet.port.spec.name) is outlet:
            # Unless what it leads to was changed by whoever got the frame.
            node.routes[type(result)] = way
    elif is_many(result):
        with one_by_one(result) as frames:
            for frame in frames:
                send_result(node, frame)
    else:
        raise wrong_result(result)


def inherited(frame: Frame, answered: Frame) -> Frame:
    """``frame`` with the turn and the time of the frame that it answers, where it leaves them at 0."""
    turn = frame.turn or answered.turn
    time_ns = frame.time_ns or answered.time_ns
    if turn is frame.turn and time_ns is frame.time_ns:
        return frame
    return msgspec.structs.replace(frame, turn=turn, time_ns=time_ns)


class WrongResultError(TypeError):
    """What a handler gave is no frame. The message goes on after the handler's name, which ``of`` puts before it."""

    def of(self, handler: str) -> TypeError:
        """The error that names ``handler``."""
        return TypeError(f"{handler} {self}").with_traceback(self.__traceback__)


def wrong_result(result: Any) -> WrongResultError:
    """The error for a result that is no frame."""
    kind = type(result).__name__
    if waits(result):
        if isinstance(result, CoroutineType):
            result.close()
        return WrongResultError(
            f"gave a {kind} although it is a plain method; make it `async def`, or have what wraps it use "
            "functools.wraps"
        )
    return WrongResultError(f"returned a {kind}; expected a frame, an iterable of frames or None")


def _outlet_for(node: NodeRuntime, kind: type[Frame]) -> Outlet:
    outlets = node.outlets.values()
    if len(outlets) == 1:
        (outlet,) = outlets
        if kind in outlet.port.spec.types or kind.marker:
            return outlet
    fitting = [outlet for outlet in outlets if outlet.port.spec.accepts(kind)]
    if len(fitting) != 1:
        names = ", ".join(outlet.port.spec.name for outlet in fitting) or "none"
        raise WrongResultError(
            f"returned a {kind.__name__}, and the outputs that take it are: {names}; "
            "send it with self.<output>.emit(frame)"
        )
    return fitting[0]


def waits(result: Any) -> bool:
    """Whether a result has to be awaited, at once or frame by frame."""
    kind = type(result)
    return hasattr(kind, "__await__") or hasattr(kind, "__aiter__")


def is_many(result: Any) -> bool:
    """Whether a handler's result is meant as several frames."""
    # A future can be iterated over as well, which is how Python awaits it.
    return isinstance(result, Iterable) and not isinstance(result, _ONE_VALUE) and not waits(result)


def is_lazy(result: Any) -> bool:
    """Whether the frames of a result are made as they are asked for, so that it has its work still before it."""
    return not isinstance(result, list | tuple) and (is_many(result) or hasattr(type(result), "__aiter__"))


@contextlib.contextmanager
def one_by_one(many: Iterable[Any]) -> Iterator[Iterable[Any]]:
    """``many``, closed at the end where it is a generator: nothing of it runs later."""
    try:
        yield many
    finally:
        if isinstance(many, GeneratorType):
            many.close()
