"""What a picture of a graph shows, as plain data: things, the edges among them, and the sentences behind each.

Only triples of the view become edges. An edge that says no more than another one beside it is left out and counted:
the inverse of an edge, a wider property, a wider territory. Nothing here reads more than a bounded part of a base.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import Literal, NamedNode, Triple

from kg.asking.labels import find_labels, reading, sentence
from kg.errors import LimitReached, UsageError
from kg.evidence.claims import Claim
from kg.proofs.proofs import Labels, Proof
from kg.storage.store import Engine
from kg.terms import ONTOLOGY, PREFIXES, VIEW, iri

if TYPE_CHECKING:
    from kg.asking.answers import Answer
    from kg.citing.citations import Citations
    from kg.proofs.prover import Prover

MOST_THINGS: Final = 48
"""Things in one picture, unless told otherwise."""

_Link: TypeAlias = tuple[NamedNode, NamedNode, NamedNode]

_MOST_EDGES: Final = 200  # of one property of a thing, in either direction
_MOST_QUOTES: Final = 3
_MOST_DETAILS: Final = 12
_TYPE, _LABEL = map(iri, ("rdf:type", "rdfs:label"))
_IN: Final = iri("parley:isLocatedIn")
_STATE_OF: Final = (iri("parley:isInState"), iri("parley:isTerritoryOf"))
_NO_EDGES: Final = frozenset(
    {iri("parley:asserts"), iri("parley:denies")}
)  # they lead to claims, not to things

_KINDS: Final[Mapping[str, str]] = {
    "State": "state",
    "Person": "person",
    "Actor": "force",
    "Agreement": "agreement",
    "Provision": "agreement",
    "Territory": "place",
    "Judgement": "judgement",
    "Intention": "judgement",
    "Event": "event",
    "Situation": "situation",
}
"""The kinds of things that look different, by the classes that decide; the first that fits."""


@dataclass(frozen=True, slots=True)
class Node:
    """A thing in a picture: its label, the kind it is drawn as, its narrowest class in words, facts about it."""

    thing: NamedNode
    label: str
    kind: str
    category: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """A triple of the view in a picture. Derived is what is not ``stated``; its ``claims`` are then those of a proof.

    ``reference`` tells that reference data are among what it rests on, ``mutual`` that it holds in both directions.
    """

    triple: Triple
    label: str
    sentence: str
    stated: bool
    claims: tuple[Claim, ...] = ()
    reference: bool = False
    mutual: bool = False
    disputed: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be drawn: nodes in their order of importance, edges by their sentences, what was left out."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()
    names: Labels = field(default_factory=dict)


@dataclass(frozen=True)
class Gathering:
    """How a picture is made: from which store, with which proofs and disputes.

    ``prover`` works on the same store; it tells what is stated in its view, and of a derived triple the claims that
    it rests on. ``contested`` are claims that take part in a dispute. ``most`` bounds the things of a picture.
    ``seen`` says in words whose view it is, such as ``as told by Vladimir Putin``; a picture of another view than
    the usual one should not be printed without it.
    """

    store: Engine
    prover: Prover
    contested: Collection[NamedNode] = ()
    most: int = MOST_THINGS
    seen: str = ""

    def around(self, thing: NamedNode) -> Picture:
        """Return the picture of a thing: its neighbours in the view and the edges among all of them.

        Raises ``UsageError`` for a thing without edges. Cost: two look-ups for each property, one for each pair of
        neighbours, a few for each edge; none grows with the base.
        """
        name = reading(thing, find_labels([thing], self.store))
        near, cut = self._neighbours(thing)
        if not near:
            raise UsageError(
                f"{name} has no edge to another thing in this view", remedy="kg show lists what is known"
            )
        kept = [thing, *near[: self.most - 1]]
        left = len(near) + 1 - len(kept)
        note = f"{'At least ' if cut else ''}{left:,} further neighbours are left out." if left or cut else ""
        return self._picture(f"Around {name}", kept, self._among(kept), note)

    def answer(self, answer: Answer, citations: Citations | None = None, title: str = "") -> Picture:
        """Return the picture of an answer: its things with the edges of the view among them, or the cited triples.

        With ``citations`` the edges are the triples that the rows rest on, down to what is stated, and their things
        join those of the rows. Raises ``UsageError`` where there is nothing to draw.
        """
        cells = (cell for row in answer.rows for cell in row)
        things = list(
            dict.fromkeys(cell for cell in cells if isinstance(cell, NamedNode) and self._is_thing(cell))
        )
        if citations:
            cited = [link for proof in _proofs(citations) if (link := self._link(proof.triple))]
            things = list(dict.fromkeys([*things, *(end for link in cited for end in (link[0], link[2]))]))
        if not things:
            raise UsageError(
                "the answer names no thing that could be drawn", remedy="kg ask shows it as a table"
            )
        kept = things[: self.most]
        links = (
            [link for link in dict.fromkeys(cited) if {link[0], link[2]} <= {*kept}]
            if citations
            else self._among(kept)
        )
        left = len(things) - len(kept)
        note = f"{left:,} further things of the answer are left out." if left else ""
        return self._picture(title or "What the answer names", kept, links, note)

    def whole(self) -> Picture:
        """Return the picture of a small base: actors, agreements and territories and their relations.

        Raises ``UsageError`` for a base that has more of them than fit.
        """
        classes = [iri(f"parley:{name}") for name in ("State", "Person", "Actor", "Agreement", "Territory")]
        found = chain.from_iterable(self.store.quads(None, _TYPE, kind, VIEW) for kind in classes)
        named = {q.subject for q in islice(found, 8 * self.most) if isinstance(q.subject, NamedNode)}
        things = sorted(named, key=lambda thing: thing.value)
        if len(things) > self.most:
            what = f"the base has more than {self.most} actors, agreements and territories"
            raise UsageError(what, remedy="name a thing or a question to draw")
        links = self._among(things)
        ends = {end for link in links for end in (link[0], link[2])}
        if not ends:
            raise UsageError("the base has no two things that are related", remedy="add facts first")
        alone = len(things) - len(ends)
        note = f"Related to no other and left out: {alone:,}." if alone else ""
        return self._picture("The whole base", [thing for thing in things if thing in ends], links, note)

    @property
    def stance(self) -> str:
        """Return whose view is drawn, as a sentence; nothing for the usual one."""
        return f"Seen {self.seen}." if self.seen else ""

    def with_neighbours(self, things: Iterable[NamedNode]) -> list[NamedNode]:
        """Return things and what they are related to in the view, a bounded number of each property."""
        return list(dict.fromkeys(end for thing in things for end in (thing, *self._neighbours(thing)[0])))

    def kind(self, thing: NamedNode) -> tuple[str, str]:
        """Return the kind of a thing, as it is drawn, and its narrowest classes in words."""
        return self._schema.kind(thing, self.store)

    def _neighbours(self, thing: NamedNode) -> tuple[list[NamedNode], bool]:
        """Return the neighbours of a thing, one of each property in turn, so that no property crowds out another."""
        groups, cut = [], False
        for verb in self._schema.properties:
            leaving = list(islice(self.store.quads(thing, verb, None, VIEW), _MOST_EDGES + 1))
            coming = list(islice(self.store.quads(None, verb, thing, VIEW), _MOST_EDGES + 1))
            cut |= max(len(leaving), len(coming)) > _MOST_EDGES
            for found in ([quad.object for quad in leaving], [quad.subject for quad in coming]):
                ends = {*found[:_MOST_EDGES]} - {thing}
                named = [end for end in ends if isinstance(end, NamedNode) and self._is_thing(end)]
                groups.append(sorted(named, key=lambda end: end.value))
        turns = chain.from_iterable(zip_longest(*groups))
        return list(dict.fromkeys(end for end in turns if end)), cut

    def _is_thing(self, node: NamedNode) -> bool:
        return node.value.startswith((PREFIXES["id"], PREFIXES["source"]))

    def _link(self, triple: Triple) -> _Link | None:
        """Return a triple that can be an edge."""
        s, p, o = triple.subject, triple.predicate, triple.object
        if p not in self._schema.properties or not isinstance(s, NamedNode) or not isinstance(o, NamedNode):
            return None
        return (s, p, o) if s != o and self._is_thing(s) and self._is_thing(o) else None

    def _among(self, things: Iterable[NamedNode]) -> list[_Link]:
        """Return all edges of the view among things. Cost: one look-up for each pair."""
        every = list(things)
        pairs = ((one, other) for one in every for other in every if one != other)
        quads = chain.from_iterable(self.store.quads(one, None, other, VIEW) for one, other in pairs)
        return [link for quad in quads if (link := self._link(quad.triple))]

    def edges(
        self, triples: Iterable[Triple], mutual: Collection[Triple] = ()
    ) -> tuple[tuple[Edge, ...], Labels]:
        """Return triples of the view with their sentences and quotes, in the order of these; and the names in them."""
        grounds = {triple: self._grounds(triple) for triple in triples}
        claims = {claim for _, found, _ in grounds.values() for claim in found}
        terms = {term for triple in grounds for term in (triple.subject, triple.predicate, triple.object)}
        terms |= {end for claim in claims for end in (claim.source, claim.speaker)}
        named = sorted((term for term in terms if isinstance(term, NamedNode)), key=str)
        names = find_labels(named, self.store)
        found = [
            Edge(
                triple,
                reading(triple.predicate, names),
                sentence(triple, names),
                stated,
                resting[:_MOST_QUOTES] if stated else resting,
                reference,
                triple in mutual,
                any(claim.iri in self.contested for claim in resting),
            )
            for triple, (stated, resting, reference) in grounds.items()
        ]
        return tuple(sorted(found, key=lambda edge: (edge.sentence, str(edge.triple)))), names

    def _picture(self, title: str, things: list[NamedNode], links: Iterable[_Link], note: str) -> Picture:
        every = sorted(dict.fromkeys(links), key=lambda link: [term.value for term in link])
        kept = self._schema.thinned(
            every, {link for link in every if self.prover.statements.stated(Triple(*link))}
        )
        edges, found = self.edges(
            (Triple(*link) for link in kept), {Triple(*link) for link in kept if kept[link]}
        )
        names = {**found, **find_labels(things, self.store)}
        fewer = len(every) - len(kept)
        said = "say no more than those drawn (inverses, wider relations and places)"
        thinned = f"{fewer:,} edges that {said} are left out."
        notes = tuple(filter(None, (self.stance, note, thinned if fewer else "")))
        return Picture(title, tuple(self._node(thing, names) for thing in things), edges, notes, names)

    def _grounds(self, triple: Triple) -> tuple[bool, tuple[Claim, ...], bool]:
        """Return whether a triple is stated, the claims that it rests on, and whether reference data are among it."""
        # What takes more steps than anybody would follow in a picture is derived all the same.
        try:
            proof = self.prover.cheapest(triple)
        except LimitReached:
            return False, (), False
        if not proof.rule:
            return True, proof.claims, proof.reference
        leaves = list(proof.leaves())
        resting = dict.fromkeys(claim for leaf in leaves for claim in leaf.claims[:1])
        return False, tuple(resting), any(leaf.reference for leaf in leaves)

    def _node(self, thing: NamedNode, names: Labels) -> Node:
        kind, category = self.kind(thing)
        facts = []
        for quad in islice(self.store.quads(thing, None, None, VIEW), _MOST_EDGES):
            if isinstance(quad.object, Literal) and quad.predicate.value.startswith(PREFIXES["parley"]):
                labels = find_labels([quad.predicate], self.store) | dict(names.items())
                facts.append(f"{labels.get(quad.predicate, '')}: {reading(quad.object, labels)}")
        return Node(thing, reading(thing, names), kind, category, tuple(sorted(facts)[:_MOST_DETAILS]))

    @cached_property
    def _schema(self) -> _Schema:
        return _Schema.of(self.store)


def _proofs(citations: Citations) -> Iterator[Proof]:
    """Yield the proofs of all rows, each before what it ends in."""
    for row in citations.rows:
        for proof in row.proofs:
            yield proof
            yield from proof.leaves()


@dataclass(frozen=True, slots=True)
class _Schema:
    """What the ontology says of properties and classes, as far as pictures need it."""

    properties: tuple[NamedNode, ...]
    inverses: Mapping[NamedNode, NamedNode]
    symmetric: frozenset[NamedNode]
    transitive: frozenset[NamedNode]
    wider: Mapping[NamedNode, frozenset[NamedNode]]
    names: Labels

    @classmethod
    def of(cls, store: Engine) -> _Schema:
        def pairs(verb: str) -> list[tuple[NamedNode, NamedNode]]:
            quads = store.quads(None, iri(verb), None, ONTOLOGY)
            return [
                (q.subject, q.object)
                for q in quads
                if isinstance(q.subject, NamedNode) and isinstance(q.object, NamedNode)
            ]

        kinds = pairs("rdf:type")
        ours = {
            s
            for s, kind in kinds
            if kind == iri("owl:ObjectProperty") and s.value.startswith(PREFIXES["parley"])
        }
        above = _closed([*pairs("rdfs:subPropertyOf"), *pairs("rdfs:subClassOf")])
        names = find_labels(sorted({s for s, _ in kinds}, key=str), store)
        return cls(
            tuple(sorted(ours - _NO_EDGES, key=str)),
            dict(sorted(pairs("owl:inverseOf"), key=str)),
            frozenset(s for s, kind in kinds if kind == iri("owl:SymmetricProperty")),
            frozenset(s for s, kind in kinds if kind == iri("owl:TransitiveProperty")),
            above,
            names,
        )

    def thinned(self, links: Collection[_Link], stated: Collection[_Link]) -> dict[_Link, bool]:
        """Return the links that say something of their own, each with whether it holds in both directions.

        Of an edge and its inverse the stated one stays; what is stated goes only for its inverse or its mirror image.
        """
        kept = dict.fromkeys(links, False)
        for link in links:
            s, p, o = link
            turned = (o, self.inverses[p], s) if p in self.inverses else None
            back = (o, p, s)
            if link in kept and turned in kept:
                del kept[turned if link in stated and turned not in stated else link]
            elif link in kept and p in self.symmetric and back in kept:
                first, second = (back, link) if (back in stated) >= (link in stated) else (link, back)
                del kept[second]
                kept[first] = True
        spare = self._repeated(links) - set(stated)
        return {link: mutual for link, mutual in kept.items() if link not in spare}

    def _repeated(self, links: Collection[_Link]) -> set[_Link]:
        """Return the links that others say more closely: a narrower property, a step on the way, a place within."""
        between: dict[tuple[NamedNode, NamedNode], set[NamedNode]] = {}
        for s, p, o in links:
            between.setdefault((s, o), set()).add(p)
        wider = {
            (s, p, o) for s, p, o in links if any(p in self.wider.get(q, ()) for q in between[s, o] - {p})
        }
        within = _closed((s, o) for s, p, o in links if p == _IN)
        inside = {(s, p, o) for s, p, x in links for o in within.get(x, ())}
        lands = {s: o for s, p, o in links if p == _STATE_OF[1]}
        inside |= {(s, _STATE_OF[0], lands[x]) for s in within for x in within[s] if x in lands}
        steps = [(s, p, o) for s, p, o in links if p in self.transitive]
        return wider | inside | {(s, p, o) for s, p, x in steps for y, q, o in steps if (x, p) == (y, q)}

    def kind(self, thing: NamedNode, store: Engine) -> tuple[str, str]:
        """Return the kind of a thing and its narrowest classes in words."""
        quads = islice(store.quads(thing, _TYPE, None, VIEW), _MOST_EDGES)
        classes = {quad.object for quad in quads if isinstance(quad.object, NamedNode)}
        every = classes | {wide for kind in classes for wide in self.wider.get(kind, ())}
        narrow = classes - {wide for kind in classes for wide in self.wider.get(kind, ()) if wide != kind}
        words = sorted(self.names[kind] for kind in narrow if kind in self.names)
        kinds = (kind for name, kind in _KINDS.items() if iri(f"parley:{name}") in every)
        return next(kinds, "other"), ", ".join(words) or ("source" if "/source/" in thing.value else "")


def _closed(pairs: Iterable[tuple[NamedNode, NamedNode]]) -> dict[NamedNode, frozenset[NamedNode]]:
    """Return all that each node reaches by one step or more."""
    import networkx

    graph = networkx.DiGraph((one, other) for one, other in pairs if one != other)
    return {node: frozenset(networkx.descendants(graph, node)) for node in graph}
