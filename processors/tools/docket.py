"""The calls of one router: which wait, which are at work, which share a result, and which were withdrawn.

Every call is answered exactly once, or withdrawn. Nothing here waits: whoever runs the functions takes what is to
begin, and tells how it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ...pipeline.clock import Clock
from ...pipeline.frames import ToolCallFrame, ToolResultFrame
from ...pipeline.turns.conversation import Conversation
from .outcome import Outcome
from .reports import ToolReports
from .result_cache import wish_key
from .results import ToolResult
from .seam import Tool
from .withdrawn import Running, WithdrawnCalls

__all__ = ["Docket"]


class Docket:
    """What the model has asked for.

    Args:
        emit: sends a result to the model.
        changed: called when something may begin, or has ended.
    """

    def __init__(
        self,
        node: str,
        clock: Clock,
        conversation: Conversation,
        reports: ToolReports,
        log: logging.LoggerAdapter[logging.Logger],
        emit: Callable[[ToolResultFrame], object],
        changed: Callable[[], None],
    ) -> None:
        self._node, self._clock, self._conversation = node, clock, conversation
        self._reports, self._log = reports, log
        self._emit, self._changed = emit, changed
        self._waiting: dict[str, Running] = {}
        self._running: dict[str, Running] = {}
        self._withdrawn = WithdrawnCalls()

    @property
    def at_rest(self) -> bool:
        """Whether no call is under way: then no result will come."""
        return not (self._waiting or self._running)

    # What the model wants --------------------------------------------------------------------------

    def accept(self, frame: ToolCallFrame, tool: Tool) -> None:
        """The model asks for ``tool``."""
        if frame.id in self._waiting or frame.id in self._running:
            self._log.warning("%s: the call %s of %s came twice", self._node, frame.id, frame.name)
            return
        before = self._withdrawn.again(frame)
        if isinstance(before, Running):
            # It was withdrawn, could not be stopped, and is asked for again: it goes on for that.
            before.frame = frame
            self._running[frame.id] = before
        elif before is not None:
            self._conversation.tool_started()
            self._answer_soon(self._begun(frame, tool), before)
            return
        elif (same := self._same(frame, tool)) is None:
            self._waiting[frame.id] = Running(frame, tool)
        elif not self._settle_duplicate(frame, tool, same):
            return
        self._conversation.tool_started()
        self._reports.called(frame, tool)
        self._changed()

    def withdraw(self, call_id: str) -> None:
        """The model does not want it any more; what cannot be stopped goes on for nobody."""
        withdrawn = self._waiting.pop(call_id, None)
        if withdrawn is None:
            withdrawn = self._running.pop(call_id, None)
            if withdrawn is None:
                return
            frame = withdrawn.frame
            self._let_go(withdrawn)
        else:
            frame = withdrawn.frame
        self._changed()
        self._conversation.tool_finished()
        self._reports.cancelled(frame)

    # What becomes of it ----------------------------------------------------------------------------

    def begin(self, most: int) -> Iterator[Running]:
        """Those that are to begin now, so that no more than ``most`` are under way."""
        while self._waiting and len(self._running) < most:
            running = self._waiting.pop(next(iter(self._waiting)))
            self._running[running.frame.id] = running
            yield running

    def part(self, running: Running, result: ToolResult) -> Iterator[ToolResultFrame]:
        """What the model is told of a result that is not the last."""
        for frame in (running.frame, *(one.frame for one in self._joined_to(running.frame.id))):
            yield ToolResultFrame(
                frame.id,
                frame.name,
                result.body,
                scheduling=running.tool.settings.scheduling,
                will_continue=True,
                media=result.media,
                time_ns=self._clock.now_ns(),
            )

    def ended(self, running: Running, outcome: Outcome) -> None:
        """The function has come to its end, wanted or not."""
        if self._running.get(running.frame.id) is running:
            self._answer(running, outcome)
        else:
            self._withdrawn.ended(running, outcome)

    def unwanted(self) -> Iterable[Running]:
        """Those that were withdrawn and go on."""
        return self._withdrawn.going_on()

    def forget(self) -> None:
        """The results of all that is at work are nobody's from now on."""
        self._running.clear()

    # Inside ----------------------------------------------------------------------------------------

    def _begun(self, frame: ToolCallFrame, tool: Tool) -> Running:
        running = self._running[frame.id] = Running(frame, tool, began_ns=self._clock.now_ns())
        return running

    def _same(self, frame: ToolCallFrame, tool: Tool) -> Running | None:
        """What is under way of the same wish, where the tool does not just run again."""
        if tool.settings.on_duplicate == "run":
            return None
        wish = wish_key(frame.name, frame.args)
        under_way = [*self._waiting.values(), *self._running.values()]
        return next((one for one in under_way if wish_key(one.frame.name, one.frame.args) == wish), None)

    def _settle_duplicate(self, frame: ToolCallFrame, tool: Tool, same: Running) -> bool:
        """Do what the tool says of a wish that is under way; whether the new call is to be announced."""
        manner = tool.settings.on_duplicate
        if manner == "replace":
            self._waiting[frame.id] = Running(frame, tool)
            self._give_up(same, "it was asked for again, and the newer call counts")
            return True
        running = self._begun(frame, tool)
        if manner == "refuse":
            told = "this is under way already: wait for its result"
            self._answer_soon(running, Outcome.error("duplicate", told))
            return True
        running.joined = same.frame.id
        return True

    def _give_up(self, running: Running, why: str) -> None:
        """Answer it with an error, and stop what was done for it where it can be stopped."""
        if self._waiting.pop(running.frame.id, None) is not None:
            self._running[running.frame.id] = running
        elif running.task is not None and running.tool.stoppable and running.tool.settings.cancel:
            running.task.cancel()
        self._answer(running, Outcome.error("duplicate", why))

    def _let_go(self, running: Running) -> None:
        """Nobody waits for it under its name: it goes on for others, is stopped, or is kept for who asks again."""
        joined = self._joined_to(running.frame.id)
        if joined:
            # Another call waits for the same: it goes on for that.
            heir = self._running.pop(joined[0].frame.id)
            running.frame = heir.frame
            self._running[heir.frame.id] = running
            for other in joined[1:]:
                other.joined = heir.frame.id
        elif running.joined:
            pass  # what it waited for goes on for whoever asked first
        elif running.tool.streams or (running.tool.stoppable and running.tool.settings.cancel):
            # From here on its outcome is nobody's: it may not even have begun.
            if running.task is not None:
                running.task.cancel()
        else:
            # A thread cannot be stopped: should the same be asked for again, this is it.
            self._withdrawn.keep(running)

    def _joined_to(self, call_id: str) -> list[Running]:
        return [one for one in self._running.values() if one.joined == call_id]

    def _answer_soon(self, running: Running, outcome: Outcome) -> None:
        """Answer when the step that brought the call is over: nobody's result comes before they were told of it."""
        asyncio.get_running_loop().call_soon(self._answer, running, outcome)

    def _answer(self, running: Running, outcome: Outcome) -> None:
        """The call has its result, and those that joined it have the same."""
        frame, tool = running.frame, running.tool
        if self._running.pop(frame.id, None) is None:
            return
        self._changed()
        now_ns = self._clock.now_ns()
        self._conversation.tool_finished()
        self._reports.finished(frame, tool, outcome, now_ns - running.began_ns)
        scheduling, result = tool.settings.scheduling, outcome.result
        if tool.streams and not outcome.failed:
            # All was said as it came: this only says that there is no more.
            result, scheduling = ToolResult({}), "SILENT"
        self._emit(
            ToolResultFrame(
                frame.id,
                frame.name,
                result.body,
                failed=outcome.failed,
                scheduling=scheduling,
                media=result.media,
                undone=outcome.undone,
                time_ns=now_ns,
            )
        )
        for other in self._joined_to(frame.id):
            self._answer(other, replace(outcome, attempts=0))
