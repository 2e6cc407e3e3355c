"""A problem with its place in a file."""

from __future__ import annotations

from dataclasses import dataclass

from ..pipeline.errors import Problem
from ..yaml12 import Edit, Span

__all__ = ["Diagnostic", "Edit", "Related", "Span"]


@dataclass(frozen=True, slots=True)
class Related:
    """Another line that has a part in a problem: the one that includes a file, or uses a template."""

    file: str
    span: Span
    message: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem of one file, ready to be printed."""

    file: str
    span: Span
    problem: Problem
    excerpt: str = ""
    """The line where the span starts, without secrets; empty when there is none to show."""
    edit: Edit | None = None
    """What mends it, where there is no doubt."""
    related: tuple[Related, ...] = ()
    """The lines that brought the one at fault in, the nearest first."""

    @property
    def severity(self) -> str:
        """``error`` or ``warning``."""
        return "warning" if self.problem.warning else "error"
