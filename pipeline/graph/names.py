"""Options that speak of what another box of the graph names: somebody must have that name. Code: LG250."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from ..errors import Problem
from ..processor import NameUsed
from ..spelling import did_you_mean
from .declarations import NodeSpec
from .own_faults import broken_check, plain

__all__ = ["name_problems"]


def name_problems(nodes: Iterable[NodeSpec], graph: str = "") -> Iterator[Problem]:
    """A problem for each name that nobody has; ``graph`` is what the agent as a whole is called."""
    given: dict[str, dict[str, None]] = {}
    nodes = list(nodes)
    for node in nodes:
        try:
            for kind, names in node.processor.names_given(plain(node.options)).items():
                given.setdefault(kind, {}).update(dict.fromkeys(names))
        except BaseException as error:
            yield broken_check(node, "names_given", error)
            return
    for node in nodes:
        try:
            used = list(node.processor.names_used(plain(node.options)))
        except BaseException as error:
            yield broken_check(node, "names_used", error)
            continue
        for one in used:
            if one.kind not in given:
                # A part of a graph: whoever names such things is not in it.
                continue
            there = given[one.kind]
            if one.elsewhere:
                own = (graph,) if one.kind == "agents" and graph else ()
                if not _is_somebody(one, (*there, *own, *one.known)):
                    yield _unknown(node, one, [*there, *own])
            elif one.name not in there and not (there and one.name in one.known):
                yield _unknown(node, one, [*there])


def _is_somebody(one: NameUsed, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, one.name) or fnmatchcase(one.name, name) for name in names)


def _unknown(node: NodeSpec, one: NameUsed, there: list[str]) -> Problem:
    kind = one.kind.removesuffix("s")
    hint = did_you_mean(one.name, there, label=one.kind) if there else f"declare it in `{one.kind}`"
    message = f"there is no {kind} `{one.name[:60]}`" + (" here" if one.elsewhere else "")
    return Problem("LG250", message, (*node.path, *one.option), hint=hint, warning=one.elsewhere)
