"""Reading a YAML file of ours node by node: every fault is noted with its place, and all are told at once."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..yaml12 import MAX_NODES, Node, YamlError, read_documents

__all__ = ["Fault", "Keys", "ScriptError", "YamlReader", "listed", "nearest", "read_source"]

_LARGEST = 1_000_000
_DEEPEST = 40
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ns|us|ms|s|m|h)?")
_UNITS = {"": 1, "ns": 1, "us": 1_000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9}
_DAY = 24 * 3_600 * 10**9
T = TypeVar("T")

Keys = dict[str, tuple[Node, Node]]
"""The entries of a mapping: the nodes of key and value by the key's text."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class ScriptError(ValueError):
    """A file that cannot be used. `faults` has all that was found; the message is one line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def read_source(path: Path | str, error: type[ScriptError] = ScriptError) -> str:
    """The text of a file.

    Raises:
        ScriptError: it is not UTF-8; of the kind `error`.
        OSError: it cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        raise error([Fault(str(path), line, 1, "not UTF-8 text")]) from None


class YamlReader:
    """What readers of scripts share. A derived class has a method for each thing that its grammar knows."""

    error: type[ScriptError] = ScriptError
    """What a faulty file raises."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self._values = 0

    def read(self, text: str, make: Callable[[Node], T], empty: str) -> T:
        """What `make` makes of the root of `text`.

        Raises:
            ScriptError: of the kind `error`: there was a fault; an empty text has the fault `empty`.
        """
        root = self._root(text)
        if root is None:
            raise self.error([Fault(self.file, 1, 1, empty)])
        made = make(root)
        if self.faults:
            raise self.error(sorted(self.faults, key=lambda fault: (fault.line, fault.column)))
        return made

    def _root(self, text: str) -> Node | None:
        if len(text) > _LARGEST:
            raise self.error([Fault(self.file, 1, 1, f"larger than {_LARGEST // 1_000_000} MB")])
        try:
            documents = read_documents(text)
        except YamlError as error:
            found = [error.fault]
        else:
            found = documents[0].faults if documents else []
            if not found and len(documents) > 1:
                start = documents[1].start
                raise self.error(
                    [Fault(self.file, start.line, start.column, "a second document begins here")]
                )
        if found:
            raise self.error(
                Fault(self.file, fault.span.line, fault.span.column, f"not YAML: {fault.message}")
                for fault in found
            )
        return documents[0].root if documents else None

    def fault(self, node: Node, message: str, at: int | None = None) -> None:
        """Note a fault at a node, or at character `at` of its text where that stands on one line."""
        span = node.span
        column = span.column
        if at is not None and not node.collection and span.line == span.end_line:
            column += at + (node.style in ("'", '"'))
        self.faults.append(Fault(self.file, span.line, column, message))

    def version(self, root: Node, keys: Keys) -> None:
        """Check `version: 1`."""
        if "version" not in keys:
            self.fault(root, "expected 'version: 1'")
        elif (node := keys["version"][1]).collection or node.text != "1":
            self.fault(node, "unknown version; expected 1")

    def text(self, node: Node) -> str | None:
        """A text of at least one character, or None with the fault noted. Numbers are taken as written."""
        if node.collection:
            found = "a mapping" if node.pairs is not None else "a list"
            self.fault(node, f"expected a text, found {found}; a text with {{ or [ in front needs quotes")
            return None
        if isinstance(node.value, bool | None) or not node.text.strip():
            found = f"{node.text}; put it into quotes" if node.text.strip() else "nothing"
            self.fault(node, f"expected a text, found {found}")
            return None
        return node.text

    def flag(self, keys: Keys, key: str, default: bool) -> bool:
        """The truth value under a key."""
        if key not in keys:
            return default
        node = keys[key][1]
        if node.collection or not isinstance(value := node.value, bool):
            self.fault(node, "expected true or false")
            return default
        return value

    def whole(self, node: Node, least: int, most: int, default: int = 0) -> int:
        """A whole number in a range."""
        value = None if node.collection else node.value
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.fault(node, f"expected a whole number from {least} to {most}")
        return default

    def duration(self, node: Node) -> int:
        """Nanoseconds of a duration such as 200ms or 1.5s, at most a day."""
        found = None if node.collection else _DURATION.fullmatch(node.text)
        ns = round(float(found[1]) * _UNITS[found[2] or ""]) if found else -1
        if found is None or (ns and not found[2]) or ns > _DAY:
            self.fault(node, "expected a duration such as 200ms, 3s or 10m")
            return 0
        return ns

    def plain(self, node: Node, depth: int = 0) -> Any:
        """Anything that JSON can hold; times and dates are texts."""
        self._values += 1
        if depth > _DEEPEST or self._values > MAX_NODES:
            if self._values <= MAX_NODES + 1:
                self.fault(node, "nested too deeply" if depth > _DEEPEST else "too much of it")
            return None
        if node.items is not None:
            return [self.plain(item, depth + 1) for item in node.items]
        if node.pairs is not None:
            keys = self.mapping(node, None, "a mapping")
            return {key: self.plain(value, depth + 1) for key, (_, value) in keys.items()}
        value = node.value
        if isinstance(value, float) and not math.isfinite(value):
            self.fault(node, "expected a number that JSON can hold")
            return None
        return value

    def items(self, keys: Keys, key: str) -> list[Node]:
        """The list under a key."""
        if key not in keys:
            return []
        node = keys[key][1]
        if node.items is None:
            self.fault(node, f"expected a list under {key!r}")
            return []
        return node.items

    def mapping(self, node: Node, allowed: tuple[str, ...] | None, what: str) -> Keys:
        """The entries of a mapping by key; unknown and doubled keys are noted and left out."""
        keys: Keys = {}
        if node.pairs is None:
            self.fault(node, f"expected {what}: a mapping{f' with {listed(allowed)}' if allowed else ''}")
            return keys
        for key, value in node.pairs:
            name = "" if key.collection else key.text
            if name in keys:
                self.fault(key, f"{name!r} stands here twice")
            elif allowed is None or self.one_of(key, name, allowed, "key"):
                keys[name] = (key, value)
        return keys

    def one_of(self, node: Node, name: str, allowed: tuple[str, ...], what: str) -> bool:
        """Whether `name` is allowed; else the nearest that is allowed is told."""
        if name in allowed:
            return True
        near = nearest(name, allowed)
        self.fault(node, f"unknown {what} {name!r}{near or f'; expected {listed(allowed)}'}")
        return False


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean ...?``, or nothing when nothing known is like `name`."""
    close = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def listed(names: Iterable[str]) -> str:
    """`names`, with commas."""
    return ", ".join(sorted(names)) if isinstance(names, set) else ", ".join(names)
