"""Where the boxes of a graph go: distances on paper follow distances in the graph, and no two boxes overlap.

Stress majorization (Gansner, Koren, North: Graph Drawing by Stress Majorization, 2004) finds the places; networkx gives
the distances in the graph. Boxes that still overlap are pushed apart. No chance is involved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, NamedTuple

_ROUNDS: Final = 120
_MOST_PUSHES: Final = 2000
_STRETCH: Final = 1.5  # boxes of text are wide, so the paper is stretched
_GAP: Final = 12.0
_MOST_STARTS: Final = 16
_MOST_TRIALS: Final = 6
_MOST_WORK: Final = 8_000  # pairs of boxes in all starts
_CROWD: Final = 0.04  # how much longer lines become with each further line at their ends, and at most
_MOST_CROWD: Final = 1.0
_PULL: Final = 0.06  # how fast a label returns to the middle of its line
_SAMPLES: Final = 24  # points at which a line is looked at
_YIELD: Final = 0.2  # how fast boxes leave lines


@dataclass(slots=True)
class Box:
    """A box and the place of its middle."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @property
    def left(self) -> float:
        """The smallest ``x`` of the box."""
        return self.x - self.width / 2

    @property
    def top(self) -> float:
        """The smallest ``y`` of the box."""
        return self.y - self.height / 2

    def overlaps(self, other: Box, gap: float = 0.0) -> bool:
        """Tell whether two boxes come nearer to each other than ``gap``."""
        near = abs(self.x - other.x) < (self.width + other.width) / 2 + gap
        return near and abs(self.y - other.y) < (self.height + other.height) / 2 + gap

    def holds(self, other: Box) -> bool:
        """Tell whether another box lies wholly inside."""
        across = abs(self.x - other.x) < (self.width - other.width) / 2
        return across and abs(self.y - other.y) < (self.height - other.height) / 2

    def border(self, x: float, y: float) -> tuple[float, float]:
        """Return where the line from the middle towards a point leaves the box."""
        dx, dy = x - self.x, y - self.y
        steps = [half / abs(d) for half, d in ((self.width / 2, dx), (self.height / 2, dy)) if d]
        step = min([1.0, *steps])
        return self.x + dx * step, self.y + dy * step


def arrange(boxes: Sequence[Box], links: Mapping[tuple[int, int], Sequence[Box]]) -> tuple[float, float]:
    """Place boxes, and the labels of the links between them; return the width and height that they take.

    ``links`` gives the labels between two boxes by their numbers, the smaller first. No two boxes overlap then, and
    lines through the middles of their labels pass by other boxes where there is room. The top left corner is 0, 0.
    Cost: some seconds for 60 boxes and 100 links.
    """
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(len(boxes)))
    graph.add_edges_from(links)
    for (one, other), labels in links.items():
        crowd = 1 + min(_CROWD * max(0, graph.degree(one) + graph.degree(other) - 6), _MOST_CROWD)
        graph.edges[one, other]["length"] = crowd * _length(boxes[one], boxes[other], labels)
    parts = sorted(map(sorted, networkx.connected_components(graph)), key=lambda part: (-len(part), part))
    right = bottom = 0.0
    for part in parts:
        inside = {pair: links[pair] for pair in sorted(links) if pair[0] in part}
        lines = [
            _Line(boxes[one], boxes[other], label)
            for (one, other), labels in inside.items()
            for label in labels
        ]
        members = _drawn(part, boxes, graph.subgraph(part), inside, lines)
        left, top = min(box.left for box in members), min(box.top for box in members)
        for box in members:
            box.x, box.y = box.x - left + right, box.y - top
        right = max(box.left + box.width for box in members) + 4 * _GAP
        bottom = max(bottom, *(box.top + box.height for box in members))
    return right - 4 * _GAP, bottom


class _Line(NamedTuple):
    one: Box
    other: Box
    label: Box


def _length(one: Box, other: Box, labels: Sequence[Box]) -> float:
    radii = sum(math.hypot(box.width / _STRETCH, box.height) / 2 for box in (one, other))
    return 0.8 * radii + max(math.hypot(label.width / _STRETCH, label.height) for label in labels) + 4 * _GAP


def _drawn(
    part: Sequence[int],
    boxes: Sequence[Box],
    graph: Any,  # noqa: ANN401 - networkx has no types
    links: Mapping[tuple[int, int], Sequence[Box]],
    lines: Sequence[_Line],
) -> list[Box]:
    """Place the boxes of one connected part and the labels on its lines; return them all.

    Of several starts those with the fewest crossings are drawn out, until no line runs through a box.
    """
    import networkx

    found = dict(networkx.all_pairs_dijkstra_path_length(graph, weight="length"))
    far = [[found[one][other] for other in part] for one in part]
    rank = {n: i for i, n in enumerate(part)}
    edges = [(rank[one], rank[other]) for one, other in sorted(map(sorted, graph.edges))]
    starts = range(max(2, min(_MOST_STARTS, _MOST_WORK // len(part) ** 2)))
    trials = [list(_laid_flat(_majorized(far, start))) for start in starts]
    trials.sort(key=lambda places: (_crossings(places, edges), _stress(far, places)))
    nodes = [boxes[n] for n in part]
    members = [*nodes, *(line.label for line in lines)]
    best: tuple[int, list[tuple[float, float]]] | None = None
    for places in trials[:_MOST_TRIALS]:
        for node, (x, y) in zip(nodes, places, strict=True):
            node.x, node.y = x * _STRETCH, y
        for pair, labels in links.items():
            _spread(boxes[pair[0]], boxes[pair[1]], labels)
        _settle(nodes, lines, members)
        struck = sum(_strikes(node, line) for line in lines for node in nodes)
        if best is None or struck < best[0]:
            best = struck, [(box.x, box.y) for box in members]
        if not struck:
            break
    for box, (x, y) in zip(members, best[1] if best else (), strict=True):
        box.x, box.y = x, y
    return members


def _majorized(far: Sequence[Sequence[float]], start: int) -> list[tuple[float, float]]:
    """Return places whose distances come near ``far``, from a spiral that turns another way with each start."""
    count = len(far)
    order = sorted(range(count), key=lambda n: (far[0][n], (n * (2 * start + 1)) % (count + start), n))
    places = [(0.0, 0.0)] * count
    for rank, n in enumerate(order):
        angle = rank * 2.399963 + start  # the golden angle
        places[n] = (far[0][n] * math.cos(angle), far[0][n] * math.sin(angle))
    weights = [[1 / d / d if d else 0.0 for d in row] for row in far]
    totals = [sum(row) or 1.0 for row in weights]
    for _ in range(_ROUNDS):
        for i in range(count):
            x, y = places[i]
            sum_x = sum_y = 0.0
            for j, (other_x, other_y) in enumerate(places):
                if i != j:
                    dx, dy = x - other_x, y - other_y
                    step = far[i][j] / (math.sqrt(dx * dx + dy * dy) or 1.0)
                    sum_x += weights[i][j] * (other_x + dx * step)
                    sum_y += weights[i][j] * (other_y + dy * step)
            places[i] = (sum_x / totals[i], sum_y / totals[i]) if count > 1 else (0.0, 0.0)
    return places


def _crossings(places: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]) -> int:
    """Count the pairs of edges that cross, drawn as straight lines."""

    def side(a: int, b: int, c: int) -> bool:
        (ax, ay), (bx, by), (cx, cy) = places[a], places[b], places[c]
        return (bx - ax) * (cy - ay) > (by - ay) * (cx - ax)

    return sum(
        side(a, b, c) != side(a, b, d) and side(c, d, a) != side(c, d, b)
        for (a, b), (c, d) in combinations(edges, 2)
        if len({a, b, c, d}) == 4  # noqa: PLR2004 - four different ends
    )


def _stress(far: Sequence[Sequence[float]], places: Sequence[tuple[float, float]]) -> float:
    pairs = combinations(range(len(places)), 2)
    return sum((math.dist(places[i], places[j]) / far[i][j] - 1) ** 2 for i, j in pairs)


def _laid_flat(places: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield places turned so that the longest way across lies level, as paper does on a screen."""
    middle = [sum(axis) / len(places) for axis in zip(*places, strict=True)]
    centred = [(x - middle[0], y - middle[1]) for x, y in places]
    xx, yy, xy = (
        sum(f(x, y) for x, y in centred) for f in (lambda x, _: x * x, lambda _, y: y * y, lambda x, y: x * y)
    )
    turn = -math.atan2(2 * xy, xx - yy) / 2
    for x, y in centred:
        yield x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)


def _spread(one: Box, other: Box, labels: Sequence[Box]) -> None:
    """Place the labels between two boxes: in the middle, several side by side across the line."""
    dx, dy = other.x - one.x, other.y - one.y
    away = math.hypot(dx, dy) or 1.0
    across = (
        max(label.height for label in labels)
        + _GAP
        + abs(dy) / away * max(label.width for label in labels) / 2
    )
    for n, label in enumerate(labels):
        shift = (n - (len(labels) - 1) / 2) * across
        label.x, label.y = (
            (one.x + other.x) / 2 - dy / away * shift,
            (one.y + other.y) / 2 + dx / away * shift,
        )


def _settle(nodes: Sequence[Box], lines: Sequence[_Line], members: Sequence[Box]) -> None:
    """Push boxes out of the way of lines, and apart until none overlaps another."""
    for _ in range(_ROUNDS):
        for line in lines:
            for node in nodes:
                _make_way(node, line)
            label, (one, other, _) = line.label, line
            label.x += _PULL * ((one.x + other.x) / 2 - label.x)
            label.y += _PULL * ((one.y + other.y) / 2 - label.y)
        _separate(nodes, members)
    for _ in range(_MOST_PUSHES):
        if not _separate(nodes, members):
            break


def _make_way(node: Box, line: _Line) -> None:
    """Push a box and the label of a line that would run through it to either side."""
    for dx, dy, over in _through(node, line, _GAP):
        push = _YIELD * over
        node.x, node.y = node.x + push * dy, node.y - push * dx
        line.label.x, line.label.y = line.label.x - push * dy, line.label.y + push * dx


def _strikes(node: Box, line: _Line) -> bool:
    """Tell whether a line, drawn as a curve through the middle of its label, runs through a box of others."""
    if node is line.one or node is line.other:
        return False
    (x1, y1), (x2, y2) = (line.one.x, line.one.y), (line.other.x, line.other.y)
    bend_x, bend_y = 2 * line.label.x - (x1 + x2) / 2, 2 * line.label.y - (y1 + y2) / 2
    for n in range(1, _SAMPLES):
        t = n / _SAMPLES
        here, bend, there = (1 - t) ** 2, 2 * t * (1 - t), t * t
        spot = Box(2, 2, here * x1 + bend * bend_x + there * x2, here * y1 + bend * bend_y + there * y2)
        if node.overlaps(spot):
            return True
    return False


def _through(node: Box, line: _Line, gap: float) -> Iterator[tuple[float, float, float]]:
    """Yield, for each half of a line that comes nearer to a box than ``gap``, its direction and how far to go aside."""
    if node is line.one or node is line.other:
        return
    for end in (line.one, line.other):
        dx, dy = line.label.x - end.x, line.label.y - end.y
        away = math.hypot(dx, dy) or 1.0
        dx, dy = dx / away, dy / away
        along = (node.x - end.x) * dx + (node.y - end.y) * dy
        aside = (node.x - end.x) * dy - (node.y - end.y) * dx
        needed = (abs(dy) * node.width + abs(dx) * node.height) / 2 + gap
        if 0 < along < away and abs(aside) < needed:
            yield dx, dy, math.copysign(needed - abs(aside), aside)


def _separate(nodes: Sequence[Box], members: Sequence[Box]) -> bool:
    """Push overlapping boxes apart, labels further than things; tell whether any overlapped."""
    heavy = len(nodes)
    moved = False
    for (i, one), (j, other) in combinations(enumerate(members), 2):
        gap = _GAP if j < heavy else _GAP / 3
        over_x = (one.width + other.width) / 2 + gap - abs(one.x - other.x)
        if over_x <= 0:
            continue
        over_y = (one.height + other.height) / 2 + gap - abs(one.y - other.y)
        if over_y > 0:
            moved = True
            share = 0.5 if (i < heavy) == (j < heavy) else 0.25
            if over_x < over_y:
                push = math.copysign(over_x + 0.1, one.x - other.x)
                one.x, other.x = one.x + push * share, other.x - push * (1 - share)
            else:
                push = math.copysign(over_y + 0.1, one.y - other.y)
                one.y, other.y = one.y + push * share, other.y - push * (1 - share)
    return moved
