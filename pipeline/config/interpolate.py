"""``${VAR}`` in the scalars of a document that is parsed already, so that no value can change its shape.

- ``${VAR}``: the variable; a fault when it is not set
- ``${VAR:-default}``: the default when it is not set or empty
- ``${VAR:?message}``: a fault with this message when it is not set or empty
- ``$${``: the two characters ``${``

A default may hold references of its own. Codes: LG150 variable not set, LG151 not a reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..convert import Steps
from ..convert.scalars import EnvText
from ..errors import Problem
from ..spelling import did_you_mean

__all__ = ["interpolate"]

_MAX_DEPTH = 8
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MARK = re.compile(r"\$\$\{|\$\{|\}")


def interpolate(data: Any, environ: Mapping[str, str]) -> tuple[Any, list[Problem]]:
    """``data`` with every reference filled in, as ``EnvText``, and every fault.

    A scalar with a fault becomes an ``EnvText`` that is ``missing``.
    """
    filler = _Filler(environ)
    return filler.tree(data, ()), filler.problems


@dataclass(slots=True)
class _Filler:
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    path: Steps = ()
    values: list[str] = field(default_factory=list)
    """What the environment put into the scalar at hand."""

    def tree(self, data: Any, path: Steps) -> Any:
        if isinstance(data, dict):
            return {key: self.tree(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self.tree(value, (*path, index)) for index, value in enumerate(data)]
        if not isinstance(data, str) or "${" not in data:
            return data
        before, self.path, self.values = len(self.problems), path, []
        filled, _, used = self.fill(data, 0, 0)
        missing = len(self.problems) > before
        return (
            EnvText("" if missing else filled, data, tuple(self.values), missing=missing) if used else filled
        )

    def fill(self, text: str, at: int, depth: int) -> tuple[str, int, bool]:
        """``text`` from ``at`` to its end or the ``}`` that ends a default; where that is; any references?"""
        parts: list[str] = []
        used = False
        while match := _MARK.search(text, at):
            parts.append(text[at : match.start()])
            at = match.end()
            if match[0] == "${":
                value, at = self.reference(text, at, depth)
                parts.append(value)
                used = True
            elif match[0] == "$${":
                parts.append("${")
            elif depth:
                return "".join(parts), at, used
            else:
                parts.append("}")
        if depth:
            self.malformed("a `${` is not closed with `}`")
        return "".join([*parts, text[at:]]), len(text), used

    def reference(self, text: str, at: int, depth: int) -> tuple[str, int]:
        """The value of the reference whose name begins at ``at``, and where it ends."""
        name = _NAME.match(text, at)
        operator = text[name.end() : name.end() + 2] if name else ""
        if name is None or not (operator.startswith("}") or operator in (":-", ":?")) or depth == _MAX_DEPTH:
            end = text.find("}", at) + 1 or len(text)
            self.malformed(f"`{text[at - 2 : min(end, at + 40)]}` is not a reference to a variable")
            return "", end
        value = self.environ.get(name[0])
        if operator.startswith("}"):
            if value is None:
                hint = (
                    did_you_mean(name[0], self.environ) or f"set it, or give a default: ${{{name[0]}:-...}}"
                )
                self.fault("LG150", f"the environment variable `{name[0]}` is not set", hint)
            self.values.append(value or "")
            return value or "", name.end() + 1
        before = len(self.problems)
        rest, end, _ = self.fill(text, name.end() + 2, depth + 1)
        if value:
            # The other branch is not taken, so that what it lacks is not missing.
            self.problems[before:] = [
                problem for problem in self.problems[before:] if problem.code != "LG150"
            ]
            self.values.append(value)
            return value, end
        if operator == ":?":
            hint = f"set the environment variable `{name[0]}`"
            self.fault("LG150", rest.strip() or f"the environment variable `{name[0]}` is not set", hint)
        return rest, end

    def malformed(self, message: str) -> None:
        self.fault("LG151", message, "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ is a plain ${")

    def fault(self, code: str, message: str, hint: str) -> None:
        self.problems.append(Problem(code, message, self.path, hint=hint))
