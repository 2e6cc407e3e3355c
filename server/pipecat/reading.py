"""What a client of RTVI says, in the protocol's types. Sans-IO."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..protocol import Ask, FromCaller, HangUp, Json, Keys, Text, ToolAnswer

__all__ = ["Reader", "major_of"]

_KEYS = re.compile(r"[0-9*#A-D]{1,64}")
_QUIET: Final = frozenset(("ui-event", "ui-snapshot", "ui-cancel-job-group"))
"""Meant for agents that work in the page; there is nobody here whom they would concern."""
_BY_MEDIA: Final = frozenset(("raw-audio", "raw-audio-batch"))


class _Wrong(Exception):
    """A message that is not as it should be; says what is."""


def major_of(version: str) -> int:
    """The major number of a version, 0 where it has none."""
    found = re.match(r"(\d{1,4})(?:\.|$)", version)
    return int(found[1]) if found else 0


class Reader:
    """Reads one message after another."""

    def __init__(self) -> None:
        self._kinds: dict[str, Callable[[str, Json], list[FromCaller]]] = {
            "send-text": self._text,
            "append-to-context": self._context,
            "client-message": self._ask,
            "llm-function-call-result": self._result,
            "dtmf": self._keys,
            "disconnect-bot": lambda _, __: [HangUp(dismissed=True)],
        }

    def read(self, kind: str, id: str, data: object) -> tuple[list[FromCaller], str]:
        """What a message of this kind means, and what the client is to be told where it is not understood."""
        if kind in _QUIET:
            return [], ""
        if kind in _BY_MEDIA:
            return [], f"Unsupported type {kind}: sound comes by the call's own media."
        read = self._kinds.get(kind)
        if read is None:
            return [], f"Unsupported type {kind[:60]}"
        try:
            return read(id, data if isinstance(data, dict) else {}), ""
        except _Wrong as wrong:
            return [], f"{kind}: {wrong}"

    def _text(self, _: str, data: Json) -> list[FromCaller]:
        content, options = data.get("content"), data.get("options")
        if not isinstance(content, str):
            raise _Wrong("content has to be a text")
        options = options if isinstance(options, dict) else {}
        return [
            Text(
                text=content,
                reply=options.get("run_immediately") is not False,
                aloud=options.get("audio_response") is not False,
            )
        ]

    def _context(self, _: str, data: Json) -> list[FromCaller]:
        """What old clients say instead of ``send-text``."""
        content = _written(data.get("content"))
        if data.get("role") != "user" or content is None:
            raise _Wrong("only texts of the user are taken; use send-text")
        return [Text(text=content, reply=data.get("run_immediately") is True)]

    def _ask(self, id: str, data: Json) -> list[FromCaller]:
        name = data.get("t")
        if not isinstance(name, str):
            raise _Wrong("t has to be a text")
        return [Ask(id=id, name=name, data=data.get("d"))]

    def _result(self, _: str, data: Json) -> list[FromCaller]:
        id = data.get("tool_call_id")
        if not isinstance(id, str):
            raise _Wrong("tool_call_id has to be a text")
        return [ToolAnswer(id=id, ok=True, result=data.get("result"))]

    def _keys(self, _: str, data: Json) -> list[FromCaller]:
        buttons = data.get("buttons", [data.get("button")])
        keys = "".join(map(str, buttons)) if isinstance(buttons, list) else ""
        if not _KEYS.fullmatch(keys):
            raise _Wrong("buttons have to be 0 to 9, * or #")
        return [Keys(keys=keys)]


def _written(content: object) -> str | None:
    """A text, or the texts of a list of parts, a line each, as in models' messages; ``None`` for anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        return None
    texts = [part.get("text") if isinstance(part, dict) else part for part in content]
    written = [text for text in texts if isinstance(text, str)]
    return "\n".join(written) if len(written) == len(texts) else None
