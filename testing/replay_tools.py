"""The functions of a recorded call: each answers as it answered then, and takes as long."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ..liveapi import decode_client, decode_server
from ..pipeline.frames import ToolCallFrame, ToolCancelFrame, ToolResultFrame
from ..pipeline.ports import In, Out
from ..pipeline.processor import Processor
from ..pipeline.units import SECOND
from ..processors.tools.catalog import FunctionSpec, ToolCatalog

__all__ = ["RecordedAnswer", "RecordedTools", "recorded_answers"]

_IN_WORDS = re.compile(r"\[The function (\S+), called before, has now returned (\{.*\})\.\]", re.DOTALL)
"""A result for a session that never asked for it."""


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """A result as it was sent, so long after the call that it is for; ``more``: it was not the last."""

    name: str
    response: dict[str, Any]
    scheduling: str = ""
    more: bool = False
    after_ns: int = 0


def recorded_answers(messages: Iterable[tuple[int, str, str]]) -> Iterator[RecordedAnswer]:
    """The results among ``messages``: when, from whom (``client``, ``server``) and what, in order of time."""
    asked: list[tuple[int, str, str]] = []
    for at_ns, sender, message in messages:
        if sender == "server":
            calls = decode_server(message).tool_call
            asked += [(at_ns, call.id, call.name) for call in (calls.function_calls if calls else ())]
            continue
        sent = decode_client(message)
        for response in sent.tool_response.function_responses if sent.tool_response else ():
            yield RecordedAnswer(
                response.name,
                response.response or {},
                response.scheduling,
                bool(response.will_continue),
                at_ns - _asked_ns(asked, at_ns, response.id, response.name),
            )
        text = sent.realtime_input.text if sent.realtime_input is not None else None
        for turn in sent.client_content.turns if sent.client_content is not None else ():
            text = text or turn.plain_text
        if text and (found := _IN_WORDS.fullmatch(text)):
            yield RecordedAnswer(
                found[1], json.loads(found[2]), after_ns=at_ns - _asked_ns(asked, at_ns, "", found[1])
            )


def _asked_ns(asked: Sequence[tuple[int, str, str]], at_ns: int, id: str, name: str) -> int:
    """When the call was made that a result is for: by its id, or the newest of the name."""
    for asked_ns, call_id, call_name in reversed(asked):
        if (id and call_id == id) or (not id and call_name == name):
            return asked_ns
    return at_ns


class RecordedTools(Processor):
    """Answers each call as one of the same name was answered then, after the same time."""

    calls: In[ToolCallFrame | ToolCancelFrame] = In()
    results: Out[ToolResultFrame] = Out()

    def __init__(self, *, declared: Any, answers: Any) -> None:
        self._declared = declared
        self._answers: list[RecordedAnswer] = list(answers)
        self.asked: list[str] = []

    async def start(self) -> None:
        """Offer the functions that were offered then."""
        specs = []
        for each in self._declared:
            schema = each.parameters_json_schema
            if schema is None and each.parameters is not None:
                schema = msgspec.to_builtins(each.parameters)
            blocking = {"BLOCKING": True, "NON_BLOCKING": False}.get(each.behavior.upper())
            specs.append(FunctionSpec(each.name, each.description, schema or {}, blocking))
        self.calls.advertised = ToolCatalog(tuple(specs))

    def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> None:
        """Answer when it was answered then, or note what was withdrawn."""
        if isinstance(frame, ToolCancelFrame):
            self.asked.append(f"withdrawn: {', '.join(frame.ids)}")
            return
        self.asked.append(f"{frame.name}({json.dumps(frame.args, ensure_ascii=False)})")
        loop = asyncio.get_running_loop()
        while True:
            found = next((each for each in self._answers if each.name in ("", frame.name)), None)
            if found is None:
                return
            self._answers.remove(found)
            result = ToolResultFrame(
                frame.id, frame.name, found.response, scheduling=found.scheduling, will_continue=found.more
            )
            if found.after_ns > 0:
                loop.call_later(found.after_ns / SECOND, self.results.emit, result)
            else:
                self.results.emit(result)
            if not found.more:
                return
