"""Where every value of an agent comes from: the structure that messages and ``explain`` share.

A ``Tree`` is plain data, and for each place in it an ``Origin``: the file, line and columns where the value and its
key stand, the layer that it belongs to (an overlay, a profile, ``--set``), the lines that brought it in (an include,
the use of a template), and what was put in for ``${...}``. Files, overlays and templates are put together by joining
trees, so that a fault found in the result still knows its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipeline.convert import Steps
from ..pipeline.convert.scalars import EnvText
from ..pipeline.errors import Problem
from . import edits
from .diagnostics import Diagnostic, Related, Span

if TYPE_CHECKING:
    from .source import Document

__all__ = ["Origin", "Place", "Tree", "Via", "copy_of", "kept_at"]

_WHOLE = Span(1, 1, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A stretch of a document."""

    document: Document
    span: Span

    def __str__(self) -> str:
        return f"{self.document.file}:{self.span.line}"


@dataclass(frozen=True, slots=True, eq=False)
class Via:
    """A line that brought something in from elsewhere."""

    place: Place
    how: str
    """``included here``, ``used here as `front` ``."""

    def related(self) -> Related:
        document, span = self.place.document, self.place.span
        return Related(document.file, span, self.how, document.excerpt(span.line))


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where one value comes from."""

    value: Place
    key: Place | None = None
    collection: bool = False
    layer: str = ""
    """``overlay``, ``profile NAME`` or ``--set``; empty for what the file itself says."""
    via: tuple[Via, ...] = ()
    """What brought it in, the nearest first."""
    filled: EnvText | None = None
    """The value, when something was put in for ``${...}``."""

    def place(self, *, key: bool) -> Place:
        """Where it is shown: collections by their key."""
        if self.key is not None and (key or self.collection):
            return self.key
        if self.collection:
            span = self.value.span
            return replace(self.value, span=Span(span.line, span.column, span.line, span.column + 1))
        return self.value


@dataclass(slots=True)
class Tree:
    """Plain data with the origin of everything in it, by its path."""

    data: Any = None
    origins: dict[Steps, Origin] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document, *, layer: str = "", via: tuple[Via, ...] = ()) -> Tree:
        """What a document says."""
        origins = {
            path: Origin(
                Place(document, marks.value),
                None if marks.key is None else Place(document, marks.key),
                marks.collection,
                layer,
                via,
            )
            for path, marks in document.marks.items()
        }
        return cls(copy_of(document.data), origins)

    def get(self, path: Steps) -> Any:
        """The value at ``path``, ``None`` when there is nothing."""
        value = self.data
        for step in path:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return None
        return value

    def origin(self, path: Steps) -> Origin | None:
        """The origin of what ``path`` leads to, or of the nearest thing around it."""
        while path not in self.origins:
            if not path:
                return None
            path = path[:-1]
        return self.origins[path]

    def folder(self, path: Steps) -> Path:
        """Where files are looked for that are named at ``path``: beside the file that says so."""
        origin = self.origin(path)
        return Path.cwd() if origin is None else origin.value.document.folder

    def subtree(self, path: Steps) -> Tree:
        """What stands at ``path``, as a tree of its own that can be changed."""
        depth = len(path)
        origins = {at[depth:]: origin for at, origin in self.origins.items() if at[:depth] == path}
        return Tree(copy_of(self.get(path)), origins)

    def put(self, path: Steps, part: Tree, *, key: Place | None = None) -> None:
        """Make ``part`` what stands at ``path``; ``key`` is where its key stands, by default where it stood."""
        old = self.origins.get(path)
        self.forget(path)
        if path:
            holder = self.get(path[:-1])
            holder[path[-1]] = part.data
        else:
            self.data = part.data
        self.graft(path, part)
        if key is None and old is not None:
            key = old.key
        if key is not None and path in self.origins:
            self.origins[path] = replace(self.origins[path], key=key)

    def graft(self, path: Steps, part: Tree) -> None:
        """Enter the origins of ``part`` below ``path``, and leave the data as it is."""
        self.origins.update({(*path, *at): origin for at, origin in part.origins.items()})

    def remove(self, path: Steps) -> None:
        """Take away a key and what stands there."""
        self.forget(path)
        del self.get(path[:-1])[path[-1]]

    def forget(self, path: Steps) -> None:
        """Drop the origins of ``path`` and of all below it."""
        depth = len(path)
        self.origins = {at: origin for at, origin in self.origins.items() if at[:depth] != path}

    def brought_by(self, via: Via) -> Tree:
        """The same, brought in by one line more."""
        origins = {at: replace(origin, via=(*origin.via, via)) for at, origin in self.origins.items()}
        return Tree(self.data, origins)

    def in_layer(self, layer: str) -> Tree:
        """The same as a part of ``layer``."""
        return Tree(self.data, {at: replace(origin, layer=layer) for at, origin in self.origins.items()})

    # Messages ----------------------------------------------------------------------------------

    def locate(self, problem: Problem) -> Diagnostic:
        """``problem`` with its place, and the lines that brought that in. Shows nothing of the environment."""
        path, key = problem.path, problem.key
        while path not in self.origins and path:
            path, key = path[:-1], True
        origin = self.origins.get(path)
        if origin is None:
            return Diagnostic("<text>", _WHOLE, problem)
        problem = _without_values(problem, origin if path == problem.path else None)
        place = origin.place(key=key)
        beside = origin.place(key=True)
        span, edit = edits.pinpoint(
            place.document,
            problem,
            place.span,
            beside.span if beside.document is place.document else place.span,
            there=path == problem.path,
        )
        apart = origin.key is place and place.document is not origin.value.document
        related = () if apart else tuple(via.related() for via in origin.via)
        document = place.document
        named = document.named(span, problem)
        return Diagnostic(document.file, span, named, document.excerpt(span.line), edit, related)


def copy_of(data: Any) -> Any:
    """The same mappings and lists anew; scalars are shared."""
    if isinstance(data, dict):
        return {key: copy_of(value) for key, value in data.items()}
    if isinstance(data, list):
        return [copy_of(value) for value in data]
    return data


def _without_values(problem: Problem, origin: Origin | None) -> Problem:
    """``problem`` with the text of the file where it names what the environment put there."""
    value = None if origin is None else origin.filled
    if value is None:
        return problem
    # What stands in the environment is not to be mended in the file.
    message, hint = value.conceal(problem.message), value.conceal(problem.hint)
    return replace(problem, message=message, hint=hint, part="", fix=None)


def kept_at(path: Steps, aliases: Mapping[Steps, Steps]) -> Steps:
    """Where a file keeps what its graph has at ``path``. ``aliases``: for a place of the graph, that of the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in aliases:
            return aliases[path[:length]] + path[length:]
    return path
