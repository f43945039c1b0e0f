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
from types import MappingProxyType
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, serialize

from kg.blanknodes import plain_quads, relabelled
from kg.errors import Refused, UnknownName, UsageError
from kg.terms import PREFIXES, curie, iri
from kg.turtle import canonical_trig, canonical_turtle, natural_key

_Node: TypeAlias = NamedNode | BlankNode
_Term: TypeAlias = NamedNode | BlankNode | Literal
_Facts: TypeAlias = Mapping[NamedNode, list[_Term]]
_Json: TypeAlias = dict[str, Any]

_TYPE = iri("rdf:type")
_NAMES = (iri("rdfs:label"), iri("skos:prefLabel"), iri("schema:name"))
_GEOMETRY, _WKT = iri("geo:hasGeometry"), iri("geo:asWKT")
_NUMBERS = {iri(f"xsd:{name}") for name in ("integer", "decimal", "double", "float")}
_BETWEEN = " | "

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_XML_NAME = re.compile(r"[^\W\d][\w.-]*\Z")


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
    labels: Mapping[NamedNode, str]
    table: NamedNode | None
    readable: bool

    def facts(self) -> dict[_Node, _Facts]:
        """Return what is said of each subject; subjects, predicates and values in their order."""
        found: dict[_Node, dict[NamedNode, list[_Term]]] = defaultdict(lambda: defaultdict(list))
        for quad in sorted(self.quads, key=lambda quad: [natural_key(str(term)) for term in quad]):
            found[quad.subject][quad.predicate].append(quad.object)
        return dict(found)

    def name(self, term: _Term) -> str:
        """Return the label of a thing, or else its compact or full IRI; of a literal, its text."""
        if isinstance(term, NamedNode):
            return self.labels.get(term) or curie(term) or term.value
        return term.value if isinstance(term, Literal) else str(term)


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
    if to not in FORMATS:
        raise UnknownName("export format", to, FORMATS, remedy=f"use one of {', '.join(FORMATS)}")
    if table is not None and to != "csv":
        raise UsageError("only csv has tables", remedy="leave out the class, or export to csv")
    chosen = FORMATS[to]
    given = plain_quads(quads if chosen.named_graphs else (Quad(*tuple(quad)[:3]) for quad in quads))
    found = relabelled(given)
    return chosen._write(_Data(found, _labels(found) | dict(labels or {}), table, readable))


def _labels(quads: Iterable[Quad]) -> dict[NamedNode, str]:
    """Return one label for each thing that has any: English first, then without language, then by tag."""
    best: dict[NamedNode, tuple[object, ...]] = {}
    for subject, predicate, value, _ in quads:
        if predicate in _NAMES and isinstance(value, Literal) and isinstance(subject, NamedNode):
            tag = value.language or ""
            rank = (_NAMES.index(predicate), tag != "en", tag, value.value)
            best[subject] = min(best.get(subject, rank), rank)
    return {thing: str(rank[-1]) for thing, rank in best.items()}


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
    yield serialize(ordered, format=RdfFormat.JSON_LD) + b"\n"


def _rdf_xml(data: _Data) -> Iterator[bytes]:
    """Yield RDF/XML; refuse what XML cannot say, which the serialiser would write as if it could."""
    for quad in data.quads:
        if isinstance(quad.object, Literal) and _NOT_XML.search(quad.object.value):
            where = f"{quad.subject} {quad.predicate}"
            raise Refused("XML cannot hold a control character", where=where, remedy=_NO_XML)
    # A class first would become the element's name, which not every class can be.
    ordered = sorted(data.quads, key=lambda quad: (str(quad.subject), quad.predicate == _TYPE, str(quad)))
    names = {quad.predicate.value for quad in ordered}
    used = {prefix: space for prefix, space in PREFIXES.items() if any(map(_starts(space), names))}
    try:
        text = serialize((quad.triple for quad in ordered), format=RdfFormat.RDF_XML, prefixes=used)
    except OSError as error:
        raise Refused(str(error), remedy=_NO_XML) from error
    if unnamed := _UNNAMED.search(text):
        raise Refused("XML cannot hold this name", where=unnamed[1].decode(), remedy=_NO_XML)
    # A parser of XML reads a bare carriage return as a line feed.
    yield text.replace(b"\r", b"&#13;") + b"\n"


def _graphml(data: _Data) -> Iterator[bytes]:
    """Yield GraphML (http://graphml.graphdrawing.org): things are nodes, literals their attributes."""
    import networkx  # noqa: PLC0415 - slow to import, and needed for nothing else

    graph = networkx.MultiDiGraph()
    facts = data.facts()
    for subject, about in facts.items():
        graph.add_node(_shown(subject), **_xml_safe(data, {"label": data.name(subject), **_attributes(data, about)}))
    edges = (
        (subject, predicate, value)
        for subject, about in facts.items()
        for predicate, values in about.items()
        for value in values
        if predicate != _TYPE and not isinstance(value, Literal)
    )
    for number, (subject, predicate, value) in enumerate(edges):
        if value not in facts:
            graph.add_node(_shown(value), label=data.name(value))
        names = {"label": data.name(predicate), "iri": predicate.value}
        graph.add_edge(_shown(subject), _shown(value), key=f"e{number}", **names)
    stream = io.BytesIO()
    # The writer by name: the default one is another where lxml happens to be installed.
    networkx.readwrite.graphml.write_graphml_xml(graph, stream, named_key_ids=True)
    yield stream.getvalue() + b"\n"
