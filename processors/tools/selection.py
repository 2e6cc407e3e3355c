"""Which functions of several an entry of ``tools`` takes, and what it calls them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ...pipeline.errors import ConfigError, Problem
from ...pipeline.spelling import did_you_mean
from .settings import FunctionOptions, ToolOptions

__all__ = ["Chosen", "Selection", "chosen", "tool_name"]


@dataclass(frozen=True, kw_only=True)
class Selection(ToolOptions):
    """The part of an entry that chooses functions and renames them, and what holds for all of them."""

    only: tuple[str, ...] = ()
    """Functions to take, by name; ``*`` stands for any characters. Left out, all."""
    without: tuple[str, ...] = ()
    """Functions not to take."""
    prefix: str = ""
    """What the model's names of them begin with."""
    options: dict[str, FunctionOptions] | None = None
    """What is said of single functions, by name: another name, a description, and how they are run."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One function that is taken."""

    name: str
    """What the model calls it."""
    options: FunctionOptions | None


def chosen(
    selection: Selection, names: Iterable[str], noun: str, *, strict: bool = True
) -> Mapping[str, Chosen]:
    """Which of ``names`` are taken, and under which name.

    Raises ``ConfigError`` for what the selection names and is not there; not when it is not ``strict``, since a
    server may have it tomorrow.
    """
    there = list(names)
    if strict:
        problems = [
            Problem(
                "LG230",
                f"`{key}` names `{name}`, and there is no such one among the {noun}",
                (key, *((index,) if isinstance(index, int) else (name,))),
                key=not isinstance(index, int),
                hint=did_you_mean(name, there, label=noun),
            )
            for key, index, name in _named(selection)
            if not any(fnmatchcase(one, name) for one in there)
        ]
        if problems:
            raise ConfigError(problems)
    found: dict[str, Chosen] = {}
    for name in there:
        if selection.only and not _among(name, selection.only):
            continue
        if _among(name, selection.without):
            continue
        own = (selection.options or {}).get(name)
        said = own.name if own is not None else None
        found[name] = Chosen(said or f"{selection.prefix}{name}", own)
    return found


def tool_name(text: str) -> str:
    """``text`` as a name that models accept: letters, digits, ``_``, ``.``, ``:`` and ``-``, at most 64 characters."""
    name = re.sub(r"[^A-Za-z0-9_.:-]+", "_", text).strip("_") or "tool"
    if not re.match(r"[A-Za-z_]", name):
        name = f"_{name}"
    return name[:64]


def _named(selection: Selection) -> Iterable[tuple[str, int | None, str]]:
    for index, name in enumerate(selection.only):
        yield "only", index, name
    for index, name in enumerate(selection.without):
        yield "without", index, name
    for name in selection.options or ():
        yield "options", None, name


def _among(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
