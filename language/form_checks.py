"""What every part of the grammar does to a mapping of the file: take its keys, and complain of the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..pipeline.convert import Steps
from ..pipeline.convert.hints import show
from ..pipeline.convert.scalars import EnvText
from ..pipeline.errors import Fix, Problem
from ..pipeline.spelling import did_you_mean, sure

__all__ = ["Shape", "is_missing", "meant"]

_NODE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(/[A-Za-z_][A-Za-z0-9_-]*)*")
_AGENT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


_ELSEWHERE = {
    "prompt": "instructions",
    "system_prompt": "instructions",
    "system_instruction": "instructions",
    "first_message": "greeting",
    "functions": "tools",
    "graph": "nodes",
    "steps": "pipeline",
    "desc": "description",
}
"""What other tools call our keys."""


_MOST_UNKNOWN = 50
"""Of one mapping so many are told one by one."""


def meant(name: str, choices: Iterable[str], left: Iterable[str]) -> tuple[str, str | None]:
    """What an unknown key was meant to be: a hint, and the one of those ``left`` that it is without doubt."""
    known = list(choices)
    other = _ELSEWHERE.get(name.lower(), "")
    if other in known:
        return f"did you mean `{other}`?", other if other in left else None
    certain = sure(name, left)
    if certain is not None:
        return f"did you mean `{certain}`?", certain
    return did_you_mean(name, known, label="keys"), None


def is_missing(value: Any) -> bool:
    """Whether the value lacks an environment variable, which was reported already."""
    return isinstance(value, EnvText) and value.missing


@dataclass(slots=True)
class Shape:
    """Collects problems of form. A method that returns ``None`` for a given value has reported why."""

    problems: list[Problem] = field(default_factory=list)

    def fault(
        self,
        code: str,
        message: str,
        path: Steps,
        hint: str = "",
        *,
        key: bool = False,
        fix: str | Fix | None = None,
    ) -> None:
        """Leave a problem; ``fix`` is what to write instead, where there is no doubt."""
        mended = Fix(fix) if isinstance(fix, str) else fix
        self.problems.append(Problem(code, message, path, key=key, hint=hint, fix=mended))

    def mapping(self, value: Any, path: Steps, what: str, hint: str = "") -> dict[str, Any] | None:
        """A mapping; nothing at all counts as an empty one."""
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self._wrong(value, path, what, "a mapping", hint)
        return None

    def sequence(self, value: Any, path: Steps, what: str, hint: str = "") -> list[Any] | None:
        """A list."""
        if isinstance(value, list):
            return value
        self._wrong(value, path, what, "a list", hint)
        return None

    def text(self, value: Any, path: Steps, what: str, hint: str = "") -> str | None:
        """Text."""
        if isinstance(value, str) and not is_missing(value):
            return str(value)
        quotable = isinstance(value, bool | int | float)
        fix = Fix(how="quote") if quotable else None
        self._wrong(value, path, what, "text", hint or ("put it in quotes" if quotable else ""), fix)
        return None

    def unknown_keys(self, given: Iterable[str], known: Iterable[str], path: Steps, owner: str) -> list[str]:
        """Complain of every key that is not known; returns them."""
        choices, written = list(known), list(given)
        unknown = [key for key in written if key not in choices]
        left = [key for key in choices if key not in written]
        for name in self.first_unknown(unknown, path, owner):
            hint, certain = meant(name, choices, left)
            message = f"unknown key `{name[:60]}` {owner}"
            self.fault("LG101", message, (*path, name), hint, key=True, fix=certain)
        return unknown

    def first_unknown(self, unknown: list[str], path: Steps, owner: str) -> list[str]:
        """Those of the ``unknown`` keys that are worth a line each; complains of the others together."""
        if more := unknown[_MOST_UNKNOWN:]:
            # Some other file, and not a slip of the pen: thousands of lines would tell nobody more.
            message = f"`{more[0][:60]}` and all further keys, {len(more)} of them, are unknown {owner}"
            self.fault("LG101", message, (*path, more[0]), "is this an agent file?", key=True)
        return unknown[:_MOST_UNKNOWN]

    def node_name(self, name: str, path: Steps, *, key: bool = False) -> bool:
        """Whether ``name`` can name a node; ``front/gate`` is the node ``gate`` of the template ``front``."""
        if _NODE_NAME.fullmatch(name):
            return True
        hint = "letters, digits, `_` and `-`, beginning with a letter"
        self.fault("LG107", f"`{name[:60]}` cannot name a node", path, hint, key=key)
        return False

    def agent_name(self, name: str, path: Steps, *, key: bool = False) -> bool:
        """Whether ``name`` can name an agent."""
        if _AGENT_NAME.fullmatch(name):
            return True
        hint = "letters, digits, `_`, `-` and `.`, as it stands in addresses"
        self.fault("LG107", f"`{name[:60]}` cannot name an agent", path, hint, key=key)
        return False

    def _wrong(
        self, value: Any, path: Steps, what: str, expected: str, hint: str, fix: Fix | None = None
    ) -> None:
        if not is_missing(value):
            self.fault("LG102", f"{what} must be {expected}, not {show(value)}", path, hint, fix=fix)
