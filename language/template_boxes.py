"""Templates where they are used, and on their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..pipeline.convert import Steps
from ..pipeline.convert.scalars import EnvText
from ..pipeline.errors import Fix, Problem
from ..pipeline.graph import registry
from ..pipeline.graph.check import check
from ..pipeline.graph.declarations import EdgeSpec, NodeSpec
from ..pipeline.graph.graph import Graph
from ..pipeline.graph.subgraph import expand_subgraphs, lead_inside
from ..pipeline.ports import PortSpec
from ..pipeline.processor import Processor, facade, ports_of
from ..pipeline.spelling import did_you_mean, sure
from .building import NodeBuilder
from .diagnostics import Diagnostic
from .edges import apply_edges
from .form_checks import Shape
from .forms import graph_form, linear_form
from .named_files import NamedFiles
from .nodes import WrittenNode
from .origins import Place, Tree, Via
from .templates import Template, read_template

__all__ = ["Templates", "lower"]

_LACKING = "LG150"


@dataclass(slots=True)
class Templates:
    """The templates that the files declare. What is wrong with them on their own is in ``found``."""

    environ: Mapping[str, str]
    files: NamedFiles
    found: list[Diagnostic] = field(default_factory=list)
    boxes: int = 0
    """How many were asked for in the agent that is being read, those in templates included."""
    _declared: dict[str, Template] = field(default_factory=dict)
    _checked: dict[str, list[Diagnostic]] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    """Those that are being expanded, the outermost first."""

    def declare(self, section: Tree) -> None:
        """Read the section ``templates``."""
        shape = Shape()
        declared = shape.mapping(section.data, (), "`templates`", "write a name, and `nodes:` below it")
        for name in declared or {}:
            path: Steps = (name,)
            if not shape.node_name(name, path, key=True):
                continue
            if name in registry.names():
                hint = "choose another name"
                shape.fault("LG108", f"there is a processor `{name}` already", path, hint, key=True)
            part = section.subtree(path)
            own = Shape()
            self._declared[name] = read_template(name, part, self.environ, self.files, own)
            self.found += [part.locate(problem) for problem in own.problems]
        self.found += [section.locate(problem) for problem in shape.problems]

    def __contains__(self, name: str) -> bool:
        return name in self._declared

    def check_unused(self) -> None:
        """Check those on their own that nothing uses; what they lack in the environment is then no fault."""
        for name in self._declared:
            if name not in self._checked:
                found = self._check(name)
                self.found += [one for one in found if one.problem.code != _LACKING]

    def suggest(self, problem: Problem, use: str) -> Problem:
        """An unknown processor's problem, with the templates among what may have been meant."""
        if problem.code != "LG110" or not self._declared or ":" in use:
            return problem
        names = [*self._declared, *registry.names()]
        certain = sure(use, names)
        hint = did_you_mean(use, names, label="" if certain else "templates and processors")
        return replace(problem, hint=hint, fix=Fix(certain) if certain else problem.fix)

    def insert(self, written: WrittenNode, build: NodeBuilder) -> type[Processor] | None:
        """Put the nodes of a template in for ``written``; returns the facade that it is wired by."""
        template = self._declared[written.use]
        owner = written.name
        if written.use in self._open:
            chain = " -> ".join([*self._open[self._open.index(written.use) :], written.use])
            message = f"a template uses itself: {chain}"
            build.shape.fault("LG131", message, written.use_path, "take one of these uses away")
            build.broken.add(owner)
            return None
        if written.use not in self._checked:
            self.found += self._check(written.use)
        if not template.right:
            # One fault, one message: it was told where the template stands.
            build.broken.add(owner)
            return None
        problems: list[Problem] = []
        values = template.given(owner, _given(written, build.tree), written.path, problems)
        build.passed.add(written.path)
        build.shape.problems += problems
        if problems:
            build.faulty.add(written.path)
        at = (*written.path, f"({written.use})")
        body, problems = template.body(values, _via(written, build.tree), self.environ, self.files)
        build.shape.problems += [replace(problem, path=(*at, *problem.path)) for problem in problems]
        build.tree.graft(at, body)
        inner = build.inside(written, at)
        self._open.append(written.use)
        try:
            ports = expand(template, body, inner)
        finally:
            self._open.pop()
        build.nameless = build.nameless or inner.nameless
        build.unread = build.unread or inner.unread
        box = facade(written.use, ports)
        build.graph.insert(NodeSpec(owner, box, path=written.path))
        return box

    def _check(self, name: str) -> list[Diagnostic]:
        """Everything that is wrong with a template on its own."""
        template = self._declared[name]
        found = self._checked[name] = []
        if not template.right:
            return found
        shape = Shape()
        values = {key: template.defaults.get(key) or _missing() for key in template.params}
        body, shape.problems = template.body(values, (), self.environ, self.files)
        # Where a port is declared stands beside the body.
        body.origins.update(
            {at: place for at, place in template.section.origins.items() if at[:1] == ("ports",)}
        )
        build = NodeBuilder(Graph(name), body, shape, self)
        self._open.append(name)
        try:
            ports = expand(template, body, build)
        finally:
            self._open.pop()
        for port in ports:
            if port.direction == "in":
                # Whatever a user connects: something comes in.
                source = replace(port, name="out", direction="out", rate=None, channels=None, like="")
                outside = f"{name}/{port.name}"
                build.graph.insert(NodeSpec(outside, facade(port.name, [source]), path=("ports", port.name)))
                for end in build.facades[""][port.name]:
                    build.graph.edges.append(EdgeSpec(f"{outside}.out", end, path=("ports", port.name)))
        build.facades.pop("", None)
        lower(build)
        problems = [*shape.problems]
        if build.whole and not problems:
            # Options were converted with their places at hand; one that a parameter gives may have no value here.
            problems += [
                fault
                for fault in check(build.graph).problems
                if fault.code not in ("LG308", "LG310") and not "LG201" <= fault.code < "LG220"
            ]
        found += [body.locate(problem) for problem in dict.fromkeys(problems)]
        template.right = all(one.problem.warning for one in found) and build.whole
        return found


def expand(template: Template, body: Tree, build: NodeBuilder) -> list[PortSpec]:
    """Put the nodes of ``body`` into the graph; returns the ports that the template exposes."""
    if not isinstance(body.data, dict):
        # It could not be read, which is told where it stands.
        build.unread = True
        return []
    build.mentioned.update({(*build.at, *path): text for path, text in _mentions(body).items()})
    if "nodes" in body.data:
        graph_form(body.data["nodes"], build)
    else:
        linear_form(body.data.get("pipeline"), build)
    at = (*build.at, "edges")
    edges = build.shape.mapping(body.data.get("edges"), at, "`edges`", "write `a -> b: {when_full: block}`")
    if edges is None or not apply_edges(build.graph, edges, build.lost, build.shape, build.at, build.prefix):
        build.unread = True
    ports = [_port(template, name, build) for name in template.ports]
    return [port for port in ports if port is not None]


def _port(template: Template, name: str, build: NodeBuilder) -> PortSpec | None:
    """The port that stands for one inside, or for several inputs."""
    found: list[PortSpec] = []
    ends: list[str] = []
    for end, where in template.ports[name]:
        node, _, port = end.partition(".")
        inside = build.graph.nodes.get(build.prefix + node)
        if inside is None:
            if not build.lost(build.prefix + end):
                depth = len(build.prefix)
                names = [each[depth:] for each in build.graph.nodes if each.startswith(build.prefix)]
                hint = did_you_mean(node, names, label="nodes")
                build.shape.fault("LG132", f"there is no node `{node}` in the template", where, hint)
            continue
        ports = ports_of(inside.processor)
        if port not in ports:
            hint = did_you_mean(port, ports, label="ports")
            build.shape.fault("LG132", f"`{node}` has no port `{port}`", where, hint)
            continue
        found.append(ports[port])
        ends.append(f"{build.prefix}{end}")
    if len(found) > 1 and any(port.direction == "out" for port in found):
        hint = "several inputs can be one port, but of outputs only one"
        build.shape.fault("LG132", f"`{name}` stands for several outputs", ("ports", name), hint)
    if not found:
        return None
    build.facades.setdefault(build.prefix.removesuffix("/"), {})[name] = ends
    kinds = tuple(dict.fromkeys(kind for port in found for kind in port.types))
    required = any(port.required for port in found)
    return replace(found[0], name=name, types=kinds, required=required, like="")


def lower(build: NodeBuilder) -> None:
    """Lead the edges of every use of a template to the nodes inside, and take the facades away.

    Sub-graphs of Python come to the same.
    """
    problems = lead_inside(build.graph, build.facades)
    build.shape.problems += problems
    build.unread = build.unread or bool(problems)
    build.shape.problems += expand_subgraphs(build.graph)
    for name, node in build.graph.nodes.items():
        kind = node.processor
        build.uses.setdefault(name, registry.name_of(kind) or f"{kind.__module__}:{kind.__qualname__}")


def _given(written: WrittenNode, tree: Tree) -> Tree:
    """What a use gives for parameters, with its origins."""
    depth = len(written.path)
    origins = {at[depth:]: origin for at, origin in tree.origins.items() if at[:depth] == written.path}
    return Tree(written.given, origins)


def _via(written: WrittenNode, tree: Tree) -> tuple[Via, ...]:
    """The lines that lead to what a template says, the use at hand first."""
    origin = tree.origin(written.use_path)
    if origin is None:
        return ()
    key = written.use_path[-1:] == (written.use,)
    place: Place = origin.place(key=key)
    return (Via(place, f"used here as `{written.name}`"), *origin.via)


def _missing() -> Tree:
    return Tree(EnvText("", "", missing=True))


def _mentions(body: Tree) -> dict[Steps, str]:
    from .call_texts import mentions

    return mentions(body.data)
