"""Nodes as they are written, whatever the form, and how they get into the graph."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from .. import registry
from ..convert import Steps, convert_options
from ..convert.hints import show
from ..errors import ConfigError
from ..graph import EdgeSpec, Graph, NodeSpec, OnError
from ..processor import Processor
from ..spelling import did_you_mean, sure
from .shape import Shape, is_missing

__all__ = ["NodeBuilder", "WrittenNode"]


@dataclass(slots=True)
class WrittenNode:
    """A node as it was written."""

    name: str
    use: str
    given: dict[str, Any]
    """Its options."""
    path: Steps
    use_path: Steps
    """Where the name of its processor stands."""
    sources: list[tuple[str, Steps]] = field(default_factory=list)
    targets: list[tuple[str, Steps]] = field(default_factory=list)
    explicit: tuple[bool, bool] = (False, False)
    """Whether it says itself where its inputs come from, and where its outputs go."""
    on_error: OnError = "end_call"


@dataclass(slots=True)
class NodeBuilder:
    """Puts nodes and their edges into ``graph``, and keeps account of those that could not be made."""

    graph: Graph
    base_dir: Path
    shape: Shape
    faulty: set[Steps] = field(default_factory=set)
    """Paths of the nodes some of whose options are wrong."""
    broken: set[str] = field(default_factory=set)
    """Names of nodes that could not be made."""
    nameless: bool = False
    """Whether some could not even be named."""
    unread: bool = False
    """Whether some edge could not be read."""

    @property
    def whole(self) -> bool:
        """Whether everything that the document names is in the graph."""
        return not self.broken and not self.nameless and not self.unread

    def lost(self, end: str) -> bool:
        """Whether the node of ``end`` is in the file but could not be made: then its edge is no fault."""
        node = end.partition(".")[0]
        return node in self.broken or (self.nameless and node not in self.graph.nodes)

    def written(
        self, name: str, use: str, given: dict[str, Any], path: Steps, use_path: Steps
    ) -> WrittenNode:
        """A node of ``given``: its options and the keys that every node may have."""
        options = {key: value for key, value in given.items() if key not in ("from", "to", "on_error")}
        node = WrittenNode(name, use, options, path, use_path, explicit=("from" in given, "to" in given))
        node.sources = self._ends(given.get("from"), (*path, "from"))
        node.targets = self._ends(given.get("to"), (*path, "to"))
        choices = get_args(OnError)
        on_error = given.get("on_error", choices[0])
        if on_error in choices:
            node.on_error = choices[choices.index(on_error)]
        elif not is_missing(on_error):
            message = f"`on_error` must be one of {', '.join(choices)}, not {show(on_error)}"
            hint, certain = did_you_mean(str(on_error), choices), sure(str(on_error), choices)
            self.shape.fault("LG206", message, (*path, "on_error"), hint, fix=certain)
        return node

    def insert(self, written: WrittenNode) -> type[Processor] | None:
        """Make the node and return its class; ``None`` when that is not to be had."""
        try:
            processor = registry.load(written.use, base_dir=self.base_dir)
        except ConfigError as error:
            # The name stands at the end of its path when it is a key of the linear form.
            key = written.use_path[-1] == written.use
            for problem in error.problems:
                self.shape.problems.append(replace(problem, path=written.use_path, key=key))
            self.broken.add(written.name)
            return None
        options, problems = convert_options(
            processor,
            written.given,
            path=written.path,
            base_dir=self.base_dir,
            from_yaml=True,
            label=written.use,
        )
        self.shape.problems += problems
        if not all(problem.warning for problem in problems):
            self.faulty.add(written.path)
        self.graph.insert(NodeSpec(written.name, processor, options, written.on_error, written.path))
        return processor

    def connect(self, written: WrittenNode) -> None:
        """Make the edges that the node itself names."""
        ends = [(source, written.name, path) for source, path in written.sources]
        ends += [(written.name, target, path) for target, path in written.targets]
        for source, target, path in ends:
            if not self.lost(source) and not self.lost(target):
                self.graph.edges.append(EdgeSpec(source, target, path=path))

    def _ends(self, value: Any, path: Steps) -> list[tuple[str, Steps]]:
        if value is None:
            return []
        if isinstance(value, list):
            given = [(end, (*path, index)) for index, end in enumerate(value)]
        else:
            given = [(value, path)]
        hint = "write `node` or `node.port`, or a list of them"
        texts = [(self.shape.text(end, where, f"`{path[-1]}`", hint), where) for end, where in given]
        ends = [(end.strip(), where) for end, where in texts if end is not None]
        self.unread = self.unread or len(ends) < len(texts)
        return ends
