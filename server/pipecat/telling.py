"""What happens in a call, in the words and in the order of RTVI. Sans-IO."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from .. import protocol as say
from ..protocol import FromCaller, FromServer, Json
from .reading import major_of
from .spoken import Pieces

__all__ = ["Teller", "rtvi"]

_MOST_TYPED = 16
_INPUT_SINCE = (2, 2)
"""``user-input`` is a word since this version."""


def rtvi(kind: str, data: Any = None, id: str | None = None) -> Json:
    """One message."""
    message: Json = {"label": "rtvi-ai", "type": kind}
    if id:
        message["id"] = id
    return message if data is None else {**message, "data": data}


class Teller:
    """Tells one client what its call comes to.

    Args:
        now: the time of day in ISO 8601.
        version: of the client.
        results: whether it will be told what becomes of tools.
    """

    def __init__(self, now: Callable[[], str], *, version: str, results: bool) -> None:
        self._now = now
        self._results = results
        self._old = major_of(version) == 1
        self._takes_input = _numbers(version) >= _INPUT_SINCE
        self._thinking = False
        """Whether ``bot-llm-started`` was told, and not its end."""
        self._speaking = False
        self._utterance = -1
        self._said = ""
        self._pieces = Pieces("word")
        self._sentences = Pieces("sentence")
        self._segment = 0
        self._typed: deque[str] = deque(maxlen=_MOST_TYPED)
        """What the client has typed, and shows by itself."""
        self._calls: dict[str, str] = {}
        """Functions that were told to have started, by id; the page's own have the name that it knows them by."""

    def tell(self, message: FromServer) -> Iterator[Json]:
        """What the client is told of ``message``."""
        match message:
            case say.Speech():
                yield rtvi("user-started-speaking" if message.speaking else "user-stopped-speaking")
            case say.State():
                yield from self._state(message.state)
            case say.Transcript():
                yield from self._user(message) if message.role == "user" else self._agent(message)
            case say.Interrupted():
                yield rtvi("bot-interrupted")
            case say.ToolCall() | say.RunTool() | say.ToolResult() | say.ToolCancelled():
                yield from self._function(message)
            case say.Usage():
                counted = {
                    "prompt_tokens": message.input_tokens,
                    "completion_tokens": message.output_tokens,
                    "total_tokens": message.total_tokens,
                }
                yield rtvi("metrics", {"tokens": [counted]})
            case say.Waited() if message.what != "silence":
                yield rtvi("metrics", {"ttfb": [{"processor": "agent", "value": message.waited_ms / 1_000}]})

    def hear(self, message: FromCaller) -> Iterator[Json]:
        """What the client is told of what it has said itself."""
        if isinstance(message, say.Text):
            self._typed.append(message.text.strip())
        elif isinstance(message, say.ToolAnswer) and not self._results:
            yield from self._function_stopped(message.id, cancelled=False)

    def stop(self) -> Iterator[Json]:
        """The agent is silent for good."""
        yield from self._quiet()

    # The agent ---------------------------------------------------------------------------------------

    def _state(self, state: str) -> Iterator[Json]:
        if state == "thinking":
            yield from self._quiet()
            yield from self._think()
        elif state == "speaking":
            yield from self._speak()
        elif state in ("listening", "interrupted"):
            yield from self._quiet()

    def _think(self) -> Iterator[Json]:
        if not self._thinking:
            self._thinking = True
            yield rtvi("bot-llm-started")

    def _speak(self) -> Iterator[Json]:
        yield from self._think()
        if not self._speaking:
            self._speaking = True
            yield rtvi("bot-tts-started")
            yield rtvi("bot-started-speaking")

    def _quiet(self) -> Iterator[Json]:
        speaking, thinking = self._speaking, self._thinking
        self._speaking = self._thinking = False
        if speaking:
            yield rtvi("bot-tts-stopped")
        if thinking:
            yield rtvi("bot-llm-stopped")
        if speaking:
            yield rtvi("bot-stopped-speaking")

    def _agent(self, message: say.Transcript) -> Iterator[Json]:
        """What was heard of the agent; it grows while its sound is played."""
        if message.utterance != self._utterance:
            self._utterance, self._said = message.utterance, ""
            self._pieces, self._sentences = Pieces("word"), Pieces("sentence")
        text = message.text
        fresh, self._said = text[len(self._said) :], text
        if fresh:
            yield rtvi("bot-llm-text", {"text": fresh})
        pieces = self._pieces.grow(text, message.final)
        sentences = list(self._sentences.grow(text, message.final))
        if self._old:
            for sentence in sentences:
                yield from self._output_old(sentence)
        for piece in pieces:
            if not self._old:
                yield from self._output(piece)
            yield rtvi("bot-tts-text", {"text": piece})
        for sentence in sentences:
            yield rtvi("bot-transcription", {"text": sentence})

    def _output(self, text: str) -> Iterator[Json]:
        """A piece is told when it has been heard, so that it is new and completed at once."""
        self._segment += 1
        common = {
            "text": text,
            "output_type": "word",
            "text_type": "word",
            "aggregated_by": "word",
            "segment_id": self._segment,
            "will_be_spoken": True,
        }
        for status, heard, left in (("new", "", text), ("completed", text, "")):
            progress = {"accumulated_text": heard, "remaining_text": left}
            yield rtvi("bot-output", {**common, "spoken_status": status, "spoken_progress": progress})

    def _output_old(self, text: str) -> Iterator[Json]:
        """Version 1 tells each sentence twice: that it is there, and that it was spoken."""
        for spoken in (False, True):
            yield rtvi("bot-output", {"text": text, "spoken": spoken, "aggregated_by": "sentence"})

    # The user ----------------------------------------------------------------------------------------

    def _user(self, message: say.Transcript) -> Iterator[Json]:
        if message.final and message.text in self._typed:
            self._typed.remove(message.text)
            yield rtvi("user-llm-text", {"text": message.text})
            return
        told = {"text": message.text, "timestamp": self._now(), "final": message.final, "user_id": ""}
        if self._takes_input:
            yield rtvi(
                "user-input", {**told, "input_type": "transcription", "msg_id": str(message.utterance)}
            )
        yield rtvi("user-transcription", told)
        if message.final:
            yield rtvi("user-llm-text", {"text": message.text})

    # Functions ---------------------------------------------------------------------------------------

    def _function(
        self, message: say.ToolCall | say.RunTool | say.ToolResult | say.ToolCancelled
    ) -> Iterator[Json]:
        match message:
            case say.ToolCall():
                yield from self._function_started(message.id, message.name)
                if message.kind != "page":
                    # A client runs a function that it knows as soon as it reads of it here.
                    yield rtvi("llm-function-call-in-progress", _call(message))
            case say.RunTool():
                yield from self._function_started(message.id, message.name)
                if self._old:
                    asked = {"function_name": message.name, "tool_call_id": message.id, "args": message.args}
                    yield rtvi("llm-function-call", asked)
                else:
                    yield rtvi("llm-function-call-in-progress", _call(message))
            case say.ToolResult():
                yield from self._function_stopped(message.id, cancelled=False, result=message.result)
            case say.ToolCancelled():
                yield from self._function_stopped(message.id, cancelled=True)

    def _function_started(self, id: str, name: str) -> Iterator[Json]:
        if id not in self._calls:
            self._calls[id] = name
            yield rtvi("llm-function-call-started", {"function_name": name})

    def _function_stopped(self, id: str, *, cancelled: bool, result: Any = None) -> Iterator[Json]:
        name = self._calls.pop(id, "")
        if name:
            told: Json = {"tool_call_id": id, "function_name": name, "cancelled": cancelled}
            yield rtvi(
                "llm-function-call-stopped", told if result in (None, {}) else {**told, "result": result}
            )


def _call(message: say.ToolCall | say.RunTool) -> Json:
    return {"tool_call_id": message.id, "function_name": message.name, "arguments": message.args}


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major) if major.isdigit() else 0, int(minor) if minor.isdigit() else 0)
