"""What a document says: a tree of nodes, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field

from .core import CORE, Scalar, read_scalar
from .places import Fault, Span

__all__ = ["Document", "Node"]


@dataclass(slots=True, eq=False)
class Node:
    """A scalar (``text``), a sequence (``items``) or a mapping (``pairs``)."""

    span: Span
    text: str = ""
    style: str = ""
    """How a scalar is written: ``'``, ``"``, ``|`` or ``>``; empty for a plain one."""
    items: list[Node] | None = None
    pairs: list[tuple[Node, Node]] | None = None
    tag: str = ""
    """As its document means it: ``!`` for what is text whatever it looks like, ``tag:yaml.org,2002:int``."""
    tag_span: Span | None = None
    """Where its tag stands."""

    @property
    def collection(self) -> bool:
        """Whether it is a sequence or a mapping."""
        return self.items is not None or self.pairs is not None

    @property
    def plain(self) -> bool:
        """Whether it is a scalar without quotes and without a tag, so that its text says what it is."""
        return not self.style and not self.tag and not self.collection

    @property
    def value(self) -> Scalar:
        """What a scalar means by the core schema: text in quotes and behind ``!!str`` is text."""
        untyped = self.style if not self.tag else self.tag in ("!", CORE + "str")
        return self.text if untyped else read_scalar(self.text)


@dataclass(slots=True)
class Document:
    """One document of a stream."""

    root: Node
    start: Span
    """Where it begins: its ``---``, or its first character."""
    faults: list[Fault] = field(default_factory=list)
    """What is wrong with it and leaves it readable: an alias of nothing, half a character."""
