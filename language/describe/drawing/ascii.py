"""A graph in a terminal: boxes below each other, and rails beside them from output to input.

::

    ╭─ mic · webrtc_in ────╮
    │                audio ├─╮ audio 16 kHz mono · direct
    ╰──────────────────────╯ │
    ╭─ gate · vad_gate ────╮ │
    │ audio                ◀─╯
    ...
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ..picture import Arrow, Picture
from .rails import Cross, Rail, assign_columns, crossings

__all__ = ["draw_ascii"]

_NARROWEST, _WIDEST_BOX = 24, 46
_LEAST_LABEL = 16
"""With less room than this for labels, a list is easier to read than a drawing."""


@dataclass(frozen=True, slots=True)
class _Pen:
    """The characters of a drawing."""

    corners: str
    """Of a box: top left, top right, bottom left, bottom right."""
    line: str
    wall: str
    dashed: str
    """The line of a box that was put in."""
    leave: str
    arrive: str
    cells: str
    """By the bits up 8, down 4, left 2, right 1."""
    ellipsis: str
    dot: str


_UNICODE = _Pen("╭╮╰╯", "─", "│", "╌", "├", "◀", " ╶╴─╷╭╮┬╵╰╯┴│├┤┼", "…", "·")
_PLAIN = _Pen("++++", "-", "|", ".", "|", "<", " ---|+++|+++|+++", "~", "-")


@dataclass(slots=True)
class _Row:
    """One line of the list of boxes."""

    text: str
    label: str = ""


def draw_ascii(picture: Picture, *, width: int = 100, plain: bool = False) -> str:
    """The picture, at most ``width`` columns wide; ``plain`` uses no character beyond ASCII.

    Where boxes, rails and labels do not fit side by side, a list of nodes and edges says the same.
    """
    pen = _PLAIN if plain else _UNICODE
    rails, rows = _compose(picture, pen)
    columns = assign_columns([rail for rail, _ in rails])
    inner = max((_cells(row.text) for row in rows), default=0)
    room = width - inner - 2 * columns - 2
    if room < min(_LEAST_LABEL, max((_cells(row.label) for row in rows), default=0)):
        return _list(picture, width, pen)
    lines: list[str] = []
    for number, row in enumerate(rows):
        cells = crossings([rail for rail, _ in rails], number)
        drawn = (row.text + _rail_text(cells, columns, pen)).rstrip()
        if row.label:
            used = inner + 2 * (max(cells, default=-1) + 1)
            drawn = drawn.ljust(used) + " " + _clip(row.label, width - used - 1, pen)
        lines.append(drawn.rstrip())
    head = [_clip(picture.title, width, pen), ""] if picture.title else []
    return _encoded("\n".join([*head, *lines]), plain)


def _compose(picture: Picture, pen: _Pen) -> tuple[list[tuple[Rail, Arrow]], list[_Row]]:
    """The rows of all boxes, and the rails between them. Arrows of one output that say the same share a rail."""
    titles = {box.name: _title(box.name, box.use, pen) for box in picture.boxes}
    names = [arrow.output for arrow in picture.arrows] + [arrow.input for arrow in picture.arrows]
    longest = max(
        [_cells(text) + 6 for text in titles.values()] + [_cells(name) + 6 for name in names] or [0]
    )
    inner = max(_NARROWEST, min(_WIDEST_BOX, longest)) - 2
    rows: list[_Row] = []
    begun: dict[tuple[str, str, str], int] = {}
    ended: dict[tuple[str, str, str, str], int] = {}
    for box in picture.boxes:
        line = pen.dashed if box.inserted else pen.line
        title = _clip(titles[box.name], inner - 4, pen)
        bar = f"{line} {title} {line * (inner - _cells(title) - 3)}"
        rows.append(_Row(f"{pen.corners[0]}{bar}{pen.corners[1]}"))
        arriving = [arrow for arrow in picture.arrows if arrow.target == box.name]
        for arrow in sorted(arriving, key=lambda arrow: box.inputs.index(arrow.input)):
            key = (arrow.source, arrow.output, arrow.label, f"{arrow.target}.{arrow.input}")
            ended[key] = len(rows)
            rows.append(_Row(f"{pen.wall} {_pad(_clip(arrow.input, inner - 2, pen), inner - 1)}{pen.arrive}"))
        for arrow in (arrow for arrow in picture.arrows if arrow.source == box.name):
            start = (arrow.source, arrow.output, arrow.label)
            if start not in begun:
                begun[start] = len(rows)
                name = _clip(arrow.output, inner - 2, pen)
                rows.append(
                    _Row(f"{pen.wall}{' ' * (inner - 1 - _cells(name))}{name} {pen.leave}", _label(arrow))
                )
        rows.append(_Row(f"{pen.corners[2]}{line * inner}{pen.corners[3]}"))
    rails: dict[tuple[str, str, str], tuple[Rail, Arrow]] = {}
    for arrow in picture.arrows:
        start = (arrow.source, arrow.output, arrow.label)
        end = ended[(*start, f"{arrow.target}.{arrow.input}")]
        if start in rails:
            rails[start][0].ends.append(end)
        else:
            rails[start] = (Rail(begun[start], [end]), arrow)
    return list(rails.values()), rows


def _rail_text(cells: dict[int, Cross], columns: int, pen: _Pen) -> str:
    text = ""
    for column in range(columns):
        cell = cells.get(column, Cross())
        lead = pen.line if cell.left else " "
        text += lead + pen.cells[8 * cell.up + 4 * cell.down + 2 * cell.left + cell.right]
    return text


def _list(picture: Picture, width: int, pen: _Pen) -> str:
    """Nodes and edges one below the other: what is left when a drawing does not fit."""
    lines = [picture.title, ""] if picture.title else []
    for box in picture.boxes:
        lines.append(_title(box.name, box.use, pen) + (" (inserted)" if box.inserted else ""))
        for arrow in (arrow for arrow in picture.arrows if arrow.source == box.name):
            lines.append(f"  {arrow.output} -> {arrow.target}.{arrow.input}")
            lines.append(f"    {_label(arrow)}")
    return _encoded("\n".join(_clip(line, width, pen) for line in lines), pen is _PLAIN)


def _encoded(text: str, plain: bool) -> str:
    return text.replace("·", _PLAIN.dot).encode("ascii", "replace").decode() if plain else text


def _label(arrow: Arrow) -> str:
    return arrow.label + (" · feedback" if arrow.feedback else "")


def _title(name: str, use: str, pen: _Pen) -> str:
    return name if name == use else f"{name} {pen.dot} {use}"


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))


def _clip(text: str, width: int, pen: _Pen) -> str:
    if _cells(text) <= width:
        return text
    kept = text
    while kept and _cells(kept) > width - 1:
        kept = kept[:-1]
    return kept + pen.ellipsis
