"""A text of one document to plain data."""

from __future__ import annotations

from typing import Any

from .core import CORE
from .places import Fault, FaultKind, YamlError
from .stream import MAX_NODES, read_documents
from .tree import Node

__all__ = ["load"]

_KNOWN = frozenset(
    ("", "!", *(CORE + kind for kind in ("str", "int", "float", "bool", "null", "seq", "map")))
)


def load(text: str, *, max_nodes: int = MAX_NODES) -> Any:
    """The data of the only document: dicts with text as keys, lists, and scalars by the core schema.

    Raises:
        YamlError: it is not YAML, holds no document or several, a key twice, or more than ``max_nodes`` values.
    """
    documents = read_documents(text, max_nodes=max_nodes)
    if not documents:
        return None
    if documents[0].faults:
        raise YamlError(documents[0].faults[0])
    if len(documents) > 1:
        raise YamlError(Fault("document", "a second document begins here", documents[1].start))
    return _Loader(max_nodes).plain(documents[0].root)


class _Loader:
    def __init__(self, most: int) -> None:
        self._left = most

    def plain(self, node: Node) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _fault("too much", "aliases make too many values of this", node)
        if node.tag not in _KNOWN:
            raise _fault("tag", f"the tag `{node.tag}` is not known", node)
        if node.items is not None:
            return [self.plain(item) for item in node.items]
        if node.pairs is None:
            return node.value
        made: dict[str, Any] = {}
        for key, value in node.pairs:
            if key.collection:
                raise _fault("key", "a key must be text", key)
            if key.text in made:
                raise _fault("key twice", f"the key `{key.text}` is there already", key)
            made[key.text] = self.plain(value)
        return made


def _fault(kind: FaultKind, message: str, node: Node) -> YamlError:
    return YamlError(Fault(kind, message, node.span))
