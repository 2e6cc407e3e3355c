"""When a call has nothing more to say to what was typed: nobody speaks, nobody thinks, no tool runs."""

from __future__ import annotations

import asyncio

from ..pipeline.events import Event, StateChanged, ToolCalled, ToolCancelled, ToolFinished, Transcript
from ..pipeline.running.call import Call

__all__ = ["Answered"]

_QUIET_S = 0.8
"""So long nothing happens when all is said."""
_GREETING_S = 3.0
_ANSWER_S = 30.0
_AFTER_TOOL_S = 10.0
"""How long what is expected is waited for: an agent may as well say nothing."""


class Answered:
    """Watches the events of one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._speaking = self._saying = False
        self._tools: set[str] = set()
        self._at_s = self._loop.time()
        self._expected_until_s = self._at_s + _GREETING_S
        for kind in (StateChanged, ToolCalled, ToolFinished, ToolCancelled, Transcript):
            call.events.subscribe(kind, self._happened)

    def ask(self) -> None:
        """Something was typed that is to be answered."""
        self._expect(_ANSWER_S)

    async def wait(self) -> None:
        """Return when all is answered, or the call is over."""
        while not self._call.reason:
            now_s = self._loop.time()
            busy = self._speaking or self._saying or bool(self._tools) or now_s < self._expected_until_s
            if not busy and now_s - self._at_s >= _QUIET_S:
                return
            await asyncio.sleep(0.05)

    def _expect(self, within_s: float) -> None:
        self._at_s = self._loop.time()
        self._expected_until_s = self._at_s + within_s

    def _happened(self, event: Event) -> None:
        self._at_s = self._loop.time()
        match event:
            case StateChanged():
                self._speaking = event.state not in ("listening", "interrupted")
            case Transcript(role="agent"):
                self._saying = not event.final
                self._expected_until_s = 0.0
            case ToolCalled():
                self._tools.add(event.id)
                self._expected_until_s = 0.0
            case ToolFinished():
                self._tools.discard(event.id)
                self._expect(_AFTER_TOOL_S)
            case ToolCancelled():
                self._tools.discard(event.id)
