"""An overlay as an rdflib graph that looks triples up on demand. Importing this imports rdflib.

Literals keep their lexical form both ways: rdflib would normalise them, and then look up something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, Triple
from rdflib import BNode, Graph, URIRef
from rdflib import Literal as RdflibLiteral
from rdflib.paths import Path

from kg.storage.overlay import Overlay
from kg.terms import PREFIXES
from kg.validation.selects import prepare

_CACHED = 1 << 16
_STRING = NamedNode(PREFIXES["xsd"] + "string")


@lru_cache(_CACHED)
def to_rdflib(term: NamedNode | BlankNode | Literal) -> Any:  # noqa: ANN401 - any of rdflib's terms
    """Return a term as rdflib's; a string has no datatype there, as when rdflib parses it."""
    if isinstance(term, NamedNode):
        return URIRef(term.value)
    if isinstance(term, BlankNode):
        return BNode(term.value)
    if term.language or term.datatype == _STRING:
        return RdflibLiteral(term.value, lang=term.language or None)
    return RdflibLiteral(term.value, datatype=URIRef(term.datatype.value), normalize=False)


@lru_cache(_CACHED)
def from_rdflib(term: Any) -> NamedNode | BlankNode | Literal:  # noqa: ANN401 - any of rdflib's terms
    """Return rdflib's term as pyoxigraph's."""
    if isinstance(term, URIRef):
        return NamedNode(term)
    if isinstance(term, BNode):
        return BlankNode(term)
    if term.language:
        return Literal(str(term), language=term.language)
    return Literal(str(term), datatype=NamedNode(term.datatype) if term.datatype else None)


def graph_of(triples: Iterable[Triple]) -> Graph:
    """Return triples as a graph of rdflib's own."""
    graph = Graph()
    for triple in triples:
        graph.add((to_rdflib(triple.subject), to_rdflib(triple.predicate), to_rdflib(triple.object)))
    return graph


class OverlayGraph(Graph):
    """A graph to read: every look-up goes to the overlay, and a query is parsed once for all that use its text.

    Queries must be such that :func:`kg.validation.selects.prepare` takes. Triple terms, which rdflib does not have, are
    not seen.
    """

    def __init__(self, overlay: Overlay) -> None:
        super().__init__(bind_namespaces="none")
        self._overlay = overlay

    def triples(self, triple: Any) -> Any:  # noqa: ANN401 - rdflib has many forms of patterns
        """Iterate over the triples that match a pattern, ``None`` matching anything."""
        start, predicate, end = triple
        if isinstance(predicate, Path):
            for first, last in predicate.eval(self, start, end):
                yield first, predicate, last
        elif not isinstance(start, RdflibLiteral):
            given = (None if term is None else from_rdflib(term) for term in (start, predicate, end))
            for found in self._overlay.triples(*given):  # type: ignore[arg-type] # a subject that is no literal
                if not isinstance(found.subject, Triple) and not isinstance(found.object, Triple):
                    yield to_rdflib(found.subject), to_rdflib(found.predicate), to_rdflib(found.object)

    def query(self, query_object: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as rdflib has it
        """Run a query, its patterns in the order in which they start from ``$this``."""
        text = isinstance(query_object, str)
        return super().query(prepare(query_object).query if text else query_object, *args, **kwargs)

    def __len__(self) -> int:
        """Return 1: counting would read everything, and pyshacl only asks whether there is a graph."""
        return 1
