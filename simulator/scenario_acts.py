"""Reading what a scene does: one method for each action."""

from __future__ import annotations

import json
from dataclasses import fields
from http import HTTPStatus

from ..liveapi import (
    CodeExecutionResult,
    Content,
    ExecutableCode,
    GroundingChunk,
    GroundingMetadata,
    Part,
    SearchEntryPoint,
    ServerContent,
    UrlContextMetadata,
    UrlMetadata,
    WebChunk,
)
from ..liveapi.enums import TurnCompleteReason
from ..yaml12 import Node
from .actions import CallTool, Ignore, Reject, Say, SayPart, Show, Silent, StopSpeaking, Think, Write
from .closings import LONGEST_REASON
from .faults import HangUp, RawBytes, RawMessage, Stall
from .oddities import Oddities
from .scenario import (
    Act,
    CancelCalls,
    Close,
    Cut,
    ForgetSession,
    GoAway,
    Interrupt,
    RefuseConnection,
    RefuseResume,
    SetOddities,
    Wait,
)
from .yaml_reader import YamlReader, listed

__all__ = ["ACTIONS", "ActReader"]

ACTIONS = (
    "say",
    "think",
    "call",
    "ground",
    "run_code",
    "read_pages",
    "silent",
    "ignore",
    "write",
    "reject",
    "say_part",
    "stop_speaking",
    "wait",
    "close",
    "reset",
    "hang_up",
    "stall",
    "garbage",
    "send",
    "go_away",
    "interrupt",
    "cancel_calls",
    "refuse",
    "refuse_resume",
    "forget_session",
    "set",
)
_BARE = ("silent", "ignore", "reject", "reset", "hang_up", "interrupt", "cancel_calls", "forget_session")
_SET_DURATIONS = tuple(
    field.name.removesuffix("_ns") for field in fields(Oddities) if field.name.endswith("_ns")
)
_SET_OTHERS = ("chunk_bytes", "ids")
_SET_FLAGS = tuple(field.name for field in fields(Oddities) if field.type == "bool")
_MOST_BYTES = 1_000_000
REASONS = tuple(reason.value for reason in TurnCompleteReason)
_MOST = 1_000


class ActReader(YamlReader):
    """Reads actions."""

    def act(self, node: Node) -> Act | None:
        """An action, by its name alone or with its values; None for a faulty one."""
        if not node.collection:
            name = self.text(node)
            if name is None or not self.one_of(node, name, ACTIONS, "action"):
                return None
            if name not in _BARE:
                self.fault(node, f"{name!r} needs a value: {{{name}: ...}}")
                return None
            value = Node(node.span, pairs=[])
        else:
            keys = self.mapping(node, ACTIONS, "an action")
            if len(keys) != 1:
                if keys:
                    self.fault(node, "expected one action in each item of the list")
                elif node.pairs == []:
                    self.fault(node, f"expected one of {listed(ACTIONS)}")
                return None
            ((name, (_, value)),) = keys.items()
        before = len(self.faults)
        act: Act = getattr(self, f"_{name}")(value)
        return act if len(self.faults) == before else None

    # What the model does

    def _say(self, node: Node) -> Act:
        return Say(self.text(node) or "")

    def _think(self, node: Node) -> Act:
        return Think(self.text(node) or "")

    def _silent(self, node: Node) -> Act:
        return Silent()

    def _ignore(self, node: Node) -> Act:
        return Ignore()

    def _write(self, node: Node) -> Act:
        return Write(self.text(node) or "")

    def _reject(self, node: Node) -> Act:
        if node.pairs == []:
            return Reject()
        reason = self.text(node) or Reject().reason
        self.one_of(node, reason, REASONS, "reason")
        return Reject(reason)

    def _say_part(self, node: Node) -> Act:
        return SayPart(self.text(node) or "")

    def _stop_speaking(self, node: Node) -> Act:
        return StopSpeaking(self.text(node) or "")

    def _call(self, node: Node) -> Act:
        if not node.collection:
            return CallTool(self.text(node) or "", {}, "")
        keys = self.mapping(node, ("tool", "args", "id"), "a call")
        if "tool" not in keys:
            self.fault(node, "expected 'tool': the name of the function to call")
            return Silent()
        args = self.plain(keys["args"][1]) if "args" in keys else {}
        if not isinstance(args, dict):
            self.fault(keys["args"][1], "expected arguments by name: a mapping")
            args = {}
        id_ = (self.text(keys["id"][1]) or "") if "id" in keys else ""
        return CallTool(self.text(keys["tool"][1]) or "", args, "", id_)

    def _ground(self, node: Node) -> Act:
        keys = self.mapping(node, ("queries", "sources"), "what was looked for and found")
        queries = [text for item in self.items(keys, "queries") if (text := self.text(item))]
        chunks = []
        for item in self.items(keys, "sources"):
            source = self.mapping(item, ("uri", "title"), "a source")
            found = {name: self.text(value) or "" for name, (_, value) in source.items()}
            if "uri" not in found:
                self.fault(item, "expected 'uri': the address of the source")
            chunks.append(GroundingChunk(web=WebChunk(**found)))
        search = SearchEntryPoint(rendered_content="<div></div>")
        metadata = GroundingMetadata(
            web_search_queries=queries, grounding_chunks=chunks, search_entry_point=search
        )
        return Show(ServerContent(grounding_metadata=metadata))

    def _run_code(self, node: Node) -> Act:
        keys = self.mapping(node, ("code", "output"), "code and what it printed")
        text = {name: self.text(value) or "" for name, (_, value) in keys.items()}
        parts = [
            Part(executable_code=ExecutableCode(text.get("code", ""), "PYTHON")),
            Part(code_execution_result=CodeExecutionResult("OUTCOME_OK", text.get("output", ""))),
        ]
        return Show(ServerContent(model_turn=Content(parts, "model")))

    def _read_pages(self, node: Node) -> Act:
        addresses = [self.text(item) or "" for item in self.list_of(node, "addresses")]
        pages = [UrlMetadata(address, "URL_RETRIEVAL_STATUS_SUCCESS") for address in addresses]
        return Show(ServerContent(url_context_metadata=UrlContextMetadata(pages)))

    # What goes wrong

    def _wait(self, node: Node) -> Act:
        return Wait(self.duration(node))

    def _close(self, node: Node) -> Act:
        if not node.collection:
            return Close(self.close_code(node))
        keys = self.mapping(node, ("code", "reason", "half"), "a close")
        code = self.close_code(keys["code"][1]) if "code" in keys else 1011
        return Close(
            code, self.reason(keys["reason"][1]) if "reason" in keys else "", self.flag(keys, "half", False)
        )

    def _reset(self, node: Node) -> Act:
        return Cut(reset=True) if self.half(node) else HangUp(reset=True)

    def _hang_up(self, node: Node) -> Act:
        return Cut(reset=False) if self.half(node) else HangUp(reset=False)

    def _stall(self, node: Node) -> Act:
        if not node.collection:
            return Stall(reading=True, writing=True, for_ns=self.time_or_forever(node))
        keys = self.mapping(node, ("for", "reading", "writing"), "a stall")
        for_ns = self.time_or_forever(keys["for"][1]) if "for" in keys else None
        stall = Stall(self.flag(keys, "reading", True), self.flag(keys, "writing", True), for_ns)
        if not stall.reading and not stall.writing:
            self.fault(node, "expected that reading or writing stops, or both")
        return stall

    def _garbage(self, node: Node) -> Act:
        if not node.collection:
            return RawMessage(_garbage(self.whole(node, 1, _MOST_BYTES)))
        keys = self.mapping(node, ("bytes", "outside"), "garbage")
        data = _garbage(self.whole(keys["bytes"][1], 1, _MOST_BYTES) if "bytes" in keys else 64)
        return RawBytes(data) if self.flag(keys, "outside", False) else RawMessage(data)

    def _send(self, node: Node) -> Act:
        if not node.collection:
            return RawMessage(node.text)
        return RawMessage(json.dumps(self.plain(node), ensure_ascii=False).encode())

    def _go_away(self, node: Node) -> Act:
        if not node.collection:
            return GoAway(self.duration(node))
        keys = self.mapping(node, ("left", "close"), "a warning")
        left_ns = self.duration(keys["left"][1]) if "left" in keys else 0
        return GoAway(left_ns, self.flag(keys, "close", True))

    def _interrupt(self, node: Node) -> Act:
        return Interrupt()

    def _cancel_calls(self, node: Node) -> Act:
        return CancelCalls()

    def _forget_session(self, node: Node) -> Act:
        return ForgetSession()

    def _refuse(self, node: Node) -> Act:
        status = self.whole(node, 400, 599, 503)
        if status not in {each.value for each in HTTPStatus}:
            self.fault(node, f"{status} is no status of HTTP")
        return RefuseConnection(status)

    def _refuse_resume(self, node: Node) -> Act:
        if not node.collection:
            return RefuseResume(self.whole(node, 1, _MOST))
        keys = self.mapping(node, ("times", "code", "reason"), "a refusal")
        times = self.whole(keys["times"][1], 1, _MOST) if "times" in keys else 1
        plain = RefuseResume(times)
        code = self.close_code(keys["code"][1]) if "code" in keys else plain.code
        return RefuseResume(times, code, self.reason(keys["reason"][1]) if "reason" in keys else plain.reason)

    def _set(self, node: Node) -> Act:
        keys = self.mapping(node, (*_SET_DURATIONS, *_SET_OTHERS, *_SET_FLAGS), "changes")
        changes: dict[str, object] = {}
        for name, (_, value) in keys.items():
            if name in _SET_DURATIONS:
                changes[f"{name}_ns"] = self.duration(value)
            elif name == "chunk_bytes":
                sizes = [value] if not value.collection else self.list_of(value, "sizes")
                changes[name] = tuple(self.whole(size, 2, _MOST_BYTES // 4) for size in sizes)
            elif name == "ids":
                text = self.text(value) or "usual"
                self.one_of(value, text, ("usual", "duplicate", "missing"), "kind of ids")
                changes[name] = text
            else:
                changes[name] = self.flag(keys, name, False)
        return SetOddities(changes)

    # Pieces

    def list_of(self, node: Node, what: str) -> list[Node]:
        """The items of a list."""
        if node.items is not None:
            return node.items
        self.fault(node, f"expected a list of {what}")
        return []

    def half(self, node: Node) -> bool:
        """Whether it happens in the middle of a message."""
        return self.flag(self.mapping(node, ("half",), "how"), "half", False)

    def close_code(self, node: Node) -> int:
        """A code that a close may carry."""
        code = self.whole(node, 1_000, 4_999, 1_011)
        if code in (1_004, 1_005, 1_006, 1_015):
            self.fault(
                node, f"{code} is never sent: for a connection that is lost write 'reset' or 'hang_up'"
            )
        elif 1_015 < code < 3_000:
            self.fault(node, f"{code} is no close code; expected 1000 to 1014 or 3000 to 4999")
        return code

    def reason(self, node: Node) -> str:
        """A reason that fits into a close."""
        text = self.text(node) or ""
        if len(text.encode()) > LONGEST_REASON:
            self.fault(node, f"a reason has at most {LONGEST_REASON} bytes, this one {len(text.encode())}")
        return text

    def time_or_forever(self, node: Node) -> int | None:
        """A duration; None for ``forever``."""
        if not node.collection and node.text == "forever":
            return None
        return self.duration(node)


def _garbage(size: int) -> bytes:
    """So many bytes that are neither JSON nor UTF-8 nor a frame; always the same."""
    return bytes((0xFF, *((n * 73 + 41) % 256 for n in range(size - 1))))
