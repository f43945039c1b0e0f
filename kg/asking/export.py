"""What leaves a base: its triples in the formats that other tools read.

Two exports of the same data are the same bytes, whatever order the triples came in. RDF formats hold
everything, blank nodes under canonical labels. GraphML, GeoJSON and CSV are views for one tool each:
they show what that tool can use, with several values of one property joined by ``" | "``.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from kg.errors import Refused, UnknownName, UsageError
from kg.syntax.blanknodes import plain_quads, relabelled
from kg.syntax.turtle import canonical_trig, canonical_turtle, natural_key
from kg.terms import PREFIXES, curie, iri

_Term: TypeAlias = NamedNode | BlankNode | Literal
_Facts: TypeAlias = Mapping[NamedNode, list[_Term]]
_Json: TypeAlias = dict[str, Any]

_TYPE = iri("rdf:type")
_NAMES = (iri("rdfs:label"), iri("skos:prefLabel"), iri("schema:name"))
_NO_RELATION = {
    _TYPE,
    iri("dcterms:source"),
}  # of a thing to another: else data sets are what most is related to
_GEOMETRY, _WKT = iri("geo:hasGeometry"), iri("geo:asWKT")
_NUMBERS = {iri("xsd:integer"), iri("xsd:decimal"), iri("xsd:double")}
_BETWEEN = " | "

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_UNNAMED = re.compile(
    rb'<oxprefix: xmlns:oxprefix="([^"]*)"'
)  # how the serialiser shows that it found no name
_NO_XML = "export to turtle or jsonld instead"

_WKT_TEXT = re.compile(
    r"\s*(?:<http://www\.opengis\.net/def/crs/OGC/1\.3/CRS84>\s*)?"
    r"(?P<kind>POINT|LINESTRING|POLYGON)\s*(?P<positions>\([-+0-9.eE\s,()]*\))\s*",
    re.IGNORECASE,
)
_POSITION = re.compile(r"[-+0-9.eE]+(?:\s+[-+0-9.eE]+)*")
_BRACKETS = str.maketrans("()", "[]")
_EAST, _NORTH = 180, 90
_SIZES: dict[str, tuple[float, float]] = {"Point": (1, 1), "LineString": (2, inf), "Polygon": (4, inf)}
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Format:
    """A format to export to: the end of its files' names, its media type, whether it holds named graphs."""

    suffix: str
    media_type: str
    named_graphs: bool
    _write: Callable[[_Data], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class _Data:
    """What is to be written: quads in any order, each once, and how to say it."""

    quads: list[Quad]
    labels: Mapping[_Term, str]
    table: NamedNode | None
    readable: bool

    def facts(self) -> Mapping[_Term, _Facts]:
        """Return what is said of each subject; subjects, predicates and values in their order."""
        found: dict[_Term, dict[NamedNode, list[_Term]]] = defaultdict(lambda: defaultdict(list))
        terms = {term for quad in self.quads for term in quad}
        keys = {term: natural_key(str(term)) for term in terms}
        ordered = sorted(self.quads, key=lambda quad: [keys[term] for term in quad])
        for subject, predicate, value, _ in ordered:
            found[subject][predicate].append(value)
        return MappingProxyType(found)

    def name(self, term: _Term) -> str:
        """Return the label of a thing, or else its compact or full IRI; of a literal, its text."""
        if isinstance(term, NamedNode):
            return self.labels.get(term) or curie(term) or term.value
        return term.value if isinstance(term, Literal) else str(term)


def find_format(name: str) -> Format:
    """Return the format of a name; ``UnknownName`` with the nearest ones when there is none."""
    if name not in FORMATS:
        raise UnknownName("export format", name, FORMATS, remedy=f"use one of {', '.join(FORMATS)}")
    return FORMATS[name]


def export(
    quads: Iterable[Quad | Triple],
    to: str,
    *,
    labels: Mapping[NamedNode, str] | None = None,
    table: NamedNode | None = None,
    readable: bool = False,
) -> Iterator[bytes]:
    """Yield the bytes of an export to one of ``FORMATS``; for a format without named graphs, of the triples.

    ``labels`` go before those found in the data. For CSV, ``table`` asks for the one table of a class
    instead of a zip with one per class, and ``readable`` for labels instead of IRIs in its cells.
    Raises ``UnknownName`` for the format, ``Refused`` for what it cannot hold. Holds the quads in memory.

    >>> b"".join(export([Triple(iri("id:turkey"), iri("rdf:type"), iri("parley:State"))], "ntriples"))[:34]
    b'<https://w3id.org/parley/id/turkey'
    """
    chosen = find_format(to)
    if table is not None and to != "csv":
        raise UsageError("only csv has tables", remedy="leave out the class, or export to csv")
    given = plain_quads(quads if chosen.named_graphs else (Quad(*tuple(quad)[:3]) for quad in quads))
    found = relabelled(given)
    return chosen._write(_Data(found, _labels(found, labels or {}), table, readable))


def _labels(quads: Iterable[Quad], given: Mapping[NamedNode, str]) -> dict[_Term, str]:
    """Return one label for each thing that has any: a given one, English, without language, then by tag."""
    best: dict[_Term, tuple[object, ...]] = {}
    for subject, predicate, value, _ in quads:
        if predicate in _NAMES and isinstance(value, Literal) and isinstance(subject, NamedNode):
            tag = value.language or ""
            rank = (_NAMES.index(predicate), tag != "en", tag, value.value)
            best[subject] = min(best.get(subject, rank), rank)
    return {thing: str(rank[-1]) for thing, rank in best.items()} | dict(given.items())


def _turtle(data: _Data) -> Iterator[bytes]:
    yield canonical_turtle(data.quads).encode()


def _trig(data: _Data) -> Iterator[bytes]:
    yield canonical_trig(data.quads).encode()


def _lines(data: _Data) -> Iterator[bytes]:
    """Yield canonical N-Triples or N-Quads in the order of code points, one line at a time."""
    for line in sorted(map(str, data.quads)):
        yield f"{line} .\n".encode()


def _json_ld(data: _Data) -> Iterator[bytes]:
    """Yield expanded JSON-LD 1.1; the serialiser gathers what stands together, so graphs go first."""
    ordered = sorted(data.quads, key=lambda quad: (str(quad.graph_name), str(quad)))
    stream = io.BytesIO()
    serialize(ordered, stream, RdfFormat.JSON_LD)
    yield stream.getvalue() + b"\n"


def _rdf_xml(data: _Data) -> Iterator[bytes]:
    """Yield RDF/XML; refuse what XML cannot say, which the serialiser would write as if it could."""
    for quad in data.quads:
        if isinstance(quad.object, Literal) and _NOT_XML.search(quad.object.value):
            where = f"{quad.subject} {quad.predicate}"
            raise Refused("XML cannot hold a control character", where=where, remedy=_NO_XML)
    # A class first would become the element's name, which not every class can be.
    ordered = sorted(data.quads, key=lambda quad: (str(quad.subject), quad.predicate == _TYPE, str(quad)))
    names = {quad.predicate.value for quad in ordered}
    used = {
        prefix: space for prefix, space in PREFIXES.items() if any(name.startswith(space) for name in names)
    }
    stream = io.BytesIO()
    try:
        serialize((quad.triple for quad in ordered), stream, RdfFormat.RDF_XML, prefixes=used)
    except OSError as error:
        raise Refused(str(error), remedy=_NO_XML) from error
    if unnamed := _UNNAMED.search(stream.getvalue()):
        raise Refused("XML cannot hold this name", where=unnamed[1].decode(), remedy=_NO_XML)
    # A parser of XML reads a bare carriage return as a line feed.
    yield stream.getvalue().replace(b"\r", b"&#13;") + b"\n"


def _described(data: _Data, subject: _Term, about: _Facts) -> dict[str, str]:
    """Return what a table of attributes shows of a thing: label, class, and its literal values."""
    values = {
        _compact(predicate): _BETWEEN.join(value.value for value in found if isinstance(value, Literal))
        for predicate, found in about.items()
    }
    classes = _BETWEEN.join(data.name(kind) for kind in about.get(_TYPE, []))
    return {"label": data.name(subject), "class": classes} | {
        key: text for key, text in values.items() if text
    }


def _compact(term: _Term) -> str:
    if isinstance(term, NamedNode):
        return curie(term) or term.value
    return term.value if isinstance(term, Literal) else str(term)


def _full(term: _Term) -> str:
    return str(term) if isinstance(term, BlankNode) else term.value


def _graphml(data: _Data) -> Iterator[bytes]:
    """Yield GraphML (http://graphml.graphdrawing.org): things, relations and attributes."""
    import networkx  # slow to import, and nothing else needs it

    graph = networkx.MultiDiGraph()
    facts = data.facts()
    edges = [
        (subject, predicate, value)
        for subject, about in facts.items()
        for predicate, values in about.items()
        for value in values
        if predicate not in _NO_RELATION and not isinstance(value, Literal)
    ]
    for thing in [*facts, *(value for _, _, value in edges if value not in facts)]:
        described = _described(data, thing, facts.get(thing, {}))
        graph.add_node(_full(thing), **{key: _NOT_XML.sub("\ufffd", text) for key, text in described.items()})
    for number, (subject, predicate, value) in enumerate(edges):
        names = {"label": data.name(predicate), "iri": predicate.value}
        graph.add_edge(_full(subject), _full(value), key=f"e{number}", **names)
    stream = io.BytesIO()
    # The writer by its own name: the default is another one where lxml happens to be installed.
    networkx.readwrite.graphml.write_graphml_xml(graph, stream)
    yield stream.getvalue() + b"\n"


def _geojson(data: _Data) -> Iterator[bytes]:
    """Yield a GeoJSON feature collection (RFC 7946): each thing with coordinates, longitude first."""
    facts = data.facts()
    owned = {geometry for about in facts.values() for geometry in about.get(_GEOMETRY, [])}
    features = []
    for subject, about in facts.items():
        places = [] if subject in owned else [about, *(facts.get(g, {}) for g in about.get(_GEOMETRY, []))]
        shapes = [_geometry(text, subject) for place in places for text in place.get(_WKT, [])]
        if shapes:
            geometry = shapes[0] if len(shapes) == 1 else {"type": "GeometryCollection", "geometries": shapes}
            properties: _Json = {"iri": _full(subject)} | _described(data, subject, about)
            properties.pop("geo:asWKT", None)
            properties |= {
                _compact(verb): _number(found[0]) for verb, found in about.items() if _numeric(found)
            }
            feature = {
                "type": "Feature",
                "id": _full(subject),
                "geometry": geometry,
                "properties": properties,
            }
            features.append(feature)
    collection = {"type": "FeatureCollection", "features": features}
    yield json.dumps(collection, ensure_ascii=False, indent=1).encode() + b"\n"


def _numeric(values: list[_Term]) -> bool:
    """Tell whether a property has one value, and JSON has a number for it."""
    return (
        all(
            isinstance(value, Literal) and value.datatype in _NUMBERS and _NUMBER.fullmatch(value.value)
            for value in values
        )
        and len(values) == 1
    )


def _number(literal: _Term) -> int | float:
    text = _full(literal)
    return int(text) if re.fullmatch("[-+]?[0-9]+", text) else float(text)


def _geometry(text: _Term, subject: _Term) -> _Json:
    """Return the GeoJSON of a well-known text (OGC 06-103r4) in longitude and latitude, the default CRS84."""
    found = _WKT_TEXT.fullmatch(_full(text))
    try:
        if not found:
            raise ValueError("not a point, line or polygon in CRS84")
        kind = found["kind"].title().replace("string", "String")
        nested = json.loads(_POSITION.sub(_position, found["positions"]).translate(_BRACKETS))
        rings = nested if kind == "Polygon" else [nested]
        least, most = _SIZES[kind]
        if not all(least <= len(ring) <= most and isinstance(ring[0][0], float) for ring in rings):
            raise ValueError(f"not the positions of a {kind}")
    except (ValueError, TypeError, IndexError) as error:
        what = f"{_full(text)!r} cannot be shown on a map: {error}"
        raise Refused(what, where=str(subject), remedy="write it as POINT(longitude latitude)") from error
    if kind == "Polygon":  # RFC 7946, 3.1.6: the outer ring runs counter-clockwise, holes clockwise
        nested = [ring if (_area(ring) > 0) == (not hole) else ring[::-1] for hole, ring in enumerate(rings)]
    return {"type": kind, "coordinates": nested[0] if kind == "Point" else nested}


def _position(found: re.Match[str]) -> str:
    numbers = [float(number) for number in found[0].split()]
    if not (len(numbers) in {2, 3} and abs(numbers[0]) <= _EAST and abs(numbers[1]) <= _NORTH):
        raise ValueError(f"no place on earth is at {found[0]}")
    return json.dumps(numbers)


def _area(ring: list[list[float]]) -> float:
    return sum(one[0] * other[1] - other[0] * one[1] for one, other in pairwise(ring))


def _csv(data: _Data) -> Iterator[bytes]:
    """Yield one table, or a zip of the tables of all classes, each with the same time: the format's first."""
    facts = data.facts()
    tables: dict[_Term, dict[_Term, _Facts]] = defaultdict(dict)
    for subject, about in facts.items():
        for kind in about.get(_TYPE, []):
            tables[kind][subject] = about
    if data.table is not None:
        if data.table not in tables:
            raise UnknownName("class with members", _compact(data.table), map(_compact, tables))
        yield _table(data, tables[data.table])
        return
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for kind in sorted(tables, key=lambda kind: natural_key(_full(kind))):
            name = quote(_compact(kind).replace(":", "_", 1), safe="")
            entry = zipfile.ZipInfo(f"{name}.csv")
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, _table(data, tables[kind]))
    yield stream.getvalue()


def _table(data: _Data, things: Mapping[_Term, _Facts]) -> bytes:
    """Return CSV as RFC 4180 has it, in UTF-8: the columns iri and label, then one for each predicate."""
    predicates = sorted(
        {verb for about in things.values() for verb in about}, key=lambda verb: natural_key(_compact(verb))
    )
    say = data.name if data.readable else _full
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["iri", "label", *map(_compact, predicates)])
    for thing, about in things.items():
        cells = [_BETWEEN.join(map(say, about.get(verb, []))) for verb in predicates]
        writer.writerow(map(_harmless, [_full(thing), data.labels.get(thing, ""), *cells]))
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe.

    Numbers stay as they are. See OWASP, "CSV Injection".
    """
    return f"'{cell}" if cell[:1] in tuple("=+-@\t\r") and not _NUMBER.fullmatch(cell) else cell


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "turtle": Format(".ttl", "text/turtle", False, _turtle),
        "trig": Format(".trig", "application/trig", True, _trig),
        "ntriples": Format(".nt", "application/n-triples", False, _lines),
        "nquads": Format(".nq", "application/n-quads", True, _lines),
        "jsonld": Format(".jsonld", "application/ld+json", True, _json_ld),
        "rdfxml": Format(".rdf", "application/rdf+xml", False, _rdf_xml),
        "graphml": Format(".graphml", "application/graphml+xml", False, _graphml),
        "geojson": Format(".geojson", "application/geo+json", False, _geojson),
        "csv": Format(".zip", "application/zip", False, _csv),
    }
)
"""The formats by name. CSV is a zip of tables, unless one table is asked for: then it is ``text/csv``."""
