"""What to take out of a base: the view, what is stated, everything, one source, one class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyoxigraph import NamedNode, Quad

from kg.asking.labels import find_labels
from kg.errors import UnknownName, UsageError
from kg.evidence.claims import read_claims, source_texts
from kg.evidence.viewpoints import Viewpoint
from kg.storage.store import Engine
from kg.terms import BASE, CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW, curie, iri


@dataclass(frozen=True, slots=True)
class Selection:
    """Quads, in no fixed order, with the labels of what they speak of; ``table`` is the class that was asked for."""

    quads: tuple[Quad, ...]
    labels: Mapping[NamedNode, str]
    table: NamedNode | None = None


def select(
    store: Engine, what: str, viewpoint: Viewpoint, *, named: bool, of_class: str | None = None
) -> Selection:
    """Return what is meant by ``view``, ``stated``, ``everything`` or the name of a source.

    Stated is what the claims of ``viewpoint`` say. ``named`` tells whether the format it is for has named graphs;
    ``of_class`` names a class by its label, local name, CURIE or IRI. Raises ``UnknownName`` for a source or a class,
    ``UsageError`` for everything without named graphs. Cost: one pass over what is selected.
    """
    table = _class(of_class, store) if of_class else None
    quads = tuple(_selected(what, named, viewpoint, store))
    things = {term for quad in quads for term in (quad.subject, quad.predicate, quad.object)}
    labels = find_labels((thing for thing in things if isinstance(thing, NamedNode)), store)
    return Selection(quads, labels, table)


def _class(name: str, store: Engine) -> NamedNode:
    found = store.quads(None, iri("rdf:type"), iri("owl:Class"), ONTOLOGY)
    classes = find_labels((quad.subject for quad in found if isinstance(quad.subject, NamedNode)), store)
    for node, label in classes.items():
        short = curie(node) or ""
        spellings = (label, short, short.partition(":")[2], node.value)
        if name.casefold() in (spelling.casefold() for spelling in spellings):
            return node
    known = [(curie(node) or "").partition(":")[2] for node in classes]
    raise UnknownName("class", name, known, remedy="kg show lists the classes that have things")


def _selected(what: str, named: bool, viewpoint: Viewpoint, store: Engine) -> Iterator[Quad]:
    if what == "view":
        return (Quad(*quad.triple) for quad in store.quads(graph=VIEW))
    if what == "stated":
        graphs = [REFERENCE, *(claim.iri for claim in read_claims(store) if viewpoint.counts(claim))]
        return (Quad(*quad.triple) for graph in graphs for quad in store.quads(graph=graph))
    if what == "everything":
        if not named:
            raise UsageError(
                "this format would mix what people said with what holds",
                remedy="use trig, nquads or jsonld",
            )
        return (quad for quad in store.quads() if quad.graph_name != STATE)
    return _of_source(_source(what, store), named, viewpoint, store)


def _of_source(source: NamedNode, named: bool, viewpoint: Viewpoint, store: Engine) -> Iterator[Quad]:
    for claim in read_claims(store):
        if claim.source == source and (named or viewpoint.counts(claim)):
            for quad in store.quads(graph=claim.iri):
                yield quad if named else Quad(*quad.triple)
            if named:
                yield from store.quads(claim.iri, None, None, CLAIMS)
    if named:
        yield from store.quads(source, None, None, CLAIMS)


def _source(name: str, store: Engine) -> NamedNode:
    slugs = {source.value.removeprefix(BASE + "source/"): source for source in source_texts(store)}
    short = name.removeprefix("source:").removeprefix(BASE + "source/")
    if short not in slugs:
        known = ["view", "stated", "everything", *slugs]
        raise UnknownName("source", name, known, remedy=f"use one of {', '.join(known)}")
    return slugs[short]
