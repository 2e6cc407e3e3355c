"""Pictures of graphs as text for a terminal, Mermaid, Graphviz's DOT, and SVG. No external program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from ..picture import Picture
from .ascii import draw_ascii
from .dot import draw_dot
from .mermaid import draw_mermaid
from .svg import draw_svg

__all__ = ["FORMATS", "Format", "draw_ascii", "draw_dot", "draw_mermaid", "draw_svg", "render"]

Format = Literal["ascii", "mermaid", "dot", "svg"]
FORMATS: tuple[Format, ...] = get_args(Format)

_DRAW: dict[Format, Callable[[Picture], str]] = {
    "ascii": draw_ascii,
    "mermaid": draw_mermaid,
    "dot": draw_dot,
    "svg": draw_svg,
}


def render(picture: Picture, format: Format) -> str:
    """The picture in one of ``FORMATS``, with no line end after the last line."""
    return _DRAW[format](picture)
