"""What a box itself has to say about its options: foreign code, whose own faults are told with its name.

Codes: LG220 by default, LG222 when it cannot say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Problem, from_signal, told
from .declarations import NodeSpec

__all__ = ["broken_check", "own_faults", "plain"]


def own_faults(node: NodeSpec, options: Mapping[str, Any]) -> list[Problem]:
    """What the box of ``node`` has to say about its options itself."""
    try:
        return [fault.problem(node.path) for fault in node.processor.check_options(plain(options))]
    except BaseException as error:
        return [broken_check(node, "check_options", error)]


def broken_check(node: NodeSpec, method: str, error: BaseException) -> Problem:
    """The problem that ``method`` of the box raised ``error``; what a signal raised is raised again."""
    if from_signal(error):
        raise error
    # Foreign code runs there: whatever it raises is a fault of that box, told with its name.
    fails = f"cannot check its {method[6:]}" if method.startswith("check_") else f"fails in {method}"
    message = f"`{node.name}` {fails}: {told(error)}"
    return Problem("LG222", message, node.path, hint=f"mend {node.processor.__qualname__}.{method}")


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """A text that is filled in when a call starts is a text like any other here."""
    return {name: str(value) if isinstance(value, str) else value for name, value in options.items()}
