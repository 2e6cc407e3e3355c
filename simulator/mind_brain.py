"""The simulator's mind where a text model thinks for it: keeps the conversation in the model's form. Sans I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .actions import Action, CallTool, Ponder, Say, Silent
from .brain import Brain
from .brain_requests import untagged
from .brain_script import Script
from .mind import MindRequest, Thought, declared

__all__ = ["MindBrain"]

_MOST_MESSAGES = 200
_SPOKEN = (
    "You are a voice assistant: what you answer is spoken aloud. Answer in one or two short sentences, in plain words, "
    "without markup, lists or emoji."
)
_PENDING = "(still running; the result comes later)"
_SORRY = "I am sorry, I cannot think right now."


class MindBrain(Brain):
    """A `Brain` whose answers are asked of a model: each is a `Ponder`, and comes back by `thought`."""

    def __init__(
        self, script: Script, tools: Iterable[Mapping[str, object]] = (), system_instruction: str = ""
    ) -> None:
        functions = list(tools)
        super().__init__(script, functions, system_instruction)
        self._functions = declared(functions)
        self._instruction = system_instruction
        self._messages: list[dict[str, Any]] = []
        self._results: dict[str, str] = {}
        self._waiting: list[str] = []

    def greet(self) -> list[Action]:
        """Begin the conversation."""
        return self.instructed("Greet the caller.")

    def hear(self, text: str) -> list[Action]:
        """See `Brain.hear`."""
        if (inner := untagged(text)) is not None:
            return self.instructed(inner)
        self.puzzled = not any(letter.isalnum() for letter in text)
        if self.puzzled:
            asked = bool(self._messages) and self._messages[-1]["role"] != "assistant"
            return [self._ponder()] if asked else [Silent()]
        while (
            self._messages and self._messages[-1]["role"] == "user" and self._messages[-1]["content"] in text
        ):
            # Told as history, and now asked together with the rest.
            self._messages.pop()
        self._add("user", text)
        return [self._ponder()]

    def instructed(self, text: str) -> list[Action]:
        """See `Brain.instructed`."""
        self.puzzled = False
        self._add("system", text)
        return [self._ponder()]

    def remember(self, text: str, role: str = "user") -> None:
        """See `Brain.remember`."""
        self._add("assistant" if role == "model" else "user", text)

    def tool_result(self, call_key: str, response: Mapping[str, object]) -> list[Action]:
        """See `Brain.tool_result`; it is spoken of when all calls of an answer have their results."""
        if call_key not in self._waiting:
            return []
        self._waiting.remove(call_key)
        result = json.dumps(response, ensure_ascii=False)
        self._results[call_key] = result
        if not self._messages[-1].get("tool_calls"):
            # Something was said meanwhile: that there is news stands behind it.
            self._add("system", f"A result has come: {result}. Tell the caller.")
        return [] if self._waiting else [self._ponder()]

    def cancelled(self, call_key: str) -> None:
        """See `Brain.cancelled`."""
        if call_key in self._waiting:
            self._waiting.remove(call_key)
            self._results[call_key] = "(cancelled)"

    def thought(self, answer: Thought | None) -> list[Action]:
        """See `Brain.thought`."""
        if answer is None:
            return [Say(_SORRY)]
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        actions: list[Action] = [Say(answer.text)] if answer.text else []
        if answer.calls:
            keys = [self._memory.new_call(None, {}) for _ in answer.calls]
            self._waiting += keys
            message["tool_calls"] = [
                {
                    "id": key,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.args)},
                }
                for key, call in zip(keys, answer.calls, strict=True)
            ]
            actions += [
                CallTool(call.name, call.args, key) for key, call in zip(keys, answer.calls, strict=True)
            ]
        self._messages.append(message)
        return actions or [Silent()]

    def was_cut(self, said: str) -> None:
        """See `Brain.was_cut`."""
        for message in reversed(self._messages):
            if message["role"] == "assistant":
                if not message.get("tool_calls"):
                    message["content"] = f"{said.strip()} (interrupted)".strip()
                return

    def snapshot(self) -> dict[str, object]:
        """See `Brain.snapshot`."""
        own = {"messages": self._messages, "results": self._results, "waiting": self._waiting}
        copied: dict[str, object] = json.loads(json.dumps(own))
        return {**super().snapshot(), "mind": copied}

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """See `Brain.restore`."""
        rest = dict(snapshot)
        own: Any = rest.pop("mind", {})
        super().restore(rest)
        self._messages = list(own.get("messages", ()))
        self._results = dict(own.get("results", {}))
        self._waiting = list(own.get("waiting", ()))

    def _add(self, role: str, text: str) -> None:
        self._messages.append({"role": role, "content": text})
        if len(self._messages) > _MOST_MESSAGES:
            del self._messages[: len(self._messages) - _MOST_MESSAGES]

    def _ponder(self) -> Ponder:
        instruction = f"{_SPOKEN}\n\n{self._instruction}".strip()
        messages: list[Mapping[str, Any]] = [{"role": "system", "content": instruction}]
        for message in self._messages:
            messages.append(dict(message))
            for call in message.get("tool_calls") or ():
                result = self._results.get(call["id"], _PENDING)
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        return Ponder(MindRequest(tuple(messages), self._functions))
