"""What happens to a node between two of its frames: options that changed, timers that fired, edges that are others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..events import Tuned
from ..graph.declarations import NodeSpec
from ..options import live_options
from ..processor import Processor

if TYPE_CHECKING:
    from .node import NodeRuntime

__all__ = ["BetweenFrames"]


class BetweenFrames:
    """What waits until no handler of ``node`` is at a frame; the node's ``attention`` tells its worker of it."""

    __slots__ = ("_deferred", "_node", "_untold")

    def __init__(self, node: NodeRuntime) -> None:
        self._node = node
        self._untold: dict[str, None] = {}
        """Options that the processor does not know the values of yet."""
        self._deferred: list[Callable[[], Any]] = []

    def forget(self) -> None:
        """A fresh processor is there, which knows its options and has no timers yet."""
        self._untold.clear()
        self._deferred.clear()

    def when_free(self, then: Callable[[], Any]) -> None:
        """Call ``then`` while no handler is at a frame; what it returns is sent."""
        if self._node.busy_since_ns is not None:
            self._deferred.append(then)
            self._node.attention = True
        else:
            self._call(then)

    def take_deferred(self) -> None:
        """Call what has waited for the end of a frame."""
        if self._deferred:
            waiting, self._deferred = self._deferred, []
            for then in waiting:
                self._call(then)

    def tell_rewired(self) -> None:
        """Its edges are others: a processor that tells them apart may want to know."""
        processor = self._node.processor
        if type(processor).on_rewired is not Processor.on_rewired:
            self._call(processor.on_rewired)

    def retune(self, spec: NodeSpec, changed: Iterable[str]) -> None:
        """Have the processor told of the ``changed`` options of ``spec`` before its next frame."""
        self._node.spec = spec
        self._untold.update(dict.fromkeys(changed))
        self._node.attention = True

    def take_tuning(self) -> None:
        """Tell the processor what has changed; no handler may be at a frame."""
        node = self._node
        if not self._untold or not node.begun or not node.serving:
            return
        names = tuple(self._untold)
        self._untold.clear()
        processor: Any = node.processor
        try:
            processor.on_tune(**live_options(type(processor), node.spec.options))
        except BaseException as error:
            node.blame(error, "tune")
            return
        events = processor.call.events
        if events.wants(Tuned):
            events.publish(Tuned(time_ns=node.now_ns(), node=node.name, options=names))

    def _call(self, then: Callable[[], Any]) -> None:
        node = self._node
        if not node.serving:
            return
        node.answering = None
        try:
            result = then()
            if result is not None:
                node.answer(result)
        except BaseException as error:
            node.blame(error, "timer", skippable=True)
