"""A layered layout, from top to bottom (after Sugiyama, Tagawa and Toda).

Boxes stand in ranks 0, 2, 4, ... by their layer; in the ranks between, and wherever an arrow passes a layer, it has a
waypoint, one of which carries its label. So labels take part in the layout and nothing lies on anything. Order
within ranks: barycentres; places: each vertex as near to its neighbours as its order and its size let it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..picture import Arrow, Picture

__all__ = ["Layout", "Route", "Vertex", "lay_out"]

_GAP = 22.0
_SWEEPS = 12


@dataclass(slots=True, eq=False)
class Vertex:
    """A box, or a waypoint of an arrow. It reaches ``left`` and ``right`` of its place ``x``."""

    rank: int
    left: float
    right: float
    box: str = ""
    label_of: int = -1
    """Index of the arrow whose label stands here."""
    x: float = 0.0
    weight: float = 1.0


@dataclass(slots=True)
class Route:
    """The way of one arrow: waypoints from its upper end to its lower one."""

    arrow: Arrow
    upper: str
    lower: str
    upward: bool
    """Whether the arrow points up: feedback from a later layer."""
    points: list[Vertex] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """Where everything is. ``ports`` are offsets from the middle of their box."""

    boxes: dict[str, Vertex]
    routes: list[Route]
    ranks: list[list[Vertex]]
    upper_ports: dict[tuple[str, str], float]
    """Of the top edge of a box, by box and port."""
    lower_ports: dict[tuple[str, str], float]


Port = tuple[str, str]
Link = tuple[Vertex, float, Vertex, float]
"""Two vertices in adjacent ranks, each with the offset at which the line meets it; the upper one first."""


def lay_out(
    picture: Picture,
    *,
    box_width: Callable[[str], float],
    port_width: Callable[[str], float],
    label_width: Callable[[Arrow], float],
) -> Layout:
    """Place the boxes and labels of ``picture``; widths are in the units that places come in."""
    layer = {box.name: box.layer for box in picture.boxes}
    boxes = {}
    for box in picture.boxes:
        half = box_width(box.name) / 2
        boxes[box.name] = Vertex(2 * box.layer, half, half, box=box.name, weight=2.0)
    routes = [_route(arrow, number, layer, label_width(arrow)) for number, arrow in enumerate(picture.arrows)]
    ranks: list[list[Vertex]] = [[] for _ in range(2 * max(layer.values(), default=0) + 2)]
    for vertex in [*boxes.values(), *(point for route in routes for point in route.points)]:
        ranks[vertex.rank].append(vertex)
    layout = Layout(boxes, routes, [rank for rank in ranks if rank], {}, {})
    _order(layout)
    for _ in range(2):
        # Ports are ordered by where their arrows go, which depends on where the boxes are.
        _place(layout)
        _arrange_ports(layout, port_width)
    _place(layout)
    return layout


def _route(arrow: Arrow, number: int, layer: dict[str, int], width: float) -> Route:
    source, target = layer[arrow.source], layer[arrow.target]
    upward = target < source
    upper, lower = (arrow.target, arrow.source) if upward else (arrow.source, arrow.target)
    # Between two boxes of one layer, or from a box to itself, the way leads through the rank below.
    ranks = range(2 * layer[upper] + 1, max(2 * layer[lower], 2 * layer[upper] + 2))
    points = [Vertex(rank, 6.0, 6.0, weight=4.0) for rank in ranks]
    labelled = points[-1] if upward else points[0]
    labelled.label_of, labelled.right = number, width
    return Route(arrow, upper, lower, upward, points)


def _links(layout: Layout) -> list[Link]:
    links: list[Link] = []
    for route in layout.routes:
        upper_port, lower_port = ends_of(route)
        chain: list[tuple[Vertex, float]] = [
            (layout.boxes[route.upper], layout.lower_ports.get(upper_port, 0.0)),
            *((point, 0.0) for point in route.points),
        ]
        side = (
            layout.lower_ports
            if route.points[-1].rank > layout.boxes[route.lower].rank
            else layout.upper_ports
        )
        chain.append((layout.boxes[route.lower], side.get(lower_port, 0.0)))
        links += [(*one, *other) for one, other in itertools.pairwise(chain)]
    return links


def ends_of(route: Route) -> tuple[Port, Port]:
    """The ports at the upper and the lower end of a route."""
    arrow = route.arrow
    ends = ((arrow.source, arrow.output), (arrow.target, arrow.input))
    return (ends[1], ends[0]) if route.upward else ends


def _order(layout: Layout) -> None:
    """Sort the ranks so that few lines cross; the best order of several sweeps stays."""
    links = _links(layout)
    best, fewest = [list(rank) for rank in layout.ranks], _count_crossings(layout.ranks, links)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for rank in layout.ranks if down else reversed(layout.ranks):
            _sort_rank(rank, layout.ranks, links)
        crossings = _count_crossings(layout.ranks, links)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in layout.ranks], crossings
    layout.ranks[:] = best


def _sort_rank(rank: list[Vertex], ranks: Sequence[list[Vertex]], links: Sequence[Link]) -> None:
    place = {id(vertex): index for other in ranks for index, vertex in enumerate(other)}
    size = {id(vertex): max(1, len(other) - 1) for other in ranks for vertex in other}
    wish: dict[int, float] = {}
    for vertex in rank:
        near = [other for one, _, other, _ in links if one is vertex]
        near += [one for one, _, other, _ in links if other is vertex]
        # Relative to the rank's size, for ranks differ much in how many they hold.
        places = [place[id(other)] / size[id(other)] for other in near]
        own = place[id(vertex)] / size[id(vertex)]
        wish[id(vertex)] = sum(places) / len(places) if places else own
    rank.sort(key=lambda vertex: (wish[id(vertex)], place[id(vertex)]))


def _count_crossings(ranks: Sequence[list[Vertex]], links: Sequence[Link]) -> int:
    place = {id(vertex): index for rank in ranks for index, vertex in enumerate(rank)}
    ends = [
        (one.rank, place[id(one)], place[id(other)]) for one, _, other, _ in links if one.rank < other.rank
    ]
    return sum(
        one[0] == other[0] and (one[1] - other[1]) * (one[2] - other[2]) < 0
        for index, one in enumerate(ends)
        for other in ends[index + 1 :]
    )


def _place(layout: Layout) -> None:
    """Give every vertex its ``x``."""
    links = _links(layout)
    for rank in layout.ranks:
        _spread(rank, [0.0] * len(rank))
    for sweep in range(_SWEEPS):
        for rank in layout.ranks if sweep % 2 == 0 else reversed(layout.ranks):
            wishes = []
            for vertex in rank:
                near = [other.x + at - own for one, own, other, at in links if one is vertex]
                near += [one.x + at - own for one, at, other, own in links if other is vertex]
                wishes.append(sum(near) / len(near) if near else vertex.x)
            _spread(rank, wishes)
    left = min((vertex.x - vertex.left for rank in layout.ranks for vertex in rank), default=0.0)
    for rank in layout.ranks:
        for vertex in rank:
            vertex.x -= left


def _spread(rank: Sequence[Vertex], wishes: Sequence[float], gap: float = _GAP) -> None:
    """Put vertices as near to where they wish to be as their order and extent allow.

    The least sum of weighted squares: an isotonic regression, solved by pooling adjacent violators.
    """
    offsets: list[float] = []
    for index, vertex in enumerate(rank):
        before = offsets[-1] + rank[index - 1].right + gap + vertex.left if index else 0.0
        offsets.append(before)
    pools: list[tuple[float, float, int]] = []
    for vertex, wish, offset in zip(rank, wishes, offsets, strict=True):
        mean, weight, count = wish - offset, vertex.weight, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_count = pools.pop()
            mean = (mean * weight + other * other_weight) / (weight + other_weight)
            weight, count = weight + other_weight, count + other_count
        pools.append((mean, weight, count))
    index = 0
    for mean, _, count in pools:
        for _ in range(count):
            rank[index].x = mean + offsets[index]
            index += 1


def _arrange_ports(layout: Layout, width: Callable[[str], float]) -> None:
    """Order the ports on each edge of a box by where their lines go, and put them as near to it as the box reaches."""
    above: dict[Port, list[float]] = {}
    below: dict[Port, list[float]] = {}
    for route in layout.routes:
        upper, lower = ends_of(route)
        below.setdefault(upper, []).append(route.points[0].x)
        same = route.points[-1].rank > layout.boxes[route.lower].rank
        (below if same else above).setdefault(lower, []).append(route.points[-1].x)
    for wishes, offsets in ((above, layout.upper_ports), (below, layout.lower_ports)):
        offsets.clear()
        for name, box in layout.boxes.items():
            goals = {port: sum(near) / len(near) - box.x for port, near in wishes.items() if port[0] == name}
            ports = sorted(goals, key=lambda port: (goals[port], port[1]))
            halves = [width(port[1]) / 2 for port in ports]
            slots = [Vertex(0, half, half) for half in halves]
            _spread(slots, [goals[port] for port in ports], gap=0.0)
            for index, (port, slot) in enumerate(zip(ports, slots, strict=True)):
                least = -box.left + 2 * sum(halves[:index]) + halves[index]
                most = box.right - 2 * sum(halves[index + 1 :]) - halves[index]
                offsets[port] = max(least, min(most, slot.x))
