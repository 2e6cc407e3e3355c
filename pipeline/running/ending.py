"""How a node comes to its end: its inputs end one by one, it hands on what it holds back, and then it has ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..processor import Processor
from .results import waits
from .strand import Strand
from .tasks import is_cancelled

if TYPE_CHECKING:
    from .inlets import Inlet
    from .node import NodeRuntime

__all__ = ["Ending"]


class Ending:
    """The end of one node's streams."""

    __slots__ = ("_node", "_open", "inputs_over", "telling_since_ns")

    def __init__(self, node: NodeRuntime) -> None:
        self._node = node
        self.telling_since_ns: int | None = None
        """When an async ``on_end`` was begun that is not over."""
        self.inputs_over = False
        """Whether every forward input has ended."""
        self._open = 0

    @property
    def has_inputs(self) -> bool:
        """Whether a forward input has not ended."""
        return self._open > 0

    def opened(self) -> None:
        """There is one more forward input."""
        self._open += 1

    def input_ended(self, inlet: Inlet) -> None:
        """Nothing follows on a forward input. Counted while the processor is being replaced, too: it comes once."""
        self._open -= 1
        inlet.over = True
        if not self._node.muted:
            self._tell_input_end(inlet)
        if not self._open:
            self.inputs_over = True
            if not self._node.muted:
                self._inputs_have_ended()

    def tell_again(self) -> None:
        """A fresh processor is there: it hears of what has ended before."""
        for inlet in self._node.intake.inlets:
            if inlet.over and not self._node.muted:
                self._tell_input_end(inlet)
        if self.inputs_over:
            self._inputs_have_ended()

    def leave(self) -> None:
        """End the node, once nothing is under way to it any more."""
        node = self._node
        if node.intake.has_feedback:
            node.reports.in_a_loop(node, node.finish)
        else:
            node.finish()

    def _inputs_have_ended(self) -> None:
        node = self._node
        if node.has_run:
            self._tell_end(lambda: None)
        elif not node.intake.has_feedback:
            self._tell_end(node.finish)
        else:
            # What is under way in the loop comes first: its answers are frames like any other. And what was held back
            # may go round once more.
            node.reports.in_a_loop(node, lambda: self._tell_end(self.leave))

    def _tell_input_end(self, inlet: Inlet) -> None:
        node = self._node
        if type(node.processor).on_input_end is Processor.on_input_end:
            return
        node.answering = None
        try:
            result = node.processor.on_input_end(inlet.port, inlet.end)
            if result is not None:
                node.answer(result)
        except BaseException as error:
            node.blame(error, "input_end")

    def _tell_end(self, then: Callable[[], None]) -> None:
        """Have the processor hand on what it holds back, then do ``then`` unless that failed."""
        node = self._node
        node.answering = None
        try:
            result = node.processor.on_end()
            if waits(result):
                node.working += 1
                self.telling_since_ns = node.now_ns()
                node.reports.spawn(node, self._await_end(result, then), "end")
                return
            if result is not None:
                node.answer(result)
        except BaseException as error:
            node.blame(error, "end")
        if not node.muted:
            then()

    async def _await_end(self, result: Any, then: Callable[[], None]) -> None:
        """What an async ``on_end`` makes."""
        node = self._node
        Strand(node.name, node.now_ns).enter()
        try:
            if hasattr(type(result), "__await__"):
                made = await result
                if made is not None:
                    node.answer(made)
            else:
                closes = hasattr(result, "aclose")
                async with contextlib.aclosing(result) if closes else contextlib.nullcontext():
                    async for one in result:
                        node.answer(one)
        except asyncio.CancelledError as error:
            if is_cancelled():
                raise
            node.blame(error, "end")
        except BaseException as error:
            node.blame(error, "end")
        finally:
            node.working -= 1
            self.telling_since_ns = None
            node.reports.idle(node)
        if not node.muted:
            then()
