"""One tree laid over another: mappings are joined, everything else is replaced, ``null`` takes away.

Code: LG182 nothing is there to take away (warning).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..pipeline.convert import Steps
from ..pipeline.errors import Problem
from ..pipeline.spelling import did_you_mean
from .diagnostics import Diagnostic
from .origins import Tree

__all__ = ["merge"]


def merge(base: Tree, over: Tree, at: Steps = (), *, keep_null: bool = False) -> list[Diagnostic]:
    """Lay ``over`` over what ``base`` has at ``at``; returns what makes no sense.

    A list replaces a list. A key whose value is ``null`` is taken away; where there is none that is told, or with
    ``keep_null`` the ``null`` is what the key says.
    """
    merger = _Merger(base, over, keep_null)
    merger.lay(at, ())
    return merger.found


@dataclass(slots=True)
class _Merger:
    base: Tree
    over: Tree
    keep_null: bool
    found: list[Diagnostic] = field(default_factory=list)

    def lay(self, at: Steps, path: Steps) -> None:
        old, new = self.base.get(at), self.over.get(path)
        if not (isinstance(old, dict) and isinstance(new, dict)):
            origin = self.over.origins.get(path)
            self.base.put(at, self.over.subtree(path), key=None if origin is None else origin.key)
            return
        for name, value in new.items():
            inner, source = (*at, name), (*path, name)
            if value is not None or (self.keep_null and name not in old):
                self.lay(inner, source)
            elif name in old:
                self.base.remove(inner)
            else:
                message = f"there is no `{name[:60]}` to take away"
                hint = did_you_mean(name, old, label="keys")
                problem = Problem("LG182", message, source, key=True, hint=hint, warning=True)
                self.found.append(self.over.locate(problem))
