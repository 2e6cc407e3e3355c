"""DOT: what Graphviz draws."""

from __future__ import annotations

from ..picture import Arrow, Box, Picture

__all__ = ["draw_dot"]

_COLOURS = {"source": "#2e7d32", "sink": "#1565c0", "service": "#7b1fa2", "processor": "#546e7a"}


def draw_dot(picture: Picture) -> str:
    """A digraph, from top to bottom; boxes show their connected ports, feedback is dashed."""
    lines = [
        f"digraph {_quoted(picture.title or 'graph')} {{",
        "  rankdir=TB;",
        '  node [shape=record, style=rounded, fontname="Helvetica", fontsize=12];',
        '  edge [fontname="Helvetica", fontsize=10];',
    ]
    lines += [f"  {_box(box)}" for box in picture.boxes]
    lines += [f"  {_arrow(arrow)}" for arrow in picture.arrows]
    return "\n".join([*lines, "}"])


def _box(box: Box) -> str:
    name = _field(box.name) + ("" if box.use == box.name else rf"\n{_field(box.use)}")
    inputs = "|".join(f"<in_{port}> {_field(port)}" for port in box.inputs)
    outputs = "|".join(f"<out_{port}> {_field(port)}" for port in box.outputs)
    # Braces turn the record: ports side by side, above and below the name.
    rows = [f"{{{inputs}}}" if inputs else "", name, f"{{{outputs}}}" if outputs else ""]
    label = "{" + "|".join(row for row in rows if row) + "}"
    style = ', style="rounded,dashed"' if box.inserted else ""
    colour = _COLOURS.get(box.kind, _COLOURS["processor"])
    return f'{_quoted(box.name)} [label="{label}", color="{colour}"{style}];'


def _arrow(arrow: Arrow) -> str:
    ends = f"{_quoted(arrow.source)}:out_{arrow.output}", f"{_quoted(arrow.target)}:in_{arrow.input}"
    style = ", style=dashed, constraint=false" if arrow.feedback else ""
    return f"{ends[0]} -> {ends[1]} [label={_quoted(arrow.label)}{style}];"


def _quoted(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _field(text: str) -> str:
    """Text of a record, where braces, bars and angle brackets mean something."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return "".join(f"\\{character}" if character in "{}|<>" else character for character in plain)
