"""The tool calls of a session: making them, and finding the one that a response is for. Sans I/O."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence

from ..liveapi import FunctionCall, FunctionResponse
from .actions import Action, CallTool
from .behaviour import Ids
from .brain import Brain
from .oddities import Oddities
from .session_setup import SessionSetup
from .session_store import PendingCall, SessionMemory

__all__ = ["ModelCalls", "results_of"]

_log = logging.getLogger(__name__)


class ModelCalls:
    """Owns the calls of a conversation that wait for responses."""

    def __init__(self, memory: SessionMemory, ids: Ids, oddities: Oddities) -> None:
        self._memory = memory
        self._ids = ids
        self._oddities = oddities
        self._last_id = ""

    def make(
        self, wanted: Sequence[CallTool], settings: SessionSetup
    ) -> tuple[list[FunctionCall], list[PendingCall]]:
        """Calls for a message, and what waits for their responses."""
        sent: list[FunctionCall] = []
        waiting: list[PendingCall] = []
        for call in wanted:
            blocking = settings.is_blocking(call.name)
            id_ = call.id or self._id(settings, blocking=blocking)
            pending = PendingCall(id_, call.name, call.call_key, blocking, call)
            self._memory.calls.append(pending)
            waiting.append(pending)
            sent.append(FunctionCall(id=id_, name=call.name, args=dict(call.args)))
            text = f"{call.name}({json.dumps(call.args, ensure_ascii=False)})"
            self._memory.context.add("call", text)
        return sent, waiting

    def take(
        self, response: FunctionResponse, settings: SessionSetup
    ) -> tuple[PendingCall, Mapping[str, object]] | None:
        """The call that a response is for, and the result in it; None for one that is unknown or was cancelled."""
        call = self._find(response, by_name=settings.vertex or self._oddities.ids == "missing")
        if call is None:
            _log.info("a response to a call that is unknown or was cancelled: %.60s", response.id)
            return None
        result = dict(response.response or {})
        if not response.scheduling and response.asked_scheduling:
            del result["scheduling"]
        self._memory.context.add_text("tool", f"{call.name}: {json.dumps(result, ensure_ascii=False)}")
        return call, result

    def done(self, call: PendingCall) -> None:
        """The last response to `call` has come, or it was cancelled."""
        self._memory.calls = [each for each in self._memory.calls if each is not call]

    def _find(self, response: FunctionResponse, *, by_name: bool) -> PendingCall | None:
        """By id; by name, the oldest, where ids may be missing."""
        for call in self._memory.calls:
            if call.id == response.id and (call.id or call.name == response.name):
                return call
        if by_name and (not response.id or self._oddities.ids == "missing"):
            return next((call for call in self._memory.calls if call.name == response.name), None)
        return None

    def _id(self, settings: SessionSetup, *, blocking: bool) -> str:
        if self._oddities.ids == "missing":
            return ""
        if self._oddities.ids == "duplicate" and self._last_id:
            return self._last_id
        taken = {call.id for call in self._memory.calls}
        while (made := self._ids.call(blocking=blocking, older=settings.older)) in taken:
            continue
        self._last_id = made
        return made


def results_of(
    brain: Brain, call: PendingCall, result: Mapping[str, object], *, goes_on: bool
) -> list[Action]:
    """What the brain says to a result; a call that goes on is not forgotten."""
    if not call.key:
        return []
    if not goes_on:
        return brain.tool_result(call.key, result)
    # The brain forgets a call with its result; here another one follows.
    before = brain.snapshot()
    actions = brain.tool_result(call.key, result)
    brain.restore({**brain.snapshot(), "calls": before["calls"]})
    return actions
