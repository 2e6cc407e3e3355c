"""Mermaid: what Markdown viewers draw."""

from __future__ import annotations

import re

from ..picture import Arrow, Box, Picture

__all__ = ["draw_mermaid"]

_SHAPES = {
    "source": ('(["', '"])'),
    "sink": ('(["', '"])'),
    "service": ('{{"', '"}}'),
    "processor": ('["', '"]'),
}
# Words that mean something in a flowchart.
_RESERVED = re.compile(
    r"(end|graph|flowchart|subgraph|style|class|classDef|click|linkStyle|default|direction)", re.IGNORECASE
)


def draw_mermaid(picture: Picture) -> str:
    """A flowchart, from top to bottom; feedback is dotted, inserted resamplers have a dashed border."""
    ids = _ids(picture)
    lines = ["flowchart TB"]
    if picture.title:
        lines = ["---", f"title: {_title(picture.title)}", "---", *lines]
    lines += [f"    {_box(box, ids[box.name])}" for box in picture.boxes]
    lines += [f"    {_arrow(arrow, ids)}" for arrow in picture.arrows]
    inserted = [ids[box.name] for box in picture.boxes if box.inserted]
    if inserted:
        lines.append("    classDef inserted stroke-dasharray: 4 3")
        lines.append(f"    class {','.join(inserted)} inserted")
    return "\n".join(lines)


def _ids(picture: Picture) -> dict[str, str]:
    ids: dict[str, str] = {}
    for box in picture.boxes:
        made = re.sub(r"\W", "_", box.name, flags=re.ASCII)
        if _RESERVED.fullmatch(made):
            made = f"n_{made}"
        while made in ids.values():
            made += "_"
        ids[box.name] = made
    return ids


def _box(box: Box, name: str) -> str:
    left, right = _SHAPES.get(box.kind, _SHAPES["processor"])
    below = "" if box.use == box.name else f"<br/>{_text(box.use)}"
    return f"{name}{left}{_text(box.name)}{below}{right}"


def _arrow(arrow: Arrow, ids: dict[str, str]) -> str:
    line = "-.->" if arrow.feedback else "-->"
    return f'{ids[arrow.source]} {line}|"{_text(arrow.label)}"| {ids[arrow.target]}'


def _text(text: str) -> str:
    """Text between quotes: entities are Mermaid's own escape."""
    plain = " ".join(text.split())
    for character, entity in (("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        plain = plain.replace(character, entity)
    return plain


def _title(text: str) -> str:
    """A YAML scalar."""
    quoted = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
