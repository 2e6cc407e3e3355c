"""Where a function is found, so that another process finds it too: a module, or the content of a file."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..graph.modules import adopt, file_source

__all__ = ["Place", "found_at", "place_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """A module and a name in it."""

    module: str
    attribute: str
    file: Path | None = None
    """Of a module that was made of a file; then ``source`` is its content."""
    source: bytes = b""


def place_of(module: str, attribute: str) -> Place:
    """The place of a name in a module of this process."""
    file, source = file_source(module) or (None, b"")
    return Place(module, attribute, file, source)


def found_at(place: Place) -> Any:
    """What is at ``place``, in this process or another. Raises what importing it does, and ``AttributeError``."""
    if place.file is not None:
        found: Any = adopt(place.module, place.file, place.source)
    else:
        found = sys.modules.get(place.module) or importlib.import_module(place.module)
    for part in place.attribute.split("."):
        found = getattr(found, part)
    return found
