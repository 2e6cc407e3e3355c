"""The conversation as data: what was heard, and which functions were called. Pure, bounded.

An utterance that was cut holds what was heard of it. Entries are plain JSON objects, one a line in a file::

    {"role": "user", "text": "Is Friday free?"}
    {"role": "tool", "name": "free_hours", "args": {"day": "Friday"}, "result": {"output": [9, 14]}}
    {"role": "agent", "text": "Yes, at nine or", "interrupted": true}

which is also what ``transcript_log`` writes, so a call can start from either.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from ....liveapi import Content, Part

__all__ = ["History", "HistoryEntry", "seed_contents"]

_MOST_ENTRIES = 1_000
_MOST_CHARACTERS = 200_000
"""Some 50,000 tokens: the context of a model holds that beside the talk to come."""


class HistoryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened.

    ``role`` ``user`` and ``agent``: ``text`` was said; ``context``: it was given by the program; ``tool``: the
    function ``name`` was called with ``args`` and gave ``result`` (``None``: it has not answered).
    """

    role: Literal["user", "agent", "context", "tool"]
    text: str = ""
    interrupted: bool = False
    name: str = ""
    args: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    time_s: float = 0.0

    @property
    def plain(self) -> str:
        """The entry in words, for a model that never made the call itself."""
        if self.role != "tool":
            return self.text
        called = f"The function {self.name} was called with {_json(self.args or {})}"
        given = "has not answered yet" if self.result is None else f"returned {_json(self.result)}"
        return f"[{called} and {given}.]"


class History:
    """What was said and done, oldest first. The oldest goes when there is too much."""

    def __init__(
        self,
        entries: Iterable[HistoryEntry] = (),
        *,
        most_entries: int = _MOST_ENTRIES,
        most_characters: int = _MOST_CHARACTERS,
    ) -> None:
        self._most_entries, self._most_characters = most_entries, most_characters
        self._entries: deque[HistoryEntry] = deque()
        self._characters = 0
        self._added = 0
        for entry in entries:
            self.add(entry)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[HistoryEntry, ...]:
        """All of it."""
        return tuple(self._entries)

    def add(self, entry: HistoryEntry) -> None:
        """Append what happened."""
        self._entries.append(entry)
        self._added += 1
        self._characters += len(entry.plain)
        # One entry stays, however long: a conversation is not empty for having begun with a speech.
        while len(self._entries) > self._most_entries or (
            self._characters > self._most_characters and len(self._entries) > 1
        ):
            self._characters -= len(self._entries.popleft().plain)

    @property
    def place(self) -> int:
        """Where the next entry goes, for ``insert``."""
        return self._added

    def insert(self, place: int, entry: HistoryEntry) -> None:
        """Add what was said at ``place``, though it became known later."""
        after = [self._entries.pop() for _ in range(min(max(0, self._added - place), len(self._entries)))]
        self._characters -= sum(len(one.plain) for one in after)
        self._added -= len(after)
        self.add(entry)
        for one in reversed(after):
            self.add(one)

    def amend(self, role: str, before: str, after: str) -> None:
        """The newest entry of ``role`` with the text ``before`` has the text ``after``."""
        for index in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[index]
            if entry.role == role and entry.text == before:
                self._entries[index] = msgspec.structs.replace(entry, text=after)
                self._characters += len(after) - len(before)
                return

    def answered(self, name: str, args: dict[str, Any], result: dict[str, Any]) -> None:
        """The call of ``name`` with ``args`` has its result: the entry of the call is completed where it stands."""
        for index in range(len(self._entries) - 1, -1, -1):
            entry = self._entries[index]
            if entry.role == "tool" and entry.name == name and entry.args == args and entry.result is None:
                completed = msgspec.structs.replace(entry, result=result)
                self._characters += len(completed.plain) - len(entry.plain)
                self._entries[index] = completed
                return

    def to_list(self) -> list[dict[str, Any]]:
        """All of it as JSON objects."""
        return [msgspec.to_builtins(entry) for entry in self._entries]

    def to_json_lines(self) -> str:
        """All of it as text, one JSON object a line."""
        return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.to_list())

    @classmethod
    def from_list(cls, entries: Sequence[Any]) -> History:
        """From JSON objects, or entries; unknown keys are passed over.

        Raises ``ValueError`` saying which is wrong.
        """
        made = []
        for number, entry in enumerate(entries, 1):
            try:
                made.append(
                    entry if isinstance(entry, HistoryEntry) else msgspec.convert(entry, HistoryEntry)
                )
            except msgspec.ValidationError as error:
                raise ValueError(f"entry {number} of the history: {error}") from error
        return cls(made)

    @classmethod
    def from_json_lines(cls, text: str) -> History:
        """From the text of a file. Raises ``ValueError`` saying which line is wrong."""
        made = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    made.append(msgspec.json.decode(line, type=HistoryEntry))
                except msgspec.DecodeError as error:
                    raise ValueError(f"line {number} of the history: {error}") from error
        return cls(made)


def seed_contents(
    entries: Iterable[HistoryEntry], *, waiting: Sequence[str] = (), end_with_user: bool = False
) -> list[Content]:
    """What a session that knows nothing is told of ``entries``: turns of ``user`` and ``model``, tools as text.

    ``waiting`` are texts of the user at the end that it is going to be sent anyway. It begins with a turn of the
    user, and with ``end_with_user`` it ends with one.
    """
    kept = list(entries)
    for text in reversed(waiting):
        for index in range(len(kept) - 1, -1, -1):
            if kept[index].role == "user" and kept[index].text.strip() == text:
                del kept[index]
                break
    contents: list[Content] = []
    for entry in kept:
        text = entry.plain.strip()
        if not text:
            continue
        role = "model" if entry.role == "agent" else "user"
        if contents and contents[-1].role == role:
            contents[-1] = Content([*contents[-1].parts, Part(text=text)], role)
        else:
            contents.append(Content.of_text(text, role))
    if contents and contents[0].role == "model":
        contents.insert(0, Content.of_text("[The call begins.]", "user"))
    if contents and end_with_user and contents[-1].role == "model":
        contents.append(Content.of_text("[The call goes on.]", "user"))
    return contents


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
