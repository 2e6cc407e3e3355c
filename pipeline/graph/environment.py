"""What a graph will miss on this machine: every box is asked at once, in threads, and nobody is waited for long.

Codes: LG604 a box did not answer in time; LG222 it failed to check; and what ``check_surroundings`` tells.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from ..errors import Problem
from ..processor import OptionFault
from .declarations import GraphSpec, NodeSpec
from .own_faults import broken_check

__all__ = ["check_surroundings"]

DEADLINE_S = 8.0
"""For each box; longer than the deadlines that they keep themselves."""


def check_surroundings(
    graph: GraphSpec, environ: Mapping[str, str], *, deadline_s: float = DEADLINE_S
) -> list[Problem]:
    """What every box of a valid ``graph`` says of its surroundings, in the order of the nodes."""
    asked = [_Asking(node, environ) for node in graph.nodes.values()]
    for asking in asked:
        asking.start()
    problems: list[Problem] = []
    for asking in asked:
        asking.join(deadline_s)
        problems += asking.problems(deadline_s)
    return problems


class _Asking(threading.Thread):
    # A daemon: a box that hangs in the system's name resolution must not keep the program from ending.
    def __init__(self, node: NodeSpec, environ: Mapping[str, str]) -> None:
        super().__init__(name=f"check {node.name}", daemon=True)
        self._node = node
        self._environ = environ
        self._faults: list[OptionFault] | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._faults = list(self._node.processor.check_surroundings(self._node.options, self._environ))
        except BaseException as error:
            # Foreign code runs here; what it raises is told with the box's name.
            self._error = error

    def problems(self, deadline_s: float) -> list[Problem]:
        node = self._node
        if self._error is not None:
            return [broken_check(node, "check_surroundings", self._error)]
        if self._faults is None:
            return [Problem("LG604", f"`{node.name}` did not answer within {deadline_s:g} s", node.path)]
        return [fault.problem(node.path) for fault in self._faults]
