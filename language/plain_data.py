"""The tree of a document to plain data, by the rules of the language: keys are text, and tags are not needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..pipeline.convert.leaves import Steps
from ..pipeline.convert.scalars import Scalar, read_scalar
from ..yaml12 import CORE, MAX_DEPTH, Fault, Node, Span, YamlError
from ..yaml12 import MAX_NODES as MAX_VALUES

__all__ = ["MAX_DEPTH", "MAX_VALUES", "plain_data"]


def plain_data(
    root: Node,
    marks: dict[Steps, Any],
    make_marks: Callable[[Span, Span | None, bool], Any],
    faults: list[Fault],
) -> Any:
    """The tree as dicts, lists and scalars; ``marks`` receives the place of everything by its path.

    Raises:
        YamlError: aliases make too much of it.
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
            raise YamlError(Fault("alias", f"aliases make more than {MAX_VALUES} values of this", node.span))
        if len(path) > MAX_DEPTH:
            raise YamlError(Fault("too much", f"nested deeper than {MAX_DEPTH} levels", node.span))
        if node.tag and node.tag != "!":
            self._tag(node)
        self.marks[path] = self.make_marks(node.span, key, node.collection)
        if node.items is not None:
            return [self.expand(item, (*path, index), None) for index, item in enumerate(node.items)]
        if node.pairs is not None:
            return self._mapping(node.pairs, path)
        return self._scalar(node)

    def _mapping(self, pairs: list[tuple[Node, Node]], path: Steps) -> dict[str, Any]:
        made: dict[str, Any] = {}
        first: dict[str, Span] = {}
        for key, value in [*pairs, *self._merged(pairs)]:
            if _is_merge(key):
                continue
            name = key.text
            if key.collection or not name:
                hint = "a list or a mapping cannot be one" if key.collection else "this one is empty"
                self._fault(Fault("key", "a key must be text", key.span, hint))
            elif name in first:
                if any(key is own for own, _ in pairs):
                    message = f"the key `{_shorten(name)}` is there already, in line {first[name].line}"
                    self._fault(Fault("key twice", message, key.span, "remove or rename one of the two"))
            else:
                first[name] = key.span
                made[name] = self.expand(value, (*path, name), key.span)
        return made

    def _merged(self, pairs: list[tuple[Node, Node]], depth: int = 0) -> list[tuple[Node, Node]]:
        """What ``<<: *anchor`` brings in: it counts less than what the mapping says itself."""
        found: list[tuple[Node, Node]] = []
        for key, value in pairs:
            if not _is_merge(key):
                continue
            for source in [value] if value.items is None else value.items:
                if source.pairs is None:
                    self._fault(Fault("alias", "`<<` takes an alias of a mapping", key.span))
                    continue
                found += [*source.pairs, *self._merged(source.pairs, depth + 1)]
                self.values += len(source.pairs)
                if depth > MAX_DEPTH or self.values > MAX_VALUES:
                    raise YamlError(
                        Fault("alias", f"aliases make more than {MAX_VALUES} values of this", key.span)
                    )
        return found

    def _fault(self, fault: Fault) -> None:
        # What an alias repeats is reported once.
        if fault not in self.faults:
            self.faults.append(fault)

    def _scalar(self, node: Node) -> Scalar:
        # A tag that is not part of the language was reported: what it would have made is not missed as well.
        untyped = node.style if not node.tag else node.tag in ("!", CORE + "str")
        return node.text if untyped else read_scalar(node.text)

    def _tag(self, node: Node) -> None:
        own = "seq" if node.items is not None else "map" if node.pairs is not None else "str"
        if node.tag == CORE + own:
            return
        assert node.tag_span is not None
        message = f"tags such as `{node.tag.removeprefix(CORE)}` are not part of the language"
        hint = "a value has the type that its option asks for"
        tag, value = node.tag_span, node.span
        span = Span(tag.line, tag.column, value.end_line, value.end_column) if tag < value else tag
        self._fault(Fault("tag", message, span, hint))


def _is_merge(key: Node) -> bool:
    return key.plain and key.text == "<<"


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
