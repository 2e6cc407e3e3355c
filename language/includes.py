"""``include``: what stands in another file.

::

    agent:
      instructions: {include: ./prompt.md}      # the text of a file
      include: ./defaults.yaml                  # the keys of a YAML file; what stands beside it counts more

A path that ends with ``.yaml`` or ``.yml`` is read as YAML, any other as text; of several YAML files the later
counts more. Paths are relative to the file that says them, and stay inside its root.

Codes: LG140 cannot be read, LG141 outside of the root, LG142 a circle, or too many, LG143 cannot stand there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.convert.hints import show
from ..pipeline.convert.scalars import EnvText
from ..pipeline.errors import Problem
from .diagnostics import Diagnostic
from .merging import merge
from .named_files import FileFault, NamedFiles
from .origins import Tree, Via
from .plain_data import MAX_VALUES
from .source import Document

__all__ = ["INCLUDE", "Includer"]

INCLUDE = "include"
MAX_INCLUDES = 200
MAX_DEPTH = 20

_YAML = (".yaml", ".yml")


@dataclass(slots=True)
class Includer:
    """Fills in what a tree includes. Faults are in ``found``."""

    files: NamedFiles
    found: list[Diagnostic] = field(default_factory=list)
    lost: bool = False
    """Whether something could not be included, so that what is missing is no fault of its own."""
    _count: int = 0
    _values: int = 0

    def expand(self, tree: Tree, chain: tuple[Document, ...]) -> Tree:
        """``tree`` with all that it includes; ``chain`` are the documents that are being read, outermost first."""
        # The innermost first: what stands beside an include may hold another.
        for path in sorted(_includes(tree.data, ()), key=len, reverse=True):
            self._fill(tree, path, chain)
        return tree

    def _fill(self, tree: Tree, path: Steps, chain: tuple[Document, ...]) -> None:
        own = tree.get(path)
        at = (*path, INCLUDE)
        named = own[INCLUDE]
        origin = tree.origin(at)
        assert origin is not None
        names = (
            [(at, named)]
            if not isinstance(named, list)
            else [((*at, n), name) for n, name in enumerate(named)]
        )
        parts = [
            self._part(tree, where, name, len(own) == 1 and len(names) == 1, chain) for where, name in names
        ]
        tree.remove(at)
        whole = [part for part in parts if part is not None]
        if len(whole) < len(parts) or not parts:
            self.lost = True
        if len(own) == 0 and len(whole) == 1 and len(parts) == 1:
            tree.put(path, whole[0])
            return
        if not own and not whole:
            lost = EnvText("", "", missing=True)
            tree.put(path, Tree(lost, {(): replace(origin, key=None, filled=lost)}))
            return
        joined = Tree({}, {(): tree.origins[path]} if path in tree.origins else {})
        for part in whole:
            self.found += merge(joined, part, keep_null=True)
        mine = tree.subtree(path)
        mine.origins.pop((), None)
        self.found += merge(joined, mine, keep_null=True)
        tree.put(path, joined)

    def _part(
        self, tree: Tree, at: Steps, name: Any, alone: bool, chain: tuple[Document, ...]
    ) -> Tree | None:
        """What one path of an include brings in, ``None`` after a fault."""
        origin = tree.origins[at]
        place, by = origin.value, origin.value.document
        if not isinstance(name, str) or not name or "${" in name:
            what = "a path without `${`" if isinstance(name, str) and name else "a path"
            hint = "write `include: ./prompt.md`, or a list of YAML files"
            self._fault(tree, Problem("LG143", f"`include` takes {what}, not {show(name)}", at, hint=hint))
            return None
        self._count += 1
        if self._count > MAX_INCLUDES:
            self._fault(tree, Problem("LG142", f"more than {MAX_INCLUDES} files are included", at))
            return None
        via = Via(place, "included here")
        try:
            if not name.lower().endswith(_YAML):
                return self._text(tree, at, name, by, alone, via)
            return self._yaml(tree, at, name, by, alone, via, chain)
        except FileFault as fault:
            self._fault(tree, Problem(fault.code, fault.message, at, hint=fault.hint))
            return None

    def _text(self, tree: Tree, at: Steps, name: str, by: Document, alone: bool, via: Via) -> Tree | None:
        if not alone:
            hint = "`include` of a text stands alone, as in `instructions: {include: ./prompt.md}`"
            self._fault(
                tree, Problem("LG143", f"the text of `{name}` cannot stand beside other keys", at, hint=hint)
            )
            return None
        document = self.files.text(name, by)
        return Tree.of(document).brought_by(via)

    def _yaml(
        self,
        tree: Tree,
        at: Steps,
        name: str,
        by: Document,
        alone: bool,
        via: Via,
        chain: tuple[Document, ...],
    ) -> Tree | None:
        document = self.files.yaml(name, by)
        if document in chain or document.path in _paths(chain):
            names = " -> ".join(one.file for one in (*chain[_index(chain, document) :], document))
            message = f"a file includes itself: {names}"
            self._fault(tree, Problem("LG142", message, at, hint="take one of these lines away"))
            return None
        if document.faults:
            self.found += [
                replace(fault, related=(*fault.related, via.related())) for fault in document.faults
            ]
        if document.data is None:
            return None
        if not alone and not isinstance(document.data, dict):
            message = f"`{name}` holds {show(document.data)}, which cannot be merged with other keys"
            self._fault(tree, Problem("LG143", message, at, hint="only a mapping can"))
            return None
        self._values += len(document.marks)
        if len(chain) > MAX_DEPTH or self._values > MAX_VALUES:
            what = (
                f"deeper than {MAX_DEPTH} files"
                if len(chain) > MAX_DEPTH
                else f"more than {MAX_VALUES} values"
            )
            self._fault(tree, Problem("LG142", f"includes bring in {what}", at))
            return None
        return self.expand(Tree.of(document), (*chain, document)).brought_by(via)

    def _fault(self, tree: Tree, problem: Problem) -> None:
        self.lost = True
        self.found.append(tree.locate(problem))


def _includes(data: Any, path: Steps) -> list[Steps]:
    """Paths of the mappings that include something."""
    found: list[Steps] = []
    if isinstance(data, dict):
        if INCLUDE in data:
            found.append(path)
        for key, value in data.items():
            if key != INCLUDE:
                found += _includes(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += _includes(value, (*path, index))
    return found


def _paths(chain: tuple[Document, ...]) -> set[Path]:
    return {document.path.resolve() for document in chain if document.path is not None}


def _index(chain: tuple[Document, ...], document: Document) -> int:
    for index, one in enumerate(chain):
        if one is document or (one.path is not None and one.path.resolve() == document.path):
            return index
    return 0
