"""Imports point one way: the graph of who imports whom, drawn from the source, has no circle.

Layers between the rooms are import-linter's (`make layers`); this looks at modules, in every room, and at packages.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import livegraph

_ROOT = Path(livegraph.__file__).resolve().parent
_OUTSIDE = {"tests", "benchmarks", "examples", "docs", "deploy"}

Graph = Mapping[str, set[str]]

ENGINE = "livegraph.pipeline."
"""Inside of it a node and its parts, and a graph and the calls made of it, know each other by their types alone."""


def modules() -> dict[str, Path]:
    found = {}
    for path in _ROOT.rglob("*.py"):
        parts = path.relative_to(_ROOT).with_suffix("").parts
        if parts[0] not in _OUTSIDE and not any(part.startswith(".") for part in parts):
            found[".".join(("livegraph", *parts)).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def statements(tree: ast.AST, *, types: bool) -> Iterator[ast.stmt]:
    """What runs when a module is imported; with ``types`` also what only a type checker reads."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test) and not types:
            continue
        if isinstance(child, ast.stmt):
            yield child
        yield from statements(child, types=types)


def imported(name: str, path: Path, *, types: bool) -> Iterator[str]:
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for statement in statements(ast.parse(path.read_text("utf-8")), types=types):
        if isinstance(statement, ast.ImportFrom):
            above = package[: len(package) - statement.level + 1] if statement.level else []
            source = ".".join([*above, *([statement.module] if statement.module else [])])
            for alias in statement.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner in MODULES else source
        elif isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)


def import_graph(*, types: bool) -> Graph:
    return {
        name: {other for other in imported(name, path, types=types) if other in MODULES and other != name}
        for name, path in MODULES.items()
    }


def circles(graph: Graph) -> list[set[str]]:
    """Every set of at least two that reach each other (Tarjan)."""
    found: list[set[str]] = []
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(one: str) -> None:
        order[one] = low[one] = len(order)
        stack.append(one)
        for other in sorted(graph.get(one, ())):
            if other not in order:
                visit(other)
                low[one] = min(low[one], low[other])
            elif other in stack:
                low[one] = min(low[one], order[other])
        if low[one] == order[one]:
            at = stack.index(one)
            if len(stack) - at > 1:
                found.append(set(stack[at:]))
            del stack[at:]

    for one in sorted(graph):
        if one not in order:
            visit(one)
    return found


def rooms(graph: Graph) -> dict[str, set[str]]:
    """The same between the folders at the top."""
    made: dict[str, set[str]] = {}
    for name, others in graph.items():
        room = name.split(".")[1] if "." in name else ""
        for other in others:
            target = other.split(".")[1] if "." in other else ""
            if room and target and room != target:
                made.setdefault(room, set()).add(target)
    return made


def test_a_circle_is_found() -> None:
    """The test itself can fail."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_every_import_is_seen() -> None:
    graph = import_graph(types=False)
    assert "livegraph.pipeline.errors" in graph["livegraph.pipeline.graph.check"]
    assert sum(map(len, graph.values())) > 1_000


def test_no_modules_import_each_other() -> None:
    """Directly or around corners, when they are loaded."""
    assert circles(import_graph(types=False)) == []


def test_no_modules_know_each_other_by_their_types() -> None:
    """Neither in what only a type checker reads, outside of the engine."""
    found = circles(import_graph(types=True))
    assert [one for one in found if not all(name.startswith(ENGINE) for name in one)] == []


def test_no_rooms_import_each_other() -> None:
    """Whatever is counted: types too."""
    assert circles(rooms(import_graph(types=True))) == []
