"""What cannot be if each speaker is believed: clashes of the rules, with the claims that each side comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
from kg.proofs.search import Search
from kg.proofs.stating import Statements
from kg.storage.overlay import Overlay
from kg.terms import REFERENCE

_STEPS: Final = 100  # rules that are applied one after the other for one side


def contradictions(claims: Sequence[Claim], record: Record, rules: Rulebook) -> Iterator[Dispute]:
    """Yield what cannot be if these claims of quoted speakers are held true on top of the view.

    Each contradiction comes once, whichever way round its sides are, and only where its sides differ in speaker or
    source. Cost: some look-ups a triple of the claims, and what follows from them. Raises ``LimitReached`` where more
    follows than rules can draw.
    """
    view, believed = _believing(claims, record, rules)
    origins = _Origins(view, record, rules)
    seen: set[object] = set()
    for rule, bindings in clashes_of(view, rules, believed):
        body = sorted({_bound(pattern, bindings) for pattern in rule.body}, key=str)
        if frozenset(body) in seen:
            continue
        seen.add(frozenset(body))
        if "dt-diff" in rule.names and all(map(record.stating, body)):
            continue  # figures that claims give as they stand
        sides = [(triple, origins.claims(triple)) for triple in body]
        if (found := _dispute(rule, sides, record)) and (found.about, found.claims) not in seen:
            seen.add((found.about, found.claims))
            yield found


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

    def __init__(self, view: Overlay, record: Record, rules: Rulebook) -> None:
        self._statements = Statements(record.store, rules, record.heard)
        self._search = Search(view, rules, self._statements)

    def claims(self, triple: Triple) -> tuple[Claim, ...] | None:
        """Return the claims that the shortest proof of a triple ends in, ``None`` where that is too long."""
        try:
            self._search.solve(triple, _STEPS)
        except LimitReached:
            return None
        found: list[Claim] = []
        queue = [triple]
        for one in queue:  # which grows
            if way := self._search.best(one):
                queue += way.premises
            else:
                found += self._statements.proof(one).claims
        return Record.ordered(found)
