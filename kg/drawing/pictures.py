"""Pictures of graphs: things and the relations among them, as SVG or as a web page of its own that needs no network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kg.asking.labels import reading
from kg.drawing.canvas import DASHES, GREY, Canvas, element, group, label, number
from kg.drawing.gathering import Edge, Node, Picture
from kg.drawing.layout import Box, arrange
from kg.drawing.wording import balanced, quoted, width, wrapped
from kg.errors import UnknownName
from kg.evidence.claims import Claim
from kg.proofs.proofs import Labels

FORMS: Final = ("svg", "html")

_MARGIN: Final = 28.0
_SIZE, _SMALL, _TITLE = 13.0, 10.5, 20.0
_NODE_WIDTH, _LABEL_WIDTH = 150.0, 124.0
_PAPER: Final[Mapping[str, str | float]] = {"fill": "#ffffff", "fill_opacity": 0.92}

_LOOKS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "state": ("state", "#0072b2", "#d6e9f5", "box"),
    "person": ("person", "#b35900", "#fde9cf", "pill"),
    "force": ("force or group", "#a8326e", "#f9e0ee", "hexagon"),
    "agreement": ("agreement or provision", "#00795a", "#d5f0e6", "sheet"),
    "place": ("place", "#6b5d00", "#faf6c8", "round"),
    "event": ("event", "#a03c00", "#fbdfd0", "notched"),
    "situation": ("relation or situation", "#4d4d4d", "#ececec", "box"),
    "judgement": ("judgement or intention", "#5b3f8c", "#e9e1f5", "slanted"),
    "other": ("other", "#4d4d4d", "#ffffff", "round"),
}
"""How a kind of thing looks: its name in the legend, border, paper and shape. The colours are those of Okabe and Ito,
darker for borders; no two kinds differ by colour alone."""


def drawn(picture: Picture, form: str = "svg") -> bytes:
    """Return a picture of things and the edges among them.

    What is stated has full lines, what is derived dashed ones; kinds of things differ in colour and shape. Resting on
    a thing or a line shows its sentences and quotes; the page (``html``) lists them below as text as well. The same
    picture gives the same bytes. Raises ``UnknownName`` for a form not in ``FORMS``.
    """
    check_form(form)
    stated = sum(edge.stated for edge in picture.edges)
    about = (
        f"{len(picture.nodes)} things and {len(picture.edges)} relations among them: {stated} stated (full lines), "
        f"{len(picture.edges) - stated} derived (dashed lines)."
    )
    canvas = Canvas(picture.title, " ".join([about, *picture.notes]))
    _draw(canvas, picture)
    return canvas.written(form, _sections(picture))


def _sections(picture: Picture) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield what stands below the picture on a page: the sentences with their quotes, and what the tooltips say."""
    for name, stated in (("Stated", True), ("Derived", False)):
        if edges := [edge for edge in picture.edges if edge.stated == stated]:
            yield name, (listed(edge, picture.names) for edge in edges)
    if facts := [f"{node.label}: {'; '.join(node.details)}" for node in picture.nodes if node.details]:
        yield "Further facts", (quoted(fact, ()) for fact in facts)


def check_form(form: str) -> None:
    """Raise ``UnknownName`` for a form in which nothing can be drawn."""
    if form not in FORMS:
        raise UnknownName("form of a picture", form, FORMS, remedy=f"use one of {', '.join(FORMS)}")


@dataclass(slots=True)
class _Line:
    """The edges between two things that look alike: they share one line and stand above each other in its label."""

    source: int
    target: int
    edges: list[Edge]
    lines: list[str]
    box: Box


def _draw(canvas: Canvas, picture: Picture) -> None:
    nodes = [_node_box(node) for node in picture.nodes]
    lines = _bundled(picture)
    links: dict[tuple[int, int], list[Box]] = {}
    for line in lines:
        ends = (min(line.source, line.target), max(line.source, line.target))
        links.setdefault(ends, []).append(line.box)
    across, down = arrange([box for _, _, box in nodes], links)
    heading = wrapped(picture.title, _TITLE, max(across, 420))
    top = _MARGIN + len(heading) * _TITLE * 1.25 + 14
    for box in [*(box for _, _, box in nodes), *(line.box for line in lines)]:
        box.x, box.y = box.x + _MARGIN + max(0, 420 - across) / 2, box.y + top
    canvas.width = max(across, 420) + 2 * _MARGIN
    canvas.add(label(heading, _MARGIN, _MARGIN + _TITLE * 0.8, _TITLE, anchor="start", weight="bold"))
    boxes = [box for _, _, box in nodes]
    for line in lines:
        canvas.add(*_curve(line, boxes))
    for node, (name, category, box) in zip(picture.nodes, nodes, strict=True):
        canvas.add(_node(node, name, category, box))
    for line in lines:
        canvas.add(_caption(line, picture.names))
    canvas.height = _legend(canvas, picture, top + down + 26) + _MARGIN


def _node_box(node: Node) -> tuple[list[str], list[str], Box]:
    name = balanced(node.label, _SIZE, _NODE_WIDTH - 24, lines=4)
    category = wrapped(node.category, _SMALL, _NODE_WIDTH - 24, lines=2)
    widest = max([width(line, _SIZE * 1.06) for line in name] + [width(line, _SMALL) for line in category])
    tall = len(name) * _SIZE * 1.25 + len(category) * _SMALL * 1.25 + 14
    return name, category, Box(max(widest + 30, 64), tall)


def _bundled(picture: Picture) -> list[_Line]:
    numbers = {node.thing: n for n, node in enumerate(picture.nodes)}
    bundles: dict[tuple[int, int, bool, bool, bool], list[Edge]] = {}
    for edge in picture.edges:
        ends = numbers[edge.triple.subject], numbers[edge.triple.object]  # type: ignore[index]
        bundles.setdefault((*ends, edge.stated, edge.mutual, edge.disputed), []).append(edge)
    found = []
    for (source, target, *_, disputed), edges in bundles.items():
        words = [f"{edge.label}{' (disputed)' if disputed else ''}" for edge in edges]
        lines = [line for word in sorted(words) for line in balanced(word, _SMALL, _LABEL_WIDTH)]
        box = Box(max(width(line, _SMALL) for line in lines), len(lines) * _SMALL * 1.25 + 3)
        found.append(_Line(source, target, edges, lines, box))
    return found


def _curve(line: _Line, boxes: Sequence[Box]) -> Iterator[str]:
    """Yield the line from one thing to another through the middle of its label, with its arrow heads."""
    one, other, via = boxes[line.source], boxes[line.target], line.box
    bend_x, bend_y = 2 * via.x - (one.x + other.x) / 2, 2 * via.y - (one.y + other.y) / 2
    x1, y1 = one.border(bend_x, bend_y)
    x2, y2 = other.border(bend_x, bend_y)
    bend_x, bend_y = 2 * via.x - (x1 + x2) / 2, 2 * via.y - (y1 + y2) / 2
    path = f"M {number(x1)} {number(y1)} Q {number(bend_x)} {number(bend_y)} {number(x2)} {number(y2)}"
    dashes = {} if line.edges[0].stated else {"stroke_dasharray": DASHES}
    yield element("path", d=path, fill="none", stroke=GREY, stroke_width=1.4, **dashes)
    yield arrow_head(bend_x, bend_y, x2, y2)
    if line.edges[0].mutual:
        yield arrow_head(bend_x, bend_y, x1, y1)


def arrow_head(from_x: float, from_y: float, x: float, y: float) -> str:
    """Return the head of an arrow that comes from a point and ends in ``x``, ``y``."""
    angle = math.atan2(y - from_y, x - from_x)
    wings = [(x - 10 * math.cos(angle + turn), y - 10 * math.sin(angle + turn)) for turn in (0.38, -0.38)]
    points = " ".join(f"{number(px)},{number(py)}" for px, py in ((x, y), *wings))
    return element("polygon", points=points, fill=GREY)


def _caption(line: _Line, names: Labels) -> str:
    box = line.box
    ground = "".join(
        element(
            "rect",
            x=box.x - wide / 2,
            y=box.top + n * _SMALL * 1.25,
            width=wide,
            height=_SMALL * 1.35,
            **_PAPER,
        )
        for n, wide in enumerate(width(words, _SMALL) * 0.94 for words in line.lines)
    )
    style = "normal" if line.edges[0].stated else "italic"
    words = label(line.lines, box.x, box.top + _SMALL * 1.02, _SMALL, style=style)
    return group("\n".join(told(edge, names) for edge in line.edges), ground, words)


def told(edge: Edge, names: Labels) -> str:
    """Return an edge as lines of text: its sentence, whether it is stated, its quotes."""
    lines = [f"{edge.sentence} ({_manner(edge)})"]
    return "\n".join([*lines, *(f"“{quote}” — {whose}" for quote, whose in _quotes(edge, names))])


def _manner(edge: Edge) -> str:
    """Return in words what an edge rests on."""
    disputed = "; disputed" if edge.disputed else ""
    if not edge.stated:
        return f"derived by a rule{', from these sentences' if edge.claims else ''}{disputed}"
    ground = "stated by reference data" if edge.reference else "stated"
    return f"{ground}{' and here' if edge.reference and edge.claims else ''}{disputed}"


def _quotes(edge: Edge, names: Labels) -> list[tuple[str, str]]:
    return [(claim.quote, said_by(claim, names)) for claim in edge.claims]


def listed(edge: Edge, names: Labels) -> str:
    """Return the markup of an edge in a list: its sentence, whether it is stated, its quotes."""
    return quoted(edge.sentence, _quotes(edge, names), _manner(edge))


def _node(node: Node, name: list[str], category: list[str], box: Box) -> str:
    _, stroke, paper, shape = _LOOKS[node.kind]
    outline = shaped(shape, box, fill=paper, stroke=stroke, stroke_width=2.4 if node.kind == "state" else 1.4)
    first = box.top + 7 + _SIZE * 0.92
    words = label(name, box.x, first, _SIZE, weight="bold")
    below = label(category, box.x, first + len(name) * _SIZE * 1.25 - 1, _SMALL, fill=GREY)
    return group("\n".join([f"{node.label} ({node.category})", *node.details]), outline, words, below)


def shaped(shape: str, box: Box, **look: str | float) -> str:
    """Return an outline of a shape around a box."""
    x, y, w, h = box.left, box.top, box.width, box.height
    if shape in ("box", "round", "pill"):
        radius = {"box": 1.0, "round": 9.0, "pill": h / 2}[shape]
        return element("rect", x=x, y=y, width=w, height=h, rx=min(radius, 22), **look)
    cut = min(9.0, h / 3)
    outlines = {
        "hexagon": [(cut, 0), (w - cut, 0), (w, h / 2), (w - cut, h), (cut, h), (0, h / 2)],
        "sheet": [(0, 0), (w - cut, 0), (w, cut), (w, h), (0, h)],
        "notched": [
            (cut, 0),
            (w - cut, 0),
            (w, cut),
            (w, h - cut),
            (w - cut, h),
            (cut, h),
            (0, h - cut),
            (0, cut),
        ],
        "slanted": [(cut, 0), (w, 0), (w - cut, h), (0, h)],
    }
    points = " ".join(f"{number(x + dx)},{number(y + dy)}" for dx, dy in outlines[shape])
    return element("polygon", points=points, stroke_linejoin="round", **look)


def _legend(canvas: Canvas, picture: Picture, y: float) -> float:
    """Draw the legend, line by line as wide as the picture; return where it ends."""
    canvas.add(element("line", x1=_MARGIN, y1=y - 12, x2=canvas.width - _MARGIN, y2=y - 12, stroke="#cccccc"))
    used = [kind for kind in _LOOKS if any(node.kind == kind for node in picture.nodes)]
    items: list[tuple[str, str]] = [(kind, _LOOKS[kind][0]) for kind in used]
    items += [("stated", "stated, by a source or reference data"), ("derived", "derived by a rule")]
    x = _MARGIN
    for key, words in items:
        wide = 34 + width(words, _SMALL) + 18
        if x + wide > canvas.width - _MARGIN / 2 and x > _MARGIN:
            x, y = _MARGIN, y + 22
        canvas.add(
            _sample(key, Box(24, 13, x + 13, y)), label([words], x + 32, y + 4, _SMALL, anchor="start")
        )
        x += wide
    for note in picture.notes:
        for line in wrapped(note, _SMALL, canvas.width - 2 * _MARGIN):
            y += 18
            canvas.add(label([line], _MARGIN, y + 6, _SMALL, anchor="start", fill=GREY))
    return y + 8


def _sample(key: str, box: Box) -> str:
    if key in _LOOKS:
        _, stroke, paper, shape = _LOOKS[key]
        return shaped(shape, box, fill=paper, stroke=stroke, stroke_width=2.4 if key == "state" else 1.4)
    dashes = {} if key == "stated" else {"stroke_dasharray": DASHES}
    return element(
        "line", x1=box.left, y1=box.y, x2=box.left + 26, y2=box.y, stroke=GREY, stroke_width=1.6, **dashes
    )


def said_by(claim: Claim, names: Labels) -> str:
    """Return whose words a claim has: its source, and its speaker where that is another."""
    source = reading(claim.source, names)
    return source if claim.speaker == claim.source else f"{reading(claim.speaker, names)}, in {source}"
