"""The boxes that the short form stands for. Which they are is data: ``short_form.yaml``."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ..yaml12 import load

__all__ = ["Part", "agent_keys", "home_part", "parts"]


@dataclass(frozen=True, slots=True)
class Part:
    """One box of the row."""

    box: str
    section: str
    """The key below ``agent`` with its options."""
    keys: tuple[str, ...] = ()
    """Options of it that have a key of their own below ``agent``."""
    home: bool = False
    """Whether ``agent`` itself is its place."""
    optional: bool = False
    """Whether ``section: false`` leaves it out."""
    needs: str = ""
    """The key without which it is left out."""


@functools.cache
def parts() -> tuple[Part, ...]:
    """All of them, in their order."""
    text = resources.files(__package__).joinpath("short_form.yaml").read_text("utf-8")
    entries: list[dict[str, Any]] = load(text)
    return tuple(Part(**{**entry, "keys": tuple(entry.get("keys", ()))}) for entry in entries)


@functools.cache
def home_part() -> Part:
    """The one whose place is ``agent`` itself."""
    return next(part for part in parts() if part.home)


@functools.cache
def agent_keys() -> tuple[str, ...]:
    """Every key below ``agent``: options of their own first, then sections."""
    home = home_part()
    own = [*home.keys, *(key for part in parts() if part is not home for key in part.keys)]
    return (*own, home.section, *(part.section for part in parts() if part is not home))
