"""An OpenAPI document as an entry of ``tools:``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..http.entry import Reach
from ..selection import Selection

__all__ = ["OpenApiTools"]


@dataclass(frozen=True, kw_only=True)
class OpenApiTools(Selection, Reach):
    """Operations of an OpenAPI document as tools: an entry of ``tools``."""

    openapi: Path | str
    """The document: a file, or an address."""
    server: str = ""
    """Where the service is, when it is not where the document says."""
    tags: tuple[str, ...] = ()
    """Operations of these tags, beside those that `only` names."""
