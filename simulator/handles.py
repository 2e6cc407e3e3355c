"""Gives the client what it needs to resume its session: handles, and which of its messages were consumed."""

from __future__ import annotations

from .dialogue import Dialogue
from .server_output import ServerOutput
from .session_setup import SessionSetup
from .shared_state import SharedState
from .timers import Timers

__all__ = ["Handles"]


class Handles:
    """The handles of one connection.

    The newest models give one, which leads to the latest state of the session; 2.x models another one after each
    turn. In transparent resumption a handle leads to the state after the message with the index that comes with it;
    it is given when the session is quiet, and the client sends again what came later.
    """

    def __init__(
        self,
        output: ServerOutput,
        shared: SharedState,
        settings: SessionSetup,
        dialogue: Dialogue,
        timers: Timers,
    ) -> None:
        self.consumed = 0
        """The client's messages after `setup`."""
        self._out = output
        self._shared = shared
        self._settings = settings
        self._dialogue = dialogue
        self._timers = timers
        self._alarm = False
        self._update_ns = shared.behaviour.timing.update_ns
        self._told: int | None = None
        self._next_ns: int | None = None
        self._resumable = False

    def begin(self, now_ns: int) -> None:
        """Give the first handle."""
        self._next_ns = now_ns
        if not self._settings.transparent:
            self._give()

    def turn_over(self) -> None:
        """A turn of the model has ended."""
        if self._settings.older and not self._settings.transparent and self._next_ns is not None:
            self._give()

    def go_on(self, now_ns: int) -> None:
        """Tell what was consumed, now and then."""
        if not self._settings.transparent or self._next_ns is None:
            return
        if not self._dialogue.quiet:
            if self._resumable:
                self._resumable = False
                self._out.handle("")
        elif self._resumable and self._told == self.consumed:
            return
        elif now_ns < self._next_ns:
            if not self._alarm:
                self._alarm = True
                self._timers.at(self._next_ns, self._rung)
        else:
            self._resumable = True
            self._told = self.consumed
            self._next_ns = now_ns + self._update_ns
            handle = self._shared.ids.handle()
            self._shared.store.keep(handle, self._dialogue.memory, self._dialogue.snapshot())
            self._out.handle(handle, self.consumed)

    def _rung(self, now_ns: int) -> None:
        """The alarm woke the session, which calls `go_on`."""
        self._alarm = False

    def _give(self) -> None:
        handle = self._shared.ids.handle()
        self._shared.store.keep(handle, self._dialogue.memory)
        self._out.handle(handle)
