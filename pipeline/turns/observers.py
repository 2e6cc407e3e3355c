"""Who is told what happens in a conversation: subscribers of events, and the one witness that sees to its manners."""

from __future__ import annotations

from typing import Protocol

from ..clock import Clock
from ..events import EventBus, Interrupted, SpeechChanged, StateChanged
from .controller import TurnState

__all__ = ["Observers", "Witness"]


class Witness(Protocol):
    """Who is told what happens in the conversation as a whole. All at once, none waits."""

    def voice(self, on: bool) -> None:
        """The user's voice begins or ends, whether it is heard or not."""
        ...

    def acted(self) -> None:
        """The user wrote."""
        ...

    def pressed(self, key: str) -> None:
        """The user pressed a key."""
        ...

    def sound(self, turn: int, on: bool) -> None:
        """The first sound of ``turn`` was heard, or its last, or it was cut."""
        ...

    def thinking(self, on: bool) -> None:
        """An answer is due, or is not any more."""
        ...

    def tools(self, pending: int) -> None:
        """So many functions are at work."""
        ...


class _Nobody:
    """The witness of a conversation that nobody watches."""

    def voice(self, on: bool) -> None:
        pass

    def acted(self) -> None:
        pass

    def pressed(self, key: str) -> None:
        pass

    def sound(self, turn: int, on: bool) -> None:
        pass

    def thinking(self, on: bool) -> None:
        pass

    def tools(self, pending: int) -> None:
        pass


class Observers:
    """The witness, and the events that others may have subscribed to."""

    def __init__(self, clock: Clock, events: EventBus) -> None:
        self._clock = clock
        self._events = events
        self._shown = TurnState.LISTENING
        self.witness: Witness = _Nobody()

    def speech(self, speaking: bool) -> None:
        """The user is heard to speak, or not any more."""
        if self._events.wants(SpeechChanged):
            self._events.publish(SpeechChanged(time_ns=self._clock.now_ns(), speaking=speaking))

    def interrupted(self, turn: int) -> None:
        """Nothing more of ``turn`` is heard."""
        if self._events.wants(Interrupted):
            self._events.publish(Interrupted(time_ns=self._clock.now_ns(), turn=turn))

    def state(self, state: TurnState, turn: int) -> None:
        """This is what the user perceives now, the same as before or another; ``turn`` is the newest."""
        if state is self._shown:
            return
        thought, self._shown = self._shown is TurnState.THINKING, state
        if thought is not (state is TurnState.THINKING):
            self.witness.thinking(not thought)
        if self._events.wants(StateChanged):
            self._events.publish(StateChanged(time_ns=self._clock.now_ns(), state=state.value, turn=turn))
