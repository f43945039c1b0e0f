"""The view as it would be after a change: what a base holds, less what goes, and what comes.

Nothing is copied and nothing is written: triples are looked up in the base and in the change on demand.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple

from kg.storage.store import Engine
from kg.terms import VIEW, iri

_Subject: TypeAlias = NamedNode | BlankNode
_Term: TypeAlias = NamedNode | BlankNode | Literal | Triple

_TYPE: Final = iri("rdf:type")


class Overlay:
    """A change laid over the view of a base.

    Triples come and go in canonical form (see :func:`canonical`): what is looked at must be what would be kept.
    A triple is never both added and removed; adding what the base has, or removing what it has not, is no change.
    The base must stay as it is meanwhile: the types of a thing are asked for once.
    """

    def __init__(self, base: Engine, graph: NamedNode = VIEW) -> None:
        self.base: Final = base
        self._graph = graph
        self._added = Store()
        self._order: dict[Triple, None] = {}
        self._removed: dict[Triple, None] = {}
        self._types: dict[object, frozenset[_Term]] = {}

    @property
    def added(self) -> Set[Triple]:
        """The triples that the change adds to the view, in the order in which they came."""
        return self._order.keys()

    @property
    def removed(self) -> Set[Triple]:
        """The triples that the change takes from the view, in the order in which they went."""
        return self._removed.keys()

    def triples(
        self, subject: _Subject | None = None, predicate: NamedNode | None = None, value: _Term | None = None
    ) -> Iterator[Triple]:
        """Iterate over the triples that match, ``None`` matching anything; the overlay must not change meanwhile."""
        for quad in self.base.quads(subject, predicate, value, self._graph):
            if not self._removed or quad.triple not in self._removed:
                yield quad.triple
        if self._order:
            for quad in self._added.quads_for_pattern(subject, predicate, value, None):
                yield quad.triple

    def contains(self, triple: Triple) -> bool:
        """Tell whether the view has this triple after the change. One look-up at most; for a type, one a thing."""
        if triple in self._order:
            return True
        return triple not in self._removed and self._in_base(triple)

    def add(self, triple: Triple) -> bool:
        """Add a triple; tell whether that changed anything."""
        if triple in self._removed:
            del self._removed[triple]
            return True
        if triple in self._order or self._in_base(triple):
            return False
        self._added.add(Quad(triple.subject, triple.predicate, triple.object))
        self._order[triple] = None
        return True

    def remove(self, triple: Triple) -> bool:
        """Take a triple away; tell whether that changed anything."""
        if triple in self._order:
            del self._order[triple]
            self._added.remove(Quad(*triple))
            return True
        if triple in self._removed or not self._in_base(triple):
            return False
        self._removed[triple] = None
        return True

    def _in_base(self, triple: Triple) -> bool:
        if triple.predicate != _TYPE:
            return self.base.contains(Quad(triple.subject, triple.predicate, triple.object, self._graph))
        # rules and disjoint classes ask for one type after the other
        subject: Any = triple.subject
        types = self._types.get(subject)
        if types is None:
            found = self.base.quads(subject, _TYPE, None, self._graph)
            types = self._types[subject] = frozenset(quad.object for quad in found)
        return triple.object in types


def canonical(triple: Triple) -> Triple:
    """Return a triple as a store keeps it, its literal in canonical form.

    >>> from pyoxigraph import RdfFormat, parse
    >>> (quad,) = parse("<x:a> <x:b> 1.10 .", RdfFormat.TURTLE)
    >>> print(canonical(quad.triple).object.value)
    1.1
    """
    if not isinstance(triple.object, Literal):
        return triple
    store = Store()
    store.add(Quad(*triple))
    kept: Triple = next(iter(store)).triple
    return kept
