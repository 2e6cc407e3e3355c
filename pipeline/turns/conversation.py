"""The turns of one running call: carries facts to the controller and its decisions to the engine.

Processors tell it what they know (``user_started``, ``say``, ``played``); an output that plays sound
attaches itself as the playout and is told to pause, resume and flush.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from ..clock import Clock
from ..events import EventBus, Interrupted, SpeechChanged, StateChanged
from ..units import SECOND
from .controller import Decision, Flush, Pause, TurnController, TurnPolicy, TurnState
from .heard import HeardQueue

__all__ = ["Conversation", "Playout"]


class Playout(Protocol):
    """What an output that plays sound does for the conversation. All at once, none waits."""

    def pause(self) -> None:
        """Stop the sound, keep what is queued."""
        ...

    def resume(self) -> None:
        """Go on from the paused sample."""
        ...

    def flush(self, turn: int) -> None:
        """Drop what is queued of turns up to ``turn``. Ends a pause."""
        ...


class Conversation:
    """Facts in, decisions out, each at the call's time."""

    def __init__(
        self, clock: Clock, events: EventBus, policy: TurnPolicy, void: Callable[[int], None]
    ) -> None:
        self._clock = clock
        self._events = events
        self._controller = TurnController(policy)
        self._uninterruptible = False
        self._void = void
        self._playouts: list[Playout] = []
        self._heard: HeardQueue[Callable[[], None]] = HeardQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._shown: TurnState = TurnState.LISTENING
        self._closed = False

    @property
    def state(self) -> TurnState:
        """What the conversation is doing."""
        return self._controller.state

    @property
    def turn(self) -> int:
        """Number of the newest model turn, 0 before the first."""
        return self._controller.turn

    @property
    def user_speaking(self) -> bool:
        """Whether the user's voice is heard now."""
        return self._controller.user_speaking

    def judge_by(self, policy: TurnPolicy) -> None:
        """Judge speech over the agent by ``policy`` from now on; a judgement under way keeps its deadline."""
        self._controller.policy = replace(policy, barge_in=False) if self._uninterruptible else policy

    def keep_the_floor(self) -> None:
        """A service that lets nobody cut the agent off says so: no policy makes the user's voice stop it any more."""
        self._uninterruptible = True
        self.judge_by(self._controller.policy)

    def attach(self, playout: Playout) -> None:
        """From now on ``playout`` plays the agent's sound and reports what was heard."""
        self._playouts.append(playout)

    def next_turn(self) -> int:
        """Open a model turn and return its number."""
        return self._controller.next_turn()

    def user_started(self) -> None:
        """The user's voice began. Telling it twice changes nothing."""
        if not self._controller.user_speaking:
            self._carry_out(self._controller.user_started(self._clock.now_ns()))
            self._show_speech(True)

    def user_stopped(self) -> None:
        """The user's voice ended."""
        if self._controller.user_speaking:
            self._carry_out(self._controller.user_stopped(self._clock.now_ns()))
            self._show_speech(False)

    def user_quiet(self) -> None:
        """The user's voice fell silent, and may go on: ``user_stopped`` says that it does not."""
        if self._controller.user_speaking:
            self._carry_out(self._controller.user_quiet(self._clock.now_ns()))

    def user_voiced(self) -> None:
        """The user's voice goes on."""
        if self._controller.user_speaking:
            self._carry_out(self._controller.user_voiced(self._clock.now_ns()))

    def user_wrote(self) -> None:
        """The user sent text to the agent."""
        self._carry_out(self._controller.user_wrote(self._clock.now_ns()))

    def interrupted(self, turn: int) -> None:
        """The server cut ``turn``."""
        self._carry_out(self._controller.interrupted(self._clock.now_ns(), turn))

    def tool_started(self) -> None:
        """The model waits for a function."""
        self._carry_out(self._controller.tool_started(self._clock.now_ns()))

    def tool_finished(self) -> None:
        """A function answered, failed or was cancelled."""
        self._carry_out(self._controller.tool_finished(self._clock.now_ns()))

    def turn_completed(self) -> None:
        """The server says that the model's turn is over."""
        self._carry_out(self._controller.turn_completed(self._clock.now_ns()))

    def say(self, turn: int, at_ns: int, heard: Callable[[], None]) -> None:
        """Call ``heard`` when the sound of ``turn`` has been played up to ``at_ns``; never if it is cut before."""
        if turn <= self._controller.voided:
            return
        if not self._playouts:
            heard()
            return
        for released in self._heard.add(turn, at_ns, heard):
            released()

    def played(self, turn: int, position_ns: int) -> None:
        """The caller has heard ``turn`` up to ``position_ns`` of its sound."""
        controller = self._controller
        if controller.state is not TurnState.SPEAKING:
            self._carry_out(controller.playing(self._clock.now_ns(), turn))
        if self._heard:
            for released in self._heard.played(turn, position_ns):
                released()

    def played_out(self, turn: int) -> None:
        """The last sound of ``turn`` was heard."""
        for released in self._heard.finished(turn):
            released()
        self._carry_out(self._controller.played_out(self._clock.now_ns(), turn))

    def close(self) -> None:
        """The call ends: no timer fires any more, and whatever is still told changes nothing."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _carry_out(self, decisions: list[Decision]) -> None:
        if self._closed:
            return
        for decision in decisions:
            if isinstance(decision, Flush):
                self._flush(decision.turn)
            elif isinstance(decision, Pause):
                for playout in self._playouts:
                    playout.pause()
            else:
                for playout in self._playouts:
                    playout.resume()
        self._set_timer()
        self._show_state()

    def _flush(self, turn: int) -> None:
        # The sound stops first: what the engine does after it costs time that the caller would hear.
        for playout in self._playouts:
            playout.flush(turn)
        self._heard.void(turn)
        self._void(turn)
        if self._events.wants(Interrupted):
            self._events.publish(Interrupted(time_ns=self._clock.now_ns(), turn=turn))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline_ns = self._controller.deadline_ns
        if deadline_ns is not None:
            delay_ns = max(0, deadline_ns - self._clock.now_ns())
            self._timer = asyncio.get_running_loop().call_later(delay_ns / SECOND, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._carry_out(self._controller.tick(self._clock.now_ns()))

    def _show_state(self) -> None:
        state = self._controller.state
        if state is not self._shown:
            self._shown = state
            if self._events.wants(StateChanged):
                self._events.publish(
                    StateChanged(time_ns=self._clock.now_ns(), state=state.value, turn=self._controller.turn)
                )

    def _show_speech(self, speaking: bool) -> None:
        if self._events.wants(SpeechChanged):
            self._events.publish(SpeechChanged(time_ns=self._clock.now_ns(), speaking=speaking))
