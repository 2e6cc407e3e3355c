"""Nodes and their edges into a graph; the use of a template becomes the nodes that it holds.

While a graph is wired, a facade stands for each use of a template: a box with the ports that it exposes. In the
end edges lead to the nodes inside, and the facades are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, get_args

from ..pipeline.convert import Steps, convert_options
from ..pipeline.convert.hints import show
from ..pipeline.errors import ConfigError, Problem
from ..pipeline.graph import registry
from ..pipeline.graph.call_files import input_fields, input_problems
from ..pipeline.graph.declarations import EdgeSpec, NodeSpec, OnError
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.input_names import input_name_problems, named_inputs
from ..pipeline.graph.inputs import InputSpec
from ..pipeline.options import option_specs
from ..pipeline.processor import Processor
from ..pipeline.spelling import did_you_mean, sure
from .call_texts import call_text, mentions, with_text
from .form_checks import Shape, is_missing
from .nodes import WrittenNode
from .origins import Tree, kept_at

__all__ = ["Insertable", "NodeBuilder"]

MOST_BOXES = 500
"""Of one graph, once templates are put in."""


class Insertable(Protocol):
    """What a builder asks of the templates of a file, which put in nodes of their own by builders of their own."""

    boxes: int
    """How many boxes were made so far, of all graphs together."""

    def __contains__(self, name: str) -> bool: ...

    def insert(self, written: WrittenNode, build: NodeBuilder) -> type[Processor] | None: ...

    def suggest(self, problem: Problem, use: str) -> Problem: ...


@dataclass(slots=True)
class NodeBuilder:
    """Puts nodes and their edges into ``graph``, and keeps account of those that could not be made."""

    graph: Graph
    tree: Tree
    """The origins of what is read; those of templates come in where they are used."""
    shape: Shape
    templates: Insertable
    inputs: dict[str, InputSpec] | None = None
    """Those that texts may use; ``None`` for any."""
    at: Steps = ()
    """Where ``nodes`` or ``pipeline`` stands."""
    prefix: str = ""
    """What the names of nodes begin with in the graph: ``front/`` inside of a template."""
    on_error: OnError = "end_call"
    """What nodes do that do not say."""
    aliases: dict[Steps, Steps] = field(default_factory=dict)
    """Where the file keeps an option that its node would have elsewhere."""
    faulty: set[Steps] = field(default_factory=set)
    """Paths of the nodes some of whose options are wrong."""
    broken: set[str] = field(default_factory=set)
    """Names of nodes that could not be made."""
    facades: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """For each use of a template: the ends inside that its ports stand for."""
    call_fields: dict[Steps, set[str]] = field(default_factory=dict)
    """Places of options that may use inputs, and those that they use."""
    mentioned: dict[Steps, str] = field(default_factory=dict)
    """Places in templates that mention an input."""
    passed: set[Steps] = field(default_factory=set)
    """Places of parameters that are given to templates."""
    uses: dict[str, str] = field(default_factory=dict)
    """What each node's processor is called, files by their whole path."""
    nameless: bool = False
    """Whether some could not even be named."""
    unread: bool = False
    """Whether some edge could not be read."""

    @property
    def whole(self) -> bool:
        """Whether everything that the document names is in the graph."""
        return not self.broken and not self.nameless and not self.unread

    def inside(self, written: WrittenNode, at: Steps) -> NodeBuilder:
        """A builder for the nodes of a template that stands for ``written``."""
        return replace(
            self,
            at=at,
            prefix=f"{written.name}/",
            on_error=written.on_error,
            nameless=False,
            unread=False,
        )

    def placed(self, path: Steps) -> Steps:
        """Where the file keeps what a node has at ``path``."""
        return kept_at(path, self.aliases)

    def lost(self, end: str) -> bool:
        """Whether the node of ``end`` is in the file but could not be made: then its edge is no fault."""
        node = end.partition(".")[0]
        return {node, end} & self.broken != set() or (self.nameless and node not in self.graph.nodes)

    def written(
        self, name: str, use: str, given: dict[str, Any], path: Steps, use_path: Steps
    ) -> WrittenNode:
        """A node of ``given``: its options and the keys that every node may have."""
        options = {key: value for key, value in given.items() if key not in ("from", "to", "on_error")}
        node = WrittenNode(name, use, options, path, use_path, explicit=("from" in given, "to" in given))
        node.sources = self._ends(given.get("from"), (*path, "from"))
        node.targets = self._ends(given.get("to"), (*path, "to"))
        choices = get_args(OnError)
        on_error = given.get("on_error", self.on_error)
        if on_error in choices:
            node.on_error = choices[choices.index(on_error)]
        elif not is_missing(on_error):
            message = f"`on_error` must be one of {', '.join(choices)}, not {show(on_error)}"
            hint, certain = did_you_mean(str(on_error), choices), sure(str(on_error), choices)
            self.shape.fault("LG206", message, (*path, "on_error"), hint, fix=certain)
        return node

    def _refuse_more(self, written: WrittenNode) -> None:
        """Templates of templates make a thousand boxes of ten lines: the first too many is told, and none is made."""
        if all(problem.code != "LG009" for problem in self.shape.problems):
            message = f"the graph has more than {MOST_BOXES} boxes, with those that templates stand for"
            self.shape.fault("LG009", message, written.use_path, "split it into several agents")
        self.broken.add(written.name)

    def insert(self, written: WrittenNode) -> type[Processor] | None:
        """Make the node and return its class; ``None`` when that is not to be had."""
        self.templates.boxes += 1
        if len(self.graph.nodes) >= MOST_BOXES or self.templates.boxes > 4 * MOST_BOXES:
            self._refuse_more(written)
            return None
        if written.name in self.graph.nodes:
            self.shape.fault("LG108", f"there is a node `{written.name}` already", written.path, key=True)
            self.broken.add(written.name)
            return None
        if written.use in self.templates:
            return self.templates.insert(written, self)
        try:
            processor = registry.load(written.use, base_dir=self.folder_of(written.use_path))
        except ConfigError as error:
            # The name stands at the end of its path when it is a key of the linear form.
            key = written.use_path[-1] == written.use
            for problem in error.problems:
                found = replace(problem, path=written.use_path, key=key)
                self.shape.problems.append(self.templates.suggest(found, written.use))
            self.broken.add(written.name)
            return None
        options, problems = convert_options(
            processor,
            written.given,
            path=written.path,
            base_dir=self.folder_of,
            from_yaml=True,
            label=written.use,
        )
        self.shape.problems += problems
        # A file that is not there leaves its option whole.
        if not all(problem.warning or problem.code == "LG209" for problem in problems):
            self.faulty.add(written.path)
        self._call_texts(processor, written, options)
        self.uses[written.name] = self._use(written)
        self.graph.insert(NodeSpec(written.name, processor, options, written.on_error, written.path))
        return processor

    def folder_of(self, path: Steps) -> Path:
        """Where files are looked for that an option at ``path`` names."""
        return self.tree.folder(self.placed(path))

    def _use(self, written: WrittenNode) -> str:
        file, colon, name = written.use.rpartition(":")
        file, name = (file, f":{name}") if colon else (name, "")
        return f"{self.folder_of(written.use_path) / file}{name}" if file.endswith(".py") else written.use

    def _call_texts(self, processor: type[Processor], written: WrittenNode, options: dict[str, Any]) -> None:
        """Make the texts that use inputs what they are, and look at the names of files that each call fills in."""
        for name, spec in option_specs(processor).items():
            path = (*written.path, name)
            if spec.call_file and isinstance(file := options.get(name), Path):
                self.call_fields[self.placed(path)] = set(input_fields(file))
                if self.inputs is not None:
                    self.shape.problems += input_problems(file, self.inputs, path)
            elif spec.per_call and name in written.given:
                for inside, given in _texts_in(written.given.get(name)):
                    text = call_text(given, self.inputs, (*path, *inside), self.shape)
                    self.call_fields[self.placed((*path, *inside))] = set(text.names() if text else ())
                    if text is not None and name in options:
                        options[name] = with_text(options[name], inside, text)
        for inside, wanted, mark in named_inputs(processor, options):
            path = (*written.path, *inside)
            self.call_fields[self.placed(path)] = {wanted}
            if self.inputs is not None:
                self.shape.problems += input_name_problems(wanted, mark, self.inputs, path)

    def stray_mentions(self) -> list[Problem]:
        """Inputs where nothing is filled in when a call starts."""
        found = {**mentions(self.tree.data), **self.mentioned}
        marked = "options marked as per call: instructions, greeting, and files that a call writes"
        return [
            Problem("LG172", f"`{text[:60]}` is not filled in here", path, hint=f"inputs go into {marked}")
            for path, text in found.items()
            if path not in self.call_fields and not any(path[: len(at)] == at for at in self.passed)
        ]

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
        ends = [(self.prefix + end.strip(), where) for end, where in texts if end is not None]
        self.unread = self.unread or len(ends) < len(texts)
        return ends


def _texts_in(value: Any) -> list[tuple[Steps, Any]]:
    """The texts of an option, and where in it they stand."""
    if isinstance(value, dict):
        return [((key, *at), text) for key, one in value.items() for at, text in _texts_in(one)]
    if isinstance(value, list):
        return [((index, *at), text) for index, one in enumerate(value) for at, text in _texts_in(one)]
    return [((), value)]
