"""SVG with a layout of its own, in light and dark, for pages and for printing."""

from __future__ import annotations

import itertools
import unicodedata
from xml.sax.saxutils import escape, quoteattr

from ..picture import Arrow, Box, Picture
from .layers import Layout, Route, Vertex, ends_of, lay_out

__all__ = ["draw_svg"]

_EM_SANS, _EM_MONO = 0.61, 0.605
"""Mean width of a character, in units of the font's size; a little more than common fonts have."""
_TITLE_PX, _SMALL_PX = 14, 11
_PORT_ROW, _TITLE_ROWS = 18.0, 40.0
_LABEL_RANK, _MARGIN, _HEAD = 66.0, 20.0, 30.0
_KINDS = {"source": "source", "sink": "sink", "service": "service"}

_STYLE = """
  :root { color-scheme: light dark }
  .page { fill: #ffffff } .box { fill: #f7f8fa; stroke: #9aa3ad }
  .inserted { stroke-dasharray: 5 4 }
  .bar { fill: #607080 } .source .bar { fill: #2b8a3e } .sink .bar { fill: #1971c2 } .service .bar { fill: #8d3fc0 }
  text { fill: #1b1f24; font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .title { font: 600 14px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
  .head { font: 600 16px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
  .muted { fill: #5b6673 }
  .line { fill: none; stroke: #57616c; stroke-width: 1.4 } .back { stroke-dasharray: 5 4 }
  .tip { fill: #57616c }
  @media (prefers-color-scheme: dark) {
    .page { fill: #14171b } .box { fill: #1f242a; stroke: #5d6874 }
    text { fill: #e8ebee } .muted { fill: #9fabb7 }
    .bar { fill: #8496a8 } .source .bar { fill: #51cf66 } .sink .bar { fill: #4dabf7 } .service .bar { fill: #c77dff }
    .line { stroke: #a3afbb } .tip { fill: #a3afbb }
  }
"""


def draw_svg(picture: Picture) -> str:
    """The picture as an SVG document; it follows the light or dark scheme of whoever looks at it."""
    boxes = {box.name: box for box in picture.boxes}
    layout = lay_out(
        picture,
        box_width=lambda name: _box_width(boxes[name], picture),
        port_width=_port_width,
        label_width=lambda arrow: max(_mono(line) for line in _label_lines(arrow)) + 12,
    )
    heights = {box.name: _box_height(box, layout) for box in picture.boxes}
    tops, bottom = _rank_tops(layout, heights)
    right = max((vertex.x + vertex.right for rank in layout.ranks for vertex in rank), default=0.0)
    width = max(right, _sans(picture.title) * 16 / _TITLE_PX) + 2 * _MARGIN
    head = _HEAD if picture.title else 0.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{bottom + head + 2 * _MARGIN:.0f}" '
        f'viewBox="0 0 {width:.0f} {bottom + head + 2 * _MARGIN:.0f}" role="img">',
        f"<title>{escape(_line(picture.title) or 'graph')}</title>",
        f"<desc>{escape(_describe(picture))}</desc>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto" markerUnits="userSpaceOnUse"><path class="tip" d="M0 0 8 4 0 8Z"/></marker></defs>',
        '<rect class="page" width="100%" height="100%"/>',
    ]
    if picture.title:
        parts.append(
            f'<text class="head" x="{_MARGIN:.0f}" y="{_MARGIN + 14:.0f}">{escape(_line(picture.title))}</text>'
        )
    parts.append(f'<g transform="translate({_MARGIN:.0f} {_MARGIN + head:.0f})">')
    parts += [_route(route, layout, tops, heights) for route in layout.routes]
    parts += [
        _label(vertex, picture.arrows[vertex.label_of], tops[vertex.rank])
        for rank in layout.ranks
        for vertex in rank
        if vertex.label_of >= 0
    ]
    parts += [_box(box, layout, tops, heights) for box in picture.boxes]
    return "\n".join([*parts, "</g>", "</svg>"])


def _rank_tops(layout: Layout, heights: dict[str, float]) -> tuple[dict[int, float], float]:
    """The upper edge of every rank, and the lower edge of the last."""
    tops: dict[int, float] = {}
    at = 0.0
    for rank in layout.ranks:
        tops[rank[0].rank] = at
        tallest = max((heights[vertex.box] for vertex in rank if vertex.box), default=0.0)
        at += tallest if rank[0].rank % 2 == 0 else _LABEL_RANK
    return tops, at


def _box_width(box: Box, picture: Picture) -> float:
    layer = {other.name: other.layer for other in picture.boxes}
    # An arrow that points up leaves its box above and arrives below.
    up = [arrow for arrow in picture.arrows if layer[arrow.target] < layer[arrow.source]]
    leaving = {arrow.output for arrow in up if arrow.source == box.name}
    arriving = {arrow.input for arrow in up if arrow.target == box.name}
    above = {*box.inputs} - arriving | leaving
    below = {*box.outputs} - leaving | arriving
    ports = max(sum(map(_port_width, above)), sum(map(_port_width, below))) + 12
    return max(_sans(box.name) + 36, _mono(box.use) + 36, ports, 120.0)


def _box_height(box: Box, layout: Layout) -> float:
    sides = (layout.upper_ports, layout.lower_ports)
    return _TITLE_ROWS + _PORT_ROW * sum(any(port[0] == box.name for port in side) for side in sides)


def _box(box: Box, layout: Layout, tops: dict[int, float], heights: dict[str, float]) -> str:
    vertex = layout.boxes[box.name]
    x, y, height = vertex.x - vertex.left, tops[vertex.rank], heights[box.name]
    dashed = " inserted" if box.inserted else ""
    above = [(port, offset) for port, offset in layout.upper_ports.items() if port[0] == box.name]
    below = [(port, offset) for port, offset in layout.lower_ports.items() if port[0] == box.name]
    middle = y + (_PORT_ROW if above else 0.0)
    lines = [
        f'<g class="{_KINDS.get(box.kind, "processor")}">',
        f'<rect class="box{dashed}" x="{x:.1f}" y="{y:.1f}" width="{2 * vertex.left:.1f}" '
        f'height="{height:.1f}" rx="7"/>',
        f'<rect class="bar" x="{x + 6:.1f}" y="{middle + 8:.1f}" width="4" height="{_TITLE_ROWS - 14:.1f}" rx="2"/>',
    ]
    named = box.name != box.use
    lines.append(_text(box.name, x + 18, middle + (17 if named else 25), "title"))
    if named or box.inserted:
        said = (box.use if named else "") + (" (inserted)" if box.inserted else "")
        lines.append(_text(said.strip(), x + 18, middle + 32, "muted"))
    for (_, port), offset in above:
        lines.append(_text(port, vertex.x + offset, y + 13, "muted", middle=True))
    for (_, port), offset in below:
        lines.append(_text(port, vertex.x + offset, y + height - 6, "muted", middle=True))
    return "\n".join([*lines, "</g>"])


def _route(route: Route, layout: Layout, tops: dict[int, float], heights: dict[str, float]) -> str:
    upper_port, lower_port = ends_of(route)
    upper, lower = layout.boxes[route.upper], layout.boxes[route.lower]
    points = [(upper.x + layout.lower_ports[upper_port], tops[upper.rank] + heights[route.upper])]
    for vertex in route.points:
        top = tops[vertex.rank]
        if vertex.rank % 2:
            points += [(vertex.x, top + 18), (vertex.x, top + _LABEL_RANK - 18)]
        else:
            tallest = max(
                heights[box.box]
                for rank in layout.ranks
                for box in rank
                if box.box and box.rank == vertex.rank
            )
            points += [(vertex.x, top), (vertex.x, top + tallest)]
    if route.points[-1].rank > lower.rank:
        points.append((lower.x + layout.lower_ports[lower_port], tops[lower.rank] + heights[route.lower]))
    else:
        points.append((lower.x + layout.upper_ports[lower_port], tops[lower.rank]))
    if route.upward:
        points.reverse()
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 == x1:
            path += f" V{y1:.1f}"
        else:
            bend = (y1 - y0) / 2
            path += f" C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}"
    back = " back" if route.arrow.feedback else ""
    told = f"{route.arrow.source}.{route.arrow.output} -> {route.arrow.target}.{route.arrow.input}"
    return f'<path class="line{back}" marker-end="url(#tip)" d={quoteattr(path)}><title>{escape(told)}</title></path>'


def _label(vertex: Vertex, arrow: Arrow, top: float) -> str:
    first, *others = _label_lines(arrow)
    middle = top + _LABEL_RANK / 2
    lines = [_text(first, vertex.x + 7, middle + (-2 if others else 4))]
    lines += [_text(other, vertex.x + 7, middle + 12, "muted") for other in others]
    return "\n".join(lines)


def _label_lines(arrow: Arrow) -> list[str]:
    what = " ".join(part for part in (arrow.flows, arrow.format) if part)
    return [what, arrow.policy] if arrow.policy else [what]


def _text(text: str, x: float, y: float, kind: str = "", *, middle: bool = False) -> str:
    classed = f' class="{kind}"' if kind else ""
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text{classed} x="{x:.1f}" y="{y:.1f}"{anchor}>{escape(_line(text))}</text>'


def _describe(picture: Picture) -> str:
    """The picture in words, for those who cannot see it."""
    return "; ".join(f"{arrow.source} to {arrow.target}: {arrow.label}" for arrow in picture.arrows)


def _line(text: str) -> str:
    """Text on one line, without what XML cannot carry."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _port_width(port: str) -> float:
    return _mono(port) + 16


def _ems(text: str) -> float:
    return sum(1.7 if unicodedata.east_asian_width(character) in "WF" else 1.0 for character in text)


def _mono(text: str) -> float:
    return _ems(text) * _SMALL_PX * _EM_MONO


def _sans(text: str) -> float:
    return _ems(text) * _TITLE_PX * _EM_SANS
