"""Timelines: dates on a calendar, days and times of day on scales of their own, and what is only known to come before.

No date is made up. A day without a year is not put into any, a time without a date not on any, and what has no more
than an order is drawn in that order and said to be undated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, NamedTuple

from pyoxigraph import Literal, NamedNode, Triple

from kg.asking.labels import reading
from kg.drawing.canvas import DASHES, GREY, INK, Canvas, element, group, label, number
from kg.drawing.gathering import Edge, Gathering
from kg.drawing.layout import Box
from kg.drawing.pictures import arrow_head, check_form, listed, shaped, told
from kg.drawing.wording import wrapped
from kg.errors import UsageError
from kg.proofs.proofs import Labels
from kg.terms import VIEW, iri

_MOST: Final = 200
_MARGIN, _COLUMN, _AXIS = 28.0, 230.0, 520.0
_SIZE, _SMALL, _TITLE = 12.5, 10.5, 20.0
_BOX_WIDTH, _STEP = 158.0, 208.0  # of a thing that has an order only, and from one to the next
_COLOUR, _PALE = "#0072b2", "#d6e9f5"
_AFTER: Final = iri("parley:isAfter")
_BEGIN, _END, _WORDING, _BEFORE = map(
    iri, ("parley:begin", "parley:end", "parley:timeWording", "parley:isBefore")
)

_DATE: Final = re.compile(r"(-?\d{4,9})(?:-(0[1-9]|1[0-2])(?:-(\d\d))?)?(?:T.*|Z|[-+]\d\d:\d\d)?")
_DAY: Final = re.compile(r"--(0[1-9]|1[0-2])-(\d\d)(?:Z|[-+]\d\d:\d\d)?")
_TIME: Final = re.compile(r"(\d\d):(\d\d):(\d\d).*")
_DAYS: Final = 366
_ENOUGH_TICKS: Final = 8


class _Scale(NamedTuple):
    """A kind of axis: its heading, and its ends and ticks unless they follow from what is on it."""

    heading: str
    ticks: tuple[tuple[float, str], ...]
    last: float


_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS: Final = [sum(_LENGTHS[:month]) for month in range(12)]
_SCALES: Final[Mapping[str, _Scale]] = {
    "date": _Scale("On the calendar", (), 0),
    "day": _Scale(
        "On a day of the year; the year is not stated",
        tuple((day, month) for day, month in zip(_MONTHS, _NAMES, strict=True)),
        _DAYS,
    ),
    "time": _Scale(
        "At a time of day; the date is not stated", tuple((h, f"{h:02}:00") for h in range(0, 25, 3)), 24
    ),
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """What happens from a moment or to one: places on a scale, how long the moment may be, what is said of it."""

    name: str
    first: float
    length: float
    last: float | None
    said: str
    edges: tuple[Edge, ...]


_COUNTED: Final = {"date": "dates", "day": "days without a year", "time": "times without a date"}


def drawn_timeline(
    gathering: Gathering, things: Collection[NamedNode] | None = None, form: str = "svg", title: str = ""
) -> bytes:
    """Return a timeline of all that has a date, a time or an order, or of things and what they are related to.

    Raises ``UsageError`` where nothing has one, or more than 200 things have.
    """
    check_form(form)
    triples = _told_times(gathering, things)
    if not triples:
        raise UsageError(
            "nothing here has a date, a time or an order", remedy="kg ask undated-events lists events"
        )
    found, names = gathering.edges(triples)
    edges = [_as_told(edge, gathering) for edge in found]
    canvas = Canvas(title or "What has a date, a time or an order", "")
    canvas.width = 2 * _MARGIN + _COLUMN + _AXIS + 40
    heading = wrapped(canvas.title, _TITLE, canvas.width - 2 * _MARGIN)
    canvas.add(label(heading, _MARGIN, _MARGIN + 16, _TITLE, anchor="start", weight="bold"))
    y = _MARGIN + len(heading) * _TITLE * 1.25 + 16
    entries, unread = _entries(edges, names)
    for kind, scale in _SCALES.items():
        if entries[kind]:
            y = _section(canvas, scale, entries[kind], names, y)
    y = _order(canvas, [edge for edge in edges if edge.triple.predicate == _BEFORE], edges, names, y)
    y = _words(canvas, [*unread, *(edge for edge in edges if edge.triple.predicate == _WORDING)], names, y)
    if gathering.stance:
        canvas.add(label([gathering.stance], _MARGIN, y + 16, _SMALL, anchor="start", fill=GREY))
        y += 20
    canvas.height = y + _MARGIN
    counts = ", ".join(f"{len(found)} {_COUNTED[kind]}" for kind, found in entries.items() if found)
    canvas.description = f"A timeline: {counts or 'no dates'}. What has only an order stands below, undated."
    return canvas.written(form, [("The sentences", (listed(edge, names) for edge in edges))])


def _told_times(gathering: Gathering, things: Collection[NamedNode] | None) -> list[Triple]:
    """Return the triples that tell of times and orders, sorted; of an order what follows step by step is left out."""
    store, verbs = gathering.store, (_BEGIN, _END, _WORDING, _BEFORE)
    if things is None:
        found = [list(islice(store.quads(None, verb, None, VIEW), 5 * _MOST + 1)) for verb in verbs]
        quads = [quad for part in found for quad in part]
        if max(map(len, found)) > 5 * _MOST or len({quad.subject for quad in quads}) > _MOST:
            what = f"more than {_MOST} things have a date or an order"
            raise UsageError(what, remedy="name things to draw")
    else:
        near = gathering.with_neighbours(things)
        quads = [
            quad
            for thing in near
            for verb in verbs
            for quad in islice(store.quads(thing, verb, None, VIEW), _MOST)
        ]
        quads = [quad for quad in quads if quad.predicate != _BEFORE or quad.object in near]
    triples = sorted({quad.triple for quad in quads}, key=str)
    order = {(t.subject, t.object) for t in triples if t.predicate == _BEFORE}
    return [t for t in triples if t.predicate != _BEFORE or not _by_steps(t, order)]


def _by_steps(triple: Triple, order: Collection[tuple[object, object]]) -> bool:
    """Tell whether something lies between two things; what comes before itself lies between nothing."""
    between = {end for start, end in order if start == triple.subject} - {triple.subject, triple.object}
    return any(
        (middle, triple.object) in order and (middle, triple.subject) not in order for middle in between
    )


def _entries(edges: Sequence[Edge], names: Labels) -> tuple[dict[str, list[_Entry]], list[Edge]]:
    """Return what stands on each scale, in order of time, and the edges whose value stands on none."""
    found: dict[str, list[_Entry]] = {kind: [] for kind in _SCALES}
    unread = []
    ends: dict[object, list[Edge]] = {}
    for edge in edges:
        if edge.triple.predicate == _END:
            ends.setdefault(edge.triple.subject, []).append(edge)
    begun = {edge.triple.subject for edge in edges if edge.triple.predicate == _BEGIN}
    for edge in edges:
        alone = edge.triple.predicate == _END and edge.triple.subject not in begun
        if edge.triple.predicate != _BEGIN and not alone:
            continue
        place = _read(edge.triple.object)
        if place is None:
            unread.append(edge)
            continue
        later = [] if alone else ends.get(edge.triple.subject, [])
        reached = [end for other in later if (end := _read(other.triple.object)) and end[0] == place[0]]
        last = max((end[1] + end[2] for end in reached), default=None)
        until = " or ".join(reading(other.triple.object, names) for other in later) or "not stated"
        vague = " (day not stated)" if place[0] == "date" and place[2] > 1 / _DAYS else ""
        said = f"{reading(edge.triple.object, names)}{vague}"
        words = f"until {said}; beginning not stated" if alone else f"from {said}; end {until}"
        name = reading(edge.triple.subject, names)
        found[place[0]].append(_Entry(name, place[1], place[2], last, words, (edge, *later)))
    return {
        kind: sorted(entries, key=lambda entry: (entry.first, entry.name)) for kind, entries in found.items()
    }, unread


def _read(value: object) -> tuple[str, float, float] | None:
    """Return the scale of a value, its place there, and how long it lasts as far as it is known."""
    text = value.value if isinstance(value, Literal) else ""
    if found := _DATE.fullmatch(text):
        year, month, day = (int(part) if part else 0 for part in found.groups())
        if not month:
            return "date", year, 1
        start = year + (_MONTHS[month - 1] + max(day - 1, 0)) / _DAYS
        return "date", start, (1 if day else _LENGTHS[month - 1]) / _DAYS
    if found := _DAY.fullmatch(text):
        return "day", _MONTHS[int(found[1]) - 1] + int(found[2]) - 1, 1
    if found := _TIME.fullmatch(text):
        hours, minutes, seconds = (int(part) for part in found.groups())
        return "time", hours + minutes / 60 + seconds / 3600, 0
    return None


def _heading(canvas: Canvas, words: str, y: float) -> float:
    canvas.add(label([words], _MARGIN, y + 14, _SIZE, anchor="start", weight="bold", fill=_COLOUR))
    return y + 30


def _section(canvas: Canvas, scale: _Scale, entries: Sequence[_Entry], names: Labels, y: float) -> float:
    """Draw what stands on one scale, each on a line of its own; return where it ends."""
    ticks, first, last = scale.ticks, 0.0, scale.last
    if not ticks:
        ticks = _years(entries)
        first, last = ticks[0][0], ticks[-1][0]
    left = _MARGIN + _COLUMN

    def at(place: float) -> float:
        return left + (place - first) / (last - first) * _AXIS

    top = _heading(canvas, scale.heading, y) + 16
    bottom = top + 6
    rows = []
    for entry in entries:
        lines = wrapped(entry.name, _SIZE, _COLUMN - 20, 3)
        rows.append((entry, lines, bottom))
        bottom += max(36, len(lines) * _SIZE * 1.25 + 12)
    for place, words in ticks:
        canvas.add(element("line", x1=at(place), y1=top - 4, x2=at(place), y2=bottom, stroke="#d9d9d9"))
        canvas.add(label([words], at(place), top - 8, _SMALL, fill=GREY))
    for entry, lines, row in rows:
        canvas.add(group("\n".join(told(edge, names) for edge in entry.edges), *_row(entry, lines, row, at)))
    return bottom + 18


def _row(entry: _Entry, lines: Sequence[str], y: float, at: Callable[[float], float]) -> Iterator[str]:
    yield label(lines, _MARGIN, y + 16, _SIZE, anchor="start")
    start, middle = at(entry.first), y + 12
    wide = max(at(entry.first + entry.length) - start, 0)
    if entry.last is not None:
        end = max(at(entry.last), start + 4)
        yield element("rect", x=start, y=middle - 5, width=end - start, height=10, fill=_COLOUR)
    elif wide > 8:  # noqa: PLR2004 - a year or a month that can be seen, of which no day is known
        yield element("rect", x=start, y=middle - 5, width=wide, height=10, fill=_PALE, stroke=_COLOUR)
    else:
        yield element("circle", cx=start, cy=middle, r=5.5, fill=_COLOUR)
    to_left = start > _MARGIN + _COLUMN + _AXIS * 0.6
    anchor, x = (
        ("end", start - 10)
        if to_left and entry.last is None
        else ("start", start if entry.last else start + wide + 12)
    )
    yield label(
        [entry.said], x, middle + (20 if entry.last is not None else 4), _SMALL, anchor=anchor, fill=INK
    )


def _years(entries: Sequence[_Entry]) -> tuple[tuple[float, str], ...]:
    """Return ticks at full years, or at full decades or more, around what is to be shown."""
    first = int(min(entry.first for entry in entries) // 1)
    last = int(max(max(entry.first + entry.length, entry.last or 0) for entry in entries) // 1) + 1
    step = next(
        size
        for power in range(9)
        for size in (10**power, 2 * 10**power, 5 * 10**power)
        if (last - first) / size <= _ENOUGH_TICKS
    )
    start, stop = first // step, -(-last // step)
    return tuple((float(n * step), str(n * step)) for n in range(start, stop + 1))


def _as_told(edge: Edge, gathering: Gathering) -> Edge:
    """Return an order as stated where a source tells it the other way round."""
    one, other = edge.triple.subject, edge.triple.object
    if edge.triple.predicate != _BEFORE or isinstance(other, Literal):
        return edge
    return replace(edge, stated=edge.stated or gathering.prover.statements.stated(Triple(other, _AFTER, one)))


def _order(canvas: Canvas, order: Sequence[Edge], edges: Sequence[Edge], names: Labels, y: float) -> float:
    """Draw what is only known to come before something else, from left to right."""
    import networkx

    if not order:
        return y
    graph = networkx.DiGraph()
    graph.add_edges_from((edge.triple.subject, edge.triple.object) for edge in order)
    knots = networkx.condensation(graph)  # things said to come before each other stand together
    late: dict[int, int] = {}
    for knot in reversed(
        list(
            networkx.lexicographical_topological_sort(
                knots, key=lambda n: min(map(str, knots.nodes[n]["members"]))
            )
        )
    ):
        late[knot] = min((late[after] - 1 for after in knots.successors(knot)), default=0)
    columns: dict[int, list[NamedNode]] = {}
    for knot, rank in late.items():
        columns.setdefault(rank - min(late.values()), []).extend(knots.nodes[knot]["members"])
    y = _heading(canvas, "In this order; no date is stated unless one is given above", y)
    boxes, bottom = _columns(columns, order, names, y)
    canvas.width = max(canvas.width, max(box.left + box.width for box, _ in boxes.values()) + _MARGIN)
    for edge in order:
        canvas.add(
            group(
                told(edge, names),
                *_arrow(boxes[edge.triple.subject][0], boxes[edge.triple.object][0], edge.stated),
            )
        )
    for thing, (box, lines) in boxes.items():
        words = "\n".join(
            told(edge, names) for edge in edges if thing in (edge.triple.subject, edge.triple.object)
        )
        outline = shaped("round", box, fill=_PALE, stroke=_COLOUR, stroke_width=1.3)
        canvas.add(group(words, outline, label(lines, box.x, box.top + 19, _SIZE)))
    full, dashed = element("line", x1=_MARGIN, y1=bottom, x2=_MARGIN + 26, y2=bottom, stroke=GREY), ""
    canvas.add(full, label(["stated to be before"], _MARGIN + 34, bottom + 4, _SMALL, anchor="start"))
    dashed = element(
        "line", x1=_MARGIN + 180, y1=bottom, x2=_MARGIN + 206, y2=bottom, stroke=GREY, stroke_dasharray=DASHES
    )
    canvas.add(dashed, label(["derived by a rule"], _MARGIN + 214, bottom + 4, _SMALL, anchor="start"))
    return bottom + 26


def _columns(
    columns: Mapping[int, list[NamedNode]], order: Sequence[Edge], names: Labels, y: float
) -> tuple[dict[object, tuple[Box, list[str]]], float]:
    """Place things in columns, near what comes after them; return the boxes with their words, and where they end."""
    found: dict[object, tuple[Box, list[str]]] = {}
    heights: dict[int, float] = {}
    for rank in sorted(columns, reverse=True):
        after = {
            thing: [e.triple.object for e in order if e.triple.subject == thing] for thing in columns[rank]
        }
        level = {
            t: sum(found[a][0].y for a in then if a in found) / len(then) for t, then in after.items() if then
        }
        down = 0.0
        for thing in sorted(columns[rank], key=lambda t: (level.get(t, 0), reading(t, names), str(t))):
            lines = wrapped(reading(thing, names), _SIZE, _BOX_WIDTH - 16, 5)
            box = Box(_BOX_WIDTH, len(lines) * _SIZE * 1.25 + 14, _MARGIN + rank * _STEP + _BOX_WIDTH / 2)
            box.y = down + box.height / 2
            down += box.height + 16
            found[thing] = box, lines
        heights[rank] = down
    tallest = max(heights.values())
    for rank, things in columns.items():
        for thing in things:
            found[thing][0].y += y + (tallest - heights[rank]) / 2
    return found, y + tallest + 14


def _arrow(one: Box, other: Box, stated: bool) -> Iterator[str]:
    """Yield an arrow from the right side of a box to the left side of another."""
    x1, y1, x2, y2 = one.left + one.width, one.y, other.left, other.y
    dashes = {} if stated else {"stroke_dasharray": DASHES}
    middle = (x1 + x2) / 2
    path = [f"M {number(x1)} {number(y1)} C", *map(number, (middle, y1, middle, y2, x2 - 8, y2))]
    yield element("path", d=" ".join(path), fill="none", stroke=GREY, stroke_width=1.4, **dashes)
    yield arrow_head(x1, y2, x2, y2)


def _words(canvas: Canvas, edges: Sequence[Edge], names: Labels, y: float) -> float:
    """List the times that are told in words."""
    if not edges:
        return y
    y = _heading(canvas, "Told in the words of a source", y)
    for edge in edges:
        lines = wrapped(reading(edge.triple.subject, names), _SIZE, _COLUMN + 110)
        said = wrapped(f"“{reading(edge.triple.object, names)}”", _SIZE, _AXIS - 120)
        words = label(lines, _MARGIN, y + 12, _SIZE, anchor="start")
        beside = label(said, _MARGIN + _COLUMN + 120, y + 12, _SIZE, anchor="start", style="italic")
        canvas.add(group(told(edge, names), words, beside))
        y += max(len(lines), len(said)) * _SIZE * 1.25 + 8
    return y
