"""Whom the options of tools speak of: names of agents and personas that `allow` and `deny` have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ...pipeline.errors import ConfigError
from .python_host import Isolation, PythonHost
from .python_tools import PythonTools
from .selection import Selection
from .settings import ToolOptions
from .sources import make_source

__all__ = ["agents_named"]

_Path = tuple[str | int, ...]


def agents_named(entries: Iterable[Any], isolation: Isolation) -> Iterator[tuple[_Path, str]]:
    """Each name with its place in ``entries``; of a function that says so in Python, the place of its entry."""
    for index, entry in enumerate(entries):
        written: set[str] = set()
        for path, said in _options(entry):
            for key in ("allow", "deny"):
                who = getattr(said, key)
                for number, name in enumerate(who.agents if who is not None else ()):
                    written.add(name)
                    yield (index, *path, key, "agents", number), name
        if not isinstance(entry, ToolOptions) or isinstance(entry, PythonTools):
            named = _in_python(entry, isolation)
            yield from (((index,), name) for name in named if name not in written)


def _options(entry: Any) -> Iterator[tuple[_Path, ToolOptions]]:
    if isinstance(entry, ToolOptions):
        yield (), entry
    if isinstance(entry, Selection):
        for name, said in (entry.options or {}).items():
            yield ("options", name), said


def _in_python(entry: Any, isolation: Isolation) -> list[str]:
    try:
        tools = make_source(entry, PythonHost(isolation=isolation)).known()
    except ConfigError:  # told where the options are checked
        return []
    found = (who for tool in tools for who in (tool.settings.allow, tool.settings.deny) if who is not None)
    return list(dict.fromkeys(name for who in found for name in who.agents))
