"""The events of a YAML parser to a tree of nodes, and the tree to plain data.

Not yaml.compose: that recurses as deep as the text says, follows YAML 1.1, and stops at what is bearable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..pipeline.convert.leaves import Steps
from ..pipeline.convert.scalars import read_scalar
from .complaints import Fault, complaint, shorten, span_of
from .diagnostics import Span

__all__ = ["MAX_DEPTH", "MAX_VALUES", "Composer", "Fatal", "Fault", "Node", "plain_data"]

MAX_DEPTH = 50
MAX_VALUES = 100_000

_STR_TAGS = ("!", "tag:yaml.org,2002:str")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Fatal(Exception):
    """A fault after which nothing can be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True, eq=False)
class Node:
    """A scalar (``value``), a sequence (``items``) or a mapping (``pairs``)."""

    span: Span
    value: Any = None
    plain: str | None = None
    """The text of an unquoted scalar."""
    items: list[Node] | None = None
    pairs: list[tuple[Node, Node]] | None = None

    @property
    def collection(self) -> bool:
        return self.items is not None or self.pairs is not None


@dataclass(slots=True)
class Composer:
    """Builds the tree of one document. Faults that are bearable are in ``faults``; others raise ``Fatal``."""

    text: str
    faults: list[Fault] = field(default_factory=list)
    _anchors: dict[str, Node] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)
    _nodes: int = 0

    def document(self) -> Node | None:
        """The root of the only document, ``None`` when the text holds nothing."""
        loader = yaml.SafeLoader(self.text)
        try:
            return self._document(loader)
        except yaml.MarkedYAMLError as error:
            raise Fatal(complaint(error, self.text)) from error
        except (ValueError, OverflowError) as error:
            # An escape or a directive with a number out of this world.
            raise Fatal(
                Fault("LG005", f"not valid YAML: {error}", span_of(loader.get_mark(), None))
            ) from error
        finally:
            loader.dispose()

    # The loader is Any below: its stubs leave the parser's methods without types.
    def _document(self, loader: Any) -> Node | None:
        loader.get_event()  # the stream's start
        if loader.check_event(yaml.StreamEndEvent):
            return None
        loader.get_event()  # the document's start
        root = self._node(loader, 0)
        loader.get_event()  # the document's end
        if not loader.check_event(yaml.StreamEndEvent):
            span = span_of(loader.get_event().start_mark, None)
            hint = "remove the line `---`, or write two files"
            self.faults.append(Fault("LG012", "a second document begins here", span, hint))
        return root

    def _node(self, loader: Any, depth: int) -> Node:
        event = loader.get_event()
        span = span_of(event.start_mark, event.end_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", span)
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise Fatal(Fault("LG009", f"nested deeper than {MAX_DEPTH} levels", span))
        if self._nodes > MAX_VALUES:
            raise Fatal(Fault("LG009", f"more than {MAX_VALUES} values", span))
        if event.tag is not None and event.tag not in _STR_TAGS:
            shown = event.tag.removeprefix("tag:yaml.org,2002:")
            hint = "a value has the type that its option asks for"
            self.faults.append(
                Fault("LG011", f"tags such as `{shown}` are not part of the language", span, hint)
            )
        node = Node(span)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
            self._open.add(event.anchor)
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, node)
        elif isinstance(event, yaml.SequenceStartEvent):
            node.items = []
            while not loader.check_event(yaml.SequenceEndEvent):
                node.items.append(self._node(loader, depth + 1))
            loader.get_event()
        else:
            node.pairs = []
            while not loader.check_event(yaml.MappingEndEvent):
                key = self._node(loader, depth + 1)
                node.pairs.append((key, self._node(loader, depth + 1)))
            loader.get_event()
        if event.anchor is not None:
            self._open.discard(event.anchor)
        return node

    def _alias(self, name: str, span: Span) -> Node:
        if name not in self._anchors:
            hint = f"mark what it repeats with `&{name}`; text that begins with `*` goes in quotes"
            self.faults.append(Fault("LG010", f"there is no anchor `&{name}` above", span, hint))
        elif name in self._open:
            self.faults.append(Fault("LG010", f"`*{name}` stands inside of what it stands for", span))
        else:
            return self._anchors[name]
        return Node(span)

    def _scalar(self, event: yaml.ScalarEvent, node: Node) -> None:
        value = event.value
        if _SURROGATE.search(value):
            self.faults.append(
                Fault("LG003", "half of a character (a lone surrogate) is written here", node.span)
            )
            value = _SURROGATE.sub("\ufffd", value)
        plain = event.implicit[0] and event.tag is None
        node.plain = value if plain else None
        # A tag that is not part of the language was reported: what it would have made is not missed as well.
        tagged = event.tag is not None and event.tag not in _STR_TAGS
        node.value = read_scalar(value) if plain or tagged else value


def plain_data(
    root: Node,
    marks: dict[Steps, Any],
    make_marks: Callable[[Span, Span | None, bool], Any],
    faults: list[Fault],
) -> Any:
    """The tree as dicts, lists and scalars; ``marks`` receives the place of everything by its path.

    Raises ``Fatal`` when aliases make too much of it.
    """
    return _Expander(marks, make_marks, faults).expand(root, (), None)


@dataclass(slots=True)
class _Expander:
    marks: dict[Steps, Any]
    make_marks: Callable[[Span, Span | None, bool], Any]
    faults: list[Fault]
    values: int = 0

    def expand(self, node: Node, path: Steps, key: Span | None) -> Any:
        self.values += 1
        if self.values > MAX_VALUES:
            raise Fatal(Fault("LG010", f"aliases make more than {MAX_VALUES} values of this", node.span))
        if len(path) > MAX_DEPTH:
            raise Fatal(Fault("LG009", f"nested deeper than {MAX_DEPTH} levels", node.span))
        self.marks[path] = self.make_marks(node.span, key, node.collection)
        if node.items is not None:
            return [self.expand(item, (*path, index), None) for index, item in enumerate(node.items)]
        if node.pairs is not None:
            return self._mapping(node.pairs, path)
        return node.value

    def _mapping(self, pairs: list[tuple[Node, Node]], path: Steps) -> dict[str, Any]:
        made: dict[str, Any] = {}
        first: dict[str, Span] = {}
        for key, value in [*pairs, *self._merged(pairs)]:
            if key.plain == "<<":
                continue
            name = key.plain if key.plain is not None else key.value
            if key.collection or not isinstance(name, str) or not name:
                self._fault(
                    Fault("LG013", "a key must be text", key.span, "a list or a mapping cannot be one")
                )
            elif name in first:
                if any(key is own for own, _ in pairs):
                    message = f"the key `{shorten(name)}` is there already, in line {first[name].line}"
                    self._fault(Fault("LG008", message, key.span, "remove or rename one of the two"))
            else:
                first[name] = key.span
                made[name] = self.expand(value, (*path, name), key.span)
        return made

    def _merged(self, pairs: list[tuple[Node, Node]], depth: int = 0) -> list[tuple[Node, Node]]:
        """What ``<<: *anchor`` brings in: it counts less than what the mapping says itself."""
        found: list[tuple[Node, Node]] = []
        for key, value in pairs:
            if key.plain != "<<":
                continue
            for source in [value] if value.items is None else value.items:
                if source.pairs is None:
                    self._fault(Fault("LG010", "`<<` takes an alias of a mapping", key.span))
                    continue
                found += [*source.pairs, *self._merged(source.pairs, depth + 1)]
                self.values += len(source.pairs)
                if depth > MAX_DEPTH or self.values > MAX_VALUES:
                    raise Fatal(
                        Fault("LG010", f"aliases make more than {MAX_VALUES} values of this", key.span)
                    )
        return found

    def _fault(self, fault: Fault) -> None:
        # What an alias repeats is reported once.
        if fault not in self.faults:
            self.faults.append(fault)
