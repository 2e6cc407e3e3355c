"""From facts to what follows of them: controllers are told, what they decide is done, and time is kept for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ..clock import Clock
from ..events import EventBus
from ..frames import Turn, source_of
from ..units import SECOND
from .controller import TurnController, TurnPolicy, TurnState
from .decisions import Decision, Flush, Pause
from .observers import Observers
from .outputs import Outputs
from .sources import Sources

__all__ = ["Floor"]


class Floor:
    """Who has the floor in one call. ``void`` makes frames of turns stale, wherever they are."""

    def __init__(
        self, clock: Clock, events: EventBus, policy: TurnPolicy, void: Callable[[int], None]
    ) -> None:
        self.clock = clock
        self.sources = Sources(policy)
        self.outputs = Outputs()
        self.observers = Observers(clock, events)
        self.newest = 0
        """The newest turn of anybody, 0 before the first."""
        self.went_on: list[Callable[[Turn], None]] = []
        """Who is told of a turn that goes on though its service had cut it."""
        self._heard_turn: Turn | None = None
        """The turn that was heard last, of a named source, and whose it is: nearly always the next 20 ms are of it."""
        self._heard_of: TurnController | None = None
        self._tools_pending = 0
        self._void = void
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def tell(
        self, those: Iterable[TurnController], fact: Callable[[TurnController, int], list[Decision]]
    ) -> None:
        """Tell ``fact`` to ``those``, and do what they decide."""
        now_ns = self.clock.now_ns()
        for controller in those:
            self.carry_out(controller, fact(controller, now_ns))
        self.settle()

    def tell_all(self, fact: Callable[[TurnController, int], list[Decision]]) -> None:
        """Tell ``fact`` to everybody, and do what they decide."""
        self.tell(self.sources.everybody(), fact)

    def carry_out(self, controller: TurnController, decisions: list[Decision]) -> None:
        """Do what ``controller`` has decided. ``settle`` is to follow."""
        if self._closed or not decisions:
            return
        others_pause = self.sources.others_pause(controller)
        for decision in decisions:
            if isinstance(decision, Flush):
                self.flush(decision.turn)
                if others_pause:
                    # A flush ends the pause of a playout, and another source is still being judged.
                    self.outputs.pause()
            elif isinstance(decision, Pause):
                if not others_pause:
                    self.outputs.pause()
            else:
                if not others_pause:
                    self.outputs.resume()
                if decision.cut:
                    for listener in self.went_on:
                        listener(Turn(decision.cut, controller.source))

    def flush(self, turn: int) -> None:
        """Nothing more of ``turn`` and those before is heard."""
        if self._closed:
            return
        for cut in self.outputs.flush(turn):
            self.observers.witness.sound(cut, False)
        self._void(turn)
        self.observers.interrupted(turn)

    def played(self, turn: int, position_ns: int) -> None:
        """The caller has heard ``turn`` up to ``position_ns`` of its sound."""
        outputs = self.outputs
        now_ns = outputs.heard_ns = self.clock.now_ns()
        controller = self._heard_of
        if turn is not self._heard_turn or controller is None:
            controller = self.sources.of(source_of(turn))
            if isinstance(turn, Turn) and turn.source:
                self._heard_turn, self._heard_of = turn, controller
        if outputs.sounding.get(controller.source) is not turn and outputs.is_new(controller, turn):
            witness = self.observers.witness
            before = outputs.begins(controller, turn, now_ns)
            if before is not None:
                witness.sound(before, False)
            witness.sound(turn, True)
        if controller.state is not TurnState.SPEAKING:
            self.carry_out(controller, controller.playing(now_ns, turn))
            for other in self.sources.everybody():
                if other is not controller:
                    self.carry_out(other, other.another_answers(now_ns))
            self.settle()
        outputs.played(controller, turn, position_ns)

    def played_out(self, controller: TurnController, turn: int) -> None:
        """The caller has heard the last sound of ``turn``."""
        self.outputs.finished(controller, turn)
        self.carry_out(controller, controller.played_out(self.clock.now_ns(), turn))
        if self.outputs.ends(controller, turn):
            self.observers.witness.sound(turn, False)
        self.settle()

    def count_tools(self, more: int) -> None:
        """So many functions more, or fewer, are at work."""
        self._tools_pending = max(0, self._tools_pending + more)
        self.observers.witness.tools(self._tools_pending)

    def settle(self) -> None:
        """See to the time of the next decision, and show what the user perceives now."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ns = self.sources.deadline_ns
        if deadline_ns is not None:
            delay_ns = max(0, deadline_ns - self.clock.now_ns())
            self._timer = asyncio.get_running_loop().call_later(delay_ns / SECOND, self._tick)
        self.observers.state(self.sources.state, self.newest)

    def close(self) -> None:
        """No timer fires any more, and whatever is still told changes nothing."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        self.tell_all(TurnController.tick)
