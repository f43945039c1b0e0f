"""Maps of places with coordinates: a net of degrees, names, a scale; no base map."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Final, NamedTuple, TypeAlias

from pyoxigraph import NamedNode

from kg.asking.export import export
from kg.asking.labels import find_labels, reading
from kg.drawing.canvas import GREY, INK, Canvas, element, group, label, number
from kg.drawing.gathering import Gathering
from kg.drawing.layout import Box
from kg.drawing.pictures import check_form
from kg.drawing.wording import quoted, width, wrapped
from kg.errors import UsageError
from kg.terms import VIEW, iri

_MOST: Final = 200
_MARGIN: Final = 28.0
_SIZE, _SMALL, _TITLE = 12.5, 10.5, 20.0
_DOT, _SEA, _GRID = "#0072b2", "#f4f8fb", "#c9d4dc"
_GEOMETRY, _WKT = iri("geo:hasGeometry"), iri("geo:asWKT")
_FAR: Final = 14.0  # from a spot to its name, beyond which a line joins them
_WAYS: Final = ((1, 0), (-1, 0), (0.9, -0.8), (0.9, 0.8), (-0.9, -0.8), (-0.9, 0.8), (0, -1), (0, 1))
_DISTANCES: Final = (9, 20, 32, 46, 60)
_NEAR: Final = 60.0
_FEW: Final = 3
_SMALL_PART: Final = 0.35  # of a map, that is drawn once more in detail
_EARTH: Final = 6371.0  # kilometres


def drawn_map(
    gathering: Gathering, things: Collection[NamedNode] | None = None, form: str = "svg", title: str = ""
) -> bytes:
    """Return a map of the places that have coordinates: of all, or of things and what they are related to.

    An equirectangular projection, true to scale in the middle of the map; there is no base map, and a note says so.
    Raises ``UsageError`` where no place has coordinates, or more than 200 have.
    """
    check_form(form)
    places = _places(gathering, things)
    canvas = Canvas(title or "Places with coordinates", "")
    _draw_map(canvas, places, gathering.stance)
    names = ", ".join(place.name for place in places)
    canvas.description = f"A map without a base map: {names}. Positions are those of the reference data."
    items = (quoted(place.name, (), f"{place.kind}, {_position(place.points[0])}") for place in places)
    return canvas.written(form, [("The places", items)])


_Point: TypeAlias = tuple[float, float]


class _Place(NamedTuple):
    name: str
    kind: str
    points: list[_Point]  # longitude, latitude; several for a line or an outline


def _places(gathering: Gathering, things: Collection[NamedNode] | None) -> list[_Place]:
    store = gathering.store
    if things is None:
        found = (quad.subject for quad in islice(store.quads(None, _GEOMETRY, None, VIEW), _MOST + 1))
        near = sorted({thing for thing in found if isinstance(thing, NamedNode)}, key=str)
        if len(near) > _MOST:
            raise UsageError(f"more than {_MOST} places have coordinates", remedy="name things to draw")
    else:
        near = gathering.with_neighbours(things)
    quads = [quad for thing in near for quad in store.quads(thing, _GEOMETRY, None, VIEW)]
    geometries = [quad.object for quad in quads if isinstance(quad.object, NamedNode)]
    quads += [quad for geometry in geometries for quad in store.quads(geometry, _WKT, None, VIEW)]
    labels = find_labels(near, store)
    collection = json.loads(b"".join(export(quads, "geojson", labels=labels)))
    places = []
    for feature in collection["features"]:
        thing = NamedNode(feature["id"])
        shapes = feature["geometry"].get("geometries") or [feature["geometry"]]
        kind = gathering.kind(thing)[1]
        places += [
            _Place(reading(thing, labels), kind, list(_points(shape["coordinates"]))) for shape in shapes
        ]
    if not places:
        raise UsageError(
            "none of these places has coordinates", remedy="kg export --format geojson shows which do"
        )
    return sorted(places)


def _points(positions: Sequence[object]) -> Iterator[_Point]:
    """Yield the points of a GeoJSON position, line or polygon."""
    if isinstance(positions[0], int | float):
        yield float(positions[0]), float(positions[1])  # type: ignore[arg-type]
        return
    for part in positions:
        yield from _points(part)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Which part of the earth is shown, in degrees, and how many units a degree takes."""

    west: float
    south: float
    east: float
    north: float
    across: float
    upward: float

    @classmethod
    def around(cls, points: Sequence[_Point], high: float = 520) -> _Frame:
        """Return a frame around points, with some room; its picture is at most ``high``."""
        easts, norths = zip(*points, strict=True)
        room = max(0.15 * max(max(easts) - min(easts), max(norths) - min(norths)), 0.4)
        west, east = max(min(easts) - room, -180), min(max(easts) + room, 180)
        south, north = max(min(norths) - room, -90), min(max(norths) + room, 90)
        narrower = max(math.cos(math.radians((south + north) / 2)), 0.05)
        upward = min(760 / ((east - west) * narrower), high / (north - south))
        return cls(west, south, east, north, upward * narrower, upward)

    @property
    def size(self) -> _Point:
        """How wide and high the picture of it is."""
        return (self.east - self.west) * self.across, (self.north - self.south) * self.upward

    def holds(self, point: _Point) -> bool:
        """Tell whether a point is shown."""
        return self.west <= point[0] <= self.east and self.south <= point[1] <= self.north

    def place(self, point: _Point) -> _Point:
        """Return where a point lies in the picture, from the frame's upper left corner."""
        return (point[0] - self.west) * self.across, (self.north - point[1]) * self.upward


def _draw_map(canvas: Canvas, places: Sequence[_Place], stance: str) -> None:
    """Draw all places, and below them once more those that lie too near to each other to be told apart."""
    frame = _Frame.around([point for place in places for point in place.points])
    crowd = _crowd(places, frame)
    left, top = _MARGIN + 44, _MARGIN + _TITLE * 1.25 + 22
    canvas.width = max(left + frame.size[0] + _MARGIN, 480)
    heading = wrapped(canvas.title, _TITLE, canvas.width - 2 * _MARGIN, 1)
    canvas.add(label(heading, _MARGIN, _MARGIN + 16, _TITLE, anchor="start", weight="bold"))
    below = _panel(canvas, places, crowd, frame, (left, top))
    if crowd:
        detail = _Frame.around([point for place in crowd for point in place.points], 400)
        x, y = frame.place((detail.west, detail.north))
        east, south = frame.place((detail.east, detail.south))
        outline = {"x": left + x, "y": top + y, "width": east - x, "height": south - y}
        canvas.add(element("rect", **outline, fill="none", stroke=INK, stroke_width=1.2))
        beside = ("start", east + 6) if east < frame.size[0] - 90 else ("end", x - 6)
        canvas.add(label(["detail below"], left + beside[1], top + y + 10, _SMALL, anchor=beside[0]))
        canvas.width = max(canvas.width, left + detail.size[0] + _MARGIN)
        within = [place for place in places if all(map(detail.holds, place.points))]
        canvas.add(label(["Detail"], left, below + 26, _SIZE, anchor="start", weight="bold"))
        below = _panel(canvas, within, (), detail, (left, below + 36))
    notes = (
        "There is no base map: coasts and borders are not drawn. A country or a province is shown by one point. "
        f"Equirectangular projection; the lines are degrees; the scale holds in the middle. {stance}"
    )
    for line in wrapped(notes, _SMALL, canvas.width - left - _MARGIN):
        below += 18
        canvas.add(label([line], left, below, _SMALL, anchor="start", fill=GREY))
    canvas.height = below + _MARGIN


def _crowd(places: Sequence[_Place], frame: _Frame) -> list[_Place]:
    """Return the largest group of places of which each lies near another one, if it is large and not the whole."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(len(places)))
    spots = [frame.place(place.points[0]) for place in places]
    pairs = combinations(range(len(places)), 2)
    graph.add_edges_from((i, j) for i, j in pairs if math.dist(spots[i], spots[j]) < _NEAR)
    largest = max(map(sorted, networkx.connected_components(graph)), key=lambda group: (len(group), group))
    across, down = ([spots[n][axis] for n in largest] for axis in (0, 1))
    small = max(max(across) - min(across), max(down) - min(down)) < max(frame.size) * _SMALL_PART
    return [places[n] for n in largest] if _FEW <= len(largest) < len(places) and small else []


def _panel(
    canvas: Canvas, places: Sequence[_Place], unnamed: Collection[_Place], frame: _Frame, corner: _Point
) -> float:
    """Draw a map with its upper left corner at a place; return where it ends with its scale."""
    (left, top), (wide, high) = corner, frame.size
    canvas.add(element("rect", x=left, y=top, width=wide, height=high, fill=_SEA, stroke=GREY))
    canvas.add(*_graticule(frame, left, top, wide, high))
    spots = [[(left + x, top + y) for x, y in map(frame.place, place.points)] for place in places]
    taken = [Box(12, 12, *spot[0]) for spot in spots]
    canvas.add(*(_spot(place, spot) for place, spot in zip(places, spots, strict=True)))
    inside = Box(wide, high, left + wide / 2, top + high / 2)
    names = [
        _name(place, spot[0], taken, inside)
        for place, spot in zip(places, spots, strict=True)
        if place not in unnamed
    ]
    canvas.add(*filter(None, names))
    canvas.add(*_scale(frame, left, top + high + 36))
    bottom = top + high + 44
    if missing := names.count(""):
        words = f"{missing} names find no room; a pointer that rests on a spot shows its name."
        canvas.add(label([words], left, bottom + 14, _SMALL, anchor="start", fill=GREY))
        bottom += 16
    return bottom


def _graticule(frame: _Frame, left: float, top: float, wide: float, high: float) -> Iterator[str]:
    """Yield lines of longitude and latitude with their degrees."""
    step = _step(max(frame.east - frame.west, frame.north - frame.south) / 6)
    for degree in _multiples(frame.west, frame.east, step):
        x = left + frame.place((degree, 0))[0]
        yield element("line", x1=x, y1=top, x2=x, y2=top + high, stroke=_GRID)
        yield label([_degrees(degree, "EW")], x, top + high + 15, _SMALL, fill=GREY)
    for degree in _multiples(frame.south, frame.north, step):
        y = top + frame.place((0, degree))[1]
        yield element("line", x1=left, y1=y, x2=left + wide, y2=y, stroke=_GRID)
        yield label([_degrees(degree, "NS")], left - 6, y + 4, _SMALL, anchor="end", fill=GREY)


def _step(least: float) -> float:
    """Return the round number of degrees, or kilometres, that comes next."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= least)


def _multiples(first: float, last: float, step: float) -> list[float]:
    return [n * step for n in range(math.ceil(first / step), math.floor(last / step) + 1)]


def _degrees(degree: float, sides: str) -> str:
    return f"{abs(degree):g}°{(sides[0] if degree > 0 else sides[1]) if degree else ''}"


def _position(point: _Point) -> str:
    return f"{_degrees(point[1], 'NS')} {_degrees(point[0], 'EW')}"


def _spot(place: _Place, spot: Sequence[_Point]) -> str:
    tooltip = f"{place.name} ({place.kind})\n{_position(place.points[0])}"
    if len(spot) == 1:
        return group(
            tooltip, element("circle", cx=spot[0][0], cy=spot[0][1], r=4.5, fill=_DOT, stroke="#ffffff")
        )
    points = " ".join(f"{number(x)},{number(y)}" for x, y in spot)
    closed = spot[0] == spot[-1]
    return group(
        tooltip,
        element(
            "polygon" if closed else "polyline", points=points, fill="none", stroke=_DOT, stroke_width=1.6
        ),
    )


def _name(place: _Place, spot: _Point, taken: list[Box], frame: Box) -> str:
    """Return the name of a place where nothing else is, joined to its spot when that is far; nothing without room."""
    lines = wrapped(place.name, _SIZE, 150)
    box = Box(max(width(line, _SIZE) for line in lines) + 4, len(lines) * _SIZE * 1.25)
    for far, (dx, dy) in product(_DISTANCES, _WAYS):
        box.x, box.y = spot[0] + dx * (far + box.width / 2), spot[1] + dy * (far + box.height / 2)
        if frame.holds(box) and not any(box.overlaps(other, 2) for other in taken):
            break
    else:
        return ""
    taken.append(box)
    end = box.border(*spot)
    ends = {"x1": spot[0], "y1": spot[1], "x2": end[0], "y2": end[1]}
    leader = element("line", **ends, stroke=GREY, stroke_width=0.8) if math.dist(spot, end) > _FAR else ""
    size = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
    ground = element("rect", **size, fill=_SEA, fill_opacity=0.8)
    return leader + ground + label(lines, box.x, box.top + _SIZE * 0.95, _SIZE, weight="bold")


def _scale(frame: _Frame, left: float, y: float) -> Iterator[str]:
    """Yield a scale in kilometres, right in the middle of the map from west to east."""
    kilometre = frame.upward / (math.pi * _EARTH / 180)
    long = _step(110 / kilometre)
    x = left + long * kilometre
    for x1, y1, x2, y2 in ((left, y, x, y), (left, y - 4, left, y + 4), (x, y - 4, x, y + 4)):
        yield element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=INK, stroke_width=1.2)
    yield label([f"{long:g} km"], x + 8, y + 4, _SMALL, anchor="start")
