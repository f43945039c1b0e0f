"""Disputes as data, and what is on record: the claims that count for a viewpoint if each speaker is heard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from pyoxigraph import NamedNode, Quad, Triple

from kg.asking.labels import find_labels
from kg.evidence.claims import Claim, read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.proofs.proofs import Labels
from kg.storage.store import Engine
from kg.syntax.turtle import natural_key
from kg.terms import BASE, CLAIMS, PREFIXES, iri

_THINGS: Final = PREFIXES["id"]
MOST: Final = 100
"""How many statements of one kind are looked at where not all can be."""
_MOST_WORDS: Final = 10  # claims that are named for one side
_SOURCE, _SPEAKER = iri("prov:hadPrimarySource"), iri("prov:wasAttributedTo")
_OTHERS: Final = f"SELECT ?claim {{ {{ ?claim {_SPEAKER} ?who }} MINUS {{ ?claim {_SOURCE} ?who }} }}"
"""Compares whole sets, which is ten times as fast as looking at each."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a dispute: what it holds, in a sentence made from labels, and the claims with its words.

    Without claims it is reference data that say so.
    """

    sentence: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """Claims that cannot all be right. No side is chosen.

    ``kind`` is ``figures``, ``contradiction`` or ``denial``; ``why`` says in a sentence what makes them incompatible;
    ``about`` are the things concerned. Sides are in the order of their claims' names. ``labels`` name the things and
    whoever speaks.
    """

    kind: str
    about: tuple[NamedNode, ...]
    why: str
    sides: tuple[Side, ...]
    labels: Labels = field(default_factory=dict, compare=False, repr=False)

    @property
    def claims(self) -> frozenset[NamedNode]:
        """The names of the claims of all sides."""
        return frozenset(claim.iri for side in self.sides for claim in side.claims)


def _name(claim: Claim) -> Any:  # noqa: ANN401 - a key to sort by
    return natural_key(claim.iri.value)


class _EverySpeaker(Viewpoint):
    """A viewpoint from which whoever is quoted is believed."""

    __slots__ = ()

    def counts(self, claim: Claim) -> bool:
        return self.by in (None, claim.source) and self.on_record(claim)


class Record:
    """The claims of a base that count for a viewpoint if each speaker is heard, looked up once each.

    Whoever speaks is heard: ``told_by`` of the viewpoint changes nothing here.
    """

    def __init__(self, store: Engine, viewpoint: Viewpoint) -> None:
        self.store: Final = store
        self.believed: Final = viewpoint.told_by
        self.heard: Final = _EverySpeaker(by=viewpoint.by, as_of=viewpoint.as_of)
        self._claims: dict[object, Claim | None] = {}

    def claim(self, graph: object) -> Claim | None:
        """Return the claim whose graph this is, if it counts."""
        if graph not in self._claims:
            self._claims[graph] = self._read(graph)
        return self._claims[graph]

    def _read(self, graph: object) -> Claim | None:
        if not isinstance(graph, NamedNode) or graph.value.startswith(BASE + "graph/"):
            return None
        claim = next(iter(read_claims(self.store, [graph])), None)
        return claim if claim and self.heard.counts(claim) else None

    def look(
        self,
        subject: NamedNode | None,
        predicate: NamedNode | None,
        value: Any = None,  # noqa: ANN401 - any term
        most: int = MOST,
    ) -> Iterator[Quad]:
        """Yield what claims that count say, of the first ``most`` statements that match."""
        for quad in islice(self.store.quads(subject, predicate, value), most):
            if self.claim(quad.graph_name):
                yield quad

    def stating(self, triple: Triple) -> tuple[Claim, ...]:
        """Return claims that state a triple and count, in the order of their names, ten at most."""
        subject: Any = triple.subject
        graphs = (quad.graph_name for quad in self.look(subject, triple.predicate, triple.object))
        return self.ordered(claim for graph in graphs if (claim := self.claim(graph)))

    @staticmethod
    def ordered(claims: Iterable[Claim], first: int | None = None) -> tuple[Claim, ...]:
        """Return claims, each once, in the order of their names: ten at most, or as many as come ``first``."""
        if first is not None:
            return tuple(sorted(islice(dict.fromkeys(claims), first), key=_name))
        return tuple(sorted(dict.fromkeys(claims), key=_name)[:_MOST_WORDS])

    def attributed(self) -> list[Claim]:
        """Return all claims that quote another speaker. Cost: one pass over the descriptions of claims."""
        rows: Any = self.store.query(_OTHERS, (CLAIMS,))
        return self.ordered_all(claim for row in rows if (claim := self.claim(row["claim"])))

    def attributed_on(self, things: Collection[NamedNode]) -> list[Claim]:
        """Return claims that quote another speaker and mention one of these things: the first hundred."""
        found: dict[Claim, None] = {}
        for thing in sorted(things, key=str):
            for quad in (*self.look(thing, None), *self.look(None, None, thing)):
                claim = self.claim(quad.graph_name)
                if claim and claim.speaker != claim.source:
                    found[claim] = None
            if len(found) >= MOST:
                break
        return list(self.ordered_all(found))[:MOST]

    @staticmethod
    def ordered_all(claims: Iterable[Claim]) -> list[Claim]:
        """Return claims, each once, in the order of their names."""
        return sorted(dict.fromkeys(claims), key=_name)

    def content(self, claim: NamedNode) -> list[Triple]:
        """Return what a claim says, in a fixed order."""
        return sorted((quad.triple for quad in self.store.quads(graph=claim)), key=str)

    def dispute(self, kind: str, about: Iterable[NamedNode], why: str, sides: Iterable[Side]) -> Dispute:
        """Return a dispute with all in its order."""
        ordered = tuple(sorted(sides, key=lambda side: ([*map(_name, side.claims)], side.sentence)))
        things = tuple(sorted(set(about), key=lambda thing: thing.value))
        voices = [voice for side in ordered for one in side.claims for voice in (one.speaker, one.source)]
        return Dispute(kind, things, why, ordered, self.labels(terms=[*things, *voices]))

    def labels(self, triples: Iterable[Triple] = (), terms: Iterable[object] = ()) -> Labels:
        """Return what the terms of these triples, and these terms, are called."""
        named = [*(term for triple in triples for term in triple), *terms]
        return find_labels(dict.fromkeys(t for t in named if isinstance(t, NamedNode)), self.store)


def things_in(triples: Iterable[Triple]) -> set[NamedNode]:
    """Return the things of which triples speak; terms of the ontology are none."""
    terms = (term for triple in triples for term in (triple.subject, triple.object))
    return {term for term in terms if isinstance(term, NamedNode) and term.value.startswith(_THINGS)}


def differ(one: Iterable[Claim], other: Iterable[Claim]) -> bool:
    """Tell whether some claim of one side has another speaker or source than some claim of the other."""
    voices = [{(claim.speaker, claim.source) for claim in claims} for claims in (one, other)]
    return any(a != b for a in voices[0] for b in voices[1]) or not (voices[0] and voices[1])
