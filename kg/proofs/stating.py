"""Who states a triple: claims that count in a view, reference data, the ontology itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from pyoxigraph import NamedNode, Quad, Triple

from kg.evidence.claims import Claim, read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook
from kg.proofs.proofs import Proof
from kg.storage.store import Engine
from kg.syntax.turtle import natural_key
from kg.terms import CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW

_OWN: Final = frozenset({CLAIMS, ONTOLOGY, REFERENCE, STATE, VIEW})
_MOST_LISTED: Final = 20
_BATCH: Final = 50
"""Names that are put in order at once: what a hundred thousand claims say is never enumerated."""
_MOST_READ: Final = 200  # claims that are read where one was found that counts
_MOST_TRIED: Final = 10_000  # and where none was


class Statements:
    """What a base states, as seen from a viewpoint. Claims that were read are kept."""

    def __init__(self, store: Engine, rules: Rulebook, viewpoint: Viewpoint) -> None:
        self._store, self._facts, self._viewpoint = store, rules.facts, viewpoint
        self._read: dict[NamedNode, Claim | None] = {}
        self._first: dict[Triple, list[object]] = {}

    def stated(self, triple: Triple) -> bool:
        """Tell whether anything that counts states a triple. A look-up or two, more where many claims do not count."""
        if triple in self._facts or self._in_reference(triple):
            return True
        return any(self._counts(claim) for claim in islice(self._claims(triple), _MOST_TRIED))

    def proof(self, triple: Triple) -> Proof:
        """Return what states a triple, as a proof without steps; at most 20 claims are listed, by their names."""
        found: list[Claim] = []
        read = 0
        for claim in islice(self._claims(triple), _MOST_TRIED):
            read += 1
            found += [claim] if self._counts(claim) else []
            if len(found) > _MOST_LISTED or (found and read >= _MOST_READ):
                break
        reference = self._in_reference(triple)
        more = len(found) > _MOST_LISTED or read >= _MOST_READ
        return Proof(triple, tuple(found[:_MOST_LISTED]), reference, triple in self._facts, more)

    def uncounted(self, triple: Triple) -> tuple[Claim, ...]:
        """Return claims that say a triple without being held true, at most 20, by their names."""
        read = islice(self._claims(triple), _MOST_READ)
        return tuple(islice((claim for claim in read if not self._counts(claim)), _MOST_LISTED))

    def _in_reference(self, triple: Triple) -> bool:
        first = self._graphs(triple)
        if REFERENCE in first or len(first) < _BATCH:
            return REFERENCE in first
        return self._store.contains(Quad(triple.subject, triple.predicate, triple.object, REFERENCE))

    def _graphs(self, triple: Triple) -> list[object]:
        """Return the first graphs that have a triple: mostly all, in one look-up."""
        if triple not in self._first:
            found = islice(self._store.quads(*triple), _BATCH)
            self._first[triple] = [quad.graph_name for quad in found]
        return self._first[triple]

    def _counts(self, claim: Claim) -> bool:
        return self._viewpoint.counts(claim)

    def _claims(self, triple: Triple) -> Iterator[Claim]:
        """Yield the claims that say a triple, by their names as far as they are put in order."""
        graphs: Iterable[object] = self._graphs(triple)
        if len(self._graphs(triple)) == _BATCH:
            graphs = (quad.graph_name for quad in self._store.quads(*triple))
        names = (name for name in graphs if isinstance(name, NamedNode) and name not in _OWN)
        while batch := list(islice(names, _BATCH)):
            for name in sorted(batch, key=lambda name: natural_key(name.value)):
                if name not in self._read:
                    self._read[name] = next(iter(read_claims(self._store, [name])), None)
                claim = self._read[name]
                if claim:
                    yield claim
