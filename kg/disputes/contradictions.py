"""What cannot be if each speaker is believed: clashes of the rules, with the claims that each side comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from pyoxigraph import NamedNode, Quad, Triple, Variable

from kg.asking.labels import sentence
from kg.disputes.onrecord import MOST, Dispute, Record, Side, differ, things_in
from kg.errors import LimitReached
from kg.evidence.claims import Claim
from kg.logic.maintain import Rulebook, clashes_of, derive, withdraw
from kg.logic.rules import Rule
from kg.proofs.phrasing import rule_sentence
from kg.proofs.search import Search, Way
from kg.proofs.stating import Statements
from kg.storage.overlay import Overlay
from kg.terms import REFERENCE

_STEPS: Final = 100  # rules that are applied one after the other for one side
_MOST_PROVED: Final = 40  # triples of one side of which several proofs are looked at
_MOST_WAYS: Final = 40  # ways to derive one of them
_MOST_CLAIMS: Final = 40  # claims that one side comes from
_MOST_TRIED: Final = 200  # ways that are tried to prove one triple without another


def contradictions(
    claims: Sequence[Claim], record: Record, rules: Rulebook, cited: Collection[NamedNode] = ()
) -> Iterator[Dispute]:
    """Yield what cannot be if these claims of quoted speakers are held true on top of the view.

    Each contradiction comes once, whichever way round its sides are, and only where its sides differ in speaker or
    source. A side has the claims of its shortest proof, and of some dozens of other proofs; those first that rest on
    claims that are ``cited``. Cost: some look-ups a triple of the claims, what follows from them, and some dozens of
    look-ups a side. Raises ``LimitReached`` where more follows than rules can draw.
    """
    found: dict[object, list[Dispute]] = {}
    if not claims:
        return
    for shortest, dispute in _clashes(claims, record, rules, cited):
        alike = found.setdefault((dispute.about, shortest), [])
        if not any(dispute.claims <= other.claims for other in alike):
            alike[:] = [other for other in alike if not other.claims < dispute.claims] + [dispute]
    for alike in found.values():
        yield from alike


def _clashes(
    claims: Sequence[Claim], record: Record, rules: Rulebook, cited: Collection[NamedNode]
) -> Iterator[tuple[frozenset[Claim], Dispute]]:
    """Yield each clash as a dispute, with the claims of the shortest proofs of its sides."""
    view, believed = _believing(claims, record, rules)
    origins = _Origins(view, record, rules, cited)
    seen: set[object] = set()
    for rule, bindings in clashes_of(view, rules, believed):
        body = sorted({_bound(pattern, bindings) for pattern in rule.body}, key=str)
        if frozenset(body) in seen:
            continue
        seen.add(frozenset(body))
        if "dt-diff" in rule.names and all(map(record.stating, body)):
            continue  # figures that claims give as they stand
        sides = [(triple, origins.claims(triple)) for triple in body]
        if found := _dispute(rule, sides, record):
            yield frozenset(claim for triple in body for claim in origins.nearest(triple)), found


def _believing(claims: Sequence[Claim], record: Record, rules: Rulebook) -> tuple[Overlay, list[Triple]]:
    """Return the view with all that these claims say, and the triples that hold because of them."""
    view = Overlay(record.store)
    said = [triple for claim in claims for triple in record.content(claim.iri)]
    own = {claim.iri for claim in claims}

    def stated(triple: Triple) -> bool:
        subject: Any = triple.subject
        quads = islice(record.store.quads(subject, triple.predicate, triple.object), MOST)
        return any(quad.graph_name == REFERENCE or _reported(quad, own, record) for quad in quads)

    if record.believed:  # what holds on that account alone is looked at too
        withdraw(view, rules, said, stated)
    before = set(view.removed)
    derive(view, rules, said)
    return view, [*sorted(before - view.removed, key=str), *view.added]


def _reported(quad: Quad, own: set[NamedNode], record: Record) -> bool:
    claim = record.claim(quad.graph_name)
    return bool(claim and claim.iri not in own and claim.speaker == claim.source)


def _bound(pattern: Iterable[Any], bindings: Any) -> Triple:  # noqa: ANN401 - terms by the names of variables
    return Triple(*(bindings[term.value] if isinstance(term, Variable) else term for term in pattern))


def _dispute(
    rule: Rule, sides: Sequence[tuple[Triple, tuple[Claim, ...] | None]], record: Record
) -> Dispute | None:
    """Return the dispute of a clash, if its sides could be traced and are not one voice."""
    traced = [claims for _, claims in sides if claims is not None]
    pairs = [(one, other) for one in traced for other in traced if one is not other]
    if len(traced) < len(sides) or not any(traced) or not any(differ(*pair) for pair in pairs):
        return None
    terms = [term for triple in (rule.head or (), *rule.body, *rule.axiom) for term in triple]
    labels = record.labels([triple for triple, _ in sides], terms)
    return record.dispute(
        "contradiction",
        things_in(triple for triple, _ in sides),
        rule_sentence(rule, labels),
        [Side(sentence(triple, labels), claims or ()) for triple, claims in sides],
    )


class _Origins:
    """Where the triples of a view come from in which speakers are believed."""

    def __init__(self, view: Overlay, record: Record, rules: Rulebook, cited: Collection[NamedNode]) -> None:
        self._statements = Statements(record.store, rules, record.heard)
        self._search = Search(view, rules, self._statements)
        self._cited: dict[Triple, list[Claim]] = {}
        for claim in filter(None, map(record.claim, sorted(cited, key=str))):
            for triple in record.content(claim.iri):
                self._cited.setdefault(triple, []).append(claim)
        self._known: dict[Triple, tuple[Claim, ...] | None] = {}
        self._tried = 0

    def claims(self, triple: Triple) -> tuple[Claim, ...] | None:
        """Return the claims that proofs of a triple end in, ``None`` where even the shortest is too long."""
        if triple not in self._known:
            try:
                found = [*self.nearest(triple), *self._all(triple)]
                self._known[triple] = Record.ordered(dict.fromkeys(found), _MOST_CLAIMS)
            except LimitReached:
                self._known[triple] = None
        return self._known[triple]

    def nearest(self, triple: Triple) -> list[Claim]:
        """Return the claims that the shortest proof of a triple ends in."""
        return [claim for one in self._shortest(triple) if self._is_last(one) for claim in self._stating(one)]

    def _shortest(self, triple: Triple) -> list[Triple]:
        """Return the triples of the shortest proof of a triple, itself first."""
        self._search.solve(triple, _STEPS)
        queue = {triple: None}
        found = [triple]
        for one in found:  # which grows
            way = self._search.best(one)
            fresh = [premise for premise in way.premises if premise not in queue] if way else []
            queue.update(dict.fromkeys(fresh))
            found += fresh
        return found

    def _is_last(self, triple: Triple) -> bool:
        return self._search.best(triple) is None

    def _stating(self, triple: Triple) -> list[Claim]:
        return [*self._cited.get(triple, ()), *self._statements.proof(triple).claims]

    def _all(self, triple: Triple) -> Iterator[Claim]:
        """Yield the claims of other proofs too, those of few steps first; no proof rests on what it proves.

        What is stated may be derived as well, and then rests on those claims too.
        """
        queue: dict[Triple, frozenset[Triple]] = {triple: frozenset()}
        for number, (one, above) in enumerate(_growing(queue)):
            yield from self._stating(one)
            if number >= _MOST_PROVED:
                continue
            below = above | {one}
            for way in self._ways(one):
                if self._holds(way, below):
                    for premise in way.premises:
                        queue.setdefault(premise, below)

    def _ways(self, triple: Triple) -> list[Way]:
        """Return ways to derive a triple, those first that rest on what cited claims say."""
        ways = sorted(self._search.ways(triple), key=lambda way: self._cited.keys().isdisjoint(way.premises))
        return ways[:_MOST_WAYS]

    def _holds(self, way: Way, without: frozenset[Triple]) -> bool:
        """Tell whether the premises of a way can be proved without these triples."""
        self._tried = 0
        return without.isdisjoint(way.premises) and all(self._proved(one, without) for one in way.premises)

    def _proved(self, triple: Triple, without: frozenset[Triple]) -> bool:
        if self._search.stated(triple):
            return True
        try:
            if without.isdisjoint(self._shortest(triple)):
                return True
        except LimitReached:
            return False
        below = without | {triple}
        for way in self._search.ways(triple)[:_MOST_WAYS]:
            self._tried += 1
            if self._tried > _MOST_TRIED:
                return False
            if below.isdisjoint(way.premises) and all(self._proved(one, below) for one in way.premises):
                return True
        return False


def _growing(queue: dict[Triple, frozenset[Triple]]) -> Iterator[tuple[Triple, frozenset[Triple]]]:
    """Yield what is in a queue, and what is put in meanwhile, first in, first out."""
    done = 0
    while done < len(queue):
        for item in list(islice(queue.items(), done, None)):
            done += 1
            yield item
