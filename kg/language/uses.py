"""How each term may be used: those of the ontology as it declares them, and the few admitted from standard ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pyoxigraph import NamedNode, Triple

from kg.language.literals import DATATYPES, NUMBERS, TEXT, TIMES
from kg.terms import CLAIMS, REFERENCE, iri

Place: TypeAlias = str
"""Where a statement stands: in the content of a claim, in graph:claims, or in graph:reference."""

PLACES: Final[dict[Place, str]] = {
    "content": "the graph of a claim",
    "claims": "graph:claims",
    "reference": "graph:reference",
}
"""The places, and what messages call them."""

_FACTS: Final = frozenset({"content", "reference"})
_TYPE: Final = iri("rdf:type")


@dataclass(frozen=True, slots=True)
class Use:
    """How a property may be used: in which places, with things or with literals of which datatypes for values."""

    places: frozenset[Place] = _FACTS
    things: bool = False
    datatypes: frozenset[NamedNode] = frozenset()


def _admitted(
    table: Mapping[str, str], datatypes: frozenset[NamedNode] = frozenset(), *, things: bool = False
) -> dict[NamedNode, Use]:
    return {
        iri(name): Use(frozenset(places.split()), things, datatypes)
        for places, names in table.items()
        for name in names.split()
    }


_ADMITTED: Final[dict[NamedNode, Use]] = {
    **_admitted(
        {
            "content claims reference": "rdf:type",
            "content reference": "owl:sameAs owl:differentFrom",
            "claims": "prov:hadPrimarySource prov:wasAttributedTo schema:url dcterms:isPartOf",
            "claims reference": "dcterms:license",
            "reference": "dcterms:source geo:hasGeometry skos:exactMatch skos:closeMatch",
        },
        things=True,
    ),
    **_admitted({"claims reference": "dcterms:publisher dcterms:creator"}, TEXT, things=True),
    **_admitted(
        {
            "content claims reference": "rdfs:label",
            "content reference": "skos:altLabel",
            "claims": "oa:exact schema:text schema:sha256 dcterms:language",
            "claims reference": "rdfs:comment dcterms:title dcterms:description",
            "reference": "dcat:version",
        },
        TEXT,
    ),
    **_admitted({"claims": "oa:start oa:end"}, frozenset({iri("xsd:integer")})),
    **_admitted({"claims": "prov:generatedAtTime prov:invalidatedAtTime"}, frozenset({iri("xsd:dateTime")})),
    **_admitted({"claims": "dcterms:issued"}, TIMES),
    **_admitted({"reference": "geo:asWKT"}, frozenset({iri("geo:wktLiteral")})),
}
"""The properties of standard vocabularies: what claims, sources and data sets are described with, names, places.

``owl:sameAs`` and ``owl:differentFrom`` are facts about things, and the rules know them.
"""

_ADMITTED_CLASSES: Final = dict.fromkeys((iri("geo:Geometry"), iri("dcat:Dataset")), frozenset({"reference"}))
_OF_CLAIMS: Final = dict.fromkeys((iri("parley:Claim"), iri("parley:Source")), frozenset({"claims"}))
_VALUES: Final = {
    **dict.fromkeys(
        map(iri, ("parley:begin", "parley:end", "parley:earliestDay", "parley:latestDay")), TIMES
    ),
    **dict.fromkeys(map(iri, ("parley:content", "parley:countWording", "parley:timeWording")), TEXT),
    **dict.fromkeys(map(iri, ("parley:positionPrecision", "parley:stage")), TEXT),
    iri("parley:numericValue"): NUMBERS,
}
"""What the values are of those properties to which the ontology gives no range, because it would be several."""

_CLASSES: Final = frozenset(map(iri, ("owl:Class", "rdfs:Class")))
_OF_THINGS: Final = frozenset(
    iri(f"owl:{name}Property")
    for name in ("Object", "Symmetric", "Transitive", "Asymmetric", "Irreflexive", "InverseFunctional")
)
_OF_ANY: Final = frozenset(map(iri, ("owl:AnnotationProperty", "rdf:Property")))


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of which facts are made.

    ``classes`` have the places where things may be said to belong to them; ``others`` are terms that are neither
    class nor property, such as units. By ``classing`` their subject, by ``classed`` their value belongs to a class.
    """

    classes: Mapping[NamedNode, frozenset[Place]]
    properties: Mapping[NamedNode, Use]
    others: frozenset[NamedNode]
    classing: frozenset[NamedNode]
    classed: frozenset[NamedNode]


_Said: TypeAlias = dict[NamedNode, dict[NamedNode, set[NamedNode]]]


def terms_of(ontology: Iterable[Triple]) -> Terms:
    """Return the terms of an ontology, given by its triples, and the admitted ones. Cost: one pass."""
    said: _Said = {}
    for subject, predicate, value in ontology:
        if isinstance(subject, NamedNode) and isinstance(value, NamedNode):
            said.setdefault(predicate, {}).setdefault(subject, set()).add(value)
    kinds, ranges = said.get(_TYPE, {}), said.get(iri("rdfs:range"), {})
    classes = {term: _OF_CLAIMS.get(term, _FACTS) for term, of in kinds.items() if of & _CLASSES}
    properties = {term: use for term, of in kinds.items() if (use := _use(term, of, ranges.get(term, set())))}
    others = frozenset(kinds) - classes.keys() - properties.keys()
    return Terms({**classes, **_ADMITTED_CLASSES}, {**properties, **_ADMITTED}, others, *_classifying(said))


def place_of(graph: object) -> Place:
    """Return the place of a statement by the name of its graph."""
    return "claims" if graph == CLAIMS else "reference" if graph == REFERENCE else "content"


def _use(term: NamedNode, kinds: set[NamedNode], ranges: set[NamedNode]) -> Use | None:
    """Return how a term that the ontology declares may be used, ``None`` where it is no property."""
    if kinds & _OF_THINGS:
        return Use(things=True)
    datatypes = frozenset(ranges & DATATYPES) or _VALUES.get(term, DATATYPES)
    if iri("owl:DatatypeProperty") in kinds:
        return Use(datatypes=datatypes)
    return Use(things=True, datatypes=datatypes) if kinds & _OF_ANY else None


def _classifying(said: _Said) -> tuple[frozenset[NamedNode], frozenset[NamedNode]]:
    """Return the properties whose subjects, and those whose values, belong to a class.

    By domain and range, and by what follows from these for narrower and for inverse properties.
    """
    ends: dict[tuple[NamedNode, bool], list[tuple[NamedNode, bool]]] = {}
    for narrower, wider in said.get(iri("rdfs:subPropertyOf"), {}).items():
        for end in (False, True):
            for one in wider:
                ends.setdefault((one, end), []).append((narrower, end))
    for one, inverses in said.get(iri("owl:inverseOf"), {}).items():
        for other in inverses:
            for end in (False, True):
                ends.setdefault((one, end), []).append((other, not end))
                ends.setdefault((other, end), []).append((one, not end))
    found = [(term, False) for term in said.get(iri("rdfs:domain"), {})]
    found += [(term, True) for term, of in said.get(iri("rdfs:range"), {}).items() if not of & DATATYPES]
    seen = set(found)
    for one_end in found:
        new = [end for end in ends.get(one_end, ()) if end not in seen]
        seen.update(new)
        found += new
    return frozenset(t for t, end in seen if not end), frozenset(t for t, end in seen if end)
